//! For a person: a line a finding, as compilers write it, and its cure below.

use std::fmt::Write as _;

use owo_colors::OwoColorize as _;

use crate::lint::input::STDIN;
use crate::lint::{Finding, LintReport, Severity};
use crate::scenario::Generation;
use crate::system::words::count;

/// The whole report on what the arguments name; coloured, for a stream that takes the colours out where there
/// are none.
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
        let _ = writeln!(
            out,
            "{template}: left out: a template and no YAML before it is rendered"
        );
    }
    // What is meant for the chart of today, and was taken for the old one, gets nothing but a wrong sense of safety.
    for values in report.values.iter().filter(|v| v.guessed && v.chart == Generation::V0) {
        let _ = writeln!(
            out,
            "{}:{}: read as values of chart {}, for {}; if they are for another, say it by --chart-generation",
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
