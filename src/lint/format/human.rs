//! Prints findings for people: one line each, as compilers do, with the cure below.

use std::fmt::Write as _;

use owo_colors::OwoColorize as _;

use crate::lint::input::STDIN;
use crate::lint::{Finding, LintReport, Severity};
use crate::scenario::Generation;
use crate::system::words::count;

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

/// Severity and rule of a finding, coloured.
pub(crate) fn head(finding: &Finding) -> String {
    let head = format!("{}[{}]", finding.severity, finding.rule);
    match finding.severity {
        Severity::Error => head.red().to_string(),
        Severity::Warning => head.yellow().to_string(),
        Severity::Note => head.cyan().to_string(),
    }
}
