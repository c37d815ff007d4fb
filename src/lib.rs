//! Proves, against a live Kestra, that secrets given through its Helm chart reach a flow as the
//! plaintext the user meant, byte for byte, and names the hop and the cure when they do not.
//!
//! Follow one secret and you know the program: `scenario` reads what is given and what must come out, `plan`
//! arranges it into installations, `run` carries them out, `provider` brings up a Kestra with exactly that
//! environment, `kestra` runs the flow over REST, `verdict` compares bytes, and `report` tells of it.
//! `oracle` says beside them what each hop's bytes must be; it knows no file, no network and no clock.
//!
//! Imports point down: `tests/layout.rs` lists the floors and fails on an import that climbs.
//!
//! Public are [`testing`], for tests of your own, and [`run_cli`]. Everything else may change with any version.

mod audit;
mod cli;
mod docs_page;
mod doctor;
mod error;
#[doc(hidden)]
pub mod internals;
mod kestra;
mod lint;
mod oracle;
mod plan;
mod prove;
mod provider;
mod release;
mod report;
mod run;
mod scenario;
mod system;
pub mod testing;
mod tools;
mod values;
mod verdict;

/// Runs the whole program with these words, of which the first is the program's own name, and returns its exit code:
/// 0 all as expected, 1 a wrong value, 2 bad input, 3 a broken environment, 130 interrupted.
pub fn run_cli(words: &[std::ffi::OsString]) -> std::process::ExitCode {
    cli::main(words).into()
}
