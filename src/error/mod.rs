//! What anything here can end in: input that cannot be used, an environment that failed, and the exit code.

#[cfg(not(target_family = "wasm"))]
mod exit;
#[cfg(not(target_family = "wasm"))]
mod infra;
mod input;

#[cfg(not(target_family = "wasm"))]
pub use exit::ExitCode;
#[cfg(not(target_family = "wasm"))]
pub use infra::{During, InfraCause, InfraError};
pub use input::InputError;
