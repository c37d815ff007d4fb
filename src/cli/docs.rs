//! `docs`: what documentation promises, run, and what makes it true.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args as ClapArgs;
use miette::{IntoDiagnostic as _, WrapErr as _};

use super::console::{self, Console};
use super::execute::{RunOutcome, RunPlan, execute};
use super::plaintext;
use super::sessions::{EarlyExit, Sessions};
use super::target::TargetArgs;
use crate::docs_page::claim::{self, Claim, Correction};
use crate::docs_page::table::{self, PageRow, Printed, PromiseKept};
use crate::docs_page::{self, MarkdownPage, Note, correct, markdown};
use crate::error::ExitCode;
use crate::error::InputError;
use crate::plan::{Plan, PlanError};
use crate::run::session::Session;
use crate::scenario::{Catalogue, Scenario};
use crate::system::atomic::write_private;
use crate::system::words::count;
use crate::system::{stdout, terminal};
use crate::verdict;
use crate::verdict::Status;

/// What `docs` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
Without --page, the command runs the bundled scenarios that hold the snippets of both editions of Kestra's own page, \
and compares what the page promised with what came out.

With --page, it finds the values, Secrets, flow and recipes in a Markdown page, runs every strategy that the page \
shows, and writes the patch that makes the page true. Shell lines are read, never executed. A page is public, so its \
values are shown.

Each strategy is first rendered as printed, with nothing added; on a cluster, a dry run tries it too. It then runs \
together with what a release needs to run small. The corrected strategy runs as well: the last column says whether \
it installs as printed and keeps the promise.

Exit codes:
  0    the catalogue's expectations hold; with --page, the page is true
  1    an expectation fails; with --strict, a promise is broken; with --page,
       the page is not true
  2    bad input or usage, such as a page that cannot be read
  3    the environment broke; nothing is known to be wrong
  130  interrupted, and cleaned up

Examples:
  kestra-secrets docs
  kestra-secrets docs --kestra engine@2.0.0 --report report --strict
  kestra-secrets docs --page docs/kubernetes-secrets.md --patch page.patch
  kestra-secrets docs --page - < page.md | patch page.md")]
pub struct Args {
    /// Run this Markdown page; - for standard input
    #[arg(long, value_name = "FILE|-")]
    page: Option<String>,
    /// Write the patch to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    patch: Option<PathBuf>,
    /// Fail on a broken promise even if the catalogue expects it
    #[arg(long, conflicts_with = "page")]
    strict: bool,
    #[command(flatten)]
    target: TargetArgs,
}

/// Runs what is documented and says how it fared.
///
/// # Errors
/// [`EarlyExit`] when a page cannot be read or shows no way to give a secret, a file cannot be written, or nothing ran.
pub async fn run(args: Args) -> Result<ExitCode, EarlyExit> {
    match &args.page {
        Some(file) => run_page(&args, file).await,
        None => run_bundled(&args).await,
    }
}

/// The session in which a page's scenarios run. The table tells how each case ended; on the way a line does.
async fn open(target: &TargetArgs) -> Result<Sessions, EarlyExit> {
    let mut options = target.options()?;
    // The editions of a page are written for several charts, which ours plays.
    options.chart.get_or_insert_default();
    Sessions::open(vec![options], Console::for_progress()).await
}

/// The scenarios that come with the program.
async fn run_bundled(args: &Args) -> Result<ExitCode, EarlyExit> {
    let is_of_a_page = |scenario: &&Scenario| scenario.source.as_ref().is_some_and(|source| source.page.is_some());
    let scenarios = Catalogue::bundled()?.iter().filter(is_of_a_page).cloned().collect();
    let (claims, corrections) = claim::of_scenarios(scenarios);
    let patch: String = corrections.iter().map(Correction::diff).collect();
    let mut sessions = open(&args.target).await?;
    let plans = claim::scenarios(&claims);
    let plans: Result<_, _> = sessions.all().iter().map(|session| session.plan(&plans)).collect();
    let plans = sessions.close_on_error(plans).await?;
    let outcome = execute_and_write(args, sessions, plans).await?;
    let rows = table::rows(&claims, &outcome.report);
    let mut exit = outcome.report.exit();
    let is_broken = |row: &PageRow| row.kept == PromiseKept::Broken || row.is_refused();
    if args.strict && exit == ExitCode::Success && rows.iter().any(is_broken) {
        exit = ExitCode::Failure;
    }
    Ok(args.print("edition", &rows, how_printed(&claims, &outcome), &outcome, exit, &patch)?)
}

/// A page that somebody wrote.
async fn run_page(args: &Args, file: &str) -> Result<ExitCode, EarlyExit> {
    let name = if file == plaintext::STDIN { "<stdin>" } else { file };
    let text = InputError::text(name, plaintext::of_file(file)?)?;
    let page = docs_page::read(name, &text);
    if page.strategies.is_empty() {
        let why = "shows no values for Kestra's chart that give a secret";
        for note in &page.notes {
            terminal::line(&describe_note(&page, note));
        }
        let help = "what was read and left out is listed above";
        return Err(InputError::whole(name, why, Some(help.into())).into());
    }
    let corrected = correct::page(&page);
    let patch = markdown::diff(name, &text, &corrected.text);
    let claims = claim::of_page(&page, &docs_page::read(name, &corrected.text));
    let mut notes = [page.notes.clone(), corrected.notes].concat();
    let mut sessions = open(&args.target).await?;
    let plans: Result<Vec<_>, _> = sessions.all().iter().map(|session| plan(session, &claims)).collect();
    let mut plans = sessions.close_on_error(plans).await?;
    for (_, unfit) in &mut plans {
        notes.append(unfit);
    }
    notes.sort();
    notes.dedup();
    let plans = plans.into_iter().map(|(plan, _)| plan).collect();
    let outcome = execute_and_write(args, sessions, plans).await?;
    let rows = table::rows(&claims, &outcome.report);
    let exit = page_exit(&rows, &notes, &outcome);
    let notes = notes.iter().map(|note| describe_note(&page, note));
    let notes: Vec<String> = notes.chain(how_printed(&claims, &outcome)).collect();
    Ok(args.print("lines", &rows, notes, &outcome, exit, &patch)?)
}

