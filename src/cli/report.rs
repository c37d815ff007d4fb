//! `report`: converts a written report, or merges several.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};
use miette::{IntoDiagnostic as _, WrapErr as _};

use super::output_args::OutputArgs;
use crate::cli::console::{print_cases, print_summary};
use crate::error::ExitCode;
use crate::report::{self, ReportFormat, json, merge};
use crate::system::{atomic, stdout};

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
    /// Convert a report to another format
    #[command(after_help = "\
The exit code is 0 whatever the report says. `report merge` exits as the run did.

Examples:
  kestra-secrets report convert report/report.json --to markdown
  kestra-secrets report convert report --to junit --output results.xml")]
    Convert(Convert),
    /// Merge several reports into one, such as those of all shards
    #[command(after_help = "\
The exit code is that of one run of all cases. A case with two different results is an error, and so is a missing \
shard. If a shard was run again because it broke, the result that was judged counts.

Examples:
  kestra-secrets report merge shard-1 shard-2 --output report
  kestra-secrets report merge shards/* --output report
  kubectl logs --selector job-name=qualify --tail=-1 \\
    | kestra-secrets report merge - --output report")]
    Merge(Merge),
}

#[derive(ClapArgs)]
struct Convert {
    /// Convert this report.json, or the one in this folder; its evidence is read from beside it
    #[arg(value_name = "REPORT")]
    report: PathBuf,
    /// Write this format
    #[arg(long, value_enum)]
    to: ReportFormat,
    /// Write to this file, which only you can read [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(ClapArgs)]
struct Merge {
    /// Merge these report.json files, those in these folders, or the logs of pods that ran with `--format jsonl`; - for
    /// standard input
    #[arg(value_name = "REPORT", required = true)]
    reports: Vec<PathBuf>,
    /// Write the merged report, in every format, and its evidence into this folder
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Merge even if shards are missing
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
        Some(file) => atomic::write_private(file, text.as_bytes())
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
    let mut reports = Vec::new();
    for path in &args.reports {
        reports.extend(json::read_all(path)?);
    }
    let merged = merge::merge(reports.iter().map(|(report, _)| report.clone()).collect(), args.partial)?;
    let written = reports
        .iter()
        .try_for_each(|(report, folder)| merge::copy_evidence(report, folder, &args.output))
        .and_then(|()| report::write(&merged, &args.output));
    written
        .into_diagnostic()
        .wrap_err_with(|| format!("failed to write the report into {}", args.output.display()))?;
    if !args.said.is_for_programs() {
        print_cases(&merged);
        print_summary(&merged, Some(&args.output));
    }
    args.said.tell(&merged);
    Ok(merged.exit())
}
