//! Annotations for GitHub's workflow runs: `::error file=…,line=…,col=…,title=…::…`.

use std::fmt::Write as _;

use crate::lint::{Report, Severity};
use crate::report::github::{data, property};

/// One line a finding.
pub fn github(report: &Report) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "::{command} file={},line={},col={},title={}::{}",
            property(&finding.file),
            finding.line,
            finding.column,
            property(&format!("{} {}", finding.rule, finding.rule.title())),
            data(&format!(
                "{}: {}\ncure: {}",
                finding.subject, finding.message, finding.cure
            ))
        );
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
    out
}
