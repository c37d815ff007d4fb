//! `fix`: makes `lint` silent where nobody has to guess.

use std::path::Path;

use clap::Args as ClapArgs;

use super::lint::ChartGeneration;
use crate::error::ExitCode;
use crate::lint::input::SourceFile;
use crate::lint::{self, fix, format};
use crate::system::{stdout, terminal};

/// What `fix` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
Only the bytes of wrong values and names change: comments, order, quotes and the file's mode stay. Ciphertext,
references, templates and what an alias shares are never touched. A file is replaced at once, or not at all.
A file with several hard links is left alone.

Exit codes: 0 lint is silent about errors now; 1 errors are left, and said; 2 a file that cannot be read or written.

Examples:
  kestra-secrets fix values.yaml --dry-run
  kestra-secrets fix values.yaml secret.yaml")]
pub struct Args {
    /// Files and folders as `lint` takes them; they are read together, so that a Secret is known by the values that take it
    #[arg(value_name = "FILE|DIR", required = true)]
    files: Vec<String>,
    /// Show what would change, without any value, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    chart: ChartGeneration,
}

/// Fixes the files and says what is left.
///
/// # Errors
/// Standard input, and a file that cannot be written.
pub fn run(args: &Args) -> miette::Result<ExitCode> {
    if args.files.iter().any(|file| file == lint::input::STDIN) {
        miette::bail!(
            help = "name the file that is to be written",
            "standard input cannot be fixed"
        );
    }
    let (sources, linted) = lint::run(&args.files, args.chart.generation);
    if !linted.unreadable.is_empty() {
        terminal::print(&format::human(&linted.report(sources.len()), &args.files));
        return Ok(ExitCode::Usage);
    }
    let outcome = fix::fix(&sources, args.chart.generation);
    let fixed = || {
        let files = outcome.fixed.iter();
        files.filter_map(|fixed| Some((fixed, sources.get(fixed.source)?)))
    };
    if !args.dry_run {
        // All of them before the first is written.
        for (_, source) in fixed() {
            fix::replaceable(path(source)).map_err(|e| {
                let help = "nothing was written; give the file a copy of its own in the place of the link, \
                            or change it by hand: --dry-run shows where";
                miette::miette!(help = help, "failed to fix {}: {e}", source.name)
            })?;
        }
    }
    for (fixed, source) in fixed() {
        if args.dry_run {
            stdout::print(&fixed.diff);
            continue;
        }
        fix::replace(path(source), &fixed.text)
            .map_err(|e| miette::miette!(help = "the file is as it was", "failed to write {}: {e}", source.name))?;
        let what = if fixed.changed == 1 {
            "value or name"
        } else {
            "values and names"
        };
        stdout::line(format!("{}: {} {what} written anew", source.name, fixed.changed));
    }
    let report = outcome.left.report(sources.len());
    terminal::print(&format::human(&report, &args.files));
    Ok(if report.counts.are_wrong(false) {
        ExitCode::Failure
    } else {
        ExitCode::Success
    })
}

fn path(source: &SourceFile) -> &Path {
    source.path.as_deref().unwrap_or(Path::new(&source.name))
}
