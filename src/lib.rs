//! Proves, against a live Kestra, that secrets given through its Helm chart reach a flow as the
//! plaintext the user meant, byte for byte, and names the hop and the cure when they do not.
//!
//! The way of the data, each stage calling only the ones after the arrow:
//! [`scenario`] → [`plan`] → [`provider`] → [`kestra`] → [`verdict`] → [`report`],
//! with [`secret`] as the oracle that says what each hop's bytes should be.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod ask;
pub mod attempt;
pub mod audit;
pub mod bounded;
pub mod campaign;
pub mod cluster;
pub mod commands;
pub mod decode;
pub mod doctor;
pub mod encode;
pub mod environment;
pub mod explain;
pub mod helm;
pub mod kestra;
pub mod ledger;
pub mod lint;
pub mod page;
pub mod plan;
pub mod process;
pub mod progress;
pub mod prove;
pub mod provider;
pub mod redact;
pub mod report;
pub mod scenario;
pub mod secret;
pub mod session;
pub mod testing;
pub mod toolbox;
pub mod verdict;
mod words;
