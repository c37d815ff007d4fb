//! Which of many secrets are missing, and in which words Kestra says so.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use super::{OUTPUT_VALUES, ProbedKey, PutError, SecretProbe, output, secret, without};
use crate::error::{During as _, InfraError};
use crate::kestra::{ApiGeneration, Execution, ExecutionState, FlowRef, LogLine};

/// How many secrets one execution looks for in vain: with more of them Kestra, which writes an execution out
/// anew at every step, takes longer for each.
const AT_ONCE: usize = 100;
/// As many as Kestra up to 0.22 looks for: of 500 secrets, 100 at once took 0.21 38 s and 0.22 29 s, and 25 at once take
/// them 11 s and 6 s.
const AT_ONCE_BEFORE_TENANTS: usize = 25;
/// How many such executions run at a time.
const PARALLEL: usize = 2;
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
        let at_once = match self.client.server().generation {
            ApiGeneration::V0 => AT_ONCE_BEFORE_TENANTS,
            ApiGeneration::V1 | ApiGeneration::V2 => AT_ONCE,
        };
        let found = futures::stream::iter(asked.chunks(at_once).enumerate())
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
            missing.extend(self.reasons(&id, &execution, &failed).await?);
            match waiting.first() {
                None => break,
                // Kestra 0.22 ends an execution while tasks wait, once others of it have failed.
                Some(_) if waiting.len() < left.len() => left = waiting,
                Some((_, key)) => return Err(unasked(key, "never began")),
            }
        }
        Ok(missing)
    }

    /// Why each of these tasks failed, in Kestra's words. Where the log of the execution does not tell it, a task that
    /// reads the secret does: 0.21 says of a condition that it failed, and not why; 0.22 may say nothing of it.
    async fn reasons(
        &self,
        id: &str,
        execution: &Execution,
        failed: &[ProbedKey<'_>],
    ) -> Result<BTreeMap<usize, String>, InfraError> {
        let mut reasons = self.errors_of(execution, failed).await?;
        reasons.retain(|_, words| !words.starts_with(WORDLESS));
        let wordless = without(failed, &reasons);
        if !wordless.is_empty() {
            let read = |number| format!("{{{{ {} }}}}", secret(number));
            let tasks = parallel(&wordless, |number| json!({"values": {"read": read(number)}}));
            let execution = self.run(&format!("words_{id}"), &wordless, &tasks).await?;
            reasons.extend(self.errors_of(&execution, &wordless).await?);
        }
        // A failure without a word is no answer: a secret that is missing has Kestra say so.
        match without(failed, &reasons).first() {
            None => Ok(reasons),
            Some((_, key)) => Err(unasked(key, "failed, and Kestra's log does not say why")),
        }
    }

    /// What Kestra logged of the tasks that failed: the first error of each of which it says one.
    async fn errors_of(
        &self,
        execution: &Execution,
        failed: &[ProbedKey<'_>],
    ) -> Result<BTreeMap<usize, String>, InfraError> {
        let errors = |lines: &[LogLine]| -> BTreeMap<usize, String> {
            let mut first = BTreeMap::new();
            for line in lines.iter().filter(|line| line.level == "ERROR") {
                if let Some(task) = &line.task_id {
                    first.entry(task.as_str()).or_insert(&line.message);
                }
            }
            let error = |number: usize| Some((number, (*first.get(output(number).as_str())?).clone()));
            failed.iter().filter_map(|(number, _)| error(*number)).collect()
        };
        let is_whole = |lines: &[LogLine]| errors(lines).len() == failed.len();
        let lines = self.client.logs_until(execution, self.config.log_lag, is_whole).await;
        Ok(errors(&lines.during("read the execution's logs")?))
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
