//! A Kestra that is none: it keeps flows and executions, decodes `SECRET_` variables with the oracle, and answers in
//! the shapes of a generation's transcripts. The test binary itself plays it, in a process of its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::ffi::OsStringExt as _;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kestra_secrets::internals::oracle::secret::{Plaintext, SecretRead, SecretStore, reported};
use rand::distr::{Alphanumeric, SampleString as _};
use semver::Version;
use serde_json::{Map, Value, json};
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::pebble::{Scope, render};
use super::replay::Step::{self, *};
use super::replay::{response, transcript};
use crate::support::sandbox::Sandbox;

/// The variable by which the test binary is told to play, and which version.
const PLAY: &str = "PLAY_KESTRA";

/// Clears the screen, and turns the text around.
const ESCAPE: &str = "\u{1b}[2J\u{9b}2J\u{202e}";

/// Writes `./kestra` into a sandbox, which plays this version; after a `+`, as in `2.0.0+message`, stands the member
/// in whose texts there are escape sequences.
pub fn install(sandbox: &Sandbox, version: &str) {
    let this = std::env::current_exe().unwrap();
    let number = version.split('+').next().unwrap();
    let this_test = "rest::standin::plays_kestra";
    sandbox.script(
        "kestra",
        &format!(
            "if [ \"$1\" = --version ]; then echo 'Kestra {number}'; exit; fi\n\
             {PLAY}={version} exec '{}' --exact {this_test} --ignored --nocapture",
            this.display()
        ),
    );
}

/// What `./kestra` is when it serves. It ends when somebody ends it.
#[test]
#[ignore = "other tests start it, as a process of its own"]
fn plays_kestra() {
    let Ok(version) = std::env::var(PLAY) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = std::env::var("JAVA_TOOL_OPTIONS").unwrap_or_default();
        let kestra = Kestra::new(version, std::env::vars_os());
        let listen = |property: &str| {
            let port = options
                .split_whitespace()
                .find_map(|option| option.strip_prefix(property))
                .unwrap();
            TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse().unwrap())).unwrap()
        };
        let start = |listener| {
            MockServer::builder()
                .listener(listener)
                .disable_request_recording()
                .start()
        };
        let rest = start(listen("-Dmicronaut.server.port=")).await;
        Mock::given(any()).respond_with(kestra).mount(&rest).await;
        let management = start(listen("-Dendpoints.all.port=")).await;
        let up = ResponseTemplate::new(200).set_body_json(json!({"name": "kestra", "status": "UP", "details": {}}));
        Mock::given(path("/health")).respond_with(up).mount(&management).await;
        std::future::pending::<()>().await;
    });
}

/// A server's state, and what it was started with.
pub struct Kestra {
    version: String,
    /// The member whose texts move the cursor.
    odd: Option<String>,
    keyring: SecretStore,
    /// What `Authorization` must be; none where nobody is asked for it.
    authorization: Option<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    flows: BTreeMap<(String, String), Flow>,
    executions: Vec<Execution>,
}

struct Flow {
    definition: Value,
    source: String,
    revision: u32,
}

#[derive(Clone)]
struct Execution {
    id: String,
    namespace: String,
    flow: String,
    state: &'static str,
    labels: Vec<Value>,
    tasks: Vec<TaskRun>,
    /// The errors, by task.
    log: Vec<(String, String)>,
}

#[derive(Clone)]
struct TaskRun {
    id: String,
    task: String,
    state: &'static str,
    values: Map<String, Value>,
}

