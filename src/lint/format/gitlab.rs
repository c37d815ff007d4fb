//! GitLab's code quality report, a part of `CodeClimate`'s format.

use serde_json::{Value, json};

use crate::lint::baseline::{BaselineFault, hash};
use crate::lint::{LintReport, Severity};

/// The report as a list of issues.
pub fn gitlab(report: &LintReport) -> Value {
    let findings = report.findings.iter().map(|finding| {
        let severity = match finding.severity {
            Severity::Error => "major",
            Severity::Warning => "minor",
            Severity::Note => "info",
        };
        let description = format!("{}: {}. Cure: {}", finding.subject, finding.message, finding.cure);
        let fingerprint = finding.fingerprint.clone().unwrap_or_else(|| hash(&description));
        issue(
            finding.rule.id(),
            &description,
            severity,
            (&finding.file, finding.line),
            &fingerprint,
        )
    });
    let unreadable = report.unreadable.iter().map(|unreadable| {
        let at = (unreadable.file.as_str(), unreadable.line);
        let fingerprint = hash(&format!("unreadable\n{}\n{}", unreadable.file, unreadable.message));
        issue("unreadable", &unreadable.message, "blocker", at, &fingerprint)
    });
    // GitLab has no word for what is known already, so that is one issue for information.
    let baseline = report.baseline.iter().flat_map(|baseline| {
        let at = (baseline.file.as_str(), 1);
        let known = (!baseline.known.is_empty()).then(|| baseline.summary());
        let gone = baseline.gone.iter().map(BaselineFault::summary);
        let said = known.into_iter().chain(gone);
        said.map(move |said| issue("baseline", &said, "info", at, &hash(&said)))
    });
    findings.chain(unreadable).chain(baseline).collect()
}

fn issue(rule: &str, description: &str, severity: &str, (file, line): (&str, usize), fingerprint: &str) -> Value {
    json!({
        "description": description,
        "check_name": rule,
        "fingerprint": fingerprint,
        "severity": severity,
        "location": {"path": file.strip_prefix("./").unwrap_or(file), "lines": {"begin": line.max(1)}},
    })
}
