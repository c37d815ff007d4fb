//! Expectations, predictions and outcomes, as a report may show them.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kestra::State;
use crate::oracle::secret::{DisplayValue, Plaintext, RunKey};
use crate::scenario::{Expect, Stage};
use crate::verdict::{Outcome, Prediction};

/// What was promised, expected, predicted or observed; plaintexts only where they are public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Seen {
    /// The flow succeeds with these outputs.
    Outputs(BTreeMap<String, DisplayValue>),
    /// Kestra does not know one of these secrets.
    Missing(Vec<String>),
    /// The execution ended badly.
    Failed {
        /// Its last state.
        state: String,
        /// What it logged at level ERROR.
        errors: Vec<String>,
    },
    /// What was given was refused.
    Refused {
        /// By whom.
        by: Stage,
        /// In whose words; none in a prediction.
        says: Option<String>,
    },
    /// The pod is held before its container starts.
    Blocked {
        /// The waiting reason.
        reason: String,
        /// The kubelet's words.
        says: Option<String>,
    },
    /// The flow's trigger made no execution.
    Silent {},
    /// What was given installs; nothing was started.
    Installs {},
}

fn shown(outputs: &BTreeMap<String, Plaintext>, key: &RunKey) -> Seen {
    Seen::Outputs(outputs.iter().map(|(o, p)| (o.clone(), key.show(p))).collect())
}

/// An expectation or a promise.
pub fn expected(expect: &Expect, key: &RunKey) -> Seen {
    match expect {
        Expect::Outputs(outputs) => shown(outputs, key),
        Expect::Missing { key, .. } => Seen::Missing(vec![key.clone()]),
        Expect::Failed { says } => Seen::Failed {
            state: State::Failed.to_string(),
            errors: vec![says.clone()],
        },
        Expect::Silent => Seen::Silent {},
        Expect::Installs => Seen::Installs {},
        Expect::Refused { by, says } => Seen::Refused {
            by: *by,
            says: Some(says.clone()),
        },
        Expect::Blocked { reason, says } => Seen::Blocked {
            reason: reason.clone(),
            says: says.clone(),
        },
    }
}

/// A prediction; none when nothing can be told.
pub fn predicted(prediction: &Prediction, key: &RunKey) -> Option<Seen> {
    Some(match prediction {
        Prediction::Outputs(outputs) => shown(outputs, key),
        Prediction::Missing(keys) => Seen::Missing(keys.clone()),
        Prediction::Refused(by) => Seen::Refused { by: *by, says: None },
        Prediction::Blocked(reason) => Seen::Blocked {
            reason: reason.clone(),
            says: None,
        },
        Prediction::Installs => Seen::Installs {},
        Prediction::Unknown => return None,
    })
}

/// What came out.
pub fn observed(outcome: &Outcome, key: &RunKey) -> Seen {
    match outcome {
        Outcome::Ran(ran) if ran.state == "SUCCESS" => shown(&ran.outputs, key),
        Outcome::Ran(ran) => Seen::Failed {
            state: ran.state.clone(),
            errors: ran.errors.clone(),
        },
        Outcome::Silent => Seen::Silent {},
        Outcome::Installs => Seen::Installs {},
        Outcome::Refused { by, message } => Seen::Refused {
            by: *by,
            says: Some(message.clone()),
        },
        Outcome::Blocked { reason, message } => Seen::Blocked {
            reason: reason.clone(),
            says: Some(message.clone()),
        },
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let says = |s: &Option<String>| s.as_ref().map(|s| format!(": {s}")).unwrap_or_default();
        match self {
            Self::Outputs(outputs) => {
                let lines: Vec<_> = outputs.iter().map(|(o, s)| format!("{o} {}", s.brief())).collect();
                f.write_str(&lines.join("\n"))
            }
            Self::Missing(keys) => write!(f, "no secret {}", keys.join(" or ")),
            Self::Failed { state, errors } => write!(
                f,
                "{state}{}",
                errors.first().map(|e| format!(": {e}")).unwrap_or_default()
            ),
            Self::Refused { by, says: s } => write!(f, "refused by {by}{}", says(s)),
            Self::Blocked { reason, says: s } => write!(f, "blocked, {reason}{}", says(s)),
            Self::Silent {} => f.write_str("no execution"),
            Self::Installs {} => f.write_str("installs"),
        }
    }
}