impl Kestra {
    pub fn new(version: String, environment: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let environment: Vec<(OsString, OsString)> = environment.collect();
        let files = environment.iter().find(|(name, _)| name == "MICRONAUT_CONFIG_FILES");
        let files = files
            .map(|(_, files)| files.to_string_lossy().into_owned())
            .unwrap_or_default();
        let authorization = files.split(',').filter(|file| !file.is_empty()).find_map(|file| {
            let text = std::fs::read_to_string(file.trim()).unwrap();
            let configuration: Value = serde_saphyr::from_str(&text).unwrap();
            let basic = configuration.pointer("/kestra/server/basic-auth")?;
            let pair = format!("{}:{}", basic["username"].as_str()?, basic["password"].as_str()?);
            Some(format!("Basic {}", STANDARD.encode(pair)))
        });
        let bytes = |text: OsString| text.into_vec();
        let pairs = environment
            .into_iter()
            .map(|(name, value)| (bytes(name), Plaintext::new(bytes(value), true)));
        let keyring: SecretStore = pairs.collect();
        for dropped in keyring.undecodable() {
            println!("{}", dropped.log_line());
        }
        std::io::stdout().flush().unwrap();
        let (version, odd) = match version.split_once('+') {
            Some((version, odd)) => (version.to_owned(), Some(odd.to_owned())),
            None => (version, None),
        };
        Self {
            version,
            odd,
            keyring,
            authorization,
            state: Mutex::default(),
        }
    }

    /// Whether it keeps no flow and no execution.
    pub fn is_empty(&self) -> bool {
        let state = self.state.lock().unwrap();
        state.flows.is_empty() && state.executions.is_empty()
    }

    fn major(&self) -> u32 {
        self.version[..1].parse().unwrap()
    }

    /// A transcript's answer, with something changed in its body.
    fn answer(&self, step: Step, edit: impl FnOnce(&mut Value)) -> ResponseTemplate {
        let mut answer = transcript(&self.version, step).answer;
        if let Some(mut body) = answer.json() {
            edit(&mut body);
            if let Some(odd) = &self.odd {
                spoil(&mut body, odd, false);
            }
            answer.body = body.to_string();
        }
        response(&answer)
    }

    fn plain(&self, step: Step) -> ResponseTemplate {
        self.answer(step, |_| {})
    }

    fn create(&self, state: &mut State, source: &str) -> ResponseTemplate {
        let Some((key, flow)) = flow(source) else {
            return self.plain(CreateNotYaml);
        };
        if state.flows.contains_key(&key) {
            return self.answer(CreateAgain, |body| {
                if self.major() == 2 {
                    let (namespace, id) = &key;
                    body["message"] = json!(format!(
                        "Conflict: Flow '{id}' already exists in namespace '{namespace}'."
                    ));
                }
            });
        }
        self.store(state, Create, key, flow)
    }

    fn store(&self, state: &mut State, step: Step, key: (String, String), flow: Flow) -> ResponseTemplate {
        if !understands(&flow.definition["tasks"]) {
            return self.plain(CreateUnknownTask);
        }
        let answer = self.answer(step, |body| describe(body, &key, &flow));
        self.trigger(state, &key, &flow);
        state.flows.insert(key, flow);
        answer
    }

    /// A schedule that is due makes an execution at once, and no second one.
    fn trigger(&self, state: &mut State, key: &(String, String), flow: &Flow) {
        for trigger in flow.definition["triggers"].as_array().into_iter().flatten() {
            let own = trigger
                .get("when")
                .or_else(|| trigger.pointer("/conditions/0/expression"));
            let scope = Names { kestra: self, flow };
            if own.is_none_or(|own| render(own.as_str().unwrap(), &scope).unwrap() == "true") {
                let execution = self.execute(key, flow, vec![json!({"key": "system.from", "value": "trigger"})]);
                state.executions.push(execution);
            }
        }
    }

    fn execute(&self, (namespace, id): &(String, String), flow: &Flow, labels: Vec<Value>) -> Execution {
        let mut execution = Execution {
            id: fresh(),
            namespace: namespace.clone(),
            flow: id.clone(),
            state: "SUCCESS",
            labels,
            tasks: Vec::new(),
            log: Vec::new(),
        };
        self.tasks(&flow.definition["tasks"], flow, &mut execution);
        execution
    }

    /// Runs tasks until one fails; those of a `Parallel` all run.
    fn tasks(&self, tasks: &Value, flow: &Flow, execution: &mut Execution) {
        for task in tasks.as_array().into_iter().flatten() {
            self.task(task, flow, execution);
            if execution.state == "FAILED" {
                break;
            }
        }
    }

