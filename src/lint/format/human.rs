//! Prints findings for people: one line each, as compilers do, with the cure below.

use std::fmt::Write as _;

use owo_colors::OwoColorize as _;

use crate::lint::baseline::BaselineUse;
use crate::lint::{Finding, LintReport, ReachBy, Severity};
use crate::release::input::STDIN;
use crate::scenario::Generation;
use crate::system::words::{count, listed};

/// The whole report on the files of the arguments, with colours; the stream strips them if it has none.
pub fn human(report: &LintReport, arguments: &[String]) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    for finding in &report.findings {
        let _ = writeln!(
            out,
            "{}:{}:{}: {}: {}: {}\n  {} {}",
            finding.file,
            finding.line,
            finding.column,
            head(finding),
            finding.subject,
            finding.message,
            "cure:".bold(),
            finding.cure
        );
    }
    for unreadable in &report.unreadable {
        let place = if unreadable.line == 0 {
            String::new()
        } else {
            format!(":{}:{}", unreadable.line, unreadable.column)
        };
        let _ = writeln!(
            out,
            "{}{place}: {}: {}",
            unreadable.file,
            "unreadable".red(),
            unreadable.message
        );
        if let Some(help) = &unreadable.help {
            let _ = writeln!(out, "  {} {help}", "cure:".bold());
        }
    }
    out + &summary(report, arguments)
}

/// What comes below the findings: how the files were read, what was not, and how many findings there are.
pub fn summary(report: &LintReport, arguments: &[String]) -> String {
    let mut out = String::new();
    for template in &report.templates {
        let _ = writeln!(out, "{template}: skipped: a template is not YAML until it is rendered");
    }
    // Values that were read for the wrong generation would pass and prove nothing.
    for values in report.values.iter().filter(|v| v.guessed && v.chart == Generation::V0) {
        let _ = writeln!(
            out,
            "{}:{}: read as values for chart {}, because {}; if that is wrong, name the generation with --chart-generation",
            values.file, values.line, values.chart, values.because
        );
    }
    out.push_str(&coverage(report));
    if let Some(baseline) = &report.baseline {
        out.push_str(&known(baseline));
    }
    let _ = writeln!(out, "{} in {}", report.counts, count(report.files, "file"));
    let fixable = report.findings.iter().filter(|finding| finding.fixable).count();
    let files: Vec<_> = arguments
        .iter()
        .filter(|name| *name != STDIN)
        .map(String::as_str)
        .collect();
    if fixable > 0 && report.unreadable.is_empty() {
        let _ = writeln!(
            out,
            "fix: `kestra-secrets lint --fix {}` corrects {fixable} of them",
            files.join(" ")
        );
    }
    out
}

/// What was judged, and what was not.
fn coverage(report: &LintReport) -> String {
    let coverage = &report.coverage;
    let mut lines = Vec::new();
    let by = coverage.reach.as_ref().map(|reach| {
        let charts = listed(&reach.charts, "and");
        match reach.by {
            ReachBy::Keys => format!(", by the keys of chart {charts}"),
            ReachBy::Rendering => format!(", by rendering {charts}"),
        }
    });
    let judged = format!(
        "read     {} in {}{}",
        count(coverage.secrets, "secret"),
        count(coverage.files, "file"),
        by.unwrap_or_default()
    );
    match (coverage.secrets, coverage.is_empty()) {
        (0, true) => lines.push(format!(
            "{}: found nothing that gives Kestra a secret; this says nothing about your secrets",
            "warning".yellow()
        )),
        (0, false) => {}
        _ => lines.push(judged),
    }
    if coverage.unsure > 0 {
        lines.push(format!(
            "{}: {} may be another application's: nothing says that Kestra gets them; if it does, say --assume-kestra",
            "warning".yellow(),
            count(coverage.unsure, "secret")
        ));
    }
    if coverage.asked > 0 {
        let asked = count(coverage.asked, "secret");
        let flows = count(coverage.flows, "flow");
        let ask = if coverage.flows == 1 { "asks" } else { "ask" };
        let nothing = coverage.secrets == 0 && coverage.outside.is_empty();
        let given = if nothing { "; no file gives Kestra any" } else { "" };
        lines.push(format!("read     {flows}, which {ask} for {asked}{given}"));
    }
    if !coverage.outside.is_empty() {
        lines.push(format!(
            "not read {}: no file holds {}",
            coverage.outside.join(", "),
            if coverage.outside.len() == 1 { "it" } else { "them" }
        ));
    }
    for unread in &coverage.unread {
        lines.push(format!("not read {}: {}; {}", unread.file, unread.why, unread.instead));
    }
    if coverage.without_secrets > 0 && !coverage.is_empty() {
        let files = count(coverage.without_secrets, "file");
        lines.push(format!("no secret of Kestra in {files}"));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// What a baseline holds back, and what of it is gone.
fn known(baseline: &BaselineUse) -> String {
    let mut lines = vec![format!("baseline {}", baseline.summary())];
    if baseline.not_read > 0 {
        let others = count(baseline.not_read, "more fault");
        lines.push(format!("baseline {others} in files that were not read this time"));
    }
    lines.extend(baseline.gone.iter().map(|gone| format!("gone     {}", gone.summary())));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Severity and rule of a finding, coloured.
pub(crate) fn head(finding: &Finding) -> String {
    let head = format!("{}[{}]", finding.severity, finding.rule);
    match finding.severity {
        Severity::Error => head.red().to_string(),
        Severity::Warning => head.yellow().to_string(),
        Severity::Note => head.cyan().to_string(),
    }
}
