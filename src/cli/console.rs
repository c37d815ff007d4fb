//! What a person sees: a line per case while it runs, then a table.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use owo_colors::{OwoColorize as _, Style};

use super::progress::LiveLines;
use crate::error::{ExitCode, InfraError};
use crate::report::{CaseResult, Observer, OutcomeView, Report, ServedBy};
use crate::system::words::count;
use crate::system::{stdout, terminal};
use crate::verdict;
use crate::verdict::Status;

/// Writes to standard error while a run goes on, and its table to standard output.
#[derive(Default)]
pub struct Console {
    live: LiveLines,
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
        terminal::tell(&format!("broke  {case}  {infra}; it is tried once more at the end"));
    }

    fn case(&self, result: &CaseResult) {
        let (word, style) = word(result.status);
        let word = format!("{word:5}");
        let because = result.because.as_ref().map(|b| format!("  {b}")).unwrap_or_default();
        let ms: u64 = result.phases.iter().map(|p| p.ms).sum();
        let seconds = Duration::from_millis(ms).as_secs_f32();
        terminal::tell(&format!(
            "{}  {}  {}  {seconds:.1} s{because}",
            word.style(style),
            result.scenario,
            result.provenance.kestra
        ));
    }
}

#[allow(
    clippy::unused_self,
    reason = "whoever has the console may tell, and a process has one terminal"
)]
impl Console {
    /// What is about to be proved, where.
    pub fn first_line(&self, text: &str) {
        terminal::tell(text);
    }

    /// A run that never came to its cases.
    pub fn broken(&self, infra: &InfraError) -> ExitCode {
        broken(infra)
    }

    /// The table, what a reader must know of it, and the exit that the run makes of its results.
    pub fn last_line(&self, report: &Report, of_the_run: impl FnOnce(ExitCode) -> ExitCode) -> ExitCode {
        if !report.results.is_empty() {
            stdout::line(table(&report.results).trim_fmt());
        }
        for line in notes(&report.results) {
            stdout::line(line);
        }
        for line in kept(report) {
            stdout::line(line);
        }
        let exit = of_the_run(verdict::exit_code(report.results.iter().map(|r| r.status)));
        stdout::line(summary(report, exit));
        exit
    }
}

/// Tells what the environment failed at.
pub fn broken(infra: &InfraError) -> ExitCode {
    terminal::line(&format!("error: failed to {infra}"));
    if let Some(help) = &infra.help {
        terminal::line(&format!("help: {help}"));
    }
    ExitCode::Infra
}

fn word(status: Status) -> (&'static str, Style) {
    match status {
        Status::Pass => ("pass", Style::new().green()),
        Status::Fail => ("FAIL", Style::new().red().bold()),
        Status::Error => ("ERROR", Style::new().yellow().bold()),
        Status::Skipped => ("skip", Style::new().dimmed()),
    }
}

/// Promised, expected and observed side by side, a row for each case.
fn table(results: &[CaseResult]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        // Standard output takes the colours out where there are none to be.
        .enforce_styling()
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["", "scenario", "kestra", "promised", "expected", "observed"]);
    let (alone, alike) = folded(results);
    for result in alone {
        let color = match result.status {
            Status::Pass => Color::Green,
            Status::Fail => Color::Red,
            Status::Error => Color::Yellow,
            Status::Skipped => Color::DarkGrey,
        };
        let seen = |s: &Option<OutcomeView>| s.as_ref().map(ToString::to_string).unwrap_or_default();
        let observed = if result.observed.is_none() {
            result.because.clone().unwrap_or_default()
        } else {
            seen(&result.observed)
        };
        table.add_row([
            Cell::new(word(result.status).0).fg(color),
            Cell::new(&result.scenario),
            Cell::new(&result.provenance.kestra),
            Cell::new(seen(&result.promised)),
            Cell::new(seen(&result.expected)),
            Cell::new(observed),
        ]);
    }
    for (because, alike) in alike {
        let kestras: BTreeSet<_> = alike.iter().map(|r| r.provenance.kestra.as_str()).collect();
        table.add_row([
            Cell::new(word(Status::Error).0).fg(Color::Yellow),
            Cell::new(count(alike.len(), "case")),
            Cell::new(kestras.into_iter().collect::<Vec<_>>().join("\n")),
            Cell::new(""),
            Cell::new(""),
            Cell::new(because),
        ]);
    }
    table
}

/// Results that are told one by one, and those that an environment broke alike, by what broke it.
fn folded(results: &[CaseResult]) -> (Vec<&CaseResult>, BTreeMap<&str, Vec<&CaseResult>>) {
    /// So few are told one by one.
    const FEW: usize = 3;
    let mut alike: BTreeMap<&str, Vec<&CaseResult>> = BTreeMap::new();
    for result in results
        .iter()
        .filter(|r| r.status == Status::Error && r.observed.is_none())
    {
        alike
            .entry(result.because.as_deref().unwrap_or_default())
            .or_default()
            .push(result);
    }
    alike.retain(|_, results| results.len() > FEW);
    let is_alone = |result: &&CaseResult| {
        let because = result.because.as_deref().unwrap_or_default();
        !alike
            .get(because)
            .is_some_and(|alike| alike.iter().any(|one| std::ptr::eq(*one, *result)))
    };
    (results.iter().filter(is_alone).collect(), alike)
}

