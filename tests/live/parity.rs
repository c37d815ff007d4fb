//! The engines answer as Kestra answered: each request of the transcripts, in their order, of each engine.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use kestra_secrets::internals::system::http::client_builder;
use libtest_mimic::Trial;
use reqwest::{Client, Method, Response};
use serde_json::Value;

use crate::support::ENGINE;
use crate::support::background::Background;
use crate::support::sandbox::Sandbox;
use crate::support::transcripts::{self, Answer, Authorization, Request, Transcript, read};
use crate::{exec, live};

/// Where an engine does not answer as Kestra does, and why.
const DIFFERENCES: [Difference; 1] = [Difference {
    fact: "body.engineAdapter: boolean",
    answers: &[
        ("2.0.0", "01-configs"),
        ("0.20.7", "01-configs"),
        ("1.3.31", "01-configs"),
        // Which 1.x tells everybody.
        ("1.3.31", "02-configs-no-auth"),
        ("1.3.31", "03-configs-wrong-auth"),
    ],
    reason: "the adapter's mark, by which a report tells it from Kestra's own web server",
}];

/// Requests whose bodies nobody kept, so that they cannot be made again.
const NOT_KEPT: [(&str, &str); 2] = [("0.20.7", "09-create-flow-not-yaml"), ("0.20.7", "26-logs")];

/// What an engine adds to its answers. One that is not there any more fails the test.
struct Difference {
    fact: &'static str,
    /// Of which version, to which request.
    answers: &'static [(&'static str, &'static str)],
    reason: &'static str,
}

pub fn trials() -> Vec<Trial> {
    let trial = |version: String| {
        let name = format!("the_engine_{version}_answers_as_kestra_did");
        live("parity", &name, move || answers_as_kestra(&version))
    };
    let engines = transcripts::VERSIONS
        .into_iter()
        .map(|version| trial(version.to_owned()));
    let nobody = live("parity", "where_no_pod_runs_nobody_served_rest", nobody);
    engines.chain([nobody]).collect()
}

