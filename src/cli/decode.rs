//! `decode`: many values, exactly as Kestra decodes them.

use std::io::{BufWriter, ErrorKind};

use clap::Args as ClapArgs;
use miette::{IntoDiagnostic as _, WrapErr as _};

use crate::error::ExitCode;
use crate::system::{stdout, terminal};
use crate::values::decode;

/// What `decode` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
In comes {\"env\": \"…\"} a line, with a \"name\" if it helps to tell the answers apart; out goes \
{\"plain\": \"…\", \"error\": null} for each, in order, or {\"plain\": null, \"error\": \"…\"} with Kestra's own \
reason for a value that it drops. A line that is no such object is answered by an error that begins with its \
line and column; the work goes on, and the exit code is 2 in the end. Blank lines are passed over, other \
fields too. Answers come as soon as their questions; memory does not grow. A line may take 1 MiB.

Exit codes: 0 every line was read, whether or not its value decodes; 2 a line was not.

Examples:
  printf '{\"env\": \"YWRtaW4=\"}\\n' | kestra-secrets decode --jsonl
  jq -nc '$ENV | to_entries[] | {name: .key, env: .value}' | grep '\"SECRET_' |
    kestra-secrets decode --jsonl | jq -r 'select(.error) | .name, .error'")]
pub struct Args {
    /// Read and write a JSON object a line
    #[arg(long, required = true)]
    jsonl: bool,
}

/// Decodes standard input to standard output.
///
/// # Errors
/// What the system says of standard input.
pub fn run() -> miette::Result<ExitCode> {
    let decoded = match decode::lines(std::io::stdin().lock(), BufWriter::new(stdout::raw())) {
        // Whoever read the answers has had enough, or cannot be given them, which is told.
        Err(e) if e.kind() == ErrorKind::BrokenPipe => return Ok(ExitCode::Success),
        other => other.into_diagnostic().wrap_err("failed to decode standard input")?,
    };
    let Some((line, column)) = decoded.first else {
        return Ok(ExitCode::Success);
    };
    let lines = if decoded.unread == 1 { "line is" } else { "lines are" };
    terminal::line(&format!(
        "error: {} {lines} no {{\"env\": \"…\"}}; the first at line {line}, column {column}",
        decoded.unread
    ));
    Ok(ExitCode::Usage)
}
