//! `kestra-secrets`, the command.

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    kestra_secrets::run_cli(&words)
}
