//! Judges all containers together: which are alike, which lack what others have, and all findings. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::container::audit_container;
use super::model::{AuditFinding, ContainerAudit, list};
use super::report::{AuditReport, AuditedPlace, ContainerSeen, OriginKind};
use super::{Gathered, kestra_containers};
use crate::lint::{Finding, LintRule, Severity, SeverityCounts};
use crate::oracle::secret::{HopValue, RunKey};

/// The components that render templates of flows; the others need no secrets.
const RENDER: [&str; 4] = ["standalone", "worker", "executor", "scheduler"];

/// Audits every container of Kestra.
pub fn audit_containers(gathered: &Gathered, key: &RunKey) -> Vec<ContainerAudit> {
    let each = gathered
        .pods
        .iter()
        .flat_map(|pod| kestra_containers(pod).map(move |container| (pod, container)));
    each.map(|(pod, container)| audit_container(gathered, key, pod, container))
        .collect()
}

/// Makes the report of all containers.
pub fn judge(place: AuditedPlace, gathered: Gathered, audits: Vec<ContainerAudit>) -> AuditReport {
    let inconsistent = inconsistent(&audits);
    let mut containers: Vec<(ContainerSeen, Vec<AuditFinding>)> = Vec::new();
    for audit in audits {
        let twin = containers
            .iter_mut()
            .find(|(seen, findings)| alike(seen, &audit.seen) && *findings == audit.findings);
        match twin {
            Some((seen, _)) => seen.pods.extend(audit.seen.pods),
            None => containers.push((audit.seen, audit.findings)),
        }
    }
    containers.sort_by(|(a, _), (b, _)| (&a.component, &a.container).cmp(&(&b.component, &b.container)));
    let mut findings = Vec::new();
    for (seen, own) in &containers {
        let several = containers
            .iter()
            .filter(|(other, _)| other.component == seen.component)
            .count()
            > 1;
        let names: Vec<String> = seen.pods.iter().map(|pod| pod.name.clone()).collect();
        let at = if several {
            format!("{}/{} ({})", place.namespace, seen.component, list(&names))
        } else {
            format!("{}/{}", place.namespace, seen.component)
        };
        findings.extend(own.iter().map(|one| finding(&at, one)));
    }
    findings.extend(
        inconsistent
            .iter()
            .map(|(component, one)| finding(&format!("{}/{component}", place.namespace), one)),
    );
    findings.extend(gathered.unread.iter().map(|unread| Finding {
        ..finding(
            &place.namespace,
            &AuditFinding {
                rule: LintRule::NotKnowable,
                severity: Severity::Warning,
                subject: unread.object.clone(),
                message: format!("not read: {}", unread.says),
                cure: "grant the rights in deploy/rbac-audit.yaml".into(),
            },
        )
    }));
    findings.sort();
    findings.dedup();
    AuditReport {
        schema: 1,
        counts: SeverityCounts::count(&findings),
        place,
        containers: containers.into_iter().map(|(seen, _)| seen).collect(),
        findings,
        unread: gathered.unread,
        key_list: None,
        flow: None,
    }
}

/// A finding at a place in the cluster.
pub fn finding(at: &str, found: &AuditFinding) -> Finding {
    Finding {
        file: at.into(),
        line: 0,
        column: 0,
        rule: found.rule,
        severity: found.severity,
        subject: found.subject.clone(),
        message: found.message.clone(),
        cure: found.cure.clone(),
        fixable: false,
        fingerprint: None,
    }
}

/// Whether two containers differ only in their pods.
fn alike(a: &ContainerSeen, b: &ContainerSeen) -> bool {
    let held = |seen: &ContainerSeen| seen.pods.first().and_then(|pod| pod.waits.clone());
    a.component == b.component
        && a.container == b.container
        && a.kestra == b.kestra
        && a.observed == b.observed
        && a.variables == b.variables
        && held(a) == held(b)
}

/// The secrets that only some containers have, or that differ between containers, by component.
fn inconsistent(audits: &[ContainerAudit]) -> Vec<(String, AuditFinding)> {
    // Service links differ between containers by their start times alone.
    let secrets = |audit: &ContainerAudit| -> BTreeMap<String, Option<HopValue>> {
        let meant = audit
            .seen
            .variables
            .iter()
            .filter(|v| v.origin.kind != OriginKind::ServiceLink);
        meant.filter_map(|v| Some((v.key.clone()?, v.gives.clone()))).collect()
    };
    let each: Vec<(&str, BTreeMap<String, Option<HopValue>>)> = audits
        .iter()
        .map(|audit| (audit.seen.component.as_str(), secrets(audit)))
        .collect();
    let hidden: BTreeSet<&str> = audits
        .iter()
        .filter(|audit| audit.blind)
        .map(|audit| audit.seen.component.as_str())
        .collect();
    let mut all: BTreeMap<&String, Option<HopValue>> = BTreeMap::new();
    let mut differ: BTreeSet<String> = BTreeSet::new();
    for (key, gives) in each.iter().flat_map(|(_, secrets)| secrets) {
        match all.get(key) {
            Some(Some(first)) if gives.as_ref().is_some_and(|gives| gives != first) => {
                differ.insert(key.clone());
            }
            Some(Some(_)) => {}
            _ => drop(all.insert(key, gives.clone())),
        }
    }
    let mut incomplete: BTreeMap<(String, Vec<String>), bool> = BTreeMap::new();
    for (component, secrets) in &each {
        let lacks: Vec<String> = all
            .keys()
            .filter(|key| !secrets.contains_key(**key))
            .map(|key| (*key).clone())
            .collect();
        if !lacks.is_empty() && !hidden.contains(component) {
            let others = each.iter().filter(|(other, _)| other == component);
            let has = |secrets: &BTreeMap<String, Option<HopValue>>| lacks.iter().any(|key| secrets.contains_key(key));
            let torn = others.clone().any(|(_, secrets)| has(secrets));
            incomplete.insert(((*component).to_owned(), lacks), torn);
        }
    }
    let lacking = incomplete.into_iter().map(|((component, lacks), torn)| {
        let (message, severity) = if torn {
            (
                "one pod of this component lacks secrets that another has".to_owned(),
                Severity::Warning,
            )
        } else if RENDER.contains(&component.as_str()) {
            (
                "this component lacks secrets that others have".to_owned(),
                Severity::Warning,
            )
        } else {
            (
                "this component lacks secrets that others have, but it renders no tasks".to_owned(),
                Severity::Note,
            )
        };
        let said = AuditFinding {
            rule: LintRule::Uneven,
            severity,
            subject: list(&lacks),
            message,
            cure:
                "write them under `common` in the chart's values, not under one component; let a rollout finish first"
                    .into(),
        };
        (component, said)
    });
    let other = (!differ.is_empty()).then(|| {
        let names: Vec<String> = differ.into_iter().collect();
        let said = AuditFinding {
            rule: LintRule::Uneven,
            severity: Severity::Warning,
            subject: list(&names),
            message: "the value differs between containers: what a flow gets depends on which one renders it".into(),
            cure: "give all components the same source, and restart them".into(),
        };
        ("all".to_owned(), said)
    });
    lacking.chain(other).collect()
}
