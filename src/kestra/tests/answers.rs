use super::*;
use crate::kestra::{Auth, RequestCause};
use secrecy::ExposeSecret;
use wiremock::matchers::{basic_auth, body_string, header, query_param};

#[tokio::test]
async fn the_version_chooses_the_generation() {
    for (version, _, generation) in GENERATIONS {
        let server = server(version).await;
        let client = client(&server).await;
        assert_eq!(client.server().generation, generation);
        assert_eq!(client.server().version.to_string(), version);
        assert!(!client.server().engine_adapter);
    }
}

#[test]
fn a_generation_begins_with_the_snapshots_of_its_first_version() {
    let of = |version: &str| ApiGeneration::for_version(&version.parse().unwrap());
    assert_eq!(of("0.22.9"), ApiGeneration::V0);
    assert_eq!(of("0.23.0-SNAPSHOT"), ApiGeneration::V1);
    assert_eq!(of("1.99.0"), ApiGeneration::V1);
    assert_eq!(of("2.0.0-rc1"), ApiGeneration::V2);
    assert_eq!(of("3.0.0"), ApiGeneration::V2);
}

#[tokio::test]
async fn an_adapter_over_the_engine_is_told_from_kestras_own_server() {
    let server = MockServer::start().await;
    let configs = json!({"version": "2.0.0", "engineAdapter": true});
    answer(&server, "GET", "/api/v1/configs", 200, configs).await;
    assert!(client(&server).await.server().engine_adapter);
}

#[tokio::test]
async fn every_request_carries_the_credentials_and_the_context_path_is_kept() {
    let server = MockServer::start().await;
    let credentials = Credentials::generate();
    let password = credentials.password().expose_secret().to_owned();
    let asked = Mock::given(path("/kestra/api/v1/configs"))
        .and(basic_auth(credentials.username(), password))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"version": "2.0.0"})));
    asked.expect(1).mount(&server).await;
    // Credentials within the URL would be sent beside ours.
    let base = server.uri().replace("://", "://other:credentials@");
    let base = format!("{base}/kestra/?query#fragment").parse().unwrap();
    let connected = Client::connect(base, credentials, limits(), Arc::new(str::to_owned)).await;
    connected.unwrap();
}

#[tokio::test]
async fn an_api_token_goes_before_every_request_as_its_bearer() {
    let server = MockServer::start().await;
    let asked = Mock::given(path("/api/v1/configs"))
        .and(header("authorization", "Bearer a-token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"version": "2.0.0"})));
    asked.expect(1).mount(&server).await;
    let token = Auth::Token("a-token".to_owned().into());
    let base = server.uri().parse().unwrap();
    let connected = Client::connect(base, token, limits(), Arc::new(str::to_owned)).await;
    connected.unwrap();
}

#[tokio::test]
async fn a_flow_is_created_in_each_generation() {
    for (version, root, _) in GENERATIONS {
        let server = server(version).await;
        let created = Mock::given(method("POST"))
            .and(path(format!("{root}/flows")))
            .and(header("content-type", "application/x-yaml"))
            .and(body_string(FLOW))
            .respond_with(ResponseTemplate::new(200).set_body_json(stored(1)));
        created.expect(1).mount(&server).await;
        assert_eq!(client(&server).await.put_flow(FLOW).await.unwrap(), flow());
    }
}

#[tokio::test]
async fn a_flow_that_exists_is_updated() {
    for (version, root, _) in GENERATIONS {
        let server = server(version).await;
        // No words are relied on.
        let exists = refusal("Das gibt es schon", &[]);
        let status = if version == "2.0.0" { 409 } else { 422 };
        answer(&server, "POST", &format!("{root}/flows"), status, exists).await;
        let update = format!("{root}/flows/company.team/secret_test");
        answer(&server, "GET", &update, 200, stored(1)).await;
        answer(&server, "PUT", &update, 200, stored(2)).await;
        let revision = client(&server).await.put_flow(FLOW).await.unwrap().revision;
        assert_eq!(revision, 2);
    }
}

#[tokio::test]
async fn an_unknown_task_type_is_a_refusal_with_the_servers_details() {
    let server = server("0.20.7").await;
    let says = "Invalid type: io.kestra.plugin.core.output.NoSuchTask";
    let body = refusal(
        &format!("Invalid entity: {says}"),
        &[says, "No plugin registered (line: 9)"],
    );
    answer(&server, "POST", "/api/v1/flows", 422, body).await;
    let error = client(&server).await.put_flow(FLOW).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)));
    assert_eq!(
        error.to_string(),
        "failed to create flow company.team/secret_test (POST /api/v1/flows): status 422: \
         Invalid entity: Invalid type: io.kestra.plugin.core.output.NoSuchTask; \
         No plugin registered (line: 9)"
    );
    assert!(help(&error).contains("plugin"));
}