    fn task(&self, task: &Value, flow: &Flow, execution: &mut Execution) {
        let scope = Names { kestra: self, flow };
        let at = execution.tasks.len();
        let name = task["id"].as_str().unwrap().to_owned();
        execution.tasks.push(TaskRun {
            id: fresh(),
            task: name.clone(),
            state: "SUCCESS",
            values: Map::new(),
        });
        let condition = task.get("runIf").and_then(Value::as_str);
        let run = (|| {
            if condition
                .map(|text| render(text, &scope))
                .transpose()?
                .is_some_and(|runs| runs != "true")
            {
                return Ok(None);
            }
            let each = task["values"].as_object().into_iter().flatten();
            let rendered = each.map(|(output, value)| Ok((output.clone(), json!(show(value, &scope)?))));
            rendered.collect::<Result<Map<String, Value>, String>>().map(Some)
        })();
        for below in task["tasks"].as_array().into_iter().flatten() {
            self.task(below, flow, execution);
        }
        let this = &mut execution.tasks[at];
        match run {
            Ok(Some(values)) => this.values = values,
            Ok(None) => this.state = "SKIPPED",
            Err(why) => {
                this.state = "FAILED";
                execution.state = "FAILED";
                execution.log.push((name, why));
            }
        }
    }

    /// An execution in the shape of a transcript.
    fn show(&self, body: &mut Value, execution: &Execution) {
        let Execution {
            id, namespace, flow, ..
        } = execution;
        body["id"] = json!(id);
        body["namespace"] = json!(namespace);
        body["flowId"] = json!(flow);
        if let Some(original) = body.get_mut("originalId") {
            *original = json!(id);
        }
        if body.get("url").is_some() {
            body["url"] = json!(format!("/ui/main/executions/{namespace}/{flow}/{id}"));
        }
        if let Some(labels) = body["labels"].as_array_mut() {
            labels.retain(|label| label["key"] != "system.from" || execution.labels.is_empty());
            for label in labels.iter_mut().filter(|label| label["key"] == "system.correlationId") {
                label["value"] = json!(id);
            }
            labels.splice(0..0, execution.labels.iter().cloned());
        }
        if body["state"]["current"] != "CREATED" {
            body["state"]["current"] = json!(execution.state);
        }
        if let Some(runs) = body.get_mut("taskRunList").and_then(Value::as_array_mut) {
            let like = runs[0].clone();
            *runs = execution
                .tasks
                .iter()
                .map(|task| self.show_task(like.clone(), task, execution))
                .collect();
        }
    }

    fn show_task(&self, mut body: Value, task: &TaskRun, execution: &Execution) -> Value {
        body["id"] = json!(task.id);
        body["taskId"] = json!(task.task);
        body["state"]["current"] = json!(task.state);
        for (name, value) in [
            ("executionId", &execution.id),
            ("namespace", &execution.namespace),
            ("flowId", &execution.flow),
        ] {
            if let Some(member) = body.get_mut(name) {
                *member = json!(value);
            }
        }
        if self.major() < 2 && body.get("outputs").is_some() {
            let ended_well = task.state == "SUCCESS";
            body["outputs"] = if ended_well {
                json!({"values": task.values})
            } else {
                json!({})
            };
        }
        body
    }

    fn logs(&self, execution: &Execution) -> ResponseTemplate {
        // 0.20.7 logs nothing of what is missing.
        if execution.log.is_empty() || self.major() == 0 {
            return ResponseTemplate::new(200).set_body_json(json!([]));
        }
        self.answer(LogsMissing, |body| {
            let like = body[0].clone();
            let lines = execution.log.iter().map(|(task, why)| {
                let mut line = like.clone();
                let says = line["message"].as_str().unwrap();
                let at = says.find("Cannot find secret").unwrap();
                line["message"] = json!(format!("{}{why}", &says[..at]));
                line["taskId"] = json!(task);
                line["executionId"] = json!(execution.id);
                line
            });
            *body = lines.collect();
        })
    }

