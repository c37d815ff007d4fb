//! SARIF 2.1.0, which code scanning reads.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::lint::baseline::{BaselineFault, BaselineUse};
use crate::lint::{Finding, LintReport, LintRule, Severity};
use crate::release::input::Unreadable;
use crate::release::walk::UnreadFile;

/// The report as a SARIF log with one run.
pub fn sarif(report: &LintReport) -> Value {
    let rules: Vec<LintRule> = LintRule::all().collect();
    let state = report.baseline.is_some().then_some("new");
    let new = report.findings.iter().map(|finding| result(finding, &rules, state));
    let known = report.baseline.iter().flat_map(|baseline| {
        let justification = format!("known by the baseline {}", baseline.file);
        let suppression = json!([{"kind": "external", "justification": justification}]);
        baseline.known.iter().map(move |finding| (finding, suppression.clone()))
    });
    let known = known.map(|(finding, suppression)| {
        let mut result = result(finding, &rules, Some("unchanged"));
        result["suppressions"] = suppression;
        result
    });
    let results = new.chain(known);
    let baseline = report.baseline.iter().flat_map(baseline_notes);
    let unread = report.coverage.unread.iter().map(not_read);
    let notifications = report.unreadable.iter().map(notification).chain(unread).chain(baseline);
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "kestra-secrets",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|rule| describe(*rule)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": report.unreadable.is_empty(),
                "toolExecutionNotifications": notifications.collect::<Vec<_>>(),
            }],
            "results": results.collect::<Vec<_>>(),
            // What was judged: a result of nothing is no green.
            "properties": {"coverage": report.coverage},
        }],
    })
}

fn describe(rule: LintRule) -> Value {
    let mut described = json!({
        "id": rule.id(),
        "shortDescription": {"text": rule.title()},
    });
    if let LintRule::Fault(code) = rule {
        let (cause, effect, cure) = (code.cause(), code.effect(), code.cure());
        described["fullDescription"] = json!({"text": format!("{cause}; {effect}")});
        described["help"] = json!({
            "text": format!("Cause: {cause}.\nEffect: {effect}.\nCure: {cure}."),
            "markdown": format!("**Cause:** {cause}.\n\n**Effect:** {effect}.\n\n**Cure:** {cure}."),
        });
    }
    described
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn result(finding: &Finding, rules: &[LintRule], baseline_state: Option<&str>) -> Value {
    let mut result = json!({
        "ruleId": finding.rule.id(),
        "ruleIndex": rules.iter().position(|rule| *rule == finding.rule),
        "level": level(finding.severity),
        "message": {"text": format!("{}: {}. Cure: {}", finding.subject, finding.message, finding.cure)},
        "locations": [location(&finding.file, finding.line, finding.column)],
    });
    if let Some(fingerprint) = &finding.fingerprint {
        result["partialFingerprints"] = json!({"kestraSecrets/v1": fingerprint});
    }
    if let Some(state) = baseline_state {
        result["baselineState"] = state.into();
    }
    result
}

/// What a baseline holds back, and what of it is gone. A result of the state `absent` would be shown as a fault by what
/// does not know that state.
fn baseline_notes(baseline: &BaselineUse) -> Vec<Value> {
    let gone = baseline.gone.iter().map(BaselineFault::summary);
    let said = [baseline.summary()].into_iter().chain(gone);
    said.map(|text| json!({"level": "note", "message": {"text": text}}))
        .collect()
}

fn not_read(unread: &UnreadFile) -> Value {
    json!({
        "level": "note",
        "message": {"text": format!("not read: {}; {}", unread.why, unread.instead)},
        "locations": [location(&unread.file, 1, 1)],
    })
}

fn notification(unreadable: &Unreadable) -> Value {
    json!({
        "level": "error",
        "message": {"text": unreadable.message},
        "locations": [location(&unreadable.file, unreadable.line.max(1), unreadable.column.max(1))],
    })
}

fn location(file: &str, line: usize, column: usize) -> Value {
    if line == 0 {
        return json!({"logicalLocations": [{"fullyQualifiedName": file, "kind": "resource"}]});
    }
    json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(file)},
        "region": {"startLine": line, "startColumn": column},
    }})
}

/// The path as a relative reference, or as a URI where it is absolute.
fn uri(file: &str) -> String {
    let mut uri = if file.starts_with('/') {
        "file://".to_owned()
    } else {
        String::new()
    };
    for byte in file.strip_prefix("./").unwrap_or(file).bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_reference() {
        assert_eq!(uri("./a b/ü.yaml"), "a%20b/%C3%BC.yaml");
        assert_eq!(uri("/tmp/x.yaml"), "file:///tmp/x.yaml");
        assert_eq!(uri("<stdin>"), "%3Cstdin%3E");
    }
}
