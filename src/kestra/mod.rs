//! Kestra's REST API, one file for each generation behind one interface.
//!
//! [`Client::connect`] asks the server for its version and chooses the generation; from then on
//! the caller puts a flow, runs it and reads what came out without knowing which one answered.
//! Every call has a deadline, every answer a size limit, and every failure says whether the
//! flow itself was refused ([`Error::Refused`], an outcome to be judged) or something around it
//! failed ([`Error::Infra`]).

#[cfg(not(target_family = "wasm"))]
mod body;
#[cfg(not(target_family = "wasm"))]
mod client;
#[cfg(not(target_family = "wasm"))]
mod connection;
#[cfg(not(target_family = "wasm"))]
mod credentials;
#[cfg(not(target_family = "wasm"))]
mod dialect;
#[cfg(not(target_family = "wasm"))]
mod error;
#[cfg(not(target_family = "wasm"))]
mod executions;
#[cfg(not(target_family = "wasm"))]
mod flows;
#[cfg(not(target_family = "wasm"))]
mod generation;
#[cfg(not(target_family = "wasm"))]
mod health;
#[cfg(not(target_family = "wasm"))]
mod http;
#[cfg(not(target_family = "wasm"))]
mod keys;
#[cfg(not(target_family = "wasm"))]
mod model;
mod reference;
#[cfg(test)]
mod tests;
#[cfg(not(target_family = "wasm"))]
mod v0;
#[cfg(not(target_family = "wasm"))]
mod v1;
#[cfg(not(target_family = "wasm"))]
mod v2;

/// All that a server says in an error passes through it.
#[cfg(not(target_family = "wasm"))]
pub use crate::system::process::Scrub;
#[cfg(not(target_family = "wasm"))]
pub use client::{Client, Limits, ServerInfo};
#[cfg(not(target_family = "wasm"))]
pub use credentials::Auth;
#[cfg(not(target_family = "wasm"))]
pub use error::{ASKS_FOR_CREDENTIALS, Error, RequestCause};
#[cfg(not(target_family = "wasm"))]
pub use generation::ApiGeneration;
#[cfg(not(target_family = "wasm"))]
pub use health::wait_healthy;
#[cfg(not(target_family = "wasm"))]
pub use model::{Execution, ExecutionState, FlowRef, LogLine};
pub use reference::{CURRENT_ENGINES, ENGINES, KestraRef, OFFICIAL_IMAGE, OfficialRef};
