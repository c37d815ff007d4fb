//! What the test binaries share: folders of a test's own, the program in them, what a machine can run, and stand-ins.

// Each binary needs a part of it.
#![allow(dead_code, reason = "each test binary needs another part")]
// A test unwraps; that is the failure it reports.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod api_server;
pub mod background;
pub mod canary;
pub mod console;
pub mod devtools;
pub mod matrix;
pub mod processes;
pub mod proxy;
pub mod publisher;
pub mod reports;
pub mod requirements;
pub mod sandbox;
pub mod schemas;
pub mod transcripts;
pub mod watched;

/// The engine that live tests boot.
pub const ENGINE: &str = "engine@2.0.0";
