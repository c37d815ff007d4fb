//! One case on one installation: its flows are put, the flow is made to run, and what came out is read.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::error::InfraError;
use crate::kestra::{self, Client, Execution, ExecutionState, FlowRef, LogLine, infra};
use crate::oracle::secret::Plaintext;
use crate::plan::Case;
use crate::provider::Installed;
use crate::scenario::{Expect, Expected, LogCheck, Stage, Start};
use crate::system::redact::Redactor;
use crate::system::words::visible;
use crate::verdict::{CaseOutcome, Outcome, Ran};

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
pub async fn attempt(
    client: &Client,
    case: &Case,
    wanted: &Expected,
    installed: &Installed,
    redactor: &Redactor,
) -> CaseOutcome {
    let one = CaseRunner {
        client,
        case,
        wanted,
        redactor,
    };
    let execution = match one.execution().await? {
        Ok(execution) => execution,
        Err(outcome) => return Ok(outcome),
    };
    let outputs = one.outputs(&execution).await?;
    // Known before any of the server's words are kept: garbage decoded from a secret is one too.
    outputs
        .values()
        .filter(|p| !p.is_public())
        .for_each(|p| redactor.add(p.bytes()));
    let lines = one.log(&execution).await?;
    let errors = lines.iter().filter(|l| l.level == "ERROR");
    let mut unsaid = amiss("the execution's log", &wanted.logs, &lines);
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

/// One case, being tried.
struct CaseRunner<'a> {
    client: &'a Client,
    case: &'a Case,
    wanted: &'a Expected,
    redactor: &'a Redactor,
}

impl CaseRunner<'_> {
    /// The execution that is to be judged, at its end; or the outcome that there is none.
    async fn execution(&self) -> Result<Result<Execution, Outcome>, InfraError> {
        let mut others = Vec::new();
        for source in &self.case.scenario.flows {
            match self.put(source).await? {
                Ok(flow) => others.push(flow),
                Err(refused) => return Ok(Err(refused)),
            }
        }
        let flow = match self.put(&self.case.flow).await? {
            Ok(flow) => flow,
            Err(refused) => return Ok(Err(refused)),
        };
        match &self.case.scenario.start {
            Start::Execution => self.run(&flow).await.map(Ok),
            Start::Webhook { key } => self.call(&flow, key).await,
            Start::Trigger { after } => {
                let first = others.iter().find(|f| Some(&f.id) == after.as_ref());
                let triggered = self.triggered(first, &flow).await;
                // A schedule that nobody waits for any more would go on.
                self.client
                    .delete_flow(&flow)
                    .await
                    .map_err(|e| infra("delete the flow", &e))?;
                Ok(triggered?.ok_or(Outcome::Silent))
            }
        }
    }

    async fn put(&self, source: &str) -> Result<Result<FlowRef, Outcome>, InfraError> {
        match self.client.put_flow(source).await {
            Ok(flow) => Ok(Ok(flow)),
            Err(kestra::Error::Refused(failure)) => Ok(Err(self.refused(Stage::Flow, &failure))),
            Err(e) => Err(infra("create the flow", &e)),
        }
    }

    async fn run(&self, flow: &FlowRef) -> Result<Execution, InfraError> {
        let execution = self.client.run(flow).await;
        execution.map_err(|e| infra("run the flow", &e))
    }

    async fn call(&self, flow: &FlowRef, key: &str) -> Result<Result<Execution, Outcome>, InfraError> {
        match self.client.call_webhook(flow, key).await {
            Ok(execution) => Ok(Ok(execution)),
            Err(kestra::Error::Refused(failure)) => Ok(Err(self.refused(Stage::Webhook, &failure))),
            Err(e) => Err(infra("call the webhook", &e)),
        }
    }

    /// The execution that a trigger makes, once the flow that it waits for has run.
    async fn triggered(&self, first: Option<&FlowRef>, flow: &FlowRef) -> Result<Option<Execution>, InfraError> {
        if let Some(first) = first {
            self.run(first).await?;
        }
        let within = match self.wanted.expect {
            Expect::Silent => SILENCE,
            _ => TRIGGERED,
        };
        let execution = self.client.triggered_execution(flow, within).await;
        execution.map_err(|e| infra("wait for the trigger", &e))
    }

    fn refused(&self, by: Stage, failure: &kestra::RequestFailure) -> Outcome {
        Outcome::Refused {
            by,
            message: self.redactor.scrub(&failure.cause.to_string()),
        }
    }

    async fn outputs(&self, execution: &Execution) -> Result<BTreeMap<String, Plaintext>, InfraError> {
        let mut outputs = BTreeMap::new();
        for task in execution
            .task_runs
            .iter()
            .filter(|t| t.state == ExecutionState::Success)
        {
            let found = self.client.outputs(execution, &task.task_id).await;
            let found = found.map_err(|e| infra("read the outputs", &e))?;
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
        let told = |lines: &[LogLine]| {
            let said = |text: &String| lines.iter().any(|l| l.message.contains(text));
            (!failed || lines.iter().any(|l| l.level == "ERROR")) && self.wanted.logs.has.iter().all(said)
        };
        let lines = self.client.logs_until(execution, LOGS, told).await;
        lines.map_err(|e| infra("read the execution's logs", &e))
    }
}

/// What a log holds that it must not, or does not hold that it must.
fn amiss(log: &str, said: &LogCheck, lines: &[LogLine]) -> Vec<String> {
    let holds = |text: &&String| lines.iter().any(|l| l.message.contains(*text));
    let lacking = said.has.iter().filter(|t| !holds(t)).map(|t| lacks(log, t));
    let too_much = said.lacks.iter().filter(holds).map(|t| has(log, t));
    lacking.chain(too_much).collect()
}

async fn server_log(installed: &Installed, said: &LogCheck) -> Result<Vec<String>, InfraError> {
    let log = "the server's log";
    let mut sentences = Vec::new();
    for text in &said.has {
        if !installed.logged(text).await? {
            sentences.push(lacks(log, text));
        }
    }
    for text in &said.lacks {
        if installed.logged(text).await? {
            sentences.push(has(log, text));
        }
    }
    Ok(sentences)
}

fn lacks(log: &str, text: &str) -> String {
    format!("{log} does not hold `{text}`")
}

fn has(log: &str, text: &str) -> String {
    format!("{log} holds `{text}`, which it must not")
}
