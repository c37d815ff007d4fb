//! One case on one installation: its flows are put, the flow is made to run, and what came out is read.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::error::{During as _, InfraError};
use crate::kestra::{self, Client, Execution, ExecutionState, FlowRef, LogLine};
use crate::oracle::secret::Plaintext;
use crate::plan::Case;
use crate::provider::Installed;
use crate::scenario::{Expect, Expected, LogCheck, Stage, Start};
use crate::system::redact::Redactor;
use crate::system::words::visible;
use crate::verdict::{CaseOutcome, Outcome, Ran, Stop};

/// How long an execution's log may lag behind its end; 200 ms were measured on a busy machine.
const LOGS: Duration = Duration::from_secs(10);
/// How long a trigger may take to make an execution that is due.
const TRIGGERED: Duration = Duration::from_secs(60);
/// How long a trigger is watched that is to make none; those of the scenarios are due each second.
const SILENCE: Duration = Duration::from_secs(8);

/// Runs a case's flow and reads what came out.
///
/// A flow that Kestra refuses is an outcome; what the network or the server fail at is [`InfraError`].
///
/// # Errors
/// [`InfraError`] with the call that failed.
pub async fn run_case(
    client: &Client,
    case: &Case,
    wanted: &Expected,
    installed: &Installed,
    redactor: &Redactor,
    flows: Flows,
) -> CaseOutcome {
    let runner = CaseRunner {
        client,
        case,
        wanted,
        redactor,
        flows,
    };
    let execution = match runner.execution().await {
        Ok(execution) => execution,
        Err(Stop::Outcome(outcome)) => return Ok(outcome),
        Err(Stop::Infra(infra)) => return Err(infra),
    };
    let outputs = runner.outputs(&execution).await?;
    // Known before any of the server's words are kept: garbage decoded from a secret is one too.
    outputs
        .values()
        .filter(|p| !p.is_public())
        .for_each(|p| redactor.add(p.bytes()));
    let lines = runner.log(&execution).await?;
    let errors = lines.iter().filter(|l| l.level == "ERROR");
    let mut unsaid = wrong_lines("the execution's log", &wanted.logs, &lines);
    unsaid.extend(server_log(installed, &wanted.server_log).await?);
    Ok(Outcome::Ran(Ran {
        state: redactor.scrub(&execution.state.to_string()),
        outputs,
        errors: errors.map(|l| visible(&redactor.scrub(&l.message))).collect(),
        unsaid: unsaid
            .iter()
            .map(|sentence| visible(&redactor.scrub(sentence)))
            .collect(),
    }))
}

/// Where a case's flows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flows {
    /// They are put before the run.
    Put,
    /// The database has them since an earlier run.
    Stored,
}

struct CaseRunner<'a> {
    client: &'a Client,
    case: &'a Case,
    wanted: &'a Expected,
    redactor: &'a Redactor,
    flows: Flows,
}