fn nobody() {
    let sandbox = Sandbox::new();
    let ended = sandbox
        .run(["run", "secret-not-there", "--kestra", ENGINE, "--report", "report"])
        .with_code(0);
    let said = "; no server was asked";
    assert!(ended.stdout.contains(said), "{}", ended.stdout);
    let report = fs::read(sandbox.work().join("report/report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(
        report["results"][0]["provenance"]["rest"],
        "nobody: no server was asked"
    );
}

fn answers_as_kestra(version: &str) {
    let engine = Engine::start(version);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut wrong = String::new();
    let mut ids = BTreeMap::new();
    let transcripts = read(version);
    let flow = transcripts.iter().find_map(source).unwrap();
    if version == "0.20.7" {
        runtime.block_on(engine.create(&missing(&flow)));
    }
    let kept = |transcript: &&Transcript| !NOT_KEPT.contains(&(version, &transcript.name));
    for transcript in transcripts.iter().filter(kept) {
        let here = runtime.block_on(engine.ask_until_ended(transcript, &ids, &flow));
        if let (Some(there), Some(here)) = (transcript.answer.json(), here.json()) {
            pair_ids(&there, &here, &mut ids);
        }
        let (there, mut here) = (facts(&transcript.answer), facts(&here));
        if transcript.answer.headers.is_empty() {
            // Of this answer no headers were kept.
            here.retain(|fact| !fact.starts_with("content-type: "));
        }
        let known = DIFFERENCES
            .iter()
            .filter(|known| known.answers.contains(&(version, &transcript.name)));
        let (added, known): (BTreeSet<_>, BTreeMap<_, _>) = (
            here.difference(&there).map(String::as_str).collect(),
            known.map(|known| (known.fact, known.reason)).collect(),
        );
        let mut say = |what: &str| {
            let _ = writeln!(wrong, "{}: {what}", transcript.name);
        };
        there
            .difference(&here)
            .for_each(|fact| say(&format!("only Kestra has {fact}")));
        let unknown = added.iter().filter(|fact| !known.contains_key(*fact));
        unknown.for_each(|fact| say(&format!("only the engine has {fact}")));
        let gone = known.iter().filter(|(fact, _)| !added.contains(*fact));
        gone.for_each(|(fact, reason)| say(&format!("the list says {fact} ({reason}), and it is not so")));
    }
    assert!(wrong.is_empty(), "engine {version}:\n{wrong}");
}

/// What of an answer must be alike: the status, the headers that are meant for the client, the body's keys and types
/// (of an array's elements together), and an error's words.
fn facts(answer: &Answer) -> BTreeSet<String> {
    let mut facts = BTreeSet::from([format!("status: {}", answer.status)]);
    facts.extend(answer.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    if let Some(body) = answer.json() {
        add_shape("body", &body, &mut facts);
    }
    facts
}

fn add_shape(path: &str, value: &Value, facts: &mut BTreeSet<String>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    facts.insert(format!("{path}: {kind}"));
    match value {
        // What a webhook was called with is told again: it says who asked, not who answered.
        Value::Object(_) if path.ends_with(".variables.headers") => {}
        Value::Object(fields) => {
            if let (Some(message), true) = (fields.get("message"), fields.contains_key("_links")) {
                facts.insert(format!("{path}.message: {message}"));
            }
            for (name, field) in fields {
                add_shape(&format!("{path}.{name}"), field, facts);
            }
        }
        Value::Array(elements) => elements
            .iter()
            .for_each(|element| add_shape(&format!("{path}[]"), element, facts)),
        _ => {}
    }
}

/// Which id here stands for which there.
fn pair_ids(there: &Value, here: &Value, ids: &mut BTreeMap<String, String>) {
    match (there, here) {
        (Value::Object(there), Value::Object(here)) => {
            if let (Some(Value::String(old)), Some(Value::String(new))) = (there.get("id"), here.get("id")) {
                ids.insert(old.clone(), new.clone());
            }
            let fields = there.iter().filter_map(|(name, field)| Some((field, here.get(name)?)));
            fields.for_each(|(there, here)| pair_ids(there, here, ids));
        }
        (Value::Array(there), Value::Array(here)) => {
            let elements = there.iter().zip(here);
            elements.for_each(|(there, here)| pair_ids(there, here, ids));
        }
        _ => {}
    }
}

/// The source of a flow that was taken, by the answer.
fn source(transcript: &Transcript) -> Option<String> {
    transcript.answer.json()?["source"].as_str().map(str::to_owned)
}

/// The same flow under another id that asks for a secret which is not there.
fn missing(flow: &str) -> String {
    flow.replace("sample_ok", "sample_missing")
        .replace("secret('DB_PASSWORD')", "secret('NOT_THERE')")
}

/// The body of a request; `flow` is the first flow that was taken.
fn body_of(transcript: &Transcript, flow: &str) -> Option<String> {
    let other = |id: &str, tasks: &str| format!("id: {id}\nnamespace: company.team\ntasks: {tasks}\n");
    Some(
        match (transcript.request.content_type.as_deref()?, transcript.name.as_str()) {
            ("multipart/form-data", _) => {
                format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n--{BOUNDARY}--\r\n")
            }
            ("application/json", _) => "{}".into(),
            (_, "08-update-flow-unknown") => {
                other("nothing", "[{id: a, type: io.kestra.plugin.core.log.Log, message: x}]")
            }
            (_, "08-create-flow-unknown-task-type") => flow
                .replace("sample_ok", "sample_bad")
                .replace("OutputValues", "NoSuchTask"),
            (_, "09-create-flow-unknown-task") => other("unknown", "[{id: a, type: io.kestra.plugin.nope.Nope}]"),
            (_, "10-create-flow-not-yaml") => "a: [b\n".into(),
            (_, "11-create-flow-bad-id") => flow.replace("secret_test", "\"bad id!\""),
            (_, "12-create-flow-no-tasks") => other("none", "[]"),
            _ => source(transcript).unwrap_or_else(|| flow.to_owned()),
        },
    )
}

const BOUNDARY: &str = "parts";

/// An engine of its own, with the secrets and the credentials that Kestra had.
struct Engine {
    child: Background,
    origin: String,
    client: Client,
    /// Kept until the engine has ended.
    _sandbox: Sandbox,
}

impl Engine {
    fn start(version: &str) -> Self {
        let sandbox = Sandbox::new();
        let engine = exec::engine_command(&sandbox, &format!("engine@{version}"));
        let config = sandbox.file(
            "kestra.yml",
            "kestra: {server: {basic-auth: {username: admin@example.com, password: Capture1234}}}\n",
        );
        // All at once, so that they are three.
        let ports = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [port, management, grpc] = ports.each_ref().map(|p| p.local_addr().unwrap().port());
        drop(ports);
        let mut command = Command::new(&engine[0]);
        command
            .arg(format!("-Dmicronaut.server.port={port}"))
            .arg(format!("-Dendpoints.all.port={management}"))
            .arg(format!("-Dengine.grpc.port={grpc}"))
            .arg(format!("-Dengine.storage={}", sandbox.work().join("storage").display()))
            .args(&engine[1..])
            .args(["server", "standalone"])
            .current_dir(sandbox.work())
            .env("MICRONAUT_CONFIG_FILES", config)
            .env("SECRET_DB_USERNAME", "YWRtaW4=")
            .env("SECRET_DB_PASSWORD", "cGFzc3dvcmQ=")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut engine = Self {
            child: Background::start(&mut command),
            origin: format!("http://127.0.0.1:{port}"),
            client: client_builder().no_proxy().build().unwrap(),
            _sandbox: sandbox,
        };
        engine.wait_until_ready();
        engine
    }

    fn wait_until_ready(&mut self) {
        let mut lines = BufReader::new(self.child.stdout.take().unwrap()).lines();
        let mut said = String::new();
        for line in lines.by_ref() {
            let line = line.unwrap();
            if line.contains("engine ready") {
                // What is not read would hold it up.
                std::thread::spawn(move || lines.count());
                return;
            }
            said.push_str(&line);
            said.push('\n');
        }
        panic!("the engine ended:\n{said}");
    }

    async fn ask(&self, transcript: &Transcript, ids: &BTreeMap<String, String>, flow: &str) -> Answer {
        let Request {
            method,
            target,
            content_type,
            authorization,
            ..
        } = &transcript.request;
        let mut target = target.clone();
        for (there, here) in ids {
            target = target.replace(there, here);
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, format!("{}{target}", self.origin));
        request = match authorization {
            Authorization::Right => request.basic_auth("admin@example.com", Some("Capture1234")),
            Authorization::Wrong => request.basic_auth("admin@example.com", Some("Wrong1234")),
            Authorization::None => request,
        };
        request = match content_type.as_deref() {
            Some("multipart/form-data") => {
                request.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
            }
            Some(kind) => request.header("content-type", kind),
            None => request,
        };
        if let Some(body) = body_of(transcript, flow) {
            request = request.body(body);
        }
        answered(request.send().await.unwrap()).await
    }
}

impl Engine {
    /// The same once an execution that nobody waited for has ended as there.
    async fn ask_until_ended(&self, transcript: &Transcript, ids: &BTreeMap<String, String>, flow: &str) -> Answer {
        let state = |answer: &Answer| Some(answer.json()?["state"]["current"].as_str()?.to_owned());
        let ended = state(&transcript.answer).filter(|_| transcript.request.method == "GET");
        for _ in 0..300 {
            let answer = self.ask(transcript, ids, flow).await;
            if ended.is_none() || state(&answer) == ended {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{} never came to {ended:?}", transcript.name)
    }

    async fn create(&self, flow: &str) {
        let request = self.client.post(format!("{}/api/v1/flows", self.origin));
        let request = request
            .header("content-type", "application/x-yaml")
            .body(flow.to_owned());
        assert!(request.send().await.unwrap().status().is_success());
    }
}

/// An answer as a transcript keeps it.
async fn answered(response: Response) -> Answer {
    let headers = ["content-type", "www-authenticate"].iter().filter_map(|name| {
        Some((
            (*name).to_owned(),
            response.headers().get(*name)?.to_str().unwrap().to_owned(),
        ))
    });
    Answer {
        status: response.status().as_u16(),
        reason: String::new(),
        headers: headers.collect(),
        body: response.text().await.unwrap(),
    }
}
