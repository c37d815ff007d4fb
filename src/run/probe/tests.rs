use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;
use crate::kestra::{Auth, Limits};

#[test]
fn no_key_is_part_of_a_template() {
    let key = "it's \"{{ x }}\" \\";
    let task = json!({"values": {"s7": format!("{{{{ {} }}}}", secret(7))}});
    let flow = flow("company.team", "f", &[(7, key)], &task);
    let flow: Value = serde_json::from_str(&flow).unwrap();
    assert_eq!(flow["variables"]["s7"], key);
    assert_eq!(flow["tasks"][0]["values"]["s7"], "{{ secret(vars.s7) }}");
}

/// A Kestra on which a flow can be made, and that expects flow and execution to be deleted.
async fn server(execution_is_made: bool) -> MockServer {
    let server = MockServer::start().await;
    let mount = |verb: &str, at: &str, answer: ResponseTemplate| {
        Mock::given(method(verb))
            .and(path(format!("/api/v1{at}")))
            .respond_with(answer)
    };
    let configs = json!({"version": "2.0.0"});
    mount("GET", "/configs", ResponseTemplate::new(200).set_body_json(configs))
        .mount(&server)
        .await;
    let flow = json!({"namespace": "n", "id": "p_present", "revision": 1});
    mount("POST", "/main/flows", ResponseTemplate::new(200).set_body_json(flow))
        .mount(&server)
        .await;
    let gone = || ResponseTemplate::new(204);
    mount("DELETE", "/main/flows/n/p_present", gone())
        .expect(1)
        .mount(&server)
        .await;
    let times = u64::from(execution_is_made);
    mount("DELETE", "/main/executions/e", gone())
        .expect(times)
        .mount(&server)
        .await;
    server
}

fn execution(state: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"id": "e", "state": {"current": state}}))
}

async fn connected(server: &MockServer) -> Client {
    let scrub = Arc::new(|text: &str| text.to_owned());
    let client = Client::connect(server.uri().parse().unwrap(), Auth::None, Limits::default(), scrub);
    client.await.unwrap()
}

/// Asks for one secret and takes away what was made.
async fn asked(server: &MockServer, cancel: CancellationToken) -> (Result<(), InfraError>, Created) {
    let client = connected(server).await;
    let manner = ProbeConfig {
        cancel: Some(cancel),
        ..ProbeConfig::plainly("n", "p")
    };
    let reader = SecretProbe::new(&client, manner);
    let observed = reader.observe(&[(0, "A")], &[]).await.map(drop);
    (observed, reader.remove().await.unwrap())
}

#[tokio::test]
async fn after_an_interruption_flow_and_execution_are_deleted() {
    let server = server(true).await;
    let start = Mock::given(method("POST")).and(path_regex("/executions/"));
    start.respond_with(execution("CREATED")).mount(&server).await;
    let cancel = CancellationToken::new();
    let pressed = cancel.clone();
    // Somebody presses Ctrl-C while the execution runs; the next look finds it ended.
    let running = move |_: &Request| {
        pressed.cancel();
        execution("RUNNING")
    };
    let look = || Mock::given(method("GET")).and(path("/api/v1/main/executions/e"));
    look().respond_with(running).up_to_n_times(1).mount(&server).await;
    look().respond_with(execution("SUCCESS")).mount(&server).await;
    let (observed, made) = asked(&server, cancel).await;
    assert_eq!(observed.unwrap_err().cause, "interrupted");
    assert_eq!((made.flows.len(), made.executions.len()), (1, 1));
}

#[tokio::test]
async fn after_an_error_the_flow_is_deleted() {
    let server = server(false).await;
    let start = Mock::given(method("POST")).and(path_regex("/executions/"));
    start.respond_with(ResponseTemplate::new(500)).mount(&server).await;
    let (observed, made) = asked(&server, CancellationToken::new()).await;
    assert!(observed.unwrap_err().cause.contains("status 500"));
    assert_eq!((made.flows.len(), made.executions.len()), (1, 0));
}

#[tokio::test]
async fn once_interrupted_nothing_is_begun() {
    let server = MockServer::start().await;
    let configs = ResponseTemplate::new(200).set_body_json(json!({"version": "2.0.0"}));
    Mock::given(path("/api/v1/configs"))
        .respond_with(configs)
        .mount(&server)
        .await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let (observed, made) = asked(&server, cancel).await;
    assert!(observed.is_err());
    assert!(made.flows.is_empty() && made.executions.is_empty());
}

