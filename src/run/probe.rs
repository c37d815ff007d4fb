//! What Kestra gives for many secrets, in few executions.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::error::{During as _, InfraError};
use crate::kestra::{self, ApiGeneration, Client, Execution, ExecutionState, FlowRef, LogLine};
use crate::oracle::secret::Plaintext;

/// How many secrets one execution looks for in vain: with more of them Kestra, which writes an execution out
/// anew at every step, takes longer for each.
const AT_ONCE: usize = 100;
/// How many such executions run at a time.
const PARALLEL: usize = 2;
/// How long an execution's log may lag behind its end; 2 s were measured for 400 stack traces.
const LOGS: Duration = Duration::from_secs(30);

/// How long an execution may go on once nobody waits for its answer: one that runs is not to be deleted.
const LAST: Duration = Duration::from_secs(10);

const OUTPUT_VALUES: &str = "io.kestra.plugin.core.output.OutputValues";
/// How Kestra 0.21 tells of a condition that cannot be rendered: without the reason.
const WORDLESS: &str = "Unable to evaluate the runIf condition";
const PARALLEL_TASK: &str = "io.kestra.plugin.core.flow.Parallel";

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

    /// Those that are missing, each by a task of its own, and Kestra's words.
    async fn missing(&self, asked: &[ProbedKey<'_>]) -> Result<BTreeMap<usize, String>, InfraError> {
        let found = futures::stream::iter(asked.chunks(AT_ONCE).enumerate())
            .map(|(n, asked)| self.some_missing(n, asked))
            .buffered(PARALLEL);
        let found: Vec<BTreeMap<usize, String>> = found.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Asks for secrets by the condition of a task that never runs: the executor fails the task where the secret
    /// is missing and skips it where it is there. No worker is needed, which makes it a hundred times as fast as
    /// tasks that read and fail.
    async fn some_missing(&self, n: usize, asked: &[ProbedKey<'_>]) -> Result<BTreeMap<usize, String>, InfraError> {
        let flow = self.put_unless_missing(&format!("missing_{n}"), asked).await?;
        let execution = self.execute(flow).await?;
        let ended = |number: usize| {
            let task = output(number);
            execution
                .task_runs
                .iter()
                .find(|run| run.task_id == task)
                .map(|run| &run.state)
        };
        let mut failed = Vec::new();
        for (number, key) in asked {
            match ended(*number) {
                Some(ExecutionState::Failed) => failed.push(*number),
                Some(ExecutionState::Other(state)) if state == "SKIPPED" => {}
                other => {
                    let how = other.map_or_else(|| "never began".to_owned(), |state| format!("ended {state}"));
                    return Err(InfraError::new(
                        "look for what is missing",
                        format!("the task for secret('{key}') {how}"),
                    ));
                }
            }
        }
        let errors = self.errors_of(&execution, failed).await?;
        let wordless: Vec<ProbedKey<'_>> = asked
            .iter()
            .filter(|(number, _)| errors.get(number).is_some_and(|words| words.starts_with(WORDLESS)))
            .copied()
            .collect();
        if wordless.is_empty() {
            return Ok(errors);
        }
        // Kestra 0.21 does not say why a condition fails; a task that reads the secret does.
        let read = |number| format!("{{{{ {} }}}}", secret(number));
        let tasks = parallel(&wordless, |number| json!({"values": {"read": read(number)}}));
        let execution = self.run(&format!("words_{n}"), &wordless, &tasks).await?;
        let failed = wordless.iter().map(|(number, _)| *number).collect();
        self.errors_of(&execution, failed).await
    }

    /// What Kestra logged of each task that failed.
    async fn errors_of(
        &self,
        execution: &Execution,
        failed: Vec<usize>,
    ) -> Result<BTreeMap<usize, String>, InfraError> {
        let is_error_of_a_task = |line: &&LogLine| line.level == "ERROR" && line.task_id.is_some();
        let is_whole = |lines: &[LogLine]| lines.iter().filter(is_error_of_a_task).count() >= failed.len();
        let lines = self.client.logs_until(execution, LOGS, is_whole).await;
        let lines = lines.during("read the execution's logs")?;
        let mut messages: BTreeMap<&str, &str> = BTreeMap::new();
        for line in lines.iter().filter(|line| line.level == "ERROR") {
            if let Some(task) = &line.task_id {
                messages.entry(task).or_insert(&line.message);
            }
        }
        let message = |number: usize| messages.get(output(number).as_str()).copied();
        let errors = failed.iter().map(|number| {
            let message = message(*number).unwrap_or("its task failed without a word");
            (*number, message.to_owned())
        });
        Ok(errors.collect())
    }

    /// Puts the flow whose tasks fail where a secret is missing. Which name a task's condition goes by is for the
    /// server to say: 2.0.0 refuses `when`, which its documentation has, and its successors are to drop `runIf`.
    async fn put_unless_missing(&self, id: &str, asked: &[ProbedKey<'_>]) -> Result<FlowRef, InfraError> {
        let tasks_with = |condition: &str| {
            let never = |number| format!("{{{{ {} is null }}}}", secret(number));
            parallel(asked, |number| json!({condition: never(number), "values": {}}))
        };
        match self.put(id, asked, &tasks_with("runIf")).await {
            Err(PutError::Refused(_)) if self.client.server().generation == ApiGeneration::V2 => {
                Ok(self.put(id, asked, &tasks_with("when")).await?)
            }
            put => Ok(put?),
        }
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

/// A task that runs one for each secret, all at once; `rest` is what each of them is beside its name.
fn parallel(asked: &[ProbedKey<'_>], rest: impl Fn(usize) -> Value) -> Value {
    let task = |(number, _): &ProbedKey<'_>| {
        let mut task = rest(*number);
        task["id"] = output(*number).into();
        task["type"] = OUTPUT_VALUES.into();
        task
    };
    let tasks: Vec<Value> = asked.iter().map(task).collect();
    json!({"id": "all", "type": PARALLEL_TASK, "tasks": tasks})
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
