//! What lies between the program and the machine: processes, files, what is owned, what is kept secret.

pub mod atomic;
pub mod bounded;
#[cfg(not(target_family = "wasm"))]
pub mod http;
#[cfg(not(target_family = "wasm"))]
pub mod ledger;
#[cfg(not(target_family = "wasm"))]
pub mod loopback;
#[cfg(not(target_family = "wasm"))]
pub mod process;
#[cfg(not(target_family = "wasm"))]
pub mod redact;
#[cfg(not(target_family = "wasm"))]
pub mod stdout;
#[cfg(not(target_family = "wasm"))]
pub mod terminal;
pub mod words;
#[cfg(not(target_family = "wasm"))]
pub mod wrap;
pub mod yaml;
