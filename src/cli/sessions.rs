//! The sessions of a command, opened together and closed together, and why a command may stop without a result.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::console::{Console, print_infra_error};
use super::interrupt;
use crate::error::{ExitCode, InfraError};
use crate::run::session::{Session, SessionOptions};

/// Why a command stopped before there was a result to report.
pub enum EarlyExit {
    /// Bad input.
    Input(miette::Report),
    /// The environment failed.
    Infra(InfraError),
    /// The user interrupted it; what failed for that reason is told too.
    Interrupted(Option<InfraError>),
    /// No session had anything to run.
    NothingRan,
}

impl EarlyExit {
    /// Prints what the environment failed at, and gives the exit code. Bad input is the caller's to print.
    ///
    /// # Errors
    /// The bad input.
    pub fn report(self) -> miette::Result<ExitCode> {
        let (infra, exit) = match self {
            Self::Input(report) => return Err(report),
            Self::Infra(infra) => (Some(infra), ExitCode::Infra),
            Self::Interrupted(infra) => (infra, ExitCode::Interrupted),
            Self::NothingRan => (None, ExitCode::Infra),
        };
        if let Some(infra) = infra {
            print_infra_error(&infra);
        }
        Ok(exit)
    }
}

impl<E: Into<miette::Report>> From<E> for EarlyExit {
    fn from(input: E) -> Self {
        Self::Input(input.into())
    }
}

/// Sessions that are open. They own temporary files and a ledger, so whoever stops early closes them first.
pub struct Sessions {
    opened: Vec<Session>,
    console: Arc<Console>,
    cancel: CancellationToken,
}

impl Sessions {
    /// Opens a session for each of these options.
    ///
    /// # Errors
    /// [`EarlyExit`] when one cannot be opened; those that were open by then are closed.
    pub async fn open(options: Vec<SessionOptions>, console: Console) -> Result<Self, EarlyExit> {
        let mut sessions = Self {
            opened: Vec::new(),
            console: Arc::new(console),
            cancel: interrupt::token()?,
        };
        for options in options {
            let opened = Session::open(options, sessions.console.clone(), sessions.cancel.clone()).await;
            let opened = opened.map_err(|infra| sessions.stopped_by(infra));
            let opened = sessions.close_on_error(opened).await?;
            sessions.opened.push(opened);
        }
        Ok(sessions)
    }

    /// Closes the sessions if what was done with them failed.
    ///
    /// # Errors
    /// The failure.
    pub async fn close_on_error<T>(&mut self, result: Result<T, impl Into<EarlyExit>>) -> Result<T, EarlyExit> {
        match result {
            Ok(done) => Ok(done),
            Err(error) => {
                self.close().await;
                Err(error.into())
            }
        }
    }

    /// Closes the sessions, and says whether each left nothing behind.
    pub async fn close(&mut self) -> bool {
        let mut clean = true;
        for session in self.opened.drain(..) {
            if let Err(infra) = session.close().await {
                print_infra_error(&infra);
                clean = false;
            }
        }
        clean
    }

    /// A failure of the environment, or the interruption that caused it.
    pub fn stopped_by(&self, infra: InfraError) -> EarlyExit {
        if self.is_interrupted() {
            EarlyExit::Interrupted(Some(infra))
        } else {
            EarlyExit::Infra(infra)
        }
    }

    /// Whether the user interrupted the command.
    pub fn is_interrupted(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// The sessions, in the order of their options.
    pub fn all(&self) -> &[Session] {
        &self.opened
    }

    /// Where a person follows them.
    pub fn console(&self) -> &Console {
        &self.console
    }
}
