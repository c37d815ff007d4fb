//! What Kestra gives for many secrets, in few executions.

mod missing;

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::error::{During as _, InfraError};
use crate::kestra::{self, Client, Execution, ExecutionState, FlowRef};
use crate::oracle::secret::Plaintext;

/// How long an execution may go on once nobody waits for its answer: one that runs is not to be deleted.
const LAST: Duration = Duration::from_secs(10);

/// How long an execution's log may lag behind its end; 2 s were measured for 400 stack traces.
const LOG_LAG: Duration = Duration::from_secs(30);

const OUTPUT_VALUES: &str = "io.kestra.plugin.core.output.OutputValues";

/// What a flow sees of one secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// This text.
    Text(Plaintext),
    /// The task failed, with these words.
    Missing(String),
    /// No flow ever ran: the pod was held, or what was given was refused.
    Never(String),
}

/// A secret to ask for, by the number of its sample.
pub type ProbedKey<'a> = (usize, &'a str);

/// Asks one Kestra.
pub struct SecretProbe<'a> {
    /// The server.
    client: &'a Client,
    config: ProbeConfig,
    created: Mutex<Created>,
}

/// How a Kestra is asked.
pub struct ProbeConfig {
    /// Where the flows go.
    pub namespace: String,
    /// What the ids of the flows begin with.
    pub prefix: String,
    /// What of a secret the outputs show, as a template, by the expression that reads it.
    pub show: Box<dyn Fn(&str) -> String + Send + Sync>,
    /// Ends it early; none where nothing is taken away again. With one, every execution is known by its id
    /// before it is waited for.
    pub cancel: Option<CancellationToken>,
    /// How long an execution's log may lag behind its end.
    pub log_lag: Duration,
}

/// Why a flow was not put.
enum PutError {
    /// Kestra refuses it, and may take another.
    Refused(InfraError),
    /// The network or the server failed, or the user interrupted.
    Failed(InfraError),
}

impl From<PutError> for InfraError {
    fn from(error: PutError) -> Self {
        match error {
            PutError::Refused(infra) | PutError::Failed(infra) => infra,
        }
    }
}

/// What was made on a server.
#[derive(Debug, Default)]
pub struct Created {
    /// The flows, each once.
    pub flows: Vec<FlowRef>,
    /// The executions.
    pub executions: Vec<Execution>,
}

impl ProbeConfig {
    /// The secrets themselves are shown, and everything stays.
    pub fn plainly(namespace: &str, prefix: &str) -> Self {
        Self {
            namespace: namespace.into(),
            prefix: prefix.into(),
            show: Box::new(str::to_owned),
            cancel: None,
            log_lag: LOG_LAG,
        }
    }
}

impl<'a> SecretProbe<'a> {
    /// Asks a server as configured.
    pub fn new(client: &'a Client, config: ProbeConfig) -> Self {
        Self {
            client,
            config,
            created: Mutex::default(),
        }
    }
}

