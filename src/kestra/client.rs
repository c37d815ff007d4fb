use super::connection::{Deadline, Pauses};
use super::dialect::{Dialect, Outputs};
use super::error::{Cause, Error};
use super::generation::Generation;
use super::http::{Call, Transport};
use super::model::{Execution, FlowRef, LogLine};
use super::{Auth, Scrub};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::fmt;
use std::time::Duration;
use tokio::time::Instant;

/// How long the client waits, and how much it takes in.
#[derive(Clone, Debug)]
pub struct Limits {
    /// For a connection to come about.
    pub connect: Duration,
    /// For one request and the whole of its answer.
    pub request: Duration,
    /// For an execution, from asking for it to its end.
    pub execution: Duration,
    /// The largest answer, in bytes.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(30),
            execution: Duration::from_secs(120),
            body: 64 << 20,
        }
    }
}

/// Who served the requests, for the provenance of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// Kestra's version, by its own account.
    pub version: semver::Version,
    /// Whether the harness's own adapter over Kestra's engine answered, rather than Kestra's
    /// own web server: then nothing is proved of Kestra's HTTP layer.
    pub engine_adapter: bool,
    /// The generation of the API that was chosen.
    pub generation: Generation,
}

/// A Kestra server, spoken to in the language of its generation.
#[derive(Clone)]
pub struct Client {
    transport: Transport,
    server: ServerInfo,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("origin", &self.transport.origin())
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Asks the server at `base` (with the context path, if it has one) for its version and
    /// chooses the generation of its API.
    ///
    /// # Errors
    /// [`Error::Infra`] when it cannot be reached, turns the credentials away, or is no Kestra.
    pub async fn connect(base: Url, auth: impl Into<Auth>, limits: Limits, scrub: Scrub) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Configs {
            version: String,
            #[serde(default, rename = "engineAdapter")]
            engine_adapter: bool,
        }
        let transport = Transport::new(base, auth.into(), limits, scrub)?;
        let call = Call {
            action: "ask Kestra for its version".into(),
            method: Method::GET,
            url: transport.url(&["api", "v1", "configs"]),
            yaml: None,
            refusals: &[],
            repeatable: true,
        };
        let configs: Configs = transport.json(&call, &transport.request_deadline()).await?;
        let version = configs.version.trim_start_matches('v').parse().map_err(|error| {
            transport.infra(&call, Cause::Malformed(format!("its version does not parse: {error}")))
        })?;
        let server = ServerInfo {
            generation: Generation::of(&version),
            version,
            engine_adapter: configs.engine_adapter,
        };
        Ok(Self { transport, server })
    }

    /// Who answers.
    pub fn server(&self) -> &ServerInfo {
        &self.server
    }

    /// Creates the flow, or updates it where it already exists.
    ///
    /// # Errors
    /// [`Error::Refused`] when Kestra finds the flow invalid.
    pub async fn put_flow(&self, source: &str) -> Result<FlowRef, Error> {
        #[derive(Deserialize)]
        struct Identity {
            namespace: String,
            id: String,
        }
        let identity = serde_saphyr::from_str::<Identity>(source).ok();
        let name = identity.as_ref().map_or_else(
            || "without a namespace and an id".into(),
            |flow| format!("{}/{}", flow.namespace, flow.id),
        );
        let deadline = self.transport.request_deadline();
        let with_source = |mut call: Call| {
            call.yaml = Some(source.to_owned());
            call.refusals = &[400, 422];
            // A flow that is there already is updated.
            call.repeatable = true;
            call
        };
        let create = self.call(format!("create flow {name}"), Method::POST, &["flows"]);
        let created = self.transport.json(&with_source(create), &deadline).await;
        match (created, identity) {
            (Err(Error::Refused(failure)), Some(flow)) if already_exists(&failure.cause) => {
                let path = ["flows", &flow.namespace, &flow.id];
                let update = self.call(format!("update flow {name}"), Method::PUT, &path);
                self.transport.json(&with_source(update), &deadline).await
            }
            (result, _) => result,
        }
    }

    /// Runs the flow without inputs (one that the flow does not declare would add a line to
    /// its log) and waits until it has ended, well or badly.
    ///
    /// # Errors
    /// [`Error::Refused`] when the flow cannot be run as it is: disabled, or in want of inputs.
    /// [`Error::Infra`] when it has not ended by the execution deadline, among others.
    pub async fn run(&self, flow: &FlowRef, labels: &[(&str, &str)]) -> Result<Execution, Error> {
        let deadline = Deadline::start("execution", self.transport.limits().execution);
        let execution = self.ask_for(flow, labels, true, &deadline).await?;
        // A server may answer before the end: when it gives up waiting, or is stopped meanwhile.
        self.to_its_end(flow, execution, deadline).await
    }

    /// Asks for a run of the flow and does not wait for it: what there is to take away again is then known.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn start(&self, flow: &FlowRef) -> Result<Execution, Error> {
        self.ask_for(flow, &[], false, &self.transport.request_deadline()).await
    }

    /// Waits until a run of the flow has ended, well or badly.
    ///
    /// # Errors
    /// [`Error::Infra`] when it has not by the execution deadline, among others.
    pub async fn follow(&self, flow: &FlowRef, execution: Execution) -> Result<Execution, Error> {
        let deadline = Deadline::start("execution", self.transport.limits().execution);
        self.to_its_end(flow, execution, deadline).await
    }

    async fn ask_for(
        &self,
        flow: &FlowRef,
        labels: &[(&str, &str)],
        wait: bool,
        deadline: &Deadline,
    ) -> Result<Execution, Error> {
        let path = ["executions", &flow.namespace, &flow.id];
        let mut start = self.call(format!("run flow {flow}"), Method::POST, &path);
        start.refusals = &[400, 409, 422];
        // Whoever waits reads the execution that is answered; one whose answer was lost is nobody's.
        start.repeatable = wait;
        start
            .url
            .query_pairs_mut()
            .append_pair("wait", if wait { "true" } else { "false" })
            .extend_pairs(labels.iter().map(|(key, value)| ("labels", format!("{key}:{value}"))));
        self.transport.json(&start, deadline).await
    }

    /// Calls the flow's webhook (`ExecutionController.triggerExecutionByPostWebhook`) and waits until the
    /// execution that it makes has ended, well or badly.
    ///
    /// # Errors
    /// [`Error::Refused`] when no webhook of the flow has this key. [`Error::Infra`] as [`Self::run`].
    pub async fn call_webhook(&self, flow: &FlowRef, key: &str) -> Result<Execution, Error> {
        let deadline = Deadline::start("execution", self.transport.limits().execution);
        let path = ["executions", "webhook", &flow.namespace, &flow.id, key];
        let mut call = self.call(format!("call the webhook of flow {flow}"), Method::POST, &path);
        call.refusals = &[400, 404, 409, 422];
        let execution: Execution = self.transport.json(&call, &deadline).await?;
        self.to_its_end(flow, execution, deadline).await
    }

    /// An execution that the flow's own trigger made, at its end; none when there is none `within` that time.
    ///
    /// # Errors
    /// [`Error::Infra`] when the server cannot be asked, or the execution does not end.
    pub async fn triggered_execution(&self, flow: &FlowRef, within: Duration) -> Result<Option<Execution>, Error> {
        #[derive(Deserialize)]
        struct Found {
            results: Vec<Execution>,
        }
        let until = Instant::now() + within;
        let mut search = self.call(
            format!("look for executions of flow {flow}"),
            Method::GET,
            &["executions"],
        );
        search
            .url
            .query_pairs_mut()
            .append_pair("namespace", &flow.namespace)
            .append_pair("flowId", &flow.id);
        let mut pauses = Pauses::new();
        loop {
            let found: Found = self.get(&search).await?;
            if let Some(first) = found.results.into_iter().next() {
                let deadline = Deadline::start("execution", self.transport.limits().execution);
                return self.to_its_end(flow, first, deadline).await.map(Some);
            }
            if !pauses.next_before(until).await {
                return Ok(None);
            }
        }
    }

    /// Follows an execution until it has ended, well or badly, and all of it is there.
    async fn to_its_end(
        &self,
        flow: &FlowRef,
        mut execution: Execution,
        mut deadline: Deadline,
    ) -> Result<Execution, Error> {
        let id = execution.id.clone();
        let path = ["executions", id.as_str()];
        let follow = self.call(format!("follow a run of flow {flow}"), Method::GET, &path);
        let mut pauses = Pauses::new();
        let mut known = false;
        while !execution.state.is_terminal() {
            deadline.seen(format!("execution {id} in state {}", execution.state));
            if !pauses.next_before(deadline.at()).await {
                return Err(self.transport.infra(&follow, deadline.passed()));
            }
            execution = match self.transport.json(&follow, &deadline).await {
                Ok(execution) => execution,
                // Right after it was asked for, it may not be in the database yet.
                Err(error) if !known && matches!(error.failure().cause, Cause::Status { status: 404, .. }) => continue,
                Err(error) => return Err(error),
            };
            known = true;
        }
        Ok(execution)
    }

    /// The outputs of the last run of a task, from where this generation keeps them, as they
    /// are. Empty when the task has none, as when it failed or was never reached.
    ///
    /// # Errors
    /// [`Error::Infra`] when they cannot be read or are no JSON object.
    pub async fn outputs(&self, execution: &Execution, task_id: &str) -> Result<Map<String, Value>, Error> {
        let Some(run) = execution.task_runs.iter().rfind(|run| run.task_id == task_id) else {
            return Ok(Map::new());
        };
        let place = self.dialect().outputs(execution, run);
        let path = match &place {
            Outputs::Inline(_) => vec!["executions", &execution.id],
            Outputs::At(path) => path.clone(),
        };
        let call = self.call(format!("read the outputs of task {task_id}"), Method::GET, &path);
        let outputs = match place {
            Outputs::Inline(outputs) => outputs.cloned().unwrap_or_default(),
            Outputs::At(_) => self.get(&call).await?,
        };
        match outputs {
            Value::Object(outputs) => Ok(outputs),
            Value::Null => Ok(Map::new()),
            _ => {
                let what = "the outputs of a task are no JSON object";
                Err(self.transport.infra(&call, Cause::Malformed(what.into())))
            }
        }
    }

    /// The log of an execution, as far as it is there: Kestra indexes it beside the execution,
    /// so that right after the end it may still be empty. See [`Self::logs_until`].
    ///
    /// # Errors
    /// [`Error::Infra`] when it cannot be read.
    pub async fn logs(&self, execution: &Execution) -> Result<Vec<LogLine>, Error> {
        let action = format!("read the log of execution {}", execution.id);
        self.get(&self.call(action, Method::GET, &["logs", &execution.id]))
            .await
    }

    /// The log of an execution, read again until there is `enough` of it. After `within` what
    /// there is will do: that a line never came is the caller's to judge.
    ///
    /// # Errors
    /// [`Error::Infra`] when it cannot be read.
    pub async fn logs_until(
        &self,
        execution: &Execution,
        within: Duration,
        enough: impl Fn(&[LogLine]) -> bool,
    ) -> Result<Vec<LogLine>, Error> {
        let deadline = Instant::now() + within;
        let mut pauses = Pauses::new();
        loop {
            let lines = self.logs(execution).await?;
            if enough(&lines) || !pauses.next_before(deadline).await {
                return Ok(lines);
            }
        }
    }

    /// Deletes the flow. One that is gone already is as good as deleted.
    ///
    /// # Errors
    /// [`Error::Infra`] when it may still be there.
    pub async fn delete_flow(&self, flow: &FlowRef) -> Result<(), Error> {
        self.delete(format!("delete flow {flow}"), &["flows", &flow.namespace, &flow.id])
            .await
    }

    /// Deletes the execution, with its logs. One that is gone already is as good as deleted.
    ///
    /// # Errors
    /// [`Error::Infra`] when it may still be there.
    pub async fn delete_execution(&self, execution: &Execution) -> Result<(), Error> {
        let path = ["executions", execution.id.as_str()];
        self.delete(format!("delete execution {}", execution.id), &path).await
    }

    fn dialect(&self) -> &'static dyn Dialect {
        self.server.generation.dialect()
    }

    fn call(&self, action: String, method: Method, path: &[&str]) -> Call {
        let url = self.transport.url(&[self.dialect().root(), path].concat());
        Call {
            action,
            repeatable: method != Method::POST,
            method,
            url,
            yaml: None,
            refusals: &[],
        }
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, call: &Call) -> Result<T, Error> {
        self.transport.json(call, &self.transport.request_deadline()).await
    }

    async fn delete(&self, action: String, path: &[&str]) -> Result<(), Error> {
        let call = self.call(action, Method::DELETE, path);
        match self.transport.done(&call, &self.transport.request_deadline()).await {
            Err(error) if matches!(error.failure().cause, Cause::Status { status: 404, .. }) => Ok(()),
            result => result,
        }
    }
}

/// Kestra has no status of its own for a flow that exists: it is one more invalid entity.
fn already_exists(cause: &Cause) -> bool {
    matches!(cause, Cause::Status { status: 422, message }
        if message.to_lowercase().contains("already exists"))
}
