//! What the client does, one after another, against the true answers of each generation.

use std::sync::Arc;
use std::time::Duration;

use kestra_secrets::internals::kestra::{Client, Error, ExecutionState, FlowRef, Limits, RequestCause};
use kestra_secrets::internals::scenario::Credentials;
use wiremock::MockServer;

use super::replay::Step::{self, *};
use super::replay::{replay, transcript};
use crate::support::transcripts::VERSIONS;

/// Carries out a check on each generation.
fn on_each(check: impl AsyncFn(&'static str)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for version in VERSIONS {
        runtime.block_on(check(version));
    }
}

async fn connect(server: &MockServer, limits: Limits) -> Result<Client, Error> {
    let base = server.uri().parse().unwrap();
    Client::connect(base, Credentials::generate(), limits, Arc::new(str::to_owned)).await
}

/// A server with these answers, and a client that has logged in to it.
async fn ready(version: &str, steps: &[Step]) -> (MockServer, Client) {
    let server = replay(version, &[&[Configs, LogIn], steps].concat()).await;
    let client = connect(&server, Limits::default()).await.unwrap();
    (server, client)
}

fn id(version: &str) -> &'static str {
    if version == "0.20.7" {
        "sample_ok"
    } else {
        "secret_test"
    }
}

fn flow(version: &str) -> FlowRef {
    FlowRef {
        namespace: "company.team".into(),
        id: id(version).into(),
        revision: 1,
    }
}

fn source(version: &str) -> String {
    format!("id: {}\nnamespace: company.team\ntasks: []\n", id(version))
}

fn status(error: &Error) -> u16 {
    match error.failure().cause {
        RequestCause::Status { status, .. } => status,
        _ => panic!("{error}"),
    }
}

#[test]
fn a_flow_is_created() {
    on_each(async |version| {
        let (_server, client) = ready(version, &[Create]).await;
        assert_eq!(client.server().version.to_string(), version);
        assert!(!client.server().engine_adapter);
        assert_eq!(client.put_flow(&source(version)).await.unwrap(), flow(version));
    });
}

#[test]
fn a_flow_that_is_there_is_updated() {
    on_each(async |version| {
        let (_server, client) = ready(version, &[CreateAgain, FlowIsThere, Update]).await;
        assert_eq!(client.put_flow(&source(version)).await.unwrap(), flow(version));
    });
}

#[test]
fn a_flow_that_goes_meanwhile_is_created_after_all() {
    on_each(async |version| {
        for steps in [
            [CreateAgain, FlowIsThere, UpdateUnknown, Create].as_slice(),
            &[CreateAgain, FlowIsNot, Create],
        ] {
            let (_server, client) = ready(version, steps).await;
            client.put_flow(&source(version)).await.unwrap();
        }
    });
}

#[test]
fn a_flow_that_is_invalid_is_refused_in_kestras_words() {
    on_each(async |version| {
        let steps = [CreateUnknownTask, FlowIsNot, CreateUnknownTask, FlowIsNot];
        let (_server, client) = ready(version, &steps).await;
        let error = client.put_flow(&source(version)).await.unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{error}");
        assert_eq!(status(&error), 422);
        let text = error.to_string();
        for words in [
            "create flow",
            "Invalid entity: Invalid type: io.kestra.plugin",
            "No plugin registered",
        ] {
            assert!(text.contains(words), "no {words}: {text}");
        }
        let (_server, client) = ready(version, &[CreateNotYaml]).await;
        let error = client.put_flow("a: [b").await.unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{error}");
    });
}

#[test]
fn a_run_is_waited_for_and_its_outputs_are_read() {
    on_each(async |version| {
        let newest = version == "2.0.0";
        let steps: &[Step] = if newest { &[RunWait, Outputs] } else { &[RunWait] };
        let (_server, client) = ready(version, steps).await;
        let execution = client.run(&flow(version)).await.unwrap();
        assert_eq!(execution.state, ExecutionState::Success);
        let outputs = client.outputs(&execution, "hello").await.unwrap();
        assert_eq!(outputs["values"]["username"], "admin");
        assert_eq!(outputs["values"]["password"], "password");
    });
}

