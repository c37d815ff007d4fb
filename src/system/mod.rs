//! What lies between the program and the machine: processes, files, what is owned, what is kept secret.

pub mod atomic;
pub mod bounded;
pub mod http;
pub mod ledger;
pub mod loopback;
pub mod process;
pub mod redact;
pub mod stdout;
pub mod terminal;
pub mod words;
pub mod wrap;
pub mod yaml;