async fn execute_and_write(args: &Args, sessions: Sessions, plans: Vec<Plan>) -> Result<RunOutcome, EarlyExit> {
    let plan = RunPlan {
        plans,
        ..RunPlan::default()
    };
    let folder = args.target.report.as_deref();
    let mut outcome = execute(sessions, plan, folder).await?;
    outcome.write(folder);
    Ok(outcome)
}

/// A plan of all that can be planned, and a note of each scenario that cannot.
fn plan(session: &Session, claims: &[Claim]) -> Result<(Plan, Vec<Note>), PlanError> {
    let mut fit = Vec::new();
    let mut unfit = Vec::new();
    for scenario in claim::scenarios(claims) {
        match session.plan(&[Arc::clone(&scenario)]) {
            Ok(_) => fit.push(scenario),
            Err(why) => {
                let why = why.to_string().replace(&format!("scenario {}: ", scenario.name), "");
                unfit.push(Note {
                    line: usize::try_from(scenario.at.0).unwrap_or_default(),
                    wrong: false,
                    says: format!("not run: {why}"),
                });
            }
        }
    }
    Ok((session.plan(&fit)?, unfit))
}

/// Whether the page is true, as an exit code.
fn page_exit(rows: &[PageRow], notes: &[Note], outcome: &RunOutcome) -> ExitCode {
    let broken = |kept: PromiseKept| matches!(kept, PromiseKept::Broken);
    let wrong = rows
        .iter()
        .any(|row| broken(row.kept) || row.is_refused() || row.corrected.is_some_and(broken));
    let drift = outcome.report.results.iter().any(|result| result.model_drift);
    if wrong || drift || notes.iter().any(|note| note.wrong) {
        return ExitCode::Failure;
    }
    verdict::exit_code(outcome.report.results.iter().map(|result| match result.status {
        // Everything that is wrong was counted.
        Status::Fail => Status::Pass,
        other => other,
    }))
}

/// What was done to documents as they are printed.
fn how_printed(claims: &[Claim], outcome: &RunOutcome) -> Vec<String> {
    table::how_printed(claims, &outcome.report).into_iter().collect()
}

fn describe_note(page: &MarkdownPage, note: &Note) -> String {
    let wrong = if note.wrong { "wrong: " } else { "" };
    format!("{}:{}: {wrong}{}", page.name, note.line, note.says)
}

impl Correction {
    fn diff(&self) -> String {
        markdown::diff(&self.file, &self.old, &self.new)
    }
}

impl Args {
    /// The table, what is to be said beside it, and last the patch, so that `patch` can read it from a pipe.
    fn print(
        &self,
        places: &str,
        rows: &[PageRow],
        notes: Vec<String>,
        outcome: &RunOutcome,
        exit: ExitCode,
        patch: &str,
    ) -> miette::Result<ExitCode> {
        let report = &outcome.report;
        let exit = outcome.exit(exit);
        let mut lines = vec![table::table(places, rows, self.target.adds_defaults()).trim_fmt()];
        lines.extend(notes);
        lines.extend(unexpected(outcome));
        let of = |kept| rows.iter().filter(|row| row.kept == kept).count();
        let corrected: Vec<PromiseKept> = rows.iter().filter_map(|row| row.corrected).collect();
        let held = corrected.iter().filter(|kept| **kept == PromiseKept::Kept).count();
        let printed: Vec<bool> = rows
            .iter()
            .filter_map(|row| row.printed.as_ref())
            .map(|p| *p == Printed::Installs)
            .collect();
        lines.push(format!(
            "as printed, {} of {} install; {} kept, {} broken, {} not run; corrected, {held} of {} install as printed and \
             are kept (exit {})",
            printed.iter().filter(|installs| **installs).count(),
            printed.len(),
            count(of(PromiseKept::Kept), "promise"),
            of(PromiseKept::Broken),
            of(PromiseKept::NotRun),
            corrected.len(),
            exit.code()
        ));
        lines.push(format!("chart: {}", table::charts(rows).join("; ")));
        lines.extend(console::provenance_lines(report));
        if let Some(folder) = &self.target.report {
            write(&folder.join("corrections.patch"), patch)?;
        }
        match &self.patch {
            Some(file) => write(file, patch)?,
            None if !patch.is_empty() => lines.push(format!("\n{}", patch.trim_end())),
            None => {}
        }
        stdout::line(lines.join("\n"));
        Ok(exit)
    }
}

fn write(file: &std::path::Path, patch: &str) -> miette::Result<()> {
    write_private(file, patch.as_bytes())
        .into_diagnostic()
        .wrap_err_with(|| format!("failed to write {}", file.display()))
}

/// What came out otherwise than the catalogue expects it, and what could not be run.
fn unexpected(outcome: &RunOutcome) -> Vec<String> {
    let results = outcome.report.results.iter();
    results
        .filter(|result| match result.status {
            // A page expects what it promises, which the table shows.
            Status::Fail => result.model_drift || result.expected != result.promised,
            Status::Error => true,
            Status::Pass | Status::Skipped => false,
        })
        .map(|result| {
            let because = result.because.as_deref().unwrap_or("not as expected");
            format!("{} on {}: {because}", result.scenario, result.provenance.kestra)
        })
        .collect()
}
