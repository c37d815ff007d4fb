//! Promise, prediction and observation, judged. Compares bytes; never trims.

mod stop;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use stop::Stop;

use crate::error::{ExitCode, InfraError};
use crate::oracle::secret::Plaintext;
use crate::scenario::{Expect, Stage};

/// What came of a case, whether or not it was wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The flow was run to its end.
    Ran(Ran),
    /// What was given was refused before a flow could run.
    Refused {
        /// By whom.
        by: Stage,
        /// In whose words.
        message: String,
    },
    /// The pod is held before its container starts.
    Blocked {
        /// The container's waiting reason.
        reason: String,
        /// The kubelet's words.
        message: String,
    },
    /// The flow's trigger made no execution.
    Silent,
    /// What was given installs; nothing was started.
    Installs,
}

/// A flow that was run to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The execution's last state, such as `SUCCESS`.
    pub state: String,
    /// What `OutputValues` reported.
    pub outputs: BTreeMap<String, Plaintext>,
    /// What the execution logged at level ERROR.
    pub errors: Vec<String>,
    /// What the logs hold that they must not, or do not hold that they must: a sentence each.
    pub unsaid: Vec<String>,
}

impl Ran {
    fn succeeded(&self) -> bool {
        self.state == "SUCCESS"
    }

    fn misses(&self, key: &str) -> bool {
        let sentence = format!("Cannot find secret for key '{key}'");
        !self.succeeded() && self.errors.iter().any(|e| e.contains(&sentence))
    }
}

/// What the oracle says will come of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prediction {
    /// The flow succeeds; the outputs that can be told beforehand.
    Outputs(BTreeMap<String, Plaintext>),
    /// The flow fails for want of one of these secrets.
    Missing(Vec<String>),
    /// It is refused.
    Refused(Stage),
    /// The pod is held, for this reason.
    Blocked(String),
    /// It installs.
    Installs,
    /// The flow does more than read secrets: nothing can be told.
    Unknown,
}

/// What came of a case, or why nothing did.
pub type CaseOutcome = Result<Outcome, InfraError>;

/// How a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As expected, and as predicted.
    Pass,
    /// A wrong value, or an oracle that is not true.
    Fail,
    /// The environment broke before an answer.
    Error,
    /// Not run.
    Skipped,
}

/// A case, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// How it ended.
    pub status: Status,
    /// The expectation was met but the oracle had said otherwise.
    pub model_drift: bool,
    /// In one sentence, what is not as it should be.
    pub because: Option<String>,
}

/// Judges what came of a case. The sentences name outputs and never show a value.
pub fn judge(expect: &Expect, prediction: &Prediction, attempt: &CaseOutcome) -> Verdict {
    let outcome = match attempt {
        Err(infra) => {
            return Verdict {
                status: Status::Error,
                model_drift: false,
                because: Some(infra.to_string()),
            };
        }
        Ok(outcome) => outcome,
    };
    let wrong = difference(expect, outcome);
    let model_drift = wrong.is_none() && !agrees(prediction, outcome);
    let because = wrong.or_else(|| {
        model_drift.then(|| "the oracle predicted something else: the value is right, the model is not".to_owned())
    });
    Verdict {
        status: if because.is_none() { Status::Pass } else { Status::Fail },
        model_drift,
        because,
    }
}

fn difference(expect: &Expect, outcome: &Outcome) -> Option<String> {
    let unsaid = match outcome {
        Outcome::Ran(ran) => ran.unsaid.first().cloned(),
        _ => None,
    };
    come_out(expect, outcome).or(unsaid)
}

fn come_out(expect: &Expect, outcome: &Outcome) -> Option<String> {
    match (expect, outcome) {
        (Expect::Outputs(expected), Outcome::Ran(ran)) => {
            if !ran.succeeded() {
                let said = ran.errors.first().map(|e| format!(": {e}")).unwrap_or_default();
                return Some(format!("the execution ended {}{said}", ran.state));
            }
            expected
                .iter()
                .find_map(|(output, plain)| match ran.outputs.get(output) {
                    None => Some(format!("output {output} is not there")),
                    Some(seen) if seen.bytes() != plain.bytes() => {
                        Some(format!("output {output} holds other bytes than expected"))
                    }
                    Some(_) => None,
                })
        }
        (Expect::Missing { key }, Outcome::Ran(ran)) => (!ran.misses(key)).then(|| {
            format!(
                "the execution ended {} without `Cannot find secret for key '{key}'`",
                ran.state
            )
        }),
        (Expect::Failed { says }, Outcome::Ran(ran)) => {
            let failed = !ran.succeeded() && ran.errors.iter().any(|e| e.contains(says));
            (!failed).then(|| format!("the execution ended {} without `{says}`", ran.state))
        }
        (Expect::Silent, Outcome::Silent) | (Expect::Installs, Outcome::Installs) => None,
        (Expect::Refused { by, says }, Outcome::Refused { by: stage, message }) => {
            if by != stage {
                return Some(format!("it was refused by {stage}, not by {by}"));
            }
            (!message.contains(says)).then(|| format!("it was refused with other words: {message}"))
        }
        (Expect::Blocked { reason, says }, Outcome::Blocked { reason: seen, message }) => {
            if reason != seen {
                return Some(format!("the pod is held by {seen}, not by {reason}"));
            }
            says.as_ref()
                .is_some_and(|s| !message.contains(s))
                .then(|| format!("the pod is held with other words: {message}"))
        }
        (_, Outcome::Silent) => Some("the flow's trigger made no execution".to_owned()),
        (_, Outcome::Installs) => Some("it installs".to_owned()),
        (_, Outcome::Ran(ran)) => Some(format!("the flow ran and ended {}", ran.state)),
        (_, Outcome::Refused { by, message }) => Some(format!("{by} refused it: {message}")),
        (_, Outcome::Blocked { reason, message }) => Some(format!("the pod is held: {reason}: {message}")),
    }
}

fn agrees(prediction: &Prediction, outcome: &Outcome) -> bool {
    match (prediction, outcome) {
        (Prediction::Unknown, _) | (Prediction::Installs, Outcome::Installs) => true,
        (Prediction::Outputs(predicted), Outcome::Ran(ran)) => {
            ran.succeeded()
                && predicted
                    .iter()
                    .all(|(o, p)| ran.outputs.get(o).is_some_and(|s| s.bytes() == p.bytes()))
        }
        (Prediction::Missing(keys), Outcome::Ran(ran)) => keys.iter().any(|k| ran.misses(k)),
        (Prediction::Refused(stage), Outcome::Refused { by, .. }) => stage == by,
        (Prediction::Blocked(reason), Outcome::Blocked { reason: seen, .. }) => reason == seen,
        _ => false,
    }
}

/// What a run's statuses amount to.
pub fn exit_code(statuses: impl IntoIterator<Item = Status>) -> ExitCode {
    let mut exit = None;
    for status in statuses {
        exit = match (status, exit) {
            (Status::Fail, _) | (_, Some(ExitCode::Failure)) => Some(ExitCode::Failure),
            (Status::Error, _) | (_, Some(ExitCode::Infra)) => Some(ExitCode::Infra),
            (Status::Pass, _) => Some(ExitCode::Success),
            (Status::Skipped, other) => other,
        };
    }
    // That nothing ran proves nothing.
    exit.unwrap_or(ExitCode::Infra)
}

#[cfg(test)]
mod tests;
