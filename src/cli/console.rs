//! What a person sees of a run: a line for each case, more where it is not as expected, and a summary.
//!
//! Results go to standard output, so that a pipe gets them and nothing else; what tells that time passes goes to
//! standard error.

mod case_lines;
mod labels;
mod layout;
mod summary;
#[cfg(test)]
mod tests;
mod value_lines;

use std::path::Path;

use owo_colors::OwoColorize as _;
use parking_lot::Mutex;

use self::case_lines::case_lines;
use self::labels::Labels;
use self::layout::Layout;
use super::progress::LiveLines;
use crate::error::{ExitCode, InfraError};
use crate::plan::Plan;
use crate::report::{CaseResult, Observer, Report};
use crate::run::session::Session;
use crate::system::{stdout, terminal};

/// Shows how a run goes on.
#[derive(Default)]
pub struct Console {
    live: LiveLines,
    labels: Mutex<Labels>,
    /// The cases are only a sign of progress: their command prints what came of them in a table of its own.
    for_progress: bool,
}

impl Observer for Console {
    fn phase(&self, who: &str, phase: &str) {
        self.live.phase(who, phase);
    }

    fn waiting(&self, who: &str, what: &str) {
        self.live.waiting(who, what);
    }

    fn finished(&self, who: &str) {
        self.live.finished(who);
    }

    fn again(&self, case: &str, infra: &InfraError) {
        Self::announce(&format!("{case}: {infra}; it is tried once more at the end"));
    }

    fn case(&self, result: &CaseResult) {
        let labels = self.labels.lock();
        let label = labels.label(&result.provenance);
        if self.for_progress {
            let lines = case_lines(result, &label, Layout::of_stderr());
            lines.first().into_iter().for_each(|line| terminal::tell(line));
            return;
        }
        let lines = case_lines(result, &label, Layout::of_stdout());
        // The lines that are drawn on the terminal go out of the way.
        terminal::above(|| print_lines(&lines));
    }
}

impl Console {
    /// For a command that prints the results itself.
    pub fn for_progress() -> Self {
        Self {
            for_progress: true,
            ..Self::default()
        }
    }

    /// Tells what is about to happen.
    pub fn announce(text: &str) {
        for line in Layout::of_stderr().labelled("", text) {
            terminal::tell(&line);
        }
    }

    /// Tells what a session is about to run, and where.
    pub fn begin_session(&self, session: &Session, plan: &Plan) {
        Self::announce(&session.header(plan));
        if Layout::of_stderr().is_verbose() {
            session.added().iter().for_each(|line| terminal::line(line));
        }
        let cases = session.unjudged(plan);
        let cases = cases
            .iter()
            .map(|result| (result.scenario.as_str(), &result.provenance));
        *self.labels.lock() = Labels::for_cases(cases);
    }
}

/// Prints every case of a report that nobody watched.
pub fn print_cases(report: &Report) {
    let labels = Labels::for_cases(report.results.iter().map(|r| (r.scenario.as_str(), &r.provenance)));
    for result in &report.results {
        print_lines(&case_lines(
            result,
            &labels.label(&result.provenance),
            Layout::of_stdout(),
        ));
    }
}

/// Prints what stands below the cases; `folder` is where the report is.
pub fn print_summary(report: &Report, folder: Option<&Path>) {
    print_lines(&summary::summary_lines(report, folder, Layout::of_stdout()));
}

/// What was real, or what was not.
pub fn provenance_lines(report: &Report) -> Vec<String> {
    summary::provenance_lines(report, Layout::of_stdout())
}

/// Tells what the environment failed at.
pub fn print_infra_error(infra: &InfraError) -> ExitCode {
    terminal::line(&format!("{} {infra}", "error:".yellow().bold()));
    if let Some(help) = &infra.help {
        terminal::line(&format!("help: {help}"));
    }
    ExitCode::Infra
}

fn print_lines(lines: &[String]) {
    if !lines.is_empty() {
        stdout::line(lines.join("\n"));
    }
}