    fn search(&self, state: &State, request: &Request) -> ResponseTemplate {
        let query: BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
        let of_flow =
            |execution: &&Execution| execution.namespace == query["namespace"] && execution.flow == query["flowId"];
        let all: Vec<&Execution> = state.executions.iter().filter(of_flow).collect();
        let number = |name: &str, usual| query.get(name).map_or(usual, |n| n.parse::<usize>().unwrap());
        let (page, size) = (number("page", 1), number("size", 10));
        self.answer(Search, |body| {
            let like = body["results"][0].take();
            let page = all.iter().skip((page - 1) * size).take(size);
            let results = page.map(|execution| {
                let mut one = like.clone();
                self.show(&mut one, execution);
                one
            });
            body["results"] = results.collect();
            body["total"] = json!(all.len());
        })
    }

    fn run(&self, state: &mut State, request: &Request, key: &(String, String)) -> ResponseTemplate {
        if request
            .headers
            .get("content-type")
            .is_some_and(|kind| kind == "application/json")
        {
            return self.plain(RunJson);
        }
        let Some(flow) = state.flows.get(key) else {
            return self.plain(RunUnknownFlow);
        };
        let labels = request.url.query_pairs().filter(|(name, _)| name == "labels");
        let labels = labels.map(|(_, label)| {
            let (key, value) = label.split_once(':').unwrap();
            json!({"key": key, "value": value})
        });
        let mut execution = self.execute(key, flow, labels.collect());
        execution.labels.push(json!({"key": "system.from", "value": "api"}));
        let waits = request
            .url
            .query_pairs()
            .any(|(name, value)| name == "wait" && value == "true");
        let answer = match execution.state {
            _ if !waits => RunNoWait,
            "FAILED" => RunMissing,
            _ => RunWait,
        };
        let answer = self.answer(answer, |body| self.show(body, &execution));
        state.executions.push(execution);
        answer
    }
}

impl Respond for Kestra {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let state = &mut *self.state.lock().unwrap();
        let mut path: Vec<&str> = request.url.path_segments().unwrap().collect();
        let right = request.headers.get("authorization").and_then(|sent| sent.to_str().ok());
        let let_in = self.authorization.is_none() || right == self.authorization.as_deref();
        let verb = request.method.as_str();
        if path == ["api", "v1", "configs"] {
            let open = self.major() < 2;
            return self.plain(if let_in || open { Configs } else { ConfigsWrong });
        }
        if !let_in {
            return self.plain(LogInWrong);
        }
        if self.major() > 0 && path.get(2) == Some(&"main") {
            path.remove(2);
        }
        let body = || String::from_utf8(request.body.clone()).unwrap();
        match (verb, &path[2..]) {
            ("POST", ["flows"]) => self.create(state, &body()),
            (_, ["flows", namespace, id]) => {
                let key = ((*namespace).to_owned(), (*id).to_owned());
                let Some(known) = state.flows.get(&key) else {
                    return self.plain(match verb {
                        "GET" => FlowIsNot,
                        "PUT" => UpdateUnknown,
                        _ => DeleteFlowAgain,
                    });
                };
                match verb {
                    "GET" => self.answer(FlowIsThere, |body| describe(body, &key, known)),
                    "PUT" => {
                        let (key, mut flow) = flow(&body()).unwrap();
                        flow.revision = known.revision + u32::from(flow.definition != known.definition);
                        self.store(state, Update, key, flow)
                    }
                    _ => {
                        state.flows.remove(&key);
                        self.plain(DeleteFlow)
                    }
                }
            }
            // No transcript has it; this is the shape of Kestra's own controller, which is there from 0.22 on.
            ("GET", ["namespaces", namespace, "inherited-secrets"]) if self.major() > 0 => {
                let keys: Vec<&str> = self.keyring.keys().collect();
                ResponseTemplate::new(200).set_body_json(json!({*namespace: keys}))
            }
            ("GET", ["executions"]) => self.search(state, request),
            ("POST", ["executions", namespace, id]) => {
                self.run(state, request, &((*namespace).to_owned(), (*id).to_owned()))
            }
            (_, ["executions" | "logs", id] | ["outputs", "tasks", id, _]) => {
                let Some(at) = state.executions.iter().position(|execution| execution.id == *id) else {
                    return self.plain(LogIn);
                };
                let execution = &state.executions[at];
                match (verb, path[2]) {
                    ("DELETE", _) => {
                        state.executions.remove(at);
                        self.plain(DeleteExecution)
                    }
                    (_, "logs") => self.logs(execution),
                    (_, "outputs") if self.major() == 2 => {
                        let task = execution.tasks.iter().find(|task| task.id == path[5]);
                        let values = task.map(|task| task.values.clone());
                        self.answer(Outputs, |body| body["values"] = json!(values))
                    }
                    (_, "executions") => self.answer(Execution, |body| self.show(body, execution)),
                    _ => self.plain(LogIn),
                }
            }
            _ => self.plain(LogIn),
        }
    }
}

