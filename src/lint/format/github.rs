//! Annotations for GitHub's workflow runs: `::error file=…,line=…,col=…,title=…::…`.

use std::fmt::Write as _;

use crate::lint::{LintReport, Severity};
use crate::report::github::{data, property};

/// One line a finding.
pub fn github(report: &LintReport) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let title = property(&format!("{} {}", finding.rule, finding.rule.title()));
        let said = format!("{}: {}\ncure: {}", finding.subject, finding.message, finding.cure);
        // Writing to a string does not fail.
        let _ = if finding.line == 0 {
            let said = data(&format!("{}: {said}", finding.file));
            writeln!(out, "::{command} title={title}::{said}")
        } else {
            let (file, line, column) = (property(&finding.file), finding.line, finding.column);
            writeln!(
                out,
                "::{command} file={file},line={line},col={column},title={title}::{}",
                data(&said)
            )
        };
    }
    for unreadable in &report.unreadable {
        let _ = writeln!(
            out,
            "::error file={},line={},col={},title=unreadable::{}",
            property(&unreadable.file),
            unreadable.line.max(1),
            unreadable.column.max(1),
            data(&unreadable.message)
        );
    }
    if let Some(baseline) = &report.baseline {
        let _ = writeln!(out, "::notice title=baseline::{}", data(&baseline.summary()));
        for gone in &baseline.gone {
            let _ = writeln!(out, "::notice title=baseline::{}", data(&gone.summary()));
        }
    }
    out
}
