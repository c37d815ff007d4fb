//! Kestra's REST API, one file for each generation behind one interface.
//!
//! [`Client::connect`] asks the server for its version and chooses the generation; from then on
//! the caller puts a flow, runs it and reads what came out without knowing which one answered.
//! Every call has a deadline, every answer a size limit, and every failure says whether the
//! flow itself was refused ([`Error::Refused`], an outcome to be judged) or something around it
//! failed ([`Error::Infra`]).

mod body;
mod client;
mod connection;
mod credentials;
mod dialect;
mod error;
mod executions;
mod flows;
mod generation;
mod health;
mod http;
mod model;
mod reference;
#[cfg(test)]
mod tests;
mod v0;
mod v1;
mod v2;

/// All that a server says in an error passes through it.
pub use crate::system::process::Scrub;
pub use client::{Client, Limits, ServerInfo};
pub use credentials::Auth;
pub use error::{ASKS_FOR_CREDENTIALS, Error, RequestCause};
pub use generation::ApiGeneration;
pub use health::wait_healthy;
pub use model::{Execution, ExecutionState, FlowRef, LogLine};
pub use reference::{CURRENT_ENGINES, ENGINES, KestraRef, OFFICIAL_IMAGE, OfficialRef};
