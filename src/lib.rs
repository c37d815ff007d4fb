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
//!
//! For WebAssembly only that is built which needs no operating system, behind the one door [`browser`].

#![cfg_attr(
    target_family = "wasm",
    allow(dead_code, unused_imports, reason = "what a browser cannot do would use it")
)]

#[cfg(not(target_family = "wasm"))]
mod audit;
#[doc(hidden)]
pub mod browser;
#[cfg(not(target_family = "wasm"))]
mod cli;
#[cfg(not(target_family = "wasm"))]
mod docs_page;
#[cfg(not(target_family = "wasm"))]
mod doctor;
mod error;
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
pub mod internals;
mod kestra;
mod lint;
mod oracle;
mod plan;
#[cfg(not(target_family = "wasm"))]
mod prove;
#[cfg(not(target_family = "wasm"))]
mod provider;
mod release;
#[cfg(not(target_family = "wasm"))]
mod report;
#[cfg(not(target_family = "wasm"))]
mod run;
mod scenario;
mod system;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
#[cfg(not(target_family = "wasm"))]
mod tools;
mod values;
#[cfg(not(target_family = "wasm"))]
mod verdict;

/// Runs the whole program with these words, of which the first is the program's own name, and returns its exit code:
/// 0 all as expected, 1 a wrong value, 2 bad input, 3 a broken environment, 130 interrupted.
#[cfg(not(target_family = "wasm"))]
pub fn run_cli(words: &[std::ffi::OsString]) -> std::process::ExitCode {
    cli::main(words).into()
}
