//! One container of a pod: its secrets by the kubelet's rules and the oracle, and what is wrong with them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, Pod};
use kube::ResourceExt as _;

use super::Gathered;
use super::pod::{facts, started, status, version, waits};
use super::report::{InPod, Seen, Stale};
use super::variables::Looking;
use crate::environment::{self, ObjectKind, ObjectRef, Objects};
use crate::lint::finding::shown;
use crate::lint::{Rule, Severity};
use crate::secret::diagnosis::{Code, Fault, Remedy, of_pod, tolerant};
use crate::secret::{Keyring, RunKey};

/// Names that a message lists at most.
const LISTED: usize = 5;

/// What there is to say of one container.
pub struct Look {
    /// As a report tells it.
    pub seen: Seen,
    /// What is wrong.
    pub said: Vec<Said>,
    /// What Kestra holds: by the process where that was looked at, else by the objects.
    pub keyring: Keyring,
    /// Keys whose values are not known.
    pub unknown: BTreeSet<String>,
    /// Whether there may be more secrets than are known.
    pub blind: bool,
}

/// Something to say of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// What.
    pub rule: Rule,
    /// How bad.
    pub severity: Severity,
    /// The variable or the object.
    pub subject: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub cure: String,
}

/// Looks at a container of a pod.
pub fn look(gathered: &Gathered, key: &RunKey, pod: &Pod, container: &Container) -> Look {
    let spec = pod.spec.clone().unwrap_or_default();
    let status = status(pod, &container.name);
    let started = status.and_then(started);
    let facts = facts(pod, gathered);
    // A Service is linked to what starts after it was made.
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
    let seen = Seen {
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
    let mut look = Look {
        seen,
        said: Vec::new(),
        keyring: Keyring::default(),
        unknown: BTreeSet::new(),
        blind: process.is_none() && takes_unread(gathered, container),
    };
    match view.environment(&tolerant(container), &[]) {
        Ok(environment) => Looking {
            gathered,
            key,
            container,
            started,
            process,
            environment: &environment,
        }
        .all(&mut look),
        Err(halt) => look.said.push(Said {
            rule: Rule::NotKnowable,
            severity: Severity::Warning,
            subject: container.name.clone(),
            message: format!("its environment cannot be told: {halt}"),
            cure: "look at the process itself: --exec".into(),
        }),
    }
    let missing = view.missing(container);
    for fault in of_pod(&view, container, &[]) {
        let of_unread = matches!(&fault.remedy, Remedy::Create { object, .. } if gathered.is_unread(object));
        let optional = missing
            .iter()
            .any(|m| fault.entries.first() == Some(&m.entry) && m.optional);
        if !of_unread {
            look.fault(&fault, optional, started.is_some());
        }
    }
    look
}

impl Look {
    pub(super) fn say(&mut self, rule: Rule, severity: Severity, subject: &str, message: String, cure: String) {
        self.said.push(Said {
            rule,
            severity,
            subject: shown(subject).into(),
            message,
            cure,
        });
    }

    fn fault(&mut self, fault: &Fault, optional: bool, running: bool) {
        let mut message = fault.says.clone();
        if fault.code == Code::KeyMissing && !optional && running {
            message = message.replace(
                ": the pod is held",
                ": this container started before; the next one is held",
            );
        }
        let severity = if optional {
            Severity::Warning
        } else {
            Severity::of(fault.code)
        };
        let subject = match (&fault.remedy, fault.variables.as_slice()) {
            (Remedy::Create { object, .. }, []) => object.to_string(),
            (_, names) => list(names),
        };
        for variable in &mut self.seen.variables {
            if fault.variables.contains(&variable.name) && !variable.diagnosis.contains(&fault.code) {
                variable.diagnosis.push(fault.code);
                variable.diagnosis.sort_unstable();
            }
        }
        self.said.push(Said {
            rule: Rule::Fault(fault.code),
            severity,
            subject,
            message,
            cure: fault.remedy.to_string(),
        });
    }

    pub(super) fn stale(&mut self, stale: BTreeMap<String, Vec<(String, Stale)>>) {
        for (object, variables) in stale {
            let of = |age| {
                variables
                    .iter()
                    .filter(|v| v.1 == age)
                    .map(|v| v.0.clone())
                    .collect::<Vec<_>>()
            };
            let (certain, maybe) = (of(Stale::Certainly), of(Stale::Maybe));
            if !certain.is_empty() {
                let message = format!(
                    "the process has another value of {} than {object} has now",
                    list(&certain)
                );
                let cure = "restart the pods, such as by `kubectl rollout restart`: only a start reads it".into();
                self.say_of(Severity::Error, &object, message, cure);
            }
            if !maybe.is_empty() {
                let message = format!(
                    "changed after the container started, which may have older values of {}",
                    list(&maybe)
                );
                let cure =
                    "restart the pods, such as by `kubectl rollout restart`, or ask for certainty by --exec".into();
                self.say_of(Severity::Warning, &object, message, cure);
            }
        }
    }

    fn say_of(&mut self, severity: Severity, object: &str, message: String, cure: String) {
        let (rule, subject) = (Rule::Stale, object.to_owned());
        self.said.push(Said {
            rule,
            severity,
            subject,
            message,
            cure,
        });
    }
}

/// Whether all of an object is taken that may not be read.
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

/// Names, of many only some.
pub fn list(names: &[String]) -> String {
    let some: Vec<_> = names.iter().take(LISTED).map(|name| shown(name)).collect();
    match names.len().saturating_sub(LISTED) {
        0 => some.join(", "),
        more => format!("{} and {more} more", some.join(", ")),
    }
}