fn flow(source: &str) -> Option<((String, String), Flow)> {
    let definition: Value = serde_saphyr::from_str(source).ok()?;
    let key = (
        definition["namespace"].as_str()?.to_owned(),
        definition["id"].as_str()?.to_owned(),
    );
    let flow = Flow {
        definition,
        source: source.to_owned(),
        revision: 1,
    };
    Some((key, flow))
}

fn describe(body: &mut Value, (namespace, id): &(String, String), flow: &Flow) {
    body["namespace"] = json!(namespace);
    body["id"] = json!(id);
    body["revision"] = json!(flow.revision);
    body["tasks"] = flow.definition["tasks"].clone();
    if body.get("source").is_some() {
        body["source"] = json!(flow.source);
    }
}

/// Whether a server of 2.0.0 takes these tasks, as far as the tests have any.
fn understands(tasks: &Value) -> bool {
    let is_known = |task: &Value| match task["type"].as_str().unwrap_or_default() {
        "io.kestra.plugin.core.flow.Parallel" => understands(&task["tasks"]),
        kind => kind == "io.kestra.plugin.core.output.OutputValues" && task.get("when").is_none(),
    };
    tasks
        .as_array()
        .is_some_and(|tasks| !tasks.is_empty() && tasks.iter().all(is_known))
}

/// What the outputs show of a value.
fn show(value: &Value, scope: &Names<'_>) -> Result<String, String> {
    let text = render(value.as_str().unwrap(), scope)?;
    let version: Version = scope.kestra.version.parse().unwrap();
    let shown = reported(&Plaintext::new(text, true), &version);
    let shown = shown.first().ok_or("it never ends")?;
    String::from_utf8(shown.bytes().to_vec()).map_err(|e| e.to_string())
}

/// Puts what a terminal obeys into the texts of a member, and into the names below it.
fn spoil(body: &mut Value, odd: &str, within: bool) {
    match body {
        Value::String(text) if within => text.push_str(ESCAPE),
        Value::Array(all) => all.iter_mut().for_each(|one| spoil(one, odd, within)),
        Value::Object(members) => {
            let all = std::mem::take(members);
            members.extend(all.into_iter().map(|(name, mut value)| {
                spoil(&mut value, odd, within || name == odd);
                (if within { name + ESCAPE } else { name }, value)
            }));
        }
        _ => {}
    }
}

struct Names<'a> {
    kestra: &'a Kestra,
    flow: &'a Flow,
}

impl Scope for Names<'_> {
    fn secret(&self, key: &str) -> Result<String, String> {
        let version: Version = self.kestra.version.parse().unwrap();
        let text = match self.kestra.keyring.secret(key, &version) {
            SecretRead::Text(text) => text,
            SecretRead::OneOf(several) => several[0].clone(),
            SecretRead::EmptyString => Plaintext::new("", true),
            SecretRead::Fails(why) => return Err(why),
        };
        String::from_utf8(text.bytes().to_vec()).map_err(|e| e.to_string())
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.flow.definition["variables"][name].as_str().map(str::to_owned)
    }
}

fn fresh() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), 22)
}
