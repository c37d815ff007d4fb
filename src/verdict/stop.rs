//! Why work on a release goes no further.

use super::Outcome;
use crate::error::InfraError;

/// Why work on a release goes no further: it has an outcome already, or the environment failed.
#[derive(Debug)]
pub enum Stop {
    /// What was given decides what comes of it.
    Outcome(Outcome),
    /// Nothing can be said of what was given.
    Infra(InfraError),
}

impl Stop {
    /// Keeps an outcome as a value, and passes a failure on.
    ///
    /// # Errors
    /// The failure.
    pub fn judged<T>(done: Result<T, Self>) -> Result<Result<T, Outcome>, InfraError> {
        match done {
            Ok(done) => Ok(Ok(done)),
            Err(Self::Outcome(outcome)) => Ok(Err(outcome)),
            Err(Self::Infra(infra)) => Err(infra),
        }
    }
}

impl From<Outcome> for Stop {
    fn from(outcome: Outcome) -> Self {
        Self::Outcome(outcome)
    }
}

impl From<InfraError> for Stop {
    fn from(infra: InfraError) -> Self {
        Self::Infra(infra)
    }
}
