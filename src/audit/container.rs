//! Audits one container of a pod: its secrets by the kubelet's rules and the oracle, and the findings. Pure.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, Pod};
use kube::ResourceExt as _;

use super::Gathered;
use super::model::{AuditFinding, ContainerAudit};
use super::pod::{facts, started, status, version, waits};
use super::report::{ContainerSeen, InPod};
use super::variables::ContainerVariables;
use crate::lint::{LintRule, Severity};
use crate::oracle::environment::{self, ObjectKind, ObjectRef, Objects};
use crate::oracle::secret::diagnosis::{Remedy, of_pod, tolerant};
use crate::oracle::secret::{RunKey, SecretStore};

/// Audits a container of a pod.
pub fn audit_container(gathered: &Gathered, key: &RunKey, pod: &Pod, container: &Container) -> ContainerAudit {
    let spec = pod.spec.clone().unwrap_or_default();
    let status = status(pod, &container.name);
    let started = status.and_then(started);
    let facts = facts(pod, gathered);
    // The kubelet links a container only to Services that existed when it started.
    let linked = gathered.services.iter().filter(|service| {
        let made = service.metadata.creation_timestamp.as_ref().map(|time| time.0);
        made.zip(started).is_none_or(|(made, started)| made <= started)
    });
    let objects = Objects::new(gathered.secrets.clone(), gathered.config_maps.clone(), linked.cloned());
    let view = environment::Pod {
        spec: &spec,
        objects: &objects,
        facts: &facts,
    };
    let (kestra, kestra_by) = version(pod, container);
    let place = (pod.name_any(), container.name.clone());
    let process = gathered.processes.get(&place).and_then(|process| process.as_ref().ok());
    let seen = ContainerSeen {
        component: pod
            .labels()
            .get("app.kubernetes.io/component")
            .cloned()
            .unwrap_or_else(|| pod.name_any()),
        container: container.name.clone(),
        pods: vec![InPod {
            name: pod.name_any(),
            started: started.map(|at| at.to_string()),
            waits: status.and_then(waits),
        }],
        kestra,
        kestra_by,
        observed: process.is_some(),
        variables: Vec::new(),
    };
    let mut audit = ContainerAudit {
        seen,
        findings: Vec::new(),
        keyring: SecretStore::default(),
        unknown: BTreeSet::new(),
        blind: process.is_none() && takes_unread(gathered, container),
    };
    match view.environment(&tolerant(container), &[]) {
        Ok(environment) => ContainerVariables {
            gathered,
            key,
            container,
            started,
            process,
            environment: &environment,
        }
        .all(&mut audit),
        Err(halt) => audit.findings.push(AuditFinding {
            rule: LintRule::NotKnowable,
            severity: Severity::Warning,
            subject: container.name.clone(),
            message: format!("its environment cannot be computed: {halt}"),
            cure: "read the environment of the process with --exec".into(),
        }),
    }
    let missing = view.missing(container);
    for fault in of_pod(&view, container, &[]) {
        let of_unread = matches!(&fault.remedy, Remedy::Create { object, .. } if gathered.is_unread(object));
        let optional = missing
            .iter()
            .any(|m| fault.entries.first() == Some(&m.entry) && m.optional);
        if !of_unread {
            audit.fault(&fault, optional, started.is_some());
        }
    }
    audit
}

/// Whether the container takes all keys of an object that could not be read.
fn takes_unread(gathered: &Gathered, container: &Container) -> bool {
    container.env_from.iter().flatten().any(|from| {
        let secret = from.secret_ref.as_ref().map(|s| (ObjectKind::Secret, &s.name));
        let named = secret.or_else(|| from.config_map_ref.as_ref().map(|m| (ObjectKind::ConfigMap, &m.name)));
        named.is_some_and(|(kind, name)| {
            gathered.is_unread(&ObjectRef {
                kind,
                name: name.clone(),
            })
        })
    })
}
