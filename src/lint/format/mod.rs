//! How a report is written.

#[cfg(not(target_family = "wasm"))]
mod azure;
#[cfg(not(target_family = "wasm"))]
mod github;
#[cfg(not(target_family = "wasm"))]
mod gitlab;
pub(crate) mod human;
mod sarif;

#[cfg(not(target_family = "wasm"))]
pub use azure::azure;
#[cfg(not(target_family = "wasm"))]
pub use github::github;
#[cfg(not(target_family = "wasm"))]
pub use gitlab::gitlab;
pub use human::{human, summary};
pub use sarif::sarif;
