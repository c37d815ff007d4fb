//! What there is to say of one container.

use std::collections::{BTreeMap, BTreeSet};

use super::report::{ContainerSeen, Stale};
use crate::lint::finding::shown;
use crate::lint::{LintRule, Severity};
use crate::oracle::secret::SecretStore;
use crate::oracle::secret::diagnosis::{Code, Remedy, SecretFault};

/// Names that a message lists at most.
const LISTED: usize = 5;

/// What there is to say of one container.
pub struct ContainerAudit {
    /// As a report tells it.
    pub seen: ContainerSeen,
    /// What is wrong.
    pub said: Vec<AuditFinding>,
    /// What Kestra holds: by the process where that was looked at, else by the objects.
    pub keyring: SecretStore,
    /// Keys whose values are not known.
    pub unknown: BTreeSet<String>,
    /// Whether there may be more secrets than are known.
    pub blind: bool,
}

/// Something to say of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFinding {
    /// What.
    pub rule: LintRule,
    /// How bad.
    pub severity: Severity,
    /// The variable or the object.
    pub subject: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub cure: String,
}

impl ContainerAudit {
    pub(super) fn say(&mut self, rule: LintRule, severity: Severity, subject: &str, message: String, cure: String) {
        self.said.push(AuditFinding {
            rule,
            severity,
            subject: shown(subject).into(),
            message,
            cure,
        });
    }

    pub(super) fn fault(&mut self, fault: &SecretFault, optional: bool, running: bool) {
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
        self.said.push(AuditFinding {
            rule: LintRule::Fault(fault.code),
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
        let (rule, subject) = (LintRule::Fault(Code::Stale), object.to_owned());
        self.said.push(AuditFinding {
            rule,
            severity,
            subject,
            message,
            cure,
        });
    }
}

/// Names, of many only some.
pub fn list(names: &[String]) -> String {
    let some: Vec<_> = names.iter().take(LISTED).map(|name| shown(name)).collect();
    match names.len().saturating_sub(LISTED) {
        0 => some.join(", "),
        more => format!("{} and {more} more", some.join(", ")),
    }
}
