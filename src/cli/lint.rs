//! `lint`: secrets that Kestra would misread, found from files alone, and with --fix corrected.

use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, ValueEnum};

use super::formats::{FormatTarget, FormatTargetParser, ReportOutputs};
use super::lint_output::LintFormat;
use super::sessions::EarlyExit;
use super::{chart_reach, fix};
use crate::error::{ExitCode, InputError};
use crate::lint::{self, Baseline, FileNames, LintOptions, LintReport, Linted};
use crate::release::{self, input::SourceFile};
use crate::scenario::Generation;
use crate::system::atomic;
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
  kestra-secrets lint deploy/ --format sarif=kestra.sarif --format human
  kestra-secrets lint deploy/ --baseline kestra-baseline.json \\
    --update-baseline
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
    #[command(flatten)]
    pub known: BaselineArgs,
    /// Write the findings in this format to FILE, or to standard output; repeat for several files
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = FormatTargetParser::<LintFormat>::new(), default_value = "human", help_heading = "Output")]
    pub format: Vec<FormatTarget<LintFormat>>,
}

/// Faults that were there before.
#[derive(ClapArgs, Default)]
pub struct BaselineArgs {
    /// Count only faults that are not in this file, and say which of its faults are gone
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write the errors and warnings of now to the baseline, so that only new ones fail
    #[arg(long, requires = "baseline", conflicts_with = "diff")]
    update_baseline: bool,
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
    let reporter = Reporter::new(args)?;
    if args.fix {
        return Ok(fix::run(&reporter)?);
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
    reporter.keep_off(&sources)?;
    Ok(reporter.finish(linted, &sources, false)?)
}

/// What is done with findings. All that can be wrong with it is known before any file is changed.
pub struct Reporter<'a> {
    pub args: &'a Args,
    pub outputs: ReportOutputs<LintFormat>,
    baseline: Option<(&'a Path, Baseline)>,
}

impl<'a> Reporter<'a> {
    /// By the command line.
    ///
    /// # Errors
    /// Places that no report can be written to, and a baseline that is none.
    pub fn new(args: &'a Args) -> miette::Result<Self> {
        let known = &args.known;
        let read = |file: &'a PathBuf| Ok((file.as_path(), Baseline::read(file, known.update_baseline)?));
        let baseline: Result<_, InputError> = known.baseline.as_ref().map(read).transpose();
        Ok(Self {
            args,
            outputs: ReportOutputs::new(&args.format)?,
            baseline: baseline?,
        })
    }

    /// Refuses to write a report over what is read.
    ///
    /// # Errors
    /// A file that is both.
    pub fn keep_off(&self, sources: &[SourceFile]) -> miette::Result<()> {
        self.outputs
            .keep_off_sources(sources, self.args.known.baseline.as_deref())
    }

    /// Reports the findings that the baseline does not know.
    ///
    /// # Errors
    /// A report or a baseline that cannot be written.
    pub fn finish(&self, linted: Linted, sources: &[SourceFile], human_on_stderr: bool) -> miette::Result<ExitCode> {
        let report = self.report(linted, sources)?;
        self.outputs
            .write_lint(&report, &self.args.arguments(), human_on_stderr)?;
        Ok(self.args.exit(&report))
    }

    fn report(&self, mut linted: Linted, sources: &[SourceFile]) -> miette::Result<LintReport> {
        let folder = self
            .baseline
            .as_ref()
            .map_or(Path::new("."), |(file, _)| atomic::folder(file));
        let files = FileNames::new(sources, folder);
        linted.fingerprint(&files);
        let mut report = linted.report(sources.len());
        let Some((file, baseline)) = &self.baseline else {
            return Ok(report);
        };
        let name = file.display().to_string();
        // Of what was not read nobody knows which faults it has.
        if !self.args.known.update_baseline || !report.unreadable.is_empty() {
            baseline.apply(name, &files, &mut report);
            return Ok(report);
        }
        let updated = baseline.updated(&report, &files);
        updated.write(file).map_err(|e| {
            miette::miette!(
                help = "its folder must exist and take a new file",
                "failed to write {name}: {e}"
            )
        })?;
        updated.apply(name, &files, &mut report);
        Ok(report)
    }
}

impl Args {
    /// What `lint --fix` needs to read the files in the same way.
    fn arguments(&self) -> Vec<String> {
        let flag = self.reading.assume_kestra.then(|| "--assume-kestra".to_owned());
        flag.into_iter().chain(self.files.iter().cloned()).collect()
    }

    fn exit(&self, report: &LintReport) -> ExitCode {
        if !report.unreadable.is_empty() || self.fail_if_none && report.coverage.is_empty() {
            ExitCode::Usage
        } else if report.counts.are_wrong(self.deny.is_some()) {
            ExitCode::Failure
        } else {
            ExitCode::Success
        }
    }
}