impl CaseRunner<'_> {
    /// The execution that is to be judged, at its end.
    async fn execution(&self) -> Result<Execution, Stop> {
        let mut others = Vec::new();
        for source in &self.case.scenario.flows {
            others.push(self.put_flow(source).await?);
        }
        let flow = self.put_flow(&self.case.flow).await?;
        match &self.case.scenario.start {
            Start::Execution => Ok(self.run_flow(&flow).await?),
            Start::Webhook { key } => self.call_webhook(&flow, key).await,
            Start::Trigger { after } => {
                let first = others.iter().find(|f| Some(&f.id) == after.as_ref());
                let triggered = self.triggered(first, &flow).await;
                // A schedule that nobody waits for any more would go on.
                self.client.delete_flow(&flow).await.during("delete the flow")?;
                triggered?.ok_or(Stop::Outcome(Outcome::Silent))
            }
        }
    }

    async fn put_flow(&self, source: &str) -> Result<FlowRef, Stop> {
        let put = match self.flows {
            Flows::Put => self.client.put_flow(source).await,
            Flows::Stored => self.client.stored_flow(source).await,
        };
        put.map_err(|error| self.stop(Stage::Flow, "create the flow", error))
    }

    async fn run_flow(&self, flow: &FlowRef) -> Result<Execution, InfraError> {
        let execution = self.client.run(flow).await;
        execution.during("run the flow")
    }

    async fn call_webhook(&self, flow: &FlowRef, key: &str) -> Result<Execution, Stop> {
        let called = self.client.call_webhook(flow, key).await;
        called.map_err(|error| self.stop(Stage::Webhook, "call the webhook", error))
    }

    /// What Kestra refuses is an outcome; every other error is the environment's.
    fn stop(&self, stage: Stage, phase: &str, error: kestra::Error) -> Stop {
        match error {
            kestra::Error::Refused(failure) => Stop::Outcome(Outcome::Refused {
                by: stage,
                message: self.redactor.scrub(&failure.cause.to_string()),
            }),
            error @ kestra::Error::Infra(_) => Stop::Infra(InfraError::caused_by(phase, error)),
        }
    }

    /// The execution that a trigger makes, once the flow that it waits for has run.
    async fn triggered(&self, first: Option<&FlowRef>, flow: &FlowRef) -> Result<Option<Execution>, InfraError> {
        if let Some(first) = first {
            self.run_flow(first).await?;
        }
        let within = match self.wanted.expect {
            Expect::Silent => SILENCE,
            _ => TRIGGERED,
        };
        let execution = self.client.triggered_execution(flow, within).await;
        execution.during("wait for the trigger")
    }

    async fn outputs(&self, execution: &Execution) -> Result<BTreeMap<String, Plaintext>, InfraError> {
        let mut outputs = BTreeMap::new();
        for task in execution
            .task_runs
            .iter()
            .filter(|t| t.state == ExecutionState::Success)
        {
            let found = self.client.outputs(execution, &task.task_id).await;
            let found = found.during("read the outputs")?;
            let values = found.get("values").and_then(Value::as_object).into_iter().flatten();
            outputs.extend(values.map(|(output, value)| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                (visible(output), Plaintext::new(text, self.case.is_public(output)))
            }));
        }
        Ok(outputs)
    }

    /// The execution's log. Of one that has just ended it may still be empty: what failed always says why, and
    /// what is to be in it is waited for.
    async fn log(&self, execution: &Execution) -> Result<Vec<LogLine>, InfraError> {
        let failed = execution.state != ExecutionState::Success;
        let is_whole = |lines: &[LogLine]| {
            let said = |text: &String| lines.iter().any(|l| l.message.contains(text));
            (!failed || lines.iter().any(|l| l.level == "ERROR")) && self.wanted.logs.has.iter().all(said)
        };
        let lines = self.client.logs_until(execution, LOGS, is_whole).await;
        lines.during("read the execution's logs")
    }
}

/// What a log holds that it must not, or does not hold that it must.
fn wrong_lines(log: &str, said: &LogCheck, lines: &[LogLine]) -> Vec<String> {
    let holds = |text: &&String| lines.iter().any(|l| l.message.contains(*text));
    let lacking = said.has.iter().filter(|t| !holds(t)).map(|t| lacks_text(log, t));
    let too_much = said.lacks.iter().filter(holds).map(|t| holds_text(log, t));
    lacking.chain(too_much).collect()
}

async fn server_log(installed: &Installed, said: &LogCheck) -> Result<Vec<String>, InfraError> {
    let log = "the server's log";
    let mut sentences = Vec::new();
    for text in &said.has {
        if !installed.logged(text).await? {
            sentences.push(lacks_text(log, text));
        }
    }
    for text in &said.lacks {
        if installed.logged(text).await? {
            sentences.push(holds_text(log, text));
        }
    }
    Ok(sentences)
}

fn lacks_text(log: &str, text: &str) -> String {
    format!("{log} does not hold `{text}`")
}

fn holds_text(log: &str, text: &str) -> String {
    format!("{log} holds `{text}`, which it must not")
}
