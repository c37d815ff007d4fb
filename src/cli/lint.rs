//! `lint`: secrets that Kestra would misread, found from files alone, and with --fix corrected.

use clap::{Args as ClapArgs, ValueEnum};
use miette::IntoDiagnostic as _;

use super::sessions::EarlyExit;
use super::{chart_reach, fix};
use crate::error::ExitCode;
use crate::lint::{self, LintOptions, LintReport, format};
use crate::release;
use crate::scenario::Generation;
use crate::system::stdout;
use crate::tools::helm::ChartRef;

/// What `lint` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
Every finding has a code; `kestra-secrets explain CODE` describes it. Values are never shown, only their lengths. A \
comment allows a finding on its own line and on the next: # kestra-secrets: allow KS003

--fix changes only the bytes of wrong values and names. Comments, order, quotes and file modes stay as they are. \
Ciphertext, references, templates and values shared by an alias are never touched, nor is a file with several hard \
links. Each file is replaced as a whole or not at all.

Exit codes:
  0    no errors; with --fix, none are left
  1    errors, or warnings with --deny warnings
  2    bad input or usage, such as a file that cannot be read or written; with
       --fail-if-none, nothing found
  3    with --chart, helm or the chart's repository failed

Examples:
  kestra-secrets lint values.yaml secret.yaml
  kestra-secrets lint deploy/ --fix --diff
  kestra-secrets lint deploy/ --fix
  kestra-secrets lint deploy/ --format sarif > kestra.sarif
  kestra-secrets lint values.yaml --chart ./charts/kestra
  helm get values kestra | kestra-secrets lint -
  helm template kestra kestra/kestra -f values.yaml |
    kestra-secrets lint - --deny warnings")]
pub struct Args {
    /// Read these files and folders: chart values, manifests, charts' output, `helm get values`, kustomizations and .env
    /// files; - for standard input. References between them are followed
    #[arg(value_name = "FILE|DIR|-", required = true)]
    pub files: Vec<String>,
    /// Apply the fixes that lint is sure of, and report what is left
    #[arg(long)]
    pub fix: bool,
    /// Print what --fix would change, without any value, and write nothing
    #[arg(long, requires = "fix")]
    pub diff: bool,
    /// Fail on warnings too
    #[arg(long, value_enum, value_name = "WHAT")]
    pub deny: Option<Deny>,
    /// Exit 2 when nothing that was named gives Kestra a secret, instead of warning
    #[arg(long)]
    pub fail_if_none: bool,
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Render this chart with each release's values to see which containers every secret reaches, instead of going by
    /// the keys: a folder, an archive, oci://…, official[@VERSION] or bundled. Secrets are replaced by marks first
    #[arg(id = "rendered_chart", long = "chart", value_name = "CHART", conflicts_with = "fix")]
    pub chart: Option<ChartRef>,
    /// Print the findings in this format
    #[arg(long, value_enum, default_value = "human", help_heading = "Output")]
    pub format: LintFormat,
}

/// What the files are read as.
#[derive(ClapArgs)]
pub struct ReadingArgs {
    /// Read the values as those of a chart of this major version [default: the one whose keys they use]
    #[arg(long = "chart-generation", value_name = "0|1|2", value_parser = generation)]
    pub generation: Option<Generation>,
    /// Take every `SECRET_` in the files for a secret of Kestra, even if nothing else says so
    #[arg(long)]
    pub assume_kestra: bool,
}

impl ReadingArgs {
    pub fn options(&self) -> LintOptions {
        LintOptions {
            generation: self.generation,
            assume_kestra: self.assume_kestra,
        }
    }
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
    /// For people: each finding, with its cure below
    Human,
    /// JSON, as described by `kestra-secrets schema`
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations for GitHub workflow runs
    Github,
}

/// What fails besides errors.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Deny {
    /// Warnings fail like errors
    Warnings,
}

/// Lints or fixes, and reports the findings.
///
/// # Errors
/// When standard input is named twice or is to be fixed, a file cannot be written, or the chart is none.
pub async fn run(args: &Args) -> Result<ExitCode, EarlyExit> {
    if args.fix {
        return Ok(fix::run(args)?);
    }
    if args.files.iter().filter(|file| *file == release::input::STDIN).count() > 1 {
        return Err(miette::miette!(
            help = "give the others as files",
            "standard input can be read only once"
        )
        .into());
    }
    let options = args.reading.options();
    let (sources, linted) = match &args.chart {
        Some(chart) => chart_reach::run(&args.files, options, chart).await?,
        None => lint::run(&args.files, options),
    };
    let report = linted.report(sources.len());
    stdout::print(&args.text(&report)?);
    Ok(args.exit(&report))
}

impl Args {
    pub fn text(&self, report: &LintReport) -> miette::Result<String> {
        Ok(match self.format {
            LintFormat::Human => {
                // What fixes them must read them in the same way.
                let flag = self.reading.assume_kestra.then(|| "--assume-kestra".to_owned());
                let arguments: Vec<_> = flag.into_iter().chain(self.files.iter().cloned()).collect();
                format::human(report, &arguments)
            }
            LintFormat::Json => format!("{}\n", serde_json::to_string_pretty(report).into_diagnostic()?),
            LintFormat::Sarif => format!(
                "{}\n",
                serde_json::to_string_pretty(&format::sarif(report)).into_diagnostic()?
            ),
            LintFormat::Github => format::github(report),
        })
    }

    pub fn exit(&self, report: &LintReport) -> ExitCode {
        if !report.unreadable.is_empty() || self.fail_if_none && report.coverage.is_empty() {
            ExitCode::Usage
        } else if report.counts.are_wrong(self.deny.is_some()) {
            ExitCode::Failure
        } else {
            ExitCode::Success
        }
    }
}
