use thiserror::Error;

use crate::system::words::visible;

/// The machine, the network or the cluster failed: nothing is said about a value.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error("{phase}: {cause}")]
pub struct InfraError {
    /// What was being done, such as `boot Kestra`.
    pub phase: String,
    /// What went wrong.
    pub cause: String,
    /// What to do about it.
    pub help: Option<String>,
    /// It may be over by now, as a connection that was lost: another try is worth while.
    pub transient: bool,
}

impl InfraError {
    /// A failure of a phase.
    pub fn new(phase: impl Into<String>, cause: impl std::fmt::Display) -> Self {
        Self {
            phase: phase.into(),
            // Others' words may stand in it.
            cause: visible(&cause.to_string()),
            help: None,
            transient: false,
        }
    }

    /// The same, as something that may be over by now.
    pub fn transient(self) -> Self {
        Self {
            transient: true,
            ..self
        }
    }

    /// The same, with what to do about it.
    pub fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }
}
