//! `schema`: the JSON Schemas of the formats that the program reads and writes.

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
    /// Print the schema of this format
    format: SchemaName,
}

#[derive(Clone, Copy, ValueEnum)]
enum SchemaName {
    /// A scenario file
    Scenario,
    /// report.json
    Report,
    /// A line of `run --format jsonl`
    ReportLine,
    /// What `explain --json` prints
    Explain,
    /// What `lint --format json` writes
    Lint,
    /// What `lint --baseline` reads
    Baseline,
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
        SchemaName::Scenario => scenario::schema::json_schema(),
        SchemaName::Report => report::json::json_schema(),
        SchemaName::ReportLine => report::lines::json_schema(),
        SchemaName::Explain => explain::json_schema(),
        SchemaName::Lint => lint::finding::json_schema(),
        SchemaName::Baseline => lint::baseline::json_schema(),
        SchemaName::Matrix => matrix::json_schema(),
        SchemaName::Doctor => doctor::json_schema(),
        SchemaName::Prove => prove::report::json_schema(),
        SchemaName::Audit => audit::report::json_schema(),
    };
    stdout::line(serde_json::to_string_pretty(&schema).into_diagnostic()?);
    Ok(ExitCode::Success)
}
