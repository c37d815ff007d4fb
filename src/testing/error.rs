//! Why a run of somebody's test judged nothing.

use miette::Diagnostic;
use thiserror::Error;

use crate::error::{InfraError, InputError};
use crate::plan::PlanError;

/// Why nothing was judged.
#[derive(Debug, Error, Diagnostic)]
#[error("{message}")]
pub struct RunError {
    message: String,
    #[help]
    help: Option<String>,
    infra: bool,
}

impl RunError {
    pub(super) fn input(message: &impl ToString, help: Option<String>) -> Self {
        let message = message.to_string();
        Self {
            message,
            help,
            infra: false,
        }
    }

    /// Whether a tool, the machine or the cluster failed. Otherwise an option or a scenario cannot be used.
    pub fn is_infra(&self) -> bool {
        self.infra
    }
}

impl From<InfraError> for RunError {
    fn from(infra: InfraError) -> Self {
        Self {
            message: infra.to_string(),
            help: infra.help,
            infra: true,
        }
    }
}

impl From<PlanError> for RunError {
    fn from(plan: PlanError) -> Self {
        let help = plan.help().map(|help| help.to_string());
        Self::input(&plan, help)
    }
}

impl From<InputError> for RunError {
    fn from(input: InputError) -> Self {
        let help = input.help.clone();
        Self::input(&input, help)
    }
}
