//! What stands below the cases: what the environment failed at, warnings, the counts, and what was not real.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use owo_colors::{OwoColorize as _, Style};

use super::layout::{Layout, harmless};
use crate::report::summary::Counts;
use crate::report::{CaseResult, Report, ServedBy};
use crate::system::words::count;
use crate::verdict::Status;

/// The lines below the cases.
pub fn summary_lines(report: &Report, folder: Option<&Path>, layout: Layout) -> Vec<String> {
    let mut lines = broken_lines(&report.results, layout);
    lines.extend(warning_lines(&report.results, layout));
    lines.extend(kept_lines(report));
    lines.extend(count_lines(report, folder, layout));
    lines.extend(provenance_lines(report, layout));
    lines
}

/// What the environment failed at, each once with the number of cases that it kept from being judged.
fn broken_lines(results: &[CaseResult], layout: Layout) -> Vec<String> {
    let mut causes: BTreeMap<&str, Vec<&CaseResult>> = BTreeMap::new();
    for result in results.iter().filter(|r| r.status == Status::Error) {
        causes
            .entry(result.because.as_deref().unwrap_or("unknown"))
            .or_default()
            .push(result);
    }
    let mut lines = Vec::new();
    for (cause, alike) in causes {
        let label = format!("{} ", "error:".style(Style::new().yellow().bold()));
        let cases = count(alike.len(), "case");
        let not_judged = if alike.len() == 1 { "was" } else { "were" };
        lines.extend(layout.labelled(&label, &harmless(&format!("{cause}; {cases} {not_judged} not judged"))));
        let helps: BTreeSet<_> = alike.iter().filter_map(|result| result.help.as_deref()).collect();
        lines.extend(helps.iter().flat_map(|help| layout.labelled("help: ", &harmless(help))));
    }
    lines
}

/// The warnings about a person's own files, each once. Those of the catalogue are known, and for `-v`.
fn warning_lines(results: &[CaseResult], layout: Layout) -> Vec<String> {
    if layout.is_verbose() || layout.is_quiet() {
        return Vec::new();
    }
    let is_own = |result: &&CaseResult| result.at.as_ref().is_none_or(|at| !at.file.starts_with("bundled:"));
    let warnings: BTreeSet<_> = results
        .iter()
        .filter(is_own)
        .flat_map(|result| &result.warnings)
        .collect();
    warnings
        .iter()
        .flat_map(|warning| layout.labelled("warning: ", &harmless(warning)))
        .collect()
}

/// How to reach what stays.
fn kept_lines(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for kept in &report.run.kept {
        lines.push(format!("kept {}; `kestra-secrets clean` removes it", kept.installation));
        lines.extend(kept.reach.iter().map(|command| format!("  {command}")));
    }
    lines
}

fn count_lines(report: &Report, folder: Option<&Path>, layout: Layout) -> Vec<String> {
    let counts = Counts::tally(&report.results);
    let mut parts = vec![
        colored(counts.pass, "passed", Style::new().green()),
        colored(counts.fail, "failed", Style::new().red().bold()),
    ];
    if counts.error > 0 {
        parts.push(colored(counts.error, "not judged", Style::new().yellow().bold()));
    }
    if counts.skipped > 0 {
        parts.push(format!("{} skipped", counts.skipped));
    }
    let broken = report
        .results
        .iter()
        .filter(|result| result.breaks_its_promise())
        .count();
    if broken > 0 && layout.is_verbose() {
        parts.push(format!("{} of a source broken", count(broken, "promise")));
    }
    let time = time(Duration::from_millis(report.run.wall_ms));
    let hint = if folder.is_none() && counts.fail > 0 {
        "  (report: add --report DIR)"
    } else {
        ""
    };
    let mut lines = layout.labelled(&label("Summary"), &format!("{} in {time}{hint}", parts.join(", ")));
    let page = folder.map(|folder| folder.join("report.html").display().to_string());
    lines.extend(page.map(|page| format!("{}{page}", label("Report"))));
    lines
}

fn colored(number: usize, what: &str, style: Style) -> String {
    let text = format!("{number} {what}");
    if number == 0 {
        text
    } else {
        text.style(style).to_string()
    }
}

/// A time as people say it.
fn time(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1}s", time.as_secs_f32()),
        seconds => format!("{}m {}s", seconds / 60, seconds % 60),
    }
}

/// What was real, or what was not; with `-v` in full.
pub fn provenance_lines(report: &Report, layout: Layout) -> Vec<String> {
    let is_judged = |result: &CaseResult| matches!(result.status, Status::Pass | Status::Fail);
    if !report.results.iter().any(is_judged) {
        return Vec::new();
    }
    let all = || report.results.iter().map(|result| &result.provenance);
    let brief = |text: &'_ str| match text.split_once(':') {
        Some((what, _)) if !layout.is_verbose() => what.to_owned(),
        _ => text.to_owned(),
    };
    let modelled: BTreeSet<_> = report.modelled().into_iter().map(brief).collect();
    let mut modelled: Vec<_> = modelled.into_iter().collect();
    let servers: Vec<_> = all().map(|provenance| provenance.rest).collect();
    if servers.contains(&ServedBy::Adapter) {
        modelled.push("REST (our adapter on Kestra's engine)".into());
    }
    // A pod that was not to run beside others that did: the others say who served.
    let was_asked = servers.iter().any(|server| *server != ServedBy::Nobody);
    let unasked = if was_asked { "" } else { "; no server was asked" };
    if !modelled.is_empty() {
        return layout.labelled(
            &label("Modelled"),
            &harmless(&format!("{}{unasked}", modelled.join(", "))),
        );
    }
    let kubernetes = report
        .run
        .kubernetes
        .as_ref()
        .map(|version| format!("Kubernetes {version}"));
    let mut real: Vec<_> = kubernetes.into_iter().collect();
    real.extend([report.run.helm.clone(), format!("chart {}", report.run.chart)]);
    if was_asked {
        real.extend(["image".to_owned(), "REST".to_owned()]);
    }
    layout.labelled(&label("Real"), &format!("{}{unasked}", real.join(", ")))
}

fn label(word: &str) -> String {
    format!("{word:<9}").bold().to_string()
}
