//! An audit for Prometheus, in its text exposition format: numbers of findings, and nothing of a value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use jiff::Timestamp;

use super::AuditReport;
use super::report::AuditedPlace;
use crate::lint::{LintRule, Severity};

/// What an audit that ended at that time has to say. It `asked` all that it was to ask, unless Kestra did not answer.
pub fn exposition(report: &AuditReport, ended: Timestamp, asked: bool) -> String {
    let mut out = Exposition {
        place: labels(&report.place),
        text: String::new(),
    };
    let counts = &report.counts;
    let by_severity = [
        (Severity::Error, counts.errors),
        (Severity::Warning, counts.warnings),
        (Severity::Note, counts.notes),
    ];
    out.metric(
        "findings",
        "Findings of the last audit by severity.",
        by_severity.map(|(severity, count)| (severity_label(severity), count)),
    );
    let mut by_rule: BTreeMap<(LintRule, Severity), usize> = BTreeMap::new();
    for finding in &report.findings {
        *by_rule.entry((finding.rule, finding.severity)).or_default() += 1;
    }
    out.metric(
        "findings_by_rule",
        "Findings of the last audit by rule. A rule that nothing breaks has no sample.",
        by_rule.into_iter().map(|((rule, severity), count)| {
            let labels = format!("{},{}", label("rule", rule.id()), severity_label(severity));
            (labels, count)
        }),
    );
    let containers: usize = report.containers.iter().map(|seen| seen.pods.len()).sum();
    out.metric(
        "containers",
        "Containers of Kestra that the last audit inspected.",
        alone(containers),
    );
    let variables = report.containers.iter().flat_map(|seen| &seen.variables);
    let secrets: BTreeSet<&String> = variables.filter_map(|variable| variable.key.as_ref()).collect();
    out.metric(
        "secrets",
        "Different secrets that these containers have.",
        alone(secrets.len()),
    );
    out.metric(
        "unread_objects",
        "Objects that the last audit could not read.",
        alone(report.unread.len()),
    );
    let success = asked
        && report
            .findings
            .iter()
            .all(|finding| finding.rule != LintRule::NotKnowable);
    out.metric(
        "success",
        "1 if the last audit inspected all that it was to inspect, whatever it found, otherwise 0.",
        alone(u8::from(success)),
    );
    out.metric(
        "last_run_timestamp_seconds",
        "When the last audit that reached the cluster ended.",
        alone(ended.as_second()),
    );
    out.text
}

struct Exposition {
    /// The labels of every sample.
    place: String,
    text: String,
}

impl Exposition {
    /// Adds a metric: its samples by their own labels.
    fn metric(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = (String, impl Display)>) {
        let name = format!("kestra_secrets_audit_{name}");
        let mut head = format!("# HELP {name} {help}\n# TYPE {name} gauge\n");
        for (own, value) in samples {
            let comma = if own.is_empty() { "" } else { "," };
            // A metric without a sample has no head either.
            self.text += &std::mem::take(&mut head);
            self.text += &format!("{name}{{{}{comma}{own}}} {value}\n", self.place);
        }
    }
}

/// The one sample of a metric.
fn alone<T>(value: T) -> [(String, T); 1] {
    [(String::new(), value)]
}

/// The labels of the place. Its namespace is not called `namespace`: Prometheus gives that name to the namespace of
/// whatever it scrapes in a cluster.
fn labels(place: &AuditedPlace) -> String {
    let labels = [
        label("context", &place.context),
        label("kestra_namespace", &place.namespace),
        label("selector", &place.selector),
    ];
    labels.join(",")
}

fn severity_label(severity: Severity) -> String {
    label("severity", &severity.to_string())
}

fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
    format!("{name}=\"{value}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_escaped_as_the_format_demands() {
        assert_eq!(label("context", "a\"b\\c\nd\te"), "context=\"a\\\"b\\\\c\\nd\te\"");
        assert_eq!(label("context", r"\n"), r#"context="\\n""#);
    }
}
