//! Logging commands for Azure Pipelines: `##vso[task.logissue type=error;sourcepath=…;linenumber=…]…`.

use std::fmt::Write as _;

use crate::lint::{Finding, LintReport, Severity};
use crate::system::words::count;

/// One line a finding. Azure knows errors and warnings alone, so a note is a line of the log.
pub fn azure(report: &LintReport) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    for finding in &report.findings {
        let said = format!("{}: {}\ncure: {}", finding.subject, finding.message, finding.cure);
        let _ = match finding.severity {
            Severity::Error => writeln!(out, "{}{}", issue("error", finding), data(&said)),
            Severity::Warning => writeln!(out, "{}{}", issue("warning", finding), data(&said)),
            Severity::Note => {
                let place = format!("{}:{}:{}", finding.file, finding.line, finding.column);
                let note = format!(
                    "{place}: note[{}]: {}: {}",
                    finding.rule, finding.subject, finding.message
                );
                writeln!(out, "{}", plain(&note))
            }
        };
    }
    for unreadable in &report.unreadable {
        let (line, column) = (unreadable.line.max(1), unreadable.column.max(1));
        let file = property(&unreadable.file);
        let _ = writeln!(
            out,
            "##vso[task.logissue type=error;sourcepath={file};linenumber={line};columnnumber={column};code=unreadable;]{}",
            data(&unreadable.message)
        );
    }
    if let Some(baseline) = &report.baseline {
        let _ = writeln!(out, "{}", plain(&baseline.summary()));
        for gone in &baseline.gone {
            let _ = writeln!(out, "{}", plain(&gone.summary()));
        }
    }
    let files = count(report.files, "file");
    let _ = writeln!(out, "{} in {files}", report.counts);
    out
}

fn issue(kind: &str, finding: &Finding) -> String {
    format!(
        "##vso[task.logissue type={kind};sourcepath={};linenumber={};columnnumber={};code={};]",
        property(&finding.file),
        finding.line,
        finding.column,
        finding.rule
    )
}

/// What the agent reads as text behind a command.
fn data(text: &str) -> String {
    text.replace('%', "%AZP25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What the agent reads as a property of a command.
fn property(text: &str) -> String {
    data(text).replace(']', "%5D").replace(';', "%3B")
}

/// A line of the log. A file's name must not become a command.
fn plain(text: &str) -> String {
    text.replace(['\r', '\n'], " ").replace("##", "# #")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_property_is_escaped() {
        assert_eq!(property("a;b]c%d\r\n"), "a%3Bb%5Dc%AZP25d%0D%0A");
        assert_eq!(data("a;b]c%d\n"), "a;b]c%AZP25d%0A");
        assert_eq!(
            plain("##vso[task.complete]\n##[error]"),
            "# #vso[task.complete] # #[error]"
        );
    }
}