#[test]
fn a_run_that_is_not_waited_for_is_followed() {
    on_each(async |version| {
        let (_server, client) = ready(version, &[RunNoWait, Execution]).await;
        let flow = flow(version);
        let started = client.start(&flow).await.unwrap();
        assert_eq!(started.state, ExecutionState::Other("CREATED".into()));
        assert!(started.task_runs.is_empty());
        let ended = client.follow(&flow, started).await.unwrap();
        assert_eq!((ended.state, ended.task_runs.len()), (ExecutionState::Success, 1));
    });
}

#[test]
fn a_secret_that_is_missing_is_silent_before_0_21_and_an_error_since() {
    on_each(async |version| {
        let (_server, client) = ready(version, &[RunMissing, LogsMissing]).await;
        let missing = transcript(version, RunMissing);
        let id = missing.request.path().rsplit('/').next().unwrap().to_owned();
        let execution = client.run(&FlowRef { id, ..flow(version) }).await.unwrap();
        let logs = client.logs(&execution).await.unwrap();
        if version == "0.20.7" {
            assert_eq!(execution.state, ExecutionState::Success);
            assert_eq!(
                client.outputs(&execution, "hello").await.unwrap()["values"]["password"],
                ""
            );
            assert!(logs.is_empty());
            return;
        }
        assert_eq!(execution.state, ExecutionState::Failed);
        assert_eq!(execution.task_runs[0].state, ExecutionState::Failed);
        assert_eq!(
            (logs[0].level.as_str(), logs[0].task_id.as_deref()),
            ("ERROR", Some("hello"))
        );
        let says = "Cannot find secret for key 'NOT_THERE'.";
        assert!(logs[0].message.contains(says), "{}", logs[0].message);
    });
}

#[test]
fn logs_are_read() {
    on_each(async |version| {
        let (_server, client) = ready(version, &[RunWait, Logs]).await;
        let execution = client.run(&flow(version)).await.unwrap();
        let logs = client.logs(&execution).await.unwrap();
        let messages: Vec<&str> = logs.iter().map(|line| line.message.as_str()).collect();
        let expected: &[&str] = if version == "0.20.7" { &["pw=********"] } else { &[] };
        assert_eq!(messages, expected);
    });
}

#[test]
fn an_execution_that_a_search_found_is_fetched_by_its_id() {
    on_each(async |version| {
        let (_server, client) = ready(version, &[Search, Execution]).await;
        let found = client.triggered_execution(&flow(version), Duration::ZERO).await;
        let found = found.unwrap().unwrap();
        // The search of 2.0 tells no task runs.
        let search = transcript(version, Search).answer.json().unwrap();
        let light = search["results"][0].get("taskRunList").is_none();
        assert_eq!(light, version == "2.0.0");
        assert_eq!(
            (found.state, found.task_runs[0].task_id.as_str()),
            (ExecutionState::Success, "hello")
        );
    });
}

#[test]
fn a_webhook_is_called_and_followed() {
    on_each(async |version| {
        let (_server, client) = ready(version, &[Webhook, Execution]).await;
        let hook = FlowRef {
            id: if version == "0.20.7" { "sample_ok" } else { "hook" }.into(),
            ..flow(version)
        };
        let ended = client.call_webhook(&hook, "password").await.unwrap();
        assert_eq!(ended.state, ExecutionState::Success);
        let (_server, client) = ready(version, &[WebhookWrongKey]).await;
        let wrong = transcript(version, WebhookWrongKey);
        let key = wrong.request.path().rsplit('/').next().unwrap().to_owned();
        let error = client.call_webhook(&hook, &key).await.unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{error}");
        assert_eq!(status(&error), 404);
    });
}

