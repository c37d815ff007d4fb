//! What all commands that start a Kestra do: sessions from their opening to their end, and one report of them.

use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::interrupt;
use super::matrix;
use super::said::OutputArgs;
use crate::cli::console::Console;
use crate::error::{ExitCode, InfraError};
use crate::plan::{Plan, Shard, opening};
use crate::report::{self, Report, Sharded, merge};
use crate::run::session::{Session, SessionOptions};
use crate::system::{stdout, terminal};

/// What was carried out.
pub struct RunOutcome {
    /// What came of it.
    pub report: Report,
    /// Where a person reads of it.
    pub console: Arc<Console>,
    /// Whether the run was interrupted.
    interrupted: bool,
    /// Whether something of it could not be opened, or was left behind.
    broken: bool,
    /// What a shard left to the others.
    left_out: Option<String>,
}

impl RunOutcome {
    /// What the whole amounts to when its cases amount to `exit`.
    pub fn exit(&self, exit: ExitCode) -> ExitCode {
        match exit {
            _ if self.interrupted => ExitCode::Interrupted,
            ExitCode::Success if self.broken => ExitCode::Infra,
            exit => exit,
        }
    }
}

/// How it is carried out.
pub struct RunOptions<'a> {
    /// What is run, where the sessions' own lines do not say it.
    pub headline: Option<String>,
    /// The part of it that is done; none for all.
    pub shard: Option<Shard>,
    /// The report's folder.
    pub folder: Option<&'a Path>,
    /// What is to be added to a session's report.
    pub annotate: &'a dyn Fn(usize, &mut Report),
}

impl<'a> RunOptions<'a> {
    /// All of it, with a report in a folder.
    pub fn to(folder: Option<&'a Path>) -> Self {
        Self {
            headline: None,
            shard: None,
            folder,
            annotate: &|_, _| (),
        }
    }
}

/// Carries out the plan that is made for each session, one session after the other; `tell` says more of the report
/// than its table does.
///
/// # Errors
/// Bad input: no plan can be made.
pub async fn live(
    sessions: Vec<SessionOptions>,
    ways: RunOptions<'_>,
    plan: impl AsyncFnMut(usize, &Session) -> miette::Result<Plan>,
    said: &OutputArgs,
    tell: impl FnOnce(&Report),
) -> miette::Result<ExitCode> {
    Ok(match carry(sessions, ways, plan).await? {
        Ok(carried) => {
            tell(&carried.report);
            let exit = carried.console.last_line(&carried.report, |exit| carried.exit(exit));
            said.tell(&carried.report);
            if let Some(line) = &carried.left_out {
                stdout::line(line);
            }
            exit
        }
        Err(exit) => exit,
    })
}

/// Carries out the plan that is made for each session and leaves it to the caller what is told of it; the exit code
/// where nothing came of it.
///
/// # Errors
/// Bad input: no plan can be made.
pub async fn carry(
    sessions: Vec<SessionOptions>,
    ways: RunOptions<'_>,
    mut plan: impl AsyncFnMut(usize, &Session) -> miette::Result<Plan>,
) -> miette::Result<Result<RunOutcome, ExitCode>> {
    let console = Arc::new(Console::default());
    let cancel = interrupt::token()?;
    let interrupted = |exit| {
        if cancel.is_cancelled() {
            ExitCode::Interrupted
        } else {
            exit
        }
    };
    let sessions = match open(sessions, &console, &cancel).await {
        Ok(sessions) => sessions,
        Err(infra) => return Ok(Err(interrupted(console.broken(&infra)))),
    };
    let (plans, sharded) = match planned(&sessions, &mut plan, ways.shard).await {
        Ok(planned) => planned,
        Err(input) => {
            close(sessions, &console).await;
            return Err(input);
        }
    };
    let left_out = ways.shard.zip(sharded.as_ref()).map(|(shard, share)| share.line(shard));
    for line in ways.headline.iter().chain(&left_out) {
        console.first_line(line);
    }
    let several = sessions.len() > 1;
    let mut reports = Vec::new();
    let mut broken = false;
    for (n, (session, plan)) in sessions.iter().zip(plans).enumerate() {
        if cancel.is_cancelled() || (plan.is_empty() && several) {
            continue;
        }
        console.first_line(&session.header(&plan));
        if terminal::loudness() == terminal::Verbosity::Verbose {
            session.added().iter().for_each(|line| terminal::line(line));
        }
        let unjudged = session.unjudged(&plan);
        let mut report = session.carry_out(plan).await.unwrap_or_else(|infra| {
            broken = true;
            console.broken(&infra);
            session.broken(unjudged, &infra)
        });
        report.run.shard = sharded.as_ref().map(|share| share.stamp.clone());
        (ways.annotate)(n, &mut report);
        if let Some(folder) = ways.folder.filter(|_| several) {
            broken |= !write(&report, &matrix::folder_of(folder, n), &console);
        }
        reports.push((n, report));
    }
    broken |= close(sessions, &console).await;
    let report = if several {
        if let Some(folder) = ways.folder {
            broken |= !reports.iter().all(|(n, report)| copied(report, *n, folder, &console));
        }
        gather(&reports)?
    } else {
        reports.pop().map(|(_, report)| report)
    };
    let Some(report) = report else {
        return Ok(Err(interrupted(ExitCode::Infra)));
    };
    if let Some(folder) = ways.folder {
        broken |= !write(&report, folder, &console);
    }
    Ok(Ok(RunOutcome {
        report,
        console,
        interrupted: cancel.is_cancelled(),
        broken,
        left_out,
    }))
}

