use std::error::Error;
use std::sync::Arc;

use crate::system::ledger::LedgerError;
use crate::system::process::ProcessError;
use crate::system::words::visible;

/// The machine, the network or the cluster failed: nothing is said about a value.
#[derive(Debug, Clone, thiserror::Error)]
#[error("failed to {phase}: {cause}")]
pub struct InfraError {
    /// What was being done, such as `boot Kestra`.
    pub phase: String,
    /// What went wrong.
    pub cause: String,
    /// What to do about it.
    pub help: Option<String>,
    /// It may be over by now, as a connection that was lost: another try is worth while.
    pub transient: bool,
    /// The error that `cause` has its words from; none where there is none, or other words were put in their place.
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// An error that can be the cause of an [`InfraError`].
pub trait InfraCause: Error + Send + Sync + Sized + 'static {
    /// What it says, in one sentence.
    fn words(&self) -> String {
        self.to_string()
    }

    /// What to do about it.
    fn advice(&self) -> Option<String> {
        None
    }

    /// Whether it may be over by now.
    fn is_transient(&self) -> bool {
        false
    }
}

/// Says what was being done when something failed: `.during("boot Kestra")?`.
pub trait During<T> {
    /// The failure of a phase.
    ///
    /// # Errors
    /// [`InfraError`] with this phase.
    fn during(self, phase: impl Into<String>) -> Result<T, InfraError>;
}

impl<T, E: InfraCause> During<T> for Result<T, E> {
    fn during(self, phase: impl Into<String>) -> Result<T, InfraError> {
        self.map_err(|cause| InfraError::caused_by(phase, cause))
    }
}

impl InfraError {
    /// A failure of a phase without an error behind it.
    pub fn new(phase: impl Into<String>, cause: impl std::fmt::Display) -> Self {
        Self {
            phase: phase.into(),
            // Others' words may stand in it.
            cause: visible(&cause.to_string()),
            help: None,
            transient: false,
            source: None,
        }
    }

    /// A failure of a phase, by an error.
    pub fn caused_by(phase: impl Into<String>, cause: impl InfraCause) -> Self {
        Self::in_words_of(phase, &cause).with_source(cause)
    }

    /// A failure of a phase, by an error that stays with somebody else.
    pub fn in_words_of(phase: impl Into<String>, cause: &impl InfraCause) -> Self {
        Self {
            help: cause.advice(),
            transient: cause.is_transient(),
            ..Self::new(phase, cause.words())
        }
    }

    fn with_source(self, source: impl Error + Send + Sync + 'static) -> Self {
        Self {
            source: Some(Arc::new(source)),
            ..self
        }
    }

    /// The same in other words. The error behind it is dropped with its own: they may have had to go.
    pub fn reworded(self, words: impl FnOnce(&str) -> String) -> Self {
        Self {
            cause: words(&self.cause),
            source: None,
            ..self
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

impl InfraCause for std::io::Error {}
impl InfraCause for ProcessError {}

/// The ledger is written everywhere, so the phase is always the same. Only closing it tells of something else: what is
/// left of the run.
impl From<LedgerError> for InfraError {
    fn from(error: LedgerError) -> Self {
        let phase = match &error {
            LedgerError::StillOwned { run, .. } => format!("clean up after run {run}"),
            _ => "keep the ledger".to_owned(),
        };
        Self::new(phase, &error).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::system::ledger::{OwnedResource, RunId};

    #[test]
    fn a_run_that_cannot_be_closed_says_what_is_left_of_it() {
        let run = RunId::random();
        let left = OwnedResource::Cluster { name: "c".to_owned() };
        let one = InfraError::from(LedgerError::StillOwned {
            run: run.clone(),
            things: vec![left.clone()],
        });
        let is = "kind cluster c is left; `kestra-secrets clean` removes it";
        assert_eq!(one.to_string(), format!("failed to clean up after run {run}: {is}"));
        let two = InfraError::from(LedgerError::StillOwned {
            run,
            things: vec![left.clone(), left],
        });
        let are = "kind cluster c, kind cluster c are left; `kestra-secrets clean` removes them";
        assert_eq!(two.cause, are);
    }

    #[test]
    fn a_failure_says_what_was_being_done_and_keeps_what_was_behind_it() {
        let failed: Result<(), _> = Err(io::Error::new(io::ErrorKind::PermissionDenied, "denied\u{7}"));
        let infra = failed.during("boot Kestra").unwrap_err();
        assert!(
            infra.to_string().starts_with("failed to boot Kestra: denied"),
            "{infra}"
        );
        assert!(!infra.to_string().contains('\u{7}'), "{infra}");
        let source = infra
            .source()
            .unwrap()
            .downcast_ref::<Arc<dyn Error + Send + Sync>>()
            .unwrap();
        let kind = source.downcast_ref::<io::Error>().map(io::Error::kind);
        assert_eq!(kind, Some(io::ErrorKind::PermissionDenied));
    }

    #[test]
    fn what_is_reworded_does_not_keep_the_first_words() {
        let failed: Result<(), _> = Err(io::Error::other("hunter2"));
        let infra = failed.during("boot Kestra").unwrap_err().reworded(|_| "***".into());
        assert_eq!(infra.to_string(), "failed to boot Kestra: ***");
        assert!(infra.source().is_none() && !format!("{infra:?}").contains("hunter2"));
    }
}