#[tokio::test]
async fn a_source_that_is_no_yaml_is_for_the_server_to_refuse() {
    let server = server("2.0.0").await;
    let body = refusal("Invalid entity: YAML parsing error", &[]);
    answer(&server, "POST", "/api/v1/main/flows", 422, body).await;
    let error = client(&server).await.put_flow("not: [yaml").await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)));
}

#[tokio::test]
async fn a_run_waits_and_sends_no_inputs() {
    for (version, root, _) in GENERATIONS {
        let server = server(version).await;
        let run = Mock::given(method("POST"))
            .and(path(format!("{root}/executions/company.team/secret_test")))
            .and(query_param("wait", "true"))
            .and(body_string(""))
            .respond_with(ResponseTemplate::new(200).set_body_json(execution("SUCCESS", &json!({}))));
        run.expect(1).mount(&server).await;
        let client = client(&server).await;
        let execution = client.run(&flow()).await.unwrap();
        assert_eq!(execution.state, ExecutionState::Success);
        assert_eq!(execution.duration, Some(Duration::from_millis(952)));
        assert_eq!(execution.task_runs[0].task_id, "hello");
    }
}

#[tokio::test]
async fn a_run_that_is_answered_early_is_followed_to_its_end() {
    let server = server("0.20.7").await;
    let created = json!({"id": "2jtG3A0iPvnIiBxAoZgmbA", "state": {"current": "CREATED"}});
    let run = "/api/v1/executions/company.team/secret_test";
    answer(&server, "POST", run, 200, created).await;
    let follow = "/api/v1/executions/2jtG3A0iPvnIiBxAoZgmbA";
    let running = ResponseTemplate::new(200).set_body_json(execution("RUNNING", &json!({})));
    let once = Mock::given(path(follow)).respond_with(running);
    once.up_to_n_times(1).expect(1).mount(&server).await;
    answer(&server, "GET", follow, 200, execution("FAILED", &json!({}))).await;
    let execution = client(&server).await.run(&flow()).await.unwrap();
    assert_eq!(execution.state, ExecutionState::Failed);
}

#[tokio::test]
async fn a_run_that_does_not_end_names_its_deadline_and_last_state() {
    let server = server("2.0.0").await;
    let paused = execution("PAUSED", &json!({}));
    let run = "/api/v1/main/executions/company.team/secret_test";
    answer(&server, "POST", run, 200, paused.clone()).await;
    let follow = "/api/v1/main/executions/2jtG3A0iPvnIiBxAoZgmbA";
    answer(&server, "GET", follow, 200, paused).await;
    let limits = Limits {
        execution: Duration::from_secs(1),
        ..limits()
    };
    let client = connect(&server, limits).await.unwrap();
    let error = client.run(&flow()).await.unwrap_err();
    assert!(is_infra(&error));
    let text = error.to_string();
    let says = "the execution deadline of 1s passed; \
                last seen: execution 2jtG3A0iPvnIiBxAoZgmbA in state PAUSED";
    assert!(text.contains(says), "{text}");
}

