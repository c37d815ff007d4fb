//! `report`: reports that were written down, in another format or as one.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};
use miette::{IntoDiagnostic as _, WrapErr as _};

use super::said::OutputArgs;
use crate::cli::console::Console;
use crate::error::ExitCode;
use crate::report::{self, ReportFormat, json, merge};
use crate::system::stdout;

/// What `report` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
Examples:
  kestra-secrets report convert report --to html --output report.html
  kestra-secrets report merge shards/* --output report")]
pub struct Args {
    #[command(subcommand)]
    command: ReportCommand,
}

#[derive(Subcommand)]
enum ReportCommand {
    /// Write a report in another format
    #[command(after_help = "\
Exits 0 whatever the report says: what it amounts to was the exit code of the run, and is that of `merge`.

Examples:
  kestra-secrets report convert report/report.json --to markdown
  kestra-secrets report convert report --to junit --output results.xml")]
    Convert(Convert),
    /// Make one report of several, such as those of all shards
    #[command(after_help = "\
The exit code is what a run of all of it would have had. A case with two different results is an error, and so is
a shard that is missing.

Examples:
  kestra-secrets report merge shard-1/report.json shard-2/report.json --output report
  kestra-secrets report merge shards/* --output report")]
    Merge(Merge),
}

#[derive(ClapArgs)]
struct Convert {
    /// A report.json, or the folder it is in; its evidence is looked for beside it
    #[arg(value_name = "REPORT")]
    report: PathBuf,
    /// The format
    #[arg(long, value_enum)]
    to: ReportFormat,
    /// The file to write, readable by you alone [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(ClapArgs)]
struct Merge {
    /// Several report.json, or the folders they are in
    #[arg(value_name = "REPORT", required = true)]
    reports: Vec<PathBuf>,
    /// The folder for the merged report, in every format, and its evidence
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Take what there is when shards are missing
    #[arg(long)]
    partial: bool,
    #[command(flatten)]
    said: OutputArgs,
}

/// Converts or merges.
///
/// # Errors
/// Bad input: a file that is no report, reports that do not make one, a file that cannot be written.
pub fn run(args: &Args) -> miette::Result<ExitCode> {
    match &args.command {
        ReportCommand::Convert(args) => convert(args),
        ReportCommand::Merge(args) => merged(args),
    }
}

fn convert(args: &Convert) -> miette::Result<ExitCode> {
    let (report, folder) = json::read(&args.report)?;
    let text = args.to.write(&report, &folder).into_diagnostic()?;
    match &args.output {
        Some(file) => json::write_private(file, text.as_bytes())
            .into_diagnostic()
            .wrap_err_with(|| format!("failed to write {}", file.display()))?,
        None => {
            // What cannot be written is told there.
            let _ = stdout::raw().write_all(text.as_bytes());
        }
    }
    Ok(ExitCode::Success)
}

fn merged(args: &Merge) -> miette::Result<ExitCode> {
    let read = |path: &PathBuf| json::read(path);
    let reports: Vec<_> = args.reports.iter().map(read).collect::<Result<_, _>>()?;
    let merged = merge::merge(reports.iter().map(|(report, _)| report.clone()).collect(), args.partial)?;
    let written = reports
        .iter()
        .try_for_each(|(report, folder)| merge::copy_evidence(report, folder, &args.output))
        .and_then(|()| report::write(&merged, &args.output));
    written
        .into_diagnostic()
        .wrap_err_with(|| format!("failed to write the report into {}", args.output.display()))?;
    let exit = Console::default().last_line(&merged, |exit| exit);
    args.said.tell(&merged);
    Ok(exit)
}
