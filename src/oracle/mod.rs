//! What each hop of a secret must be, as a pure function: no I/O and no tokio.

pub mod environment;
pub mod secret;
