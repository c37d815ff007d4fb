//! What must come out, and of which versions.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use semver::VersionReq;
use serde::{Deserialize, Serialize};

use super::Generation;
use crate::oracle::secret::Plaintext;
use crate::oracle::secret::diagnosis::Code;

/// An [`Expect`] and the versions it speaks of.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// The Kestra versions; none given means all.
    pub kestra: Option<VersionReq>,
    /// The chart generation; none given means all.
    pub chart: Option<Generation>,
    /// What is wanted of them.
    pub wanted: Expected,
}

/// Everything that must be so once a flow was run.
#[derive(Debug, Clone)]
pub struct Expected {
    /// What must come out.
    pub expect: Expect,
    /// What the execution's own log must hold, and must not.
    pub logs: LogCheck,
    /// What the server's log must hold, and must not.
    pub server_log: LogCheck,
    /// What must be recognised in the values.
    pub diagnosis: Vec<Code>,
}

impl Expected {
    /// This to come out, and nothing said of logs and values.
    pub fn only(expect: Expect) -> Self {
        Self {
            expect,
            logs: LogCheck::default(),
            server_log: LogCheck::default(),
            diagnosis: Vec::new(),
        }
    }
}

/// What a log must hold, and what it must not hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogCheck {
    /// Each is found in some line.
    pub has: Vec<String>,
    /// None of them is found in any line.
    pub lacks: Vec<String>,
}

impl LogCheck {
    /// Whether nothing is said about the log.
    pub fn is_empty(&self) -> bool {
        self.has.is_empty() && self.lacks.is_empty()
    }
}

impl Expectation {
    /// Whether it speaks of this Kestra and this chart generation.
    pub fn applies(&self, kestra: &semver::Version, chart: Generation) -> bool {
        self.kestra.as_ref().is_none_or(|req| req.matches(kestra)) && self.chart.is_none_or(|c| c == chart)
    }
}

/// What must come out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// The flow succeeds with these outputs, byte for byte.
    Outputs(BTreeMap<String, Plaintext>),
    /// Kestra does not know the secret: the flow fails and says so.
    Missing {
        /// The secret's name as the flow calls it.
        key: String,
    },
    /// The flow fails for another reason.
    Failed {
        /// What some line of its log at level ERROR must contain.
        says: String,
    },
    /// The trigger makes no execution.
    Silent,
    /// The release never came to be.
    Refused {
        /// Who refused.
        by: Stage,
        /// What the refusal must contain.
        says: String,
    },
    /// The pod is held before its container starts.
    Blocked {
        /// The container's waiting reason, such as `CreateContainerConfigError`.
        reason: String,
        /// What the message must contain.
        says: Option<String>,
    },
    /// Documents as they are printed install; nothing was started.
    Installs,
}

/// Who may refuse what was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Helm, when it renders the chart.
    Render,
    /// The Kubernetes API server, when a manifest is applied.
    Apply,
    /// Kestra, when the flow is created.
    Flow,
    /// Kestra, when the flow's webhook is called.
    Webhook,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Render => "render",
            Self::Apply => "apply",
            Self::Flow => "flow",
            Self::Webhook => "webhook",
        })
    }
}