impl SecretProbe<'_> {
    /// What a flow sees of each secret. Which of them are there is a guess, and costs time where it is wrong.
    ///
    /// # Errors
    /// [`InfraError`] with the call that failed.
    pub async fn observe(
        &self,
        present: &[ProbedKey<'_>],
        missing: &[ProbedKey<'_>],
    ) -> Result<BTreeMap<usize, Observed>, InfraError> {
        let mut gone = BTreeMap::new();
        let mut texts = self.texts(present).await?;
        if texts.is_none() {
            // One that is missing fails them all.
            gone = self.missing(present).await?;
            texts = self.texts(&without(present, &gone)).await?;
        }
        let mut texts = texts.ok_or_else(unstable)?;
        let mut more = self.missing(missing).await?;
        let found = without(missing, &more);
        if !found.is_empty() {
            texts.extend(self.texts(&found).await?.ok_or_else(unstable)?);
        }
        gone.append(&mut more);
        let texts = texts.into_iter().map(|(number, text)| (number, Observed::Text(text)));
        let gone = gone
            .into_iter()
            .map(|(number, words)| (number, Observed::Missing(words)));
        Ok(texts.chain(gone).collect())
    }

    /// The texts of all, by one task; none when it fails.
    async fn texts(&self, asked: &[ProbedKey<'_>]) -> Result<Option<BTreeMap<usize, Plaintext>>, InfraError> {
        if asked.is_empty() {
            return Ok(Some(BTreeMap::new()));
        }
        let show = |number: usize| format!("{{{{ {} }}}}", (self.config.show)(&secret(number)));
        let values: Map<String, Value> = asked.iter().map(|(n, _)| (output(*n), show(*n).into())).collect();
        let task = json!({"id": "read", "type": OUTPUT_VALUES, "values": values});
        let execution = self.run("present", asked, &task).await?;
        if execution.state != ExecutionState::Success {
            return Ok(None);
        }
        let outputs = self.client.outputs(&execution, "read").await;
        let outputs = outputs.during("read the outputs")?;
        let values = outputs.get("values").and_then(Value::as_object);
        let text = |number: usize| values.and_then(|v| v.get(&output(number))?.as_str());
        let texts = asked.iter().map(|(number, key)| match text(*number) {
            Some(text) => Ok((*number, Plaintext::new(text, true))),
            None => Err(InfraError::new(
                "read the outputs",
                format!("there is no text for secret('{key}')"),
            )),
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// Runs a flow of one task to its end.
    async fn run(&self, id: &str, asked: &[ProbedKey<'_>], task: &Value) -> Result<Execution, InfraError> {
        let flow = self.put(id, asked, task).await?;
        self.execute(flow).await
    }

    /// Puts a flow of one task, unless nothing is to be begun any more.
    async fn put(&self, id: &str, asked: &[ProbedKey<'_>], task: &Value) -> Result<FlowRef, PutError> {
        let ProbeConfig {
            namespace,
            prefix,
            cancel,
            ..
        } = &self.config;
        if cancel.as_ref().is_some_and(CancellationToken::is_cancelled) {
            return Err(PutError::Failed(interrupted()));
        }
        let source = flow(namespace, &format!("{prefix}_{id}"), asked, task);
        let flow = self.client.put_flow(&source).await.map_err(|error| {
            let put_error = match error {
                kestra::Error::Refused(_) => PutError::Refused,
                kestra::Error::Infra(_) => PutError::Failed,
            };
            put_error(InfraError::caused_by("create the flow", error))
        })?;
        self.record(|created| {
            if !created.flows.iter().any(|known| known.id == flow.id) {
                created.flows.push(flow.clone());
            }
        });
        Ok(flow)
    }

    /// Runs a flow to its end.
    async fn execute(&self, flow: FlowRef) -> Result<Execution, InfraError> {
        const PHASE: &str = "run the flow";
        let Some(cancel) = &self.config.cancel else {
            let execution = self.client.run(&flow).await.during(PHASE)?;
            self.record(|created| created.executions.push(bare(&execution)));
            return Ok(execution);
        };
        let begun = self.client.start(&flow).await.during(PHASE)?;
        self.record(|created| created.executions.push(bare(&begun)));
        let end = self.client.follow(&flow, begun);
        tokio::pin!(end);
        tokio::select! {
            ended = &mut end => ended.during(PHASE),
            () = cancel.cancelled() => {
                // How it ends is of no account any more.
                let _ = tokio::time::timeout(LAST, end).await;
                Err(interrupted())
            }
        }
    }

    /// How many executions there were.
    pub fn executions(&self) -> usize {
        self.created.lock().executions.len()
    }

    fn record(&self, change: impl FnOnce(&mut Created)) {
        change(&mut self.created.lock());
    }

    /// Takes away what was made: executions first, which need no flow to be found.
    ///
    /// # Errors
    /// What is left, a line each, where something is.
    pub async fn remove(&self) -> Result<Created, InfraError> {
        let created = std::mem::take(&mut *self.created.lock());
        let mut left = Vec::new();
        for execution in &created.executions {
            if let Err(error) = self.client.delete_execution(execution).await {
                left.push(error.to_string());
            }
        }
        for flow in &created.flows {
            if let Err(error) = self.client.delete_flow(flow).await {
                left.push(error.to_string());
            }
        }
        if left.is_empty() {
            return Ok(created);
        }
        Err(InfraError::new("take the flows away", left.join("; ")).help("delete them by hand, in Kestra's UI"))
    }
}

/// An execution without what came out of it.
fn bare(execution: &Execution) -> Execution {
    Execution {
        task_runs: Vec::new(),
        ..execution.clone()
    }
}

fn interrupted() -> InfraError {
    InfraError::new("ask Kestra", "interrupted")
}

/// A flow of one task that asks for these secrets. Their keys stand in the flow's variables, where no
/// character means anything to Kestra's template language.
fn flow(namespace: &str, id: &str, asked: &[ProbedKey<'_>], task: &Value) -> String {
    let variables: Map<String, Value> = asked.iter().map(|(n, key)| (output(*n), (*key).into())).collect();
    json!({"id": id, "namespace": namespace, "variables": variables, "tasks": [task]}).to_string()
}

fn output(number: usize) -> String {
    format!("s{number}")
}

fn secret(number: usize) -> String {
    format!("secret(vars.{})", output(number))
}

fn without<'a, T>(asked: &[ProbedKey<'a>], gone: &BTreeMap<usize, T>) -> Vec<ProbedKey<'a>> {
    asked
        .iter()
        .filter(|(number, _)| !gone.contains_key(number))
        .copied()
        .collect()
}

fn unstable() -> InfraError {
    InfraError::new("read the secrets", "a flow failed on secrets of which each was there")
}

#[cfg(test)]
mod tests;
