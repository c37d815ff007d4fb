//! The kinds of places that Kestra runs in.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// Where a Kestra can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// A child process.
    Embedded,
    /// A container.
    Docker,
    /// A kind cluster made for the run.
    Kind,
    /// A context of the user's kubeconfig.
    Context,
}

impl ProviderKind {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Embedded, Self::Docker, Self::Kind, Self::Context];

    /// As `--provider` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Docker => "docker",
            Self::Kind => "kind",
            Self::Context => "context",
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
