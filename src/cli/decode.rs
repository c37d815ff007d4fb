//! `decode`: decodes many values exactly as Kestra does.

use std::io::{BufWriter, ErrorKind};

use clap::Args as ClapArgs;
use miette::{IntoDiagnostic as _, WrapErr as _};

use crate::error::ExitCode;
use crate::system::{stdout, terminal};
use crate::values::decode;

/// What `decode` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
Each input line is an object {\"env\": \"…\"}; a \"name\" is copied to the answer. Each output line is \
{\"plain\": \"…\", \"error\": null} or, for a value that Kestra drops, {\"plain\": null, \"error\": \"…\"} with \
Kestra's own reason. Answers come in the order of the lines and as soon as each line is read; memory does not grow. A \
line that is no such object gets an error with its line and column, and the rest is still decoded. Blank lines and \
other fields are ignored. A line may have at most 1 MiB.

Exit codes:
  0    every line was read, whether or not its value decodes
  2    at least one line was not read

Examples:
  printf '{\"env\": \"YWRtaW4=\"}\\n' | kestra-secrets decode --jsonl
  jq -nc '$ENV | to_entries[] | {name: .key, env: .value}' |
    grep '\"SECRET_' | kestra-secrets decode --jsonl |
    jq -r 'select(.error) | .name, .error'")]
pub struct Args {
    /// Read and write one JSON object per line
    #[arg(long, required = true)]
    jsonl: bool,
}

/// Decodes standard input to standard output.
///
/// # Errors
/// What the system says of standard input.
pub fn run() -> miette::Result<ExitCode> {
    let decoded = match decode::lines(std::io::stdin().lock(), BufWriter::new(stdout::raw())) {
        // The reader has closed the pipe. A write that fails for another reason was reported by `stdout`.
        Err(e) if e.kind() == ErrorKind::BrokenPipe => return Ok(ExitCode::Success),
        other => other.into_diagnostic().wrap_err("failed to decode standard input")?,
    };
    let Some((line, column)) = decoded.first else {
        return Ok(ExitCode::Success);
    };
    let lines = if decoded.unread == 1 { "line is" } else { "lines are" };
    terminal::line(&format!(
        "error: {} {lines} not of the form {{\"env\": \"…\"}}; see line {line}, column {column} first",
        decoded.unread
    ));
    Ok(ExitCode::Usage)
}