#[tokio::test]
async fn a_disabled_flow_is_refused_and_a_missing_one_is_not_the_flows_fault() {
    let server = server("2.0.0").await;
    let run = "/api/v1/main/executions/company.team/secret_test";
    let disabled = refusal("Illegal state: Requested Flow is disabled.", &[]);
    answer(&server, "POST", run, 409, disabled).await;
    let missing = refusal("Not Found: Requested Flow is not found.", &[]);
    answer(
        &server,
        "POST",
        "/api/v1/main/executions/company.team/nope",
        404,
        missing,
    )
    .await;
    let client = client(&server).await;
    let error = client.run(&flow()).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)));
    let nope = FlowRef {
        id: "nope".into(),
        ..flow()
    };
    let error = client.run(&nope).await.unwrap_err();
    assert!(is_infra(&error));
    assert!(help(&error).contains("deleted meanwhile"), "{}", help(&error));
}

#[tokio::test]
async fn outputs_are_read_where_each_generation_keeps_them() {
    let outputs = json!({"values": {"username": "admin\n", "password": "p\u{fffd}"}});
    for (version, root, generation) in GENERATIONS {
        let server = server(version).await;
        let inline = if generation == ApiGeneration::V2 {
            let at = format!("{root}/outputs/tasks/2jtG3A0iPvnIiBxAoZgmbA/7HfHdB5wyXURqcwJ28D3LR");
            answer(&server, "GET", &at, 200, outputs.clone()).await;
            Value::Null
        } else {
            outputs.clone()
        };
        let execution = serde_json::from_value(execution("SUCCESS", &inline)).unwrap();
        let client = client(&server).await;
        let read = client.outputs(&execution, "hello").await.unwrap();
        assert_eq!(Value::Object(read), outputs);
        let none = client.outputs(&execution, "never_reached").await.unwrap();
        assert!(none.is_empty());
    }
}

#[tokio::test]
async fn logs_are_read_in_each_generation() {
    for (version, root, _) in GENERATIONS {
        let server = server(version).await;
        let lines = json!([{"taskId": "hello", "timestamp": "2026-11-23T21:56:56.418Z",
            "level": "INFO", "message": "pw=********"},
            {"timestamp": "2026-11-23T21:56:57Z", "level": "ERROR"}]);
        let at = format!("{root}/logs/2jtG3A0iPvnIiBxAoZgmbA");
        answer(&server, "GET", &at, 200, lines).await;
        let lines = client(&server).await.logs(&ended()).await.unwrap();
        assert_eq!(lines[0].message, "pw=********");
        assert_eq!(lines[0].task_id.as_deref(), Some("hello"));
        assert_eq!(lines[0].timestamp.to_string(), "2026-11-23T21:56:56.418Z");
        assert_eq!((lines[1].level.as_str(), &lines[1].task_id), ("ERROR", &None));
    }
}

#[tokio::test]
async fn logs_that_come_late_are_waited_for_and_no_longer_than_asked() {
    let server = server("2.0.0").await;
    let at = "/api/v1/main/logs/2jtG3A0iPvnIiBxAoZgmbA";
    let none = Mock::given(path(at)).respond_with(ResponseTemplate::new(200).set_body_json(json!([])));
    none.up_to_n_times(2).expect(2).mount(&server).await;
    let line = json!([{"timestamp": "2026-11-23T21:56:57Z", "level": "ERROR", "message": "x"}]);
    answer(&server, "GET", at, 200, line).await;
    let client = client(&server).await;
    let minute = Duration::from_secs(60);
    let lines = client
        .logs_until(&ended(), minute, |lines| !lines.is_empty())
        .await
        .unwrap();
    assert_eq!(lines.len(), 1);
    let lines = client.logs_until(&ended(), Duration::ZERO, |_| false).await.unwrap();
    assert_eq!(lines.len(), 1, "what there is will do");
}

#[tokio::test]
async fn what_is_gone_counts_as_deleted() {
    for (version, root, _) in GENERATIONS {
        let server = server(version).await;
        let flow_at = format!("{root}/flows/company.team/secret_test");
        let deleted = Mock::given(method("DELETE")).and(path(flow_at));
        deleted
            .respond_with(ResponseTemplate::new(204))
            .expect(1)
            .mount(&server)
            .await;
        let client = client(&server).await;
        client.delete_flow(&flow()).await.unwrap();
        // The execution is known to nobody: wiremock answers 404.
        client.delete_execution(&ended()).await.unwrap();
    }
}