#[tokio::test]
async fn a_condition_is_asked_for_by_the_name_that_the_server_takes() {
    for (version, refused, names) in [
        ("2.0.0", "\"when\"", &["runIf"][..]),
        ("2.1.0", "\"runIf\"", &["runIf", "when"]),
        ("1.3.31", "\"runIf\"", &["runIf"]),
    ] {
        let server = MockServer::start().await;
        let configs = ResponseTemplate::new(200).set_body_json(json!({"version": version}));
        Mock::given(path("/api/v1/configs"))
            .respond_with(configs)
            .mount(&server)
            .await;
        let create = move |request: &Request| {
            if String::from_utf8_lossy(&request.body).contains(refused) {
                return ResponseTemplate::new(422);
            }
            let flow = json!({"namespace": "n", "id": "p_missing_0", "revision": 1});
            ResponseTemplate::new(200).set_body_json(flow)
        };
        let flows = Mock::given(method("POST")).and(path("/api/v1/main/flows"));
        flows.respond_with(create).mount(&server).await;
        let run = json!({"id": "e", "state": {"current": "SUCCESS"}, "taskRunList": [
            {"id": "t", "taskId": "s0", "state": {"current": "SKIPPED"}}]});
        let run = ResponseTemplate::new(200).set_body_json(run);
        Mock::given(method("POST"))
            .and(path_regex("/executions/"))
            .respond_with(run)
            .mount(&server)
            .await;
        let logs = ResponseTemplate::new(200).set_body_json(json!([]));
        Mock::given(path_regex("/logs/"))
            .respond_with(logs)
            .mount(&server)
            .await;
        let client = connected(&server).await;
        let reader = SecretProbe::new(&client, ProbeConfig::plainly("n", "p"));
        let missing = reader.missing(&[(0, "A")]).await;
        assert_eq!(missing.is_ok(), version != "1.3.31", "{version}");
        let requests = server.received_requests().await.unwrap();
        let puts = requests.iter().filter(|request| request.url.path().ends_with("/flows"));
        let asked: BTreeSet<&str> = puts
            .map(|request| {
                if String::from_utf8_lossy(&request.body).contains("\"when\"") {
                    "when"
                } else {
                    "runIf"
                }
            })
            .collect();
        assert_eq!(asked, names.iter().copied().collect(), "{version}");
    }
}

fn line(task: &str, message: &str) -> Value {
    json!({"timestamp": "2026-01-01T00:00:00Z", "level": "ERROR", "taskId": task, "message": message})
}

/// What is said of two secrets that are missing, by a Kestra whose logs are these, one look after the other.
async fn told_of_two(looks: Vec<Value>) -> Result<BTreeMap<usize, String>, InfraError> {
    let server = MockServer::start().await;
    let answer = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    let configs = Mock::given(path("/api/v1/configs"));
    let configs = configs.respond_with(answer(json!({"version": "0.24.0"})));
    configs.mount(&server).await;
    let flows = Mock::given(method("POST")).and(path("/api/v1/main/flows"));
    let flow = json!({"namespace": "n", "id": "f", "revision": 1});
    flows.respond_with(answer(flow)).mount(&server).await;
    let failed = |task: &str| json!({"id": task, "taskId": task, "state": {"current": "FAILED"}});
    let run = json!({"id": "e", "state": {"current": "FAILED"}, "taskRunList": [failed("s0"), failed("s1")]});
    let executions = Mock::given(method("POST")).and(path_regex("/executions/"));
    executions.respond_with(answer(run)).mount(&server).await;
    for look in looks {
        let logs = Mock::given(path_regex("/logs/")).respond_with(answer(look));
        logs.up_to_n_times(1).mount(&server).await;
    }
    let logs = Mock::given(path_regex("/logs/"));
    logs.respond_with(answer(json!([]))).mount(&server).await;
    let client = connected(&server).await;
    let config = ProbeConfig {
        log_lag: Duration::ZERO,
        ..ProbeConfig::plainly("n", "p")
    };
    SecretProbe::new(&client, config).missing(&[(0, "A"), (1, "B")]).await
}

#[tokio::test]
async fn two_lines_of_one_task_do_not_tell_of_another() {
    let looks = vec![
        json!([line("s0", "no A"), line("s0", "no A, with its stack")]),
        json!([line("s1", "no B")]),
    ];
    let told = told_of_two(looks).await.unwrap();
    assert_eq!(told, BTreeMap::from([(0, "no A".to_owned()), (1, "no B".to_owned())]));
}

#[tokio::test]
async fn a_failure_without_a_word_is_no_answer() {
    let told = told_of_two(vec![json!([line("s0", "no A")])]).await.unwrap_err();
    assert_eq!(
        told.cause,
        "the task for secret('B') failed, and Kestra's log does not say why"
    );
}