/// A part of a whole, for the report and for the person.
struct Stamped {
    stamp: Sharded,
    cases: usize,
}

impl Stamped {
    fn line(&self, shard: Shard) -> String {
        format!(
            "shard {shard}: left to the other shards are {} installations with {} cases",
            self.stamp.left_out, self.cases
        )
    }
}

async fn open(
    sessions: Vec<SessionOptions>,
    console: &Arc<Console>,
    cancel: &CancellationToken,
) -> Result<Vec<Session>, InfraError> {
    let mut opened = Vec::new();
    for options in sessions {
        match Session::open(options, console.clone(), cancel.clone()).await {
            Ok(session) => opened.push(session),
            Err(infra) => {
                close(opened, console).await;
                return Err(infra);
            }
        }
    }
    Ok(opened)
}

/// Whether something was left.
async fn close(sessions: Vec<Session>, console: &Console) -> bool {
    let mut left = false;
    for session in sessions {
        if let Err(infra) = session.close().await {
            console.broken(&infra);
            left = true;
        }
    }
    left
}

async fn planned(
    sessions: &[Session],
    plan: &mut impl AsyncFnMut(usize, &Session) -> miette::Result<Plan>,
    shard: Option<Shard>,
) -> miette::Result<(Vec<Plan>, Option<Stamped>)> {
    let mut plans = Vec::new();
    for (n, session) in sessions.iter().enumerate() {
        plans.push(plan(n, session).await?);
    }
    let Some(shard) = shard else {
        return Ok((plans, None));
    };
    let openings: Vec<_> = sessions.iter().map(|s| opening(s.place().makes_a_cluster())).collect();
    let share = shard.take(plans, &openings)?;
    let stamp = Sharded {
        index: shard.index(),
        of: shard.of(),
        whole: share.whole,
        left_out: share.installations,
    };
    let cases = share.cases;
    Ok((share.plans, Some(Stamped { stamp, cases })))
}

/// One report of several sessions'.
fn gather(reports: &[(usize, Report)]) -> miette::Result<Option<Report>> {
    if reports.is_empty() {
        return Ok(None);
    }
    // A shard by itself is not the whole, and is not meant to be.
    Ok(Some(merge::merge(
        reports.iter().map(|(_, report)| report.clone()).collect(),
        true,
    )?))
}

/// Writes a report and says whether that went well: what was found is told on the console all the same.
fn write(report: &Report, folder: &Path, console: &Console) -> bool {
    went_well(report::write(report, folder), folder, console)
}

/// The same of a session's evidence, which goes to that of all.
fn copied(report: &Report, session: usize, folder: &Path, console: &Console) -> bool {
    let copied = merge::copy_evidence(report, &matrix::folder_of(folder, session), folder);
    went_well(copied, folder, console)
}

fn went_well(written: std::io::Result<()>, folder: &Path, console: &Console) -> bool {
    let told = written.map_err(|e| {
        let phase = format!("write the report into {}", folder.display());
        let infra = InfraError::new(phase, e);
        console
            .broken(&infra.help("the table on standard output says what came out; make room, or name another folder"))
    });
    told.is_ok()
}
