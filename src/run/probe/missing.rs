//! Which of many secrets are missing, and in which words Kestra says so.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use super::{OUTPUT_VALUES, ProbedKey, PutError, SecretProbe, output, secret};
use crate::error::{During as _, InfraError};
use crate::kestra::{ApiGeneration, Execution, ExecutionState, FlowRef, LogLine};

/// How many secrets one execution looks for in vain: with more of them Kestra, which writes an execution out
/// anew at every step, takes longer for each.
const AT_ONCE: usize = 100;
/// How many such executions run at a time.
const PARALLEL: usize = 2;
/// How long an execution's log may lag behind its end; 2 s were measured for 400 stack traces.
const LOGS: Duration = Duration::from_secs(30);

/// How Kestra 0.21 tells of a condition that cannot be rendered: without the reason.
const WORDLESS: &str = "Unable to evaluate the runIf condition";
const PARALLEL_TASK: &str = "io.kestra.plugin.core.flow.Parallel";

/// What one execution says of the secrets that it asks for.
#[derive(Default)]
struct Asked<'a> {
    /// Those that are missing.
    failed: Vec<ProbedKey<'a>>,
    /// Those whose tasks never began.
    waiting: Vec<ProbedKey<'a>>,
}

impl SecretProbe<'_> {
    /// Those that are missing, each by a task of its own, and Kestra's words.
    pub(super) async fn missing(&self, asked: &[ProbedKey<'_>]) -> Result<BTreeMap<usize, String>, InfraError> {
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
        let (mut missing, mut left) = (BTreeMap::new(), asked.to_vec());
        for round in 0.. {
            let id = if round == 0 {
                n.to_string()
            } else {
                format!("{n}_{round}")
            };
            let flow = self.put_unless_missing(&format!("missing_{id}"), &left).await?;
            let execution = self.execute(flow).await?;
            let Asked { failed, waiting } = asked_of(&execution, &left)?;
            missing.extend(self.errors_of(&execution, &failed).await?);
            missing.extend(self.reasons(&id, &failed, &missing).await?);
            match waiting.first() {
                None => break,
                // Kestra 0.22 ends an execution while tasks wait, once others of it have failed.
                Some(_) if waiting.len() < left.len() => left = waiting,
                Some((_, key)) => return Err(unasked(key, "never began")),
            }
        }
        Ok(missing)
    }

    /// Kestra's words for those of which a condition does not tell them: 0.21 says that it failed, and not why. A task
    /// that reads the secret says it.
    async fn reasons(
        &self,
        id: &str,
        failed: &[ProbedKey<'_>],
        errors: &BTreeMap<usize, String>,
    ) -> Result<BTreeMap<usize, String>, InfraError> {
        let is_wordless = |number: &usize| errors.get(number).is_some_and(|words| words.starts_with(WORDLESS));
        let wordless: Vec<ProbedKey<'_>> = failed
            .iter()
            .filter(|(number, _)| is_wordless(number))
            .copied()
            .collect();
        if wordless.is_empty() {
            return Ok(BTreeMap::new());
        }
        let read = |number| format!("{{{{ {} }}}}", secret(number));
        let tasks = parallel(&wordless, |number| json!({"values": {"read": read(number)}}));
        let execution = self.run(&format!("words_{id}"), &wordless, &tasks).await?;
        self.errors_of(&execution, &wordless).await
    }

    /// What Kestra logged of each task that failed.
    async fn errors_of(
        &self,
        execution: &Execution,
        failed: &[ProbedKey<'_>],
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
        let errors = failed.iter().map(|(number, _)| {
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
}

/// How the task of each secret ended.
fn asked_of<'a>(execution: &Execution, asked: &[ProbedKey<'a>]) -> Result<Asked<'a>, InfraError> {
    let mut all = Asked::default();
    for key in asked {
        let task = output(key.0);
        let state = execution
            .task_runs
            .iter()
            .find(|run| run.task_id == task)
            .map(|run| &run.state);
        match state {
            Some(ExecutionState::Failed) => all.failed.push(*key),
            Some(ExecutionState::Other(state)) if state == "SKIPPED" => {}
            Some(ExecutionState::Other(state)) if state == "CREATED" => all.waiting.push(*key),
            None => return Err(unasked(key.1, "never began")),
            Some(state) => return Err(unasked(key.1, &format!("ended {state}"))),
        }
    }
    Ok(all)
}

fn unasked(key: &str, how: &str) -> InfraError {
    InfraError::new(
        "look for what is missing",
        format!("the task for secret('{key}') {how}"),
    )
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
