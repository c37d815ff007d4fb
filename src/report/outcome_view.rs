//! Expectations, predictions and outcomes, as a report may show them.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kestra::ExecutionState;
use crate::oracle::secret::{DisplayValue, Plaintext, RunKey};
use crate::scenario::{Expect, Stage};
use crate::verdict::{Outcome, Prediction};

/// What was promised, expected, predicted or observed; plaintexts only where they are public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeView {
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

fn outputs_view(outputs: &BTreeMap<String, Plaintext>, key: &RunKey) -> OutcomeView {
    OutcomeView::Outputs(outputs.iter().map(|(o, p)| (o.clone(), key.show(p))).collect())
}

/// An expectation or a promise.
pub fn expected(expect: &Expect, key: &RunKey) -> OutcomeView {
    match expect {
        Expect::Outputs(outputs) => outputs_view(outputs, key),
        Expect::Missing { key, .. } => OutcomeView::Missing(vec![key.clone()]),
        Expect::Failed { says } => OutcomeView::Failed {
            state: ExecutionState::Failed.to_string(),
            errors: vec![says.clone()],
        },
        Expect::Silent => OutcomeView::Silent {},
        Expect::Installs => OutcomeView::Installs {},
        Expect::Refused { by, says } => OutcomeView::Refused {
            by: *by,
            says: Some(says.clone()),
        },
        Expect::Blocked { reason, says } => OutcomeView::Blocked {
            reason: reason.clone(),
            says: says.clone(),
        },
    }
}

/// A prediction; none when nothing can be told.
pub fn predicted(prediction: &Prediction, key: &RunKey) -> Option<OutcomeView> {
    Some(match prediction {
        Prediction::Outputs(outputs) => outputs_view(outputs, key),
        Prediction::Missing(keys) => OutcomeView::Missing(keys.clone()),
        Prediction::Refused(by) => OutcomeView::Refused { by: *by, says: None },
        Prediction::Blocked(reason) => OutcomeView::Blocked {
            reason: reason.clone(),
            says: None,
        },
        Prediction::Installs => OutcomeView::Installs {},
        Prediction::Unknown => return None,
    })
}

/// What came out.
pub fn observed(outcome: &Outcome, key: &RunKey) -> OutcomeView {
    match outcome {
        Outcome::Ran(ran) if ran.state == "SUCCESS" => outputs_view(&ran.outputs, key),
        Outcome::Ran(ran) => OutcomeView::Failed {
            state: ran.state.clone(),
            errors: ran.errors.clone(),
        },
        Outcome::Silent => OutcomeView::Silent {},
        Outcome::Installs => OutcomeView::Installs {},
        Outcome::Refused { by, message } => OutcomeView::Refused {
            by: *by,
            says: Some(message.clone()),
        },
        Outcome::Blocked { reason, message } => OutcomeView::Blocked {
            reason: reason.clone(),
            says: Some(message.clone()),
        },
    }
}

impl fmt::Display for OutcomeView {
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
