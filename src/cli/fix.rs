//! `lint --fix`: corrects what is surely wrong. `fix` is its old name.

use std::path::Path;

use clap::Args as ClapArgs;

use super::formats::{FormatTarget, ReportOutputs};
use super::lint::{Args, BaselineArgs, ReadingArgs, Reporter};
use super::lint_output::LintFormat;
use crate::error::ExitCode;
use crate::lint::{self, fix};
use crate::release::input::SourceFile;
use crate::system::{stdout, terminal};

/// What `fix`, the old name of `lint --fix`, takes.
#[derive(ClapArgs)]
#[command(after_help = "\
This is the old name of `kestra-secrets lint --fix`.

Examples:
  kestra-secrets fix values.yaml --dry-run
  kestra-secrets fix values.yaml secret.yaml")]
pub struct OldArgs {
    /// Read these files and folders, as `lint` does
    #[arg(value_name = "FILE|DIR", required = true)]
    files: Vec<String>,
    /// Print what would change, without any value, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    reading: ReadingArgs,
}

impl From<OldArgs> for Args {
    fn from(old: OldArgs) -> Self {
        Self {
            files: old.files,
            fix: true,
            diff: old.dry_run,
            deny: None,
            fail_if_none: false,
            reading: old.reading,
            chart: None,
            known: BaselineArgs::default(),
            format: vec![FormatTarget::stdout(LintFormat::Human)],
        }
    }
}

/// Fixes the files and reports what is left.
///
/// # Errors
/// Standard input, and a file that cannot be written.
pub fn run(reporter: &Reporter) -> miette::Result<ExitCode> {
    let Reporter { args, outputs, .. } = reporter;
    if args.files.iter().any(|file| file == crate::release::input::STDIN) {
        miette::bail!(
            help = "name the file that is to be corrected",
            "standard input cannot be fixed"
        );
    }
    let (sources, linted) = lint::run(&args.files, args.reading.options());
    reporter.keep_off(&sources)?;
    if !linted.unreadable.is_empty() {
        return reporter.finish(linted, &sources, true);
    }
    let outcome = fix::fix(&sources, args.reading.options());
    let fixed = || {
        let files = outcome.fixed.iter();
        files.filter_map(|fixed| Some((fixed, sources.get(fixed.source)?)))
    };
    if !args.diff {
        // A run that cannot write one file writes none.
        for (_, source) in fixed() {
            fix::replaceable(path(source)).map_err(|e| {
                let help = "nothing was written; replace the link by a copy of the file, or change the file by hand: \
                            --diff shows where";
                miette::miette!(help = help, "failed to fix {}: {e}", source.name)
            })?;
        }
    }
    for (fixed, source) in fixed() {
        if args.diff {
            tell(outputs, &fixed.diff);
            continue;
        }
        fix::replace(path(source), &fixed.text)
            .map_err(|e| miette::miette!(help = "the file is unchanged", "failed to write {}: {e}", source.name))?;
        let what = if fixed.changed == 1 {
            "value or name"
        } else {
            "values and names"
        };
        tell(
            outputs,
            &format!("{}: corrected {} {what}\n", source.name, fixed.changed),
        );
    }
    // To standard error for people, so that a diff can be redirected.
    reporter.finish(outcome.left, &sources, true)
}

/// Prints what is done to the files. A machine that asked for a format reads that alone on standard output.
fn tell(outputs: &ReportOutputs<LintFormat>, text: &str) {
    match outputs.on_stdout() {
        Some(LintFormat::Human) => stdout::print(text),
        _ => terminal::print(text),
    }
}

fn path(source: &SourceFile) -> &Path {
    source.path.as_deref().unwrap_or(Path::new(&source.name))
}
