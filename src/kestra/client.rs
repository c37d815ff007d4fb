use super::connection::Pauses;
use super::dialect::{Dialect, Outputs};
use super::error::{Error, RequestCause};
use super::generation::ApiGeneration;
use super::http::{Call, PathKind, Transport};
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
            // An environment holds about 2 MiB; the outputs of a flow that shows all of it, with every character
            // escaped, stay below.
            body: 16 << 20,
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
    pub generation: ApiGeneration,
}

/// A Kestra server, spoken to in the language of its generation.
#[derive(Clone)]
pub struct Client {
    pub(super) transport: Transport,
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
            names: PathKind::Api,
            yaml: None,
            refusals: &[],
            repeatable: true,
        };
        let configs: Configs = transport.json(&call, &transport.request_deadline()).await?;
        let version = configs.version.trim_start_matches('v').parse().map_err(|error| {
            transport.infra(
                &call,
                RequestCause::Malformed(format!("its version does not parse: {error}")),
            )
        })?;
        let server = ServerInfo {
            generation: ApiGeneration::for_version(&version),
            version,
            engine_adapter: configs.engine_adapter,
        };
        let client = Self { transport, server };
        client.log_in().await?;
        Ok(client)
    }

    /// Finds out whether the credentials are taken: up to 1.x Kestra tells its version to everybody. The execution that
    /// is asked for is nobody's, and anything but 401 lets the caller in.
    async fn log_in(&self) -> Result<(), Error> {
        let path = ["executions", "kestra-secrets"];
        let call = self.call("log in to Kestra".into(), Method::GET, &path);
        match self.transport.done(&call, &self.transport.request_deadline()).await {
            Err(error) if matches!(error.failure().cause, RequestCause::Status { status, .. } if status != 401) => {
                Ok(())
            }
            result => result,
        }
    }

    /// Who answers.
    pub fn server(&self) -> &ServerInfo {
        &self.server
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
                Err(self.transport.infra(&call, RequestCause::Malformed(what.into())))
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

    pub(super) fn dialect(&self) -> &'static dyn Dialect {
        self.server.generation.dialect()
    }

    /// A request for a path below the root. One segment names what there is many of, more name one of them.
    pub(super) fn call(&self, action: String, method: Method, path: &[&str]) -> Call {
        let url = self.transport.url(&[self.dialect().root(), path].concat());
        Call {
            action,
            names: if path.len() > 1 {
                PathKind::Object
            } else {
                PathKind::Api
            },
            repeatable: method != Method::POST,
            method,
            url,
            yaml: None,
            refusals: &[],
        }
    }

    pub(super) async fn get<T: serde::de::DeserializeOwned>(&self, call: &Call) -> Result<T, Error> {
        self.transport.json(call, &self.transport.request_deadline()).await
    }

    async fn delete(&self, action: String, path: &[&str]) -> Result<(), Error> {
        let call = self.call(action, Method::DELETE, path);
        match self.transport.done(&call, &self.transport.request_deadline()).await {
            Err(error) if error.is_not_found() => Ok(()),
            result => result,
        }
    }
}
