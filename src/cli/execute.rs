//! What `run`, `check` and `docs` do alike: they execute a plan for each session, write the report and print it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::console::Console;
use super::console::{print_infra_error, print_summary};
use super::matrix;
use super::output_args::OutputArgs;
use super::sessions::{EarlyExit, Sessions};
use crate::error::{ExitCode, InfraError};
use crate::kestra::KestraRef;
use crate::plan::Plan;
use crate::report::{self, Report, Sharded, merge};
use crate::system::stdout;

/// What a reader must know of a session's cases, by Kestra and scenario.
pub type CaseNotes = BTreeMap<(KestraRef, String), String>;

/// What is to be executed.
#[derive(Default)]
pub struct RunPlan {
    /// A plan for each session.
    pub plans: Vec<Plan>,
    /// What a reader must know of each session's cases; empty where there is nothing.
    pub notes: Vec<CaseNotes>,
    /// What is told before the first session begins.
    pub headlines: Vec<String>,
    /// The part of a whole that this is.
    pub shard: Option<Sharded>,
    /// What a shard leaves to the others; told last.
    pub left_out: Option<String>,
}

impl From<Plan> for RunPlan {
    fn from(plan: Plan) -> Self {
        Self {
            plans: vec![plan],
            ..Self::default()
        }
    }
}

/// What came of a run.
pub struct RunOutcome {
    /// The report of all sessions.
    pub report: Report,
    /// Each session's own report, where there are several, by the session's number.
    parts: Vec<(usize, Report)>,
    interrupted: bool,
    /// Whether something could not be opened, closed or written.
    broken: bool,
    left_out: Option<String>,
}

/// Executes the plan of each session, one session after the other, and closes the sessions. Of several sessions each
/// writes its own report into the folder as soon as it ends, so that a run that is killed keeps what it has.
///
/// # Errors
/// [`EarlyExit`] when nothing ran, or the sessions' reports contradict each other.
pub async fn execute(mut sessions: Sessions, plan: RunPlan, folder: Option<&Path>) -> Result<RunOutcome, EarlyExit> {
    let headlines = plan.headlines.iter().chain(&plan.left_out);
    headlines.for_each(|line| Console::announce(line));
    let several = sessions.all().len() > 1;
    let mut reports = Vec::new();
    let mut broken = false;
    for (number, (session, session_plan)) in sessions.all().iter().zip(plan.plans).enumerate() {
        if sessions.is_interrupted() || (session_plan.is_empty() && several) {
            continue;
        }
        sessions.console().begin_session(session, &session_plan);
        let unjudged = session.unjudged(&session_plan);
        let mut report = session.carry_out(session_plan).await.unwrap_or_else(|infra| {
            broken = true;
            session.broken(unjudged, &infra)
        });
        report.run.shard.clone_from(&plan.shard);
        if let Some(notes) = plan.notes.get(number) {
            add_notes(&mut report, notes);
        }
        if let Some(folder) = folder.filter(|_| several) {
            broken |= !write_report(&report, &matrix::folder_of(folder, number));
        }
        reports.push((number, report));
    }
    broken |= !sessions.close().await;
    let report = match reports.as_slice() {
        [] if sessions.is_interrupted() => return Err(EarlyExit::Interrupted(None)),
        [] => return Err(EarlyExit::NothingRan),
        [(_, report)] if !several => report.clone(),
        // A shard by itself is not the whole, and is not meant to be.
        several => merge::merge(several.iter().map(|(_, report)| report.clone()).collect(), true)?,
    };
    Ok(RunOutcome {
        report,
        parts: if several { reports } else { Vec::new() },
        interrupted: sessions.is_interrupted(),
        broken,
        left_out: plan.left_out,
    })
}

impl RunOutcome {
    /// Writes the report into its folder. A failure is told at once, and is part of the exit code: what was found is
    /// printed all the same.
    pub fn write(&mut self, folder: Option<&Path>) {
        let Some(folder) = folder else { return };
        for (number, report) in &self.parts {
            let copied = merge::copy_evidence(report, &matrix::folder_of(folder, *number), folder);
            self.broken |= !was_written(copied, folder);
        }
        self.broken |= !write_report(&self.report, folder);
    }

    /// Prints the summary and what `--format` asks for, and gives the exit code.
    pub fn print(&self, output: &OutputArgs, folder: Option<&PathBuf>) -> ExitCode {
        if !output.is_for_programs() {
            print_summary(&self.report, folder.map(PathBuf::as_path));
            output.tell(&self.report);
            self.left_out.iter().for_each(stdout::line);
        } else if !self.interrupted {
            // Half a report would be taken for the whole.
            output.tell(&self.report);
        }
        self.exit(self.report.exit())
    }

    /// The exit code of the run when that of its cases is `cases`.
    pub fn exit(&self, cases: ExitCode) -> ExitCode {
        match cases {
            _ if self.interrupted => ExitCode::Interrupted,
            ExitCode::Success if self.broken => ExitCode::Infra,
            cases => cases,
        }
    }
}

fn add_notes(report: &mut Report, notes: &CaseNotes) {
    for result in &mut report.results {
        let kestra = result.provenance.installed_kestra().clone();
        let key = (kestra, result.scenario_name().to_owned());
        result.provenance.note = notes.get(&key).cloned();
    }
}

fn write_report(report: &Report, folder: &Path) -> bool {
    was_written(report::write(report, folder), folder)
}

fn was_written(written: std::io::Result<()>, folder: &Path) -> bool {
    let Err(error) = written else { return true };
    let infra = InfraError::caused_by(format!("write the report into {}", folder.display()), error);
    print_infra_error(&infra.help("what came out stands on standard output; make room, or name another folder"));
    false
}
