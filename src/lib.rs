//! Proves, against a live Kestra, that secrets given through its Helm chart reach a flow as the
//! plaintext the user meant, byte for byte, and names the hop and the cure when they do not.
//!
//! The way of the data, each stage calling only the ones after the arrow:
//! [`scenario`] → [`plan`] → [`provider`] → [`kestra`] → [`verdict`] → [`report`],
//! with [`secret`] as the oracle that says what each hop's bytes should be.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod audit;
pub mod cli;
pub mod docs_page;
pub mod doctor;
pub mod error;
pub mod kestra;
pub mod lint;
pub mod oracle;
pub mod plan;
pub mod prove;
pub mod provider;
pub mod report;
pub mod run;
pub mod scenario;
pub mod system;
pub mod testing;
pub mod tools;
pub mod values;
pub mod verdict;