#[test]
fn what_was_made_is_deleted_and_what_is_gone_is_as_good_as_deleted() {
    on_each(async |version| {
        let steps = [RunNoWait, Execution, DeleteExecution, DeleteFlow, DeleteFlowAgain];
        let (_server, client) = ready(version, &steps).await;
        let flow = flow(version);
        let started = client.start(&flow).await.unwrap();
        let ended = client.follow(&flow, started).await.unwrap();
        client.delete_execution(&ended).await.unwrap();
        client.delete_flow(&flow).await.unwrap();
        client.delete_flow(&flow).await.unwrap();
    });
}

#[test]
fn wrong_credentials_are_found_at_once() {
    on_each(async |version| {
        // Up to 1.x the version is told to everybody.
        let steps: &[Step] = if version == "2.0.0" {
            &[ConfigsWrong]
        } else {
            &[Configs, LogInWrong]
        };
        let server = replay(version, steps).await;
        let error = connect(&server, Limits::default()).await.unwrap_err();
        assert!(matches!(error, Error::Infra(_)));
        assert_eq!(
            error.failure().cause.to_string(),
            "status 401 (Unauthorized), with an empty body"
        );
        let help = error.failure().help.clone().unwrap();
        assert!(help.contains("kestra.server.basic-auth"), "{help}");
    });
}

#[test]
fn a_flow_that_is_not_there_is_not_taken_for_another_tenant() {
    on_each(async |version| {
        let (_server, client) = ready(version, &[RunUnknownFlow]).await;
        let unknown = transcript(version, RunUnknownFlow);
        let id = unknown.request.path().rsplit('/').next().unwrap().to_owned();
        let error = client.run(&FlowRef { id, ..flow(version) }).await.unwrap_err();
        assert!(matches!(error, Error::Infra(_)), "{error}");
        assert!(
            error
                .to_string()
                .contains("status 404: Not Found: Requested Flow is not found."),
            "{error}"
        );
        let help = error.failure().help.clone().unwrap();
        assert!(help.contains("deleted meanwhile") && !help.contains("tenant"), "{help}");
    });
}

#[test]
fn a_content_type_that_is_not_taken_is_not_the_flows_fault() {
    on_each(async |version| {
        let (_server, client) = ready(version, &[RunJson]).await;
        let error = client.run(&flow(version)).await.unwrap_err();
        assert!(matches!(error, Error::Infra(_)), "{error}");
        assert!(
            error.to_string().contains("status 415: Unsupported Media Type"),
            "{error}"
        );
        assert!(error.failure().help.as_deref().unwrap().contains("content type"));
    });
}

#[test]
fn an_execution_whose_answer_was_lost_is_found_by_its_label() {
    on_each(async |version| {
        if version == "0.20.7" {
            // Nothing shows that it keeps labels.
            let (_server, client) = ready(version, &[RunTimeout]).await;
            let error = client.run(&flow(version)).await.unwrap_err();
            assert_eq!((matches!(error, Error::Infra(_)), status(&error)), (true, 504));
            return;
        }
        let search = transcript(version, Search).answer.json().unwrap();
        let last = search["results"].as_array().unwrap().last().unwrap()["id"]
            .as_str()
            .unwrap();
        for wait in [true, false] {
            let (server, client) = ready(version, &[RunTimeout, Search, Execution]).await;
            let flow = flow(version);
            let found = if wait {
                client.run(&flow).await
            } else {
                client.start(&flow).await
            };
            assert_eq!(found.unwrap().state, ExecutionState::Success);
            let requests = server.received_requests().await.unwrap();
            let fetched = requests.last().unwrap().url.path();
            assert!(
                fetched.ends_with(last),
                "the one with the label is {last}, not {fetched}"
            );
        }
    });
}

#[test]
fn an_execution_that_never_was_made_leaves_the_504() {
    on_each(async |version| {
        if version == "0.20.7" {
            return;
        }
        let server = replay(version, &[Configs, LogIn, RunTimeout]).await;
        let limits = Limits {
            execution: Duration::from_millis(500),
            ..Limits::default()
        };
        let client = connect(&server, limits).await.unwrap();
        let error = client.run(&flow(version)).await.unwrap_err();
        assert_eq!(status(&error), 504);
        assert!(error.failure().help.as_deref().unwrap().contains("executor"), "{error}");
    });
}
