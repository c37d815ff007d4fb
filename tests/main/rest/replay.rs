//! A server that gives a generation's true answers, one for each step of a sequence.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wiremock::matchers::{header, method, path_regex, query_param};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::support::transcripts::{self, Transcript};

/// A request that the client makes, and one of its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Configs,
    ConfigsWrong,
    LogIn,
    LogInWrong,
    Create,
    CreateAgain,
    CreateUnknownTask,
    CreateNotYaml,
    FlowIsThere,
    FlowIsNot,
    Update,
    UpdateUnknown,
    RunWait,
    RunNoWait,
    RunUnknownFlow,
    RunJson,
    RunMissing,
    RunTimeout,
    Execution,
    Outputs,
    Logs,
    LogsMissing,
    Search,
    Webhook,
    WebhookWrongKey,
    DeleteExecution,
    DeleteFlow,
    DeleteFlowAgain,
}

use Step::*;

/// Where an answer is from.
enum Source {
    /// A transcript of this very generation.
    Seen(&'static str),
    /// None has it: the nearest true answer, and what is changed in it.
    Derived {
        version: &'static str,
        name: &'static str,
        request: (&'static str, &'static str),
        status: u16,
        edit: fn(&mut Value),
    },
}

const NEWER: [(Step, &str); 26] = [
    (Configs, "01-configs"),
    (ConfigsWrong, "03-configs-wrong-auth"),
    (LogIn, "29-get-execution-unknown"),
    (LogInWrong, "04-create-flow-no-auth"),
    (Create, "05-create-flow"),
    (CreateAgain, "06-create-flow-again"),
    (CreateUnknownTask, "09-create-flow-unknown-task"),
    (CreateNotYaml, "10-create-flow-not-yaml"),
    (FlowIsThere, "14-get-flow"),
    (FlowIsNot, "15-get-flow-unknown"),
    (Update, "07-update-flow"),
    (UpdateUnknown, "08-update-flow-unknown"),
    (RunWait, "16-run-wait"),
    (RunNoWait, "18-run-no-wait"),
    (RunUnknownFlow, "20-run-unknown-flow"),
    (RunJson, "19-run-json-body"),
    (RunMissing, "32-run-missing"),
    (Execution, "22-get-execution"),
    (Logs, "27-logs"),
    (LogsMissing, "33-logs-missing"),
    (Search, "30-search-executions"),
    (Webhook, "35-webhook"),
    (WebhookWrongKey, "36-webhook-wrong-key"),
    (DeleteExecution, "39-delete-execution"),
    (DeleteFlow, "40-delete-flow"),
    (DeleteFlowAgain, "41-delete-flow-again"),
];

const OLDEST: [(Step, &str); 14] = [
    (Configs, "01-configs"),
    (LogIn, "20-get-exec-404"),
    (Create, "03-create-flow"),
    (CreateAgain, "04-create-flow-duplicate"),
    (CreateUnknownTask, "08-create-flow-unknown-task-type"),
    (CreateNotYaml, "09-create-flow-not-yaml"),
    (RunWait, "13-exec-wait"),
    (RunNoWait, "14-exec-nowait"),
    (RunUnknownFlow, "19-exec-unknown-flow"),
    (RunJson, "18-exec-wait-json"),
    (RunMissing, "22-exec-missing-secret"),
    (Execution, "15-get-exec"),
    (Logs, "26-logs"),
    (LogsMissing, "23-logs-missing-secret"),
];

/// What no transcript of a generation has, in one table.
fn derived(version: &str, step: Step) -> Source {
    const SAME: fn(&mut Value) = |_| {};
    const GATEWAY: fn(&mut Value) = |body| body["message"] = json!("Gateway Timeout");
    let of = |version, name, request, status, edit| Source::Derived {
        version,
        name,
        request,
        status,
        edit,
    };
    let flow = "/api/v1/flows/company.team/sample_ok";
    let hook = "/api/v1/executions/webhook/company.team/sample_ok/password";
    match (version, step) {
        // 0.20.7 wanted no credentials: how it refuses wrong ones is 1.3's.
        ("0.20.7", LogInWrong) => of(
            "1.3.31",
            "04-create-flow-no-auth",
            ("GET", "/api/v1/executions/x"),
            401,
            SAME,
        ),
        ("0.20.7", FlowIsThere) => of("0.20.7", "03-create-flow", ("GET", flow), 200, |flow| {
            flow.as_object_mut().unwrap().remove("source");
        }),
        ("0.20.7", FlowIsNot) => of("0.20.7", "20-get-exec-404", ("GET", flow), 404, SAME),
        ("0.20.7", Update) => of("0.20.7", "03-create-flow", ("PUT", flow), 200, SAME),
        ("0.20.7", UpdateUnknown) => of("0.20.7", "20-get-exec-404", ("PUT", flow), 404, SAME),
        ("0.20.7", Search) => of("0.20.7", "15-get-exec", ("GET", "/api/v1/executions"), 200, |body| {
            *body = json!({"results": [body.take()], "total": 1});
        }),
        ("0.20.7", Webhook) => of("0.20.7", "14-exec-nowait", ("POST", hook), 200, SAME),
        ("0.20.7", WebhookWrongKey) => of("0.20.7", "20-get-exec-404", ("POST", hook), 404, SAME),
        ("0.20.7", DeleteExecution) => {
            let at = "/api/v1/executions/6S279G60dvhq0CPTHGFaup";
            of("1.3.31", "39-delete-execution", ("DELETE", at), 204, SAME)
        }
        ("0.20.7", DeleteFlow) => of("1.3.31", "40-delete-flow", ("DELETE", flow), 204, SAME),
        ("0.20.7", DeleteFlowAgain) => of("0.20.7", "20-get-exec-404", ("DELETE", flow), 404, SAME),
        // No server was kept waiting: 504 and its thirty seconds are documented of 2.x, and any proxy's otherwise.
        ("0.20.7", RunTimeout) => {
            let run = "/api/v1/executions/company.team/sample_ok";
            of("0.20.7", "19-exec-unknown-flow", ("POST", run), 504, GATEWAY)
        }
        ("1.3.31", RunTimeout) => {
            let run = "/api/v1/main/executions/company.team/secret_test";
            of("1.3.31", "20-run-unknown-flow", ("POST", run), 504, GATEWAY)
        }
        ("2.0.0", RunTimeout) => {
            let run = "/api/v1/main/executions/company.team/secret_test";
            of("2.0.0", "20-run-unknown-flow", ("POST", run), 504, GATEWAY)
        }
        _ => panic!("{version} has no answer to {step:?}"),
    }
}

fn source(version: &str, step: Step) -> Source {
    // Only 2.x keeps outputs apart.
    if (version, step) == ("2.0.0", Outputs) {
        return Source::Seen("23-outputs-of-task-run");
    }
    let seen: &[(Step, &'static str)] = if version == "0.20.7" { &OLDEST } else { &NEWER };
    match seen.iter().find(|(of, _)| *of == step) {
        Some((_, name)) => Source::Seen(name),
        None => derived(version, step),
    }
}

fn named(version: &str, name: &str) -> Transcript {
    let mut all = transcripts::read(version).into_iter();
    all.find(|one| one.name == name)
        .unwrap_or_else(|| panic!("{version}: no {name}"))
}

/// The transcript of a step, true or derived.
pub fn transcript(version: &str, step: Step) -> Transcript {
    match source(version, step) {
        Source::Seen(name) => named(version, name),
        Source::Derived {
            version,
            name,
            request: (method, target),
            status,
            edit,
        } => {
            let mut one = named(version, name);
            if matches!(method, "GET" | "DELETE") {
                one.request.content_type = None;
            }
            one.request.method = method.into();
            one.request.target = target.into();
            one.answer.status = status;
            if let Some(mut body) = one.answer.json() {
                if let Some(href) = body.pointer_mut("/_links/self/href") {
                    *href = json!(target);
                }
                edit(&mut body);
                one.answer.body = body.to_string();
            }
            one
        }
    }
}

/// The answer on the wire.
pub fn response(answer: &transcripts::Answer) -> ResponseTemplate {
    let response = ResponseTemplate::new(answer.status);
    let response = answer.headers.iter().fold(response, |response, (name, value)| {
        response.insert_header(name.as_str(), value.as_str())
    });
    if answer.body.is_empty() {
        response
    } else {
        response.set_body_raw(answer.body.clone(), "application/json")
    }
}

/// A server that answers these steps, each once, in this order; that none is left is asserted when it is dropped.
pub async fn replay(version: &str, steps: &[Step]) -> MockServer {
    let server = MockServer::start().await;
    let mark = Arc::new(Mutex::new(None));
    for step in steps {
        let one = transcript(version, *step);
        // Whose id it is does not matter where one answer of a sequence was seen of another execution.
        let path = match step {
            LogIn | LogInWrong | Execution => format!("{}/executions/[^/]+$", root(version)),
            FlowIsNot | UpdateUnknown => format!("{}/flows/company.team/[^/]+$", root(version)),
            Logs | LogsMissing => format!("{}/logs/[^/]+$", root(version)),
            _ => format!("^{}$", one.request.path().replace('.', "\\.")),
        };
        let verb = if *step == LogInWrong {
            "GET"
        } else {
            one.request.method.as_str()
        };
        let mut mock = Mock::given(method(verb)).and(path_regex(path));
        if one.request.content_type.as_deref() == Some("application/x-yaml") && *step != LogInWrong {
            mock = mock.and(header("content-type", "application/x-yaml"));
        }
        if one.request.target.contains("wait=true") {
            mock = mock.and(query_param("wait", "true"));
        }
        let answer = Marked {
            step: *step,
            answer: one.answer,
            mark: Arc::clone(&mark),
        };
        mock.respond_with(answer)
            .up_to_n_times(1)
            .expect(1)
            .mount(&server)
            .await;
    }
    server
}

fn root(version: &str) -> &'static str {
    if version == "0.20.7" {
        "^/api/v1"
    } else {
        "^/api/v1/main"
    }
}

/// An answer of a server that keeps the labels of a request which it gave no answer to.
struct Marked {
    step: Step,
    answer: transcripts::Answer,
    mark: Arc<Mutex<Option<String>>>,
}

impl Respond for Marked {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut mark = self.mark.lock().unwrap();
        if self.step == RunTimeout {
            let labels = request.url.query_pairs().find(|(name, _)| name == "labels");
            *mark = labels.map(|(_, label)| label.into_owned());
        }
        let mut answer = self.answer.clone();
        if let (Search, Some((key, value))) = (self.step, mark.as_deref().and_then(|label| label.split_once(':'))) {
            let mut body = answer.json().unwrap();
            // As 21-run-labels shows them, of the execution that was made last.
            let last = body["results"].as_array_mut().unwrap().last_mut().unwrap();
            let labels = last["labels"].as_array_mut().unwrap();
            labels.insert(0, json!({"key": key, "value": value}));
            answer.body = body.to_string();
        }
        response(&answer)
    }
}
