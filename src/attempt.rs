//! One case on one installation: the flow is put, run, and what came out is read.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::kestra::{self, Client, Execution, LogLine, State};
use crate::plan::Case;
use crate::provider::Installed;
use crate::redact::Redactor;
use crate::scenario::{Expect, Stage};
use crate::secret::Plain;
use crate::verdict::{Attempt, Infra, Outcome, Ran};

/// How long an execution's log may lag behind its end; 200 ms were measured on a busy machine.
const LOGS: Duration = Duration::from_secs(10);

/// Runs a case's flow and reads what came out.
///
/// A flow that Kestra refuses is an outcome; what the network or the server fail at is [`Infra`].
///
/// # Errors
/// [`Infra`] with the call that failed.
pub async fn attempt(
    client: &Client,
    case: &Case,
    expect: &Expect,
    installed: &Installed,
    redactor: &Redactor,
) -> Attempt {
    let flow = match client.put_flow(&case.flow).await {
        Ok(flow) => flow,
        Err(kestra::Error::Refused(failure)) => {
            return Ok(Outcome::Refused {
                by: Stage::Flow,
                message: redactor.scrub(&failure.cause.to_string()),
            });
        }
        Err(e) => return Err(infra("create the flow", &e)),
    };
    let execution = match client.run(&flow, &[]).await {
        Ok(execution) => execution,
        Err(e) => return Err(infra("run the flow", &e)),
    };
    let outputs = outputs(client, case, &execution).await?;
    // Known before any of the server's words are kept: garbage decoded from a secret is one too.
    outputs
        .values()
        .filter(|p| !p.is_public())
        .for_each(|p| redactor.add(p.bytes()));
    // The log of an execution that has just ended may still be empty: what failed always says why.
    let failed = execution.state != State::Success;
    let told = |lines: &[LogLine]| !failed || lines.iter().any(|l| l.level == "ERROR");
    let logs = client
        .logs_until(&execution, LOGS, told)
        .await
        .map_err(|e| infra("read the execution's logs", &e))?;
    let errors = logs
        .iter()
        .filter(|l| l.level == "ERROR")
        .map(|l| redactor.scrub(&l.message))
        .collect();
    let line = match expect {
        Expect::Missing { log, .. } => log.as_deref(),
        _ => None,
    };
    let logged = match line {
        Some(line) => installed.logged(line).await,
        None => true,
    };
    Ok(Outcome::Ran(Ran {
        state: state(&execution.state),
        outputs,
        errors,
        logged,
    }))
}

async fn outputs(client: &Client, case: &Case, execution: &Execution) -> Result<BTreeMap<String, Plain>, Infra> {
    let mut outputs = BTreeMap::new();
    for task in execution.task_runs.iter().filter(|t| t.state == State::Success) {
        let found = client
            .outputs(execution, &task.task_id)
            .await
            .map_err(|e| infra("read the outputs", &e))?;
        let values = found.get("values").and_then(Value::as_object).into_iter().flatten();
        outputs.extend(values.map(|(output, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (output.clone(), Plain::new(text, case.is_public(output)))
        }));
    }
    Ok(outputs)
}

fn state(state: &State) -> String {
    state.to_string()
}

pub(crate) fn infra(phase: &str, error: &kestra::Error) -> Infra {
    let failure = error.failure();
    Infra {
        phase: phase.into(),
        cause: failure.to_string(),
        help: failure.help.clone(),
    }
}
