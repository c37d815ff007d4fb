//! The result of auditing one container.

use std::collections::{BTreeMap, BTreeSet};

use super::report::{ContainerSeen, Stale};
use crate::lint::finding::printable_name;
use crate::lint::{LintRule, Severity};
use crate::oracle::secret::SecretStore;
use crate::oracle::secret::diagnosis::{Code, Remedy, SecretFault};

const LISTED: usize = 5;

/// The result of auditing one container.
pub struct ContainerAudit {
    /// The container as the report shows it.
    pub seen: ContainerSeen,
    /// What is wrong in it.
    pub findings: Vec<AuditFinding>,
    /// The secrets that Kestra holds: those of its process if that was read, otherwise those of the objects.
    pub keyring: SecretStore,
    /// Keys whose values are not known.
    pub unknown: BTreeSet<String>,
    /// Whether there may be more secrets than are known.
    pub blind: bool,
}

/// A finding about a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFinding {
    /// The rule that it breaks.
    pub rule: LintRule,
    /// How bad it is.
    pub severity: Severity,
    /// The variable or the object.
    pub subject: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub cure: String,
}

impl ContainerAudit {
    pub(super) fn add(&mut self, rule: LintRule, severity: Severity, subject: &str, message: String, cure: String) {
        self.findings.push(AuditFinding {
            rule,
            severity,
            subject: printable_name(subject).into(),
            message,
            cure,
        });
    }

    pub(super) fn fault(&mut self, fault: &SecretFault, optional: bool, running: bool) {
        let mut message = fault.says.clone();
        if fault.code == Code::KeyMissing && !optional && running {
            message = message.replace(
                ": the pod is held",
                ": this container started before; the next one will be held",
            );
        }
        let severity = if optional {
            Severity::Warning
        } else {
            Severity::of_code(fault.code)
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
        self.findings.push(AuditFinding {
            rule: LintRule::Fault(fault.code),
            severity,
            subject,
            message,
            cure: fault.remedy.to_string(),
        });
    }

    pub(super) fn stale(&mut self, stale: BTreeMap<String, Vec<(String, Stale)>>) {
        for (object, variables) in stale {
            let of_age = |age| {
                variables
                    .iter()
                    .filter(|v| v.1 == age)
                    .map(|v| v.0.clone())
                    .collect::<Vec<_>>()
            };
            let (certain, maybe) = (of_age(Stale::Certainly), of_age(Stale::Maybe));
            if !certain.is_empty() {
                let message = format!(
                    "the process has another value of {} than {object} holds now",
                    list(&certain)
                );
                let cure = "restart the pods, for example with `kubectl rollout restart`: a container reads it only when it starts".into();
                self.add_stale(Severity::Error, &object, message, cure);
            }
            if !maybe.is_empty() {
                let message = format!(
                    "it changed after the container started, so the container may have older values of {}",
                    list(&maybe)
                );
                let cure =
                    "restart the pods, for example with `kubectl rollout restart`, or find out with --exec".into();
                self.add_stale(Severity::Warning, &object, message, cure);
            }
        }
    }

    fn add_stale(&mut self, severity: Severity, object: &str, message: String, cure: String) {
        let (rule, subject) = (LintRule::Fault(Code::Stale), object.to_owned());
        self.findings.push(AuditFinding {
            rule,
            severity,
            subject,
            message,
            cure,
        });
    }
}

/// Names in one line; of many, only the first.
pub fn list(names: &[String]) -> String {
    let some: Vec<_> = names.iter().take(LISTED).map(|name| printable_name(name)).collect();
    match names.len().saturating_sub(LISTED) {
        0 => some.join(", "),
        more => format!("{} and {more} more", some.join(", ")),
    }
}