/// What is not as it should be, what to do, and every warning once.
fn notes(results: &[CaseResult]) -> Vec<String> {
    let mut lines = Vec::new();
    let (alone, alike) = folded(results);
    for (because, alike) in alike {
        lines.push(format!("{}: {because}", count(alike.len(), "case")));
        let helps: BTreeSet<_> = alike.iter().filter_map(|r| r.help.as_ref()).collect();
        lines.extend(helps.into_iter().map(|h| format!("  help: {h}")));
    }
    for result in alone {
        if let (Status::Fail | Status::Error, Some(because)) = (result.status, &result.because) {
            lines.push(format!(
                "{} on {}: {because}",
                result.scenario, result.provenance.kestra
            ));
            lines.extend(result.help.iter().map(|h| format!("  help: {h}")));
        }
        for finding in &result.diagnosis {
            let at = result.first_wrong.get(&finding.output);
            let at = at.map(|hop| format!(", wrong from {hop} on")).unwrap_or_default();
            let line = format!(
                "{} {}: {} ({}{at}); {}",
                finding.code.code(),
                result.scenario,
                finding.title,
                finding.output,
                finding.cure
            );
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        let warnings = result
            .warnings
            .iter()
            .map(|w| format!("warning: {}: {w}", result.scenario));
        for warning in warnings {
            if !lines.contains(&warning) {
                lines.push(warning);
            }
        }
    }
    lines
}

/// How to reach what stays.
fn kept(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for kept in &report.run.kept {
        lines.push(format!("kept {}; `kestra-secrets clean` removes it", kept.installation));
        lines.extend(kept.reach.iter().map(|command| format!("  {command}")));
    }
    lines
}

fn summary(report: &Report, exit: ExitCode) -> String {
    let of = |status| report.results.iter().filter(|r| r.status == status).count();
    let mut parts = vec![
        format!("{} passed", of(Status::Pass)),
        format!("{} failed", of(Status::Fail)),
    ];
    for (status, what) in [
        (Status::Error, "not judged: the environment broke"),
        (Status::Skipped, "skipped"),
    ] {
        if of(status) > 0 {
            parts.push(format!("{} {what}", of(status)));
        }
    }
    format!(
        "{} in {:.1} s on {} with chart {} (exit {}){}",
        parts.join(", "),
        Duration::from_millis(report.run.wall_ms).as_secs_f32(),
        report.run.provider,
        report.run.chart,
        exit.code(),
        provenance(report)
            .iter()
            .map(|line| format!("\n{line}"))
            .collect::<String>()
    )
}

/// What was modelled, and who served the REST API.
pub fn provenance(report: &Report) -> Vec<String> {
    let all = || report.results.iter().map(|result| &result.provenance);
    let modelled: BTreeSet<_> = all().flat_map(|p| p.modelled.iter().cloned()).collect();
    let mut servers: BTreeSet<_> = all().map(|p| p.rest.to_string()).collect();
    // A pod that was not to run beside others that did: the others say who served.
    if servers.len() > 1 {
        servers.remove(&ServedBy::Nobody.to_string());
    }
    let lines = [("modelled, not real", modelled), ("REST served by", servers)];
    let there = lines.into_iter().filter(|(_, texts)| !texts.is_empty());
    there
        .map(|(what, texts)| format!("{what}: {}", texts.into_iter().collect::<Vec<_>>().join("; ")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_that_was_not_kept_is_seen_with_its_newline() {
        let seen = |text: &str| {
            let key = crate::oracle::secret::RunKey::random();
            let plain = crate::oracle::secret::Plaintext::new(text, true);
            Some(OutcomeView::Outputs([("username".to_owned(), key.show(&plain))].into()))
        };
        let result = CaseResult {
            scenario: "docs".into(),
            promised: seen("admin"),
            observed: seen("admin\n"),
            ..CaseResult::empty()
        };
        let text = table(&[result]).to_string();
        assert!(text.contains(r#"username "admin\n""#), "{text}");
    }

    #[test]
    fn what_broke_for_many_alike_is_told_once() {
        let broken = |name: &str, because: &str| CaseResult {
            scenario: name.into(),
            status: Status::Error,
            because: Some(because.into()),
            help: Some(format!("mend {because}")),
            ..CaseResult::empty()
        };
        let mut results: Vec<_> = ["a", "b", "c", "d"].map(|name| broken(name, "the way")).into();
        results.push(broken("e", "another"));
        let lines = notes(&results);
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert_eq!(lines[..2], ["4 cases: the way", "  help: mend the way"]);
        assert_eq!(table(&results).row_count(), 2);
    }
}
