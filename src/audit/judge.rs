//! All containers together: which are alike, which lack what others have, and the findings of all. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::look::look;
use super::model::{AuditFinding, ContainerAudit, list};
use super::report::{AuditReport, AuditedPlace, ContainerSeen, OriginKind};
use super::{Gathered, kestras};
use crate::lint::{Finding, LintRule, Severity, SeverityCounts};
use crate::oracle::secret::{HopValue, RunKey};

/// Components that render the templates of flows; the others need no secret.
const RENDER: [&str; 4] = ["standalone", "worker", "executor", "scheduler"];

/// Looks at every container of Kestra that was gathered.
pub fn looks(gathered: &Gathered, key: &RunKey) -> Vec<ContainerAudit> {
    let each = gathered
        .pods
        .iter()
        .flat_map(|pod| kestras(pod).map(move |container| (pod, container)));
    each.map(|(pod, container)| look(gathered, key, pod, container))
        .collect()
}

/// Judges what was looked at.
pub fn judge(place: AuditedPlace, gathered: Gathered, looks: Vec<ContainerAudit>) -> AuditReport {
    let uneven = uneven(&looks);
    let mut containers: Vec<(ContainerSeen, Vec<AuditFinding>)> = Vec::new();
    for look in looks {
        let twin = containers
            .iter_mut()
            .find(|(seen, said)| alike(seen, &look.seen) && *said == look.said);
        match twin {
            Some((seen, _)) => seen.pods.extend(look.seen.pods),
            None => containers.push((look.seen, look.said)),
        }
    }
    containers.sort_by(|(a, _), (b, _)| (&a.component, &a.container).cmp(&(&b.component, &b.container)));
    let mut findings = Vec::new();
    for (seen, said) in &containers {
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
        findings.extend(said.iter().map(|said| finding(&at, said)));
    }
    findings.extend(
        uneven
            .iter()
            .map(|(component, said)| finding(&format!("{}/{component}", place.namespace), said)),
    );
    findings.extend(gathered.unread.iter().map(|unread| Finding {
        ..finding(
            &place.namespace,
            &AuditFinding {
                rule: LintRule::NotKnowable,
                severity: Severity::Warning,
                subject: unread.object.clone(),
                message: format!("not read: {}", unread.says),
                cure: "deploy/rbac-audit.yaml holds the rights that are needed".into(),
            },
        )
    }));
    findings.sort();
    findings.dedup();
    AuditReport {
        schema: 1,
        counts: SeverityCounts::of(&findings),
        place,
        containers: containers.into_iter().map(|(seen, _)| seen).collect(),
        findings,
        unread: gathered.unread,
        flow: None,
    }
}

/// A finding that is in no file.
pub fn finding(at: &str, said: &AuditFinding) -> Finding {
    Finding {
        file: at.into(),
        line: 0,
        column: 0,
        rule: said.rule,
        severity: said.severity,
        subject: said.subject.clone(),
        message: said.message.clone(),
        cure: said.cure.clone(),
        fixable: false,
    }
}

/// Whether two pods' containers differ in nothing but the pod.
fn alike(a: &ContainerSeen, b: &ContainerSeen) -> bool {
    let held = |seen: &ContainerSeen| seen.pods.first().and_then(|pod| pod.waits.clone());
    a.component == b.component
        && a.container == b.container
        && a.kestra == b.kestra
        && a.observed == b.observed
        && a.variables == b.variables
        && held(a) == held(b)
}

/// What some containers have and others lack, or have otherwise, by component.
fn uneven(looks: &[ContainerAudit]) -> Vec<(String, AuditFinding)> {
    // A Service's links go to whoever started after it was made.
    let secrets = |look: &ContainerAudit| -> BTreeMap<String, Option<HopValue>> {
        let meant = look
            .seen
            .variables
            .iter()
            .filter(|v| v.origin.kind != OriginKind::ServiceLink);
        meant.filter_map(|v| Some((v.key.clone()?, v.gives.clone()))).collect()
    };
    let each: Vec<(&str, BTreeMap<String, Option<HopValue>>)> = looks
        .iter()
        .map(|look| (look.seen.component.as_str(), secrets(look)))
        .collect();
    let hidden: BTreeSet<&str> = looks
        .iter()
        .filter(|look| look.blind)
        .map(|look| look.seen.component.as_str())
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
    let mut told: BTreeMap<(String, Vec<String>), bool> = BTreeMap::new();
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
            told.insert(((*component).to_owned(), lacks), torn);
        }
    }
    let lacking = told.into_iter().map(|((component, lacks), torn)| {
        let (message, severity) = if torn {
            (
                "a pod of this component lacks what another has".to_owned(),
                Severity::Warning,
            )
        } else if RENDER.contains(&component.as_str()) {
            ("this component lacks what others have".to_owned(), Severity::Warning)
        } else {
            (
                "this component lacks what others have, and renders no task".to_owned(),
                Severity::Note,
            )
        };
        let said = AuditFinding {
            rule: LintRule::Uneven,
            severity,
            subject: list(&lacks),
            message,
            cure: "write it under `common` in the chart's values, not under one component; wait for a rollout to end"
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
            message: "not the same value in every container: what a flow gets depends on who renders it".into(),
            cure: "give all components the same source, and restart them".into(),
        };
        ("all".to_owned(), said)
    });
    lacking.chain(other).collect()
}
