//! `schema`: the JSON Schemas of what is read and written.

use clap::{Args as ClapArgs, ValueEnum};
use miette::IntoDiagnostic as _;

use super::matrix;
use crate::error::ExitCode;
use crate::system::stdout;
use crate::{audit, doctor, lint, prove, report, scenario, values::explain};

#[derive(ClapArgs)]
#[command(after_help = "\
Examples:
  kestra-secrets schema scenario > scenario.schema.json
  kestra-secrets schema report | jq .properties")]
pub struct Args {
    /// Which format
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A scenario file
    Scenario,
    /// report.json
    Report,
    /// What `explain --json` prints
    Explain,
    /// What `lint --format json` writes
    Lint,
    /// prove.json
    Prove,
    /// What `run --matrix` reads
    Matrix,
    /// What `doctor --json` prints
    Doctor,
    /// What `audit --format json` writes
    Audit,
}

pub fn run(args: &Args) -> miette::Result<ExitCode> {
    let schema = match args.format {
        Format::Scenario => scenario::schema::json_schema(),
        Format::Report => report::json::json_schema(),
        Format::Explain => explain::json_schema(),
        Format::Lint => lint::finding::json_schema(),
        Format::Matrix => matrix::json_schema(),
        Format::Doctor => doctor::json_schema(),
        Format::Prove => prove::report::json_schema(),
        Format::Audit => audit::report::json_schema(),
    };
    stdout::line(serde_json::to_string_pretty(&schema).into_diagnostic()?);
    Ok(ExitCode::Success)
}
