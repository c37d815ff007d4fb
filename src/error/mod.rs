//! What anything here can end in: input that cannot be used, an environment that failed, and the exit code.

mod exit;
mod infra;
mod input;

pub use exit::ExitCode;
pub use infra::{During, InfraCause, InfraError};
pub use input::InputError;