#[tokio::test]
async fn a_deletion_that_fails_is_told() {
    let server = server("2.0.0").await;
    let at = "/api/v1/main/flows/company.team/secret_test";
    answer(&server, "DELETE", at, 500, refusal("Internal Server Error", &[])).await;
    let error = client(&server).await.delete_flow(&flow()).await.unwrap_err();
    assert!(matches!(
        error.failure().cause,
        RequestCause::Status { status: 500, .. }
    ));
}

#[test]
fn generated_credentials_keep_kestras_rules_and_never_repeat() {
    let drawn: Vec<Credentials> = (0..200).map(|_| Credentials::generate()).collect();
    for credentials in &drawn {
        let password = credentials.password().expose_secret();
        assert_eq!(password.len(), 24);
        for kind in [u8::is_ascii_uppercase, u8::is_ascii_lowercase, u8::is_ascii_digit] {
            assert!(password.bytes().any(|byte| kind(&byte)));
        }
        assert!(credentials.username().contains('@'));
        assert!(!format!("{credentials:?}").contains(password));
    }
    assert_ne!(drawn[0].password().expose_secret(), drawn[1].password().expose_secret());
}

#[test]
fn debug_shows_neither_outputs_nor_log_messages() {
    let outputs = json!({"values": {"password": "hunter2"}});
    let execution: Execution = serde_json::from_value(execution("SUCCESS", &outputs)).unwrap();
    assert!(!format!("{execution:?}").contains("hunter2"));
    let line = json!({"timestamp": "2026-11-23T21:56:57Z", "level": "INFO", "message": "hunter2"});
    let line: crate::kestra::LogLine = serde_json::from_value(line).unwrap();
    assert!(!format!("{line:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_webhook_is_called_with_its_key_and_followed_to_the_end() {
    for (version, root, _) in GENERATIONS {
        let server = server(version).await;
        let called = json!({"id": "2jtG3A0iPvnIiBxAoZgmbA", "state": {"current": "CREATED"}});
        let at = format!("{root}/executions/webhook/company.team/secret_test/a%20key");
        answer(&server, "POST", &at, 200, called).await;
        let at = format!("{root}/executions/2jtG3A0iPvnIiBxAoZgmbA");
        answer(&server, "GET", &at, 200, execution("SUCCESS", &Value::Null)).await;
        let ended = client(&server).await.call_webhook(&flow(), "a key").await.unwrap();
        assert_eq!(ended.state, ExecutionState::Success, "{version}");
    }
}

#[tokio::test]
async fn a_key_that_no_webhook_has_is_a_refusal() {
    let server = server("2.0.0").await;
    let at = "/api/v1/main/executions/webhook/company.team/secret_test/wrong";
    answer(&server, "POST", at, 404, refusal("Not Found", &[])).await;
    let error = client(&server).await.call_webhook(&flow(), "wrong").await.unwrap_err();
    assert!(!is_infra(&error), "{error}");
}

#[tokio::test]
async fn an_execution_that_a_trigger_made_is_found_and_its_absence_is_told() {
    for (version, root, _) in GENERATIONS {
        let server = server(version).await;
        let at = format!("{root}/executions");
        let none = Mock::given(method("GET"))
            .and(path(&at))
            .and(query_param("namespace", "company.team"))
            .and(query_param("flowId", "secret_test"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"results": [], "total": 0})))
            .up_to_n_times(2);
        none.mount(&server).await;
        // A search may leave out what the execution itself tells.
        let light = json!({"id": "2jtG3A0iPvnIiBxAoZgmbA", "state": {"current": "RUNNING"}});
        answer(&server, "GET", &at, 200, json!({"results": [light], "total": 1})).await;
        let whole = format!("{at}/2jtG3A0iPvnIiBxAoZgmbA");
        answer(&server, "GET", &whole, 200, execution("SUCCESS", &Value::Null)).await;
        let client = client(&server).await;
        let now = client.triggered_execution(&flow(), Duration::ZERO).await.unwrap();
        assert!(now.is_none(), "{version}");
        let later = client.triggered_execution(&flow(), limits().execution).await.unwrap();
        let later = later.unwrap();
        assert_eq!(later.state, ExecutionState::Success, "{version}");
        assert_eq!(later.task_runs.len(), 1, "{version}");
    }
}
