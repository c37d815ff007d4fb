//! The client against servers that answer as Kestra did when it was recorded, as it says it
//! would, and as nobody should.

mod answers;
mod health;
mod hostile;
mod keys;

use super::{ApiGeneration, Client, Error, Execution, ExecutionState, FlowRef, Limits};
use crate::scenario::Credentials;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const FLOW: &str = "id: secret_test\nnamespace: company.team\ntasks: []\n";

const GENERATIONS: [(&str, &str, ApiGeneration); 3] = [
    ("0.20.7", "/api/v1", ApiGeneration::V0),
    ("1.3.31", "/api/v1/main", ApiGeneration::V1),
    ("2.0.0", "/api/v1/main", ApiGeneration::V2),
];

fn limits() -> Limits {
    Limits {
        body: 64 << 10,
        ..Limits::default()
    }
}

/// A deadline that passes soon, for servers that never answer.
fn soon() -> Limits {
    Limits {
        request: Duration::from_millis(50),
        execution: Duration::from_millis(50),
        ..limits()
    }
}

async fn connect(server: &MockServer, limits: Limits) -> Result<Client, Error> {
    let scrub = Arc::new(|text: &str| text.replace("hunter2", "[secret]"));
    let base = server.uri().parse().unwrap();
    Client::connect(base, Credentials::generate(), limits, scrub).await
}

async fn answer(server: &MockServer, verb: &str, at: &str, status: u16, body: Value) {
    let response = ResponseTemplate::new(status).set_body_json(body);
    let mock = Mock::given(method(verb)).and(path(at)).respond_with(response);
    mock.mount(server).await;
}

/// A server of this version that answers nothing but what it is.
async fn server(version: &str) -> MockServer {
    let server = MockServer::start().await;
    let configs = json!({"uuid": "3gfVeWnI28M0yAMTUHFJ8i", "version": version});
    answer(&server, "GET", "/api/v1/configs", 200, configs).await;
    server
}

async fn client(server: &MockServer) -> Client {
    connect(server, limits()).await.unwrap()
}

fn flow() -> FlowRef {
    FlowRef {
        namespace: "company.team".into(),
        id: "secret_test".into(),
        revision: 1,
    }
}

fn stored(revision: u32) -> Value {
    json!({"id": "secret_test", "namespace": "company.team", "revision": revision,
        "disabled": false, "deleted": false, "tasks": []})
}

fn execution(state: &str, outputs: &Value) -> Value {
    json!({"id": "2jtG3A0iPvnIiBxAoZgmbA", "namespace": "company.team", "flowId": "secret_test",
        "flowRevision": 1, "state": {"current": state, "histories": [], "duration": "PT0.952S"},
        "taskRunList": [{"id": "7HfHdB5wyXURqcwJ28D3LR", "taskId": "hello", "outputs": outputs,
            "state": {"current": state, "histories": []}}]})
}

fn ended() -> Execution {
    serde_json::from_value(execution("SUCCESS", &Value::Null)).unwrap()
}

/// Micronaut's shape of an error.
fn refusal(message: &str, details: &[&str]) -> Value {
    let errors: Vec<Value> = details.iter().map(|text| json!({"message": text})).collect();
    json!({"message": message, "logref": null, "path": null, "_links": {},
        "_embedded": {"errors": errors}})
}

fn is_infra(error: &Error) -> bool {
    matches!(error, Error::Infra(_))
}

fn help(error: &Error) -> &str {
    error.failure().help.as_deref().unwrap_or_default()
}
