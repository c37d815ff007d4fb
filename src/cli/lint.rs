//! `lint`: what Kestra will not read as it is meant, by the files alone.

use clap::{Args as ClapArgs, ValueEnum};
use miette::IntoDiagnostic as _;

use crate::error::ExitCode;
use crate::lint::{self, LintReport, format};
use crate::scenario::Generation;
use crate::system::stdout;

/// What `lint` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
Findings have codes, which `kestra-secrets codes` describes. No value is shown, nor anything made
from one but its length.
A comment allows a finding on its line and on the next: # kestra-secrets: allow KS003

Exit codes: 0 nothing wrong; 1 errors, or what --deny names; 2 a file that cannot be read.

Examples:
  kestra-secrets lint values.yaml secret.yaml
  kestra-secrets lint deploy/ --format sarif > kestra.sarif
  helm get values kestra | kestra-secrets lint -
  helm template kestra kestra/kestra -f values.yaml | kestra-secrets lint - --deny warnings")]
pub struct Args {
    /// Values, manifests, rendered or not, `helm get values`, kustomizations, .env files; folders; - for
    /// standard input. What refers to what is followed among all of them
    #[arg(value_name = "FILE|DIR|-", required = true)]
    files: Vec<String>,
    /// How the findings are written
    #[arg(long, value_enum, default_value = "human")]
    format: LintFormat,
    /// Fail on more than errors
    #[arg(long, value_enum, value_name = "WHAT")]
    deny: Option<Deny>,
    #[command(flatten)]
    chart: ChartGeneration,
}

/// The generation of the chart that values are for.
#[derive(ClapArgs)]
pub struct ChartGeneration {
    /// The major version of the chart that the values are for [default: the one whose keys they use]
    #[arg(long = "chart-generation", value_name = "0|1|2", value_parser = generation)]
    pub generation: Option<Generation>,
}

fn generation(text: &str) -> Result<Generation, String> {
    match text.trim_end_matches(".x") {
        "0" => Ok(Generation::V0),
        "1" => Ok(Generation::V1),
        "2" => Ok(Generation::V2),
        _ => Err("the generations are 0, 1 and 2".into()),
    }
}

/// How findings are written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LintFormat {
    /// For a person: each finding and its cure below
    Human,
    /// As the schema says that `kestra-secrets schema` prints
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub's workflow runs
    Github,
}

/// What fails beside errors.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Deny {
    /// Warnings fail as errors do
    Warnings,
}

/// Lints, and writes what was found to standard output.
///
/// # Errors
/// When standard input is named twice.
pub fn run(args: &Args) -> miette::Result<ExitCode> {
    if args.files.iter().filter(|file| *file == lint::input::STDIN).count() > 1 {
        miette::bail!(
            help = "give the others as files",
            "standard input can be read once only"
        );
    }
    let (sources, linted) = lint::run(&args.files, args.chart.generation);
    let report = linted.report(sources.len());
    let text = match args.format {
        LintFormat::Human => format::human(&report, &args.files),
        LintFormat::Json => format!("{}\n", serde_json::to_string_pretty(&report).into_diagnostic()?),
        LintFormat::Sarif => format!(
            "{}\n",
            serde_json::to_string_pretty(&format::sarif(&report)).into_diagnostic()?
        ),
        LintFormat::Github => format::github(&report),
    };
    stdout::print(&text);
    Ok(exit(&report, args.deny.is_some()))
}

fn exit(report: &LintReport, deny_warnings: bool) -> ExitCode {
    if !report.unreadable.is_empty() {
        ExitCode::Usage
    } else if report.counts.are_wrong(deny_warnings) {
        ExitCode::Failure
    } else {
        ExitCode::Success
    }
}
