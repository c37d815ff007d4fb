//! Holds what flows ask for against what Kestra's containers are given.

use std::collections::{BTreeMap, BTreeSet};

use super::{Checker, UnplacedFinding};
use crate::lint::facts::{EnvEntry, FlowCall};
use crate::lint::finding::{LintRule, Severity, printable_name};
use crate::oracle::secret::PREFIX;
use crate::oracle::secret::diagnosis::Code;
use crate::release::document::NodeRef;
use crate::system::words::nearest;

/// What the files say of the secrets that Kestra gets.
struct GivenSecrets {
    /// The keys of containers, in capitals, and where each is named.
    keys: BTreeMap<String, NodeRef>,
    /// Keys of objects that nothing among the files refers to.
    perhaps: BTreeSet<String>,
    /// Whether these are all.
    complete: bool,
}

impl GivenSecrets {
    /// The key that a misspelt one is probably meant for.
    fn nearest(&self, key: &str) -> Option<&str> {
        nearest(key, self.keys.keys().map(String::as_str))
    }
}

impl Checker<'_> {
    /// Findings at calls of `secret()`, with the byte of each call, and notes at variables that no flow asks for.
    pub(super) fn flows(&mut self) -> Vec<(UnplacedFinding, usize)> {
        if self.facts.flows.is_empty() {
            return Vec::new();
        }
        let given = self.given_secrets();
        let calls = self.facts.calls.iter().filter_map(|call| judged_call(call, &given));
        let calls = calls.collect();
        if !self.facts.asks_computed {
            self.not_asked(&given);
        }
        calls
    }

    fn given_secrets(&self) -> GivenSecrets {
        let mut given = GivenSecrets {
            keys: BTreeMap::new(),
            perhaps: BTreeSet::new(),
            complete: self.outside.is_empty(),
        };
        let key = |name: &str| name.strip_prefix(PREFIX).map(str::to_uppercase);
        let mut any = false;
        for container in self.facts.containers.iter().filter(|c| c.kestra) {
            any = true;
            for variable in &container.env {
                let (name, at) = variable.name();
                if let Some(key) = key(name) {
                    given.keys.insert(key, at);
                }
                if let EnvEntry::Key(reference) = variable {
                    let objects = self.objects(container, reference.kind, reference.object);
                    given.complete &= !objects.is_empty();
                }
            }
            for from in &container.env_from {
                let objects = self.objects(container, from.kind, from.object);
                given.complete &= !objects.is_empty();
                for object in objects.into_iter().filter_map(|number| self.object(number)) {
                    given.complete &= object.complete;
                    for entry in &object.keys {
                        if let Some(key) = key(&format!("{}{}", from.prefix, entry.name)) {
                            given.keys.insert(key, entry.name_at);
                        }
                    }
                }
            }
        }
        given.complete &= any;
        for (number, object) in self.facts.objects.iter().enumerate() {
            if !self.referenced.contains(&number) {
                given
                    .perhaps
                    .extend(object.keys.iter().filter_map(|entry| key(entry.name)));
            }
        }
        given
    }

    fn not_asked(&mut self, given: &GivenSecrets) {
        let missed = self.facts.asked.iter().filter(|key| !given.keys.contains_key(*key));
        let meant: BTreeSet<&str> = missed.filter_map(|key| given.nearest(key)).collect();
        let asked = |key: &String| {
            let with_prefix = format!("{PREFIX}{key}");
            self.facts.asked.contains(key) || self.facts.asked.contains(&with_prefix) || meant.contains(key.as_str())
        };
        let idle: Vec<_> = given.keys.iter().filter(|(key, _)| !asked(key)).collect();
        for (key, at) in idle {
            self.found.push(UnplacedFinding {
                at: *at,
                rule: LintRule::NotAsked,
                severity: Severity::Note,
                subject: format!("{PREFIX}{}", printable_name(key)),
                message: "no flow among the files asks for it".into(),
                cure: "remove the variable if no other flow needs it".into(),
                edit: None,
            });
        }
    }
}

fn judged_call(call: &FlowCall, given: &GivenSecrets) -> Option<(UnplacedFinding, usize)> {
    let key = call.key?.to_uppercase();
    if given.keys.contains_key(&key) || given.perhaps.contains(&key) {
        return None;
    }
    let finding = |code: Code, message: String, cure: String| UnplacedFinding {
        at: call.at,
        rule: LintRule::Fault(code),
        severity: Severity::Error,
        subject: printable_name(&key).into(),
        message,
        cure,
        edit: None,
    };
    let found = if let Some(rest) = key.strip_prefix(PREFIX) {
        let message = format!(
            "the flow asks with the prefix: Kestra looks for the variable {PREFIX}{}",
            printable_name(&key)
        );
        finding(
            Code::AsksWithPrefix,
            message,
            format!("write secret('{}')", printable_name(rest)),
        )
    } else if given.complete {
        let near = given.nearest(&key);
        let message = format!(
            "the flow asks for a secret that nothing gives: no container of Kestra gets {PREFIX}{}",
            printable_name(&key)
        );
        let cure = near.map_or_else(
            || format!("set {PREFIX}{} for Kestra, or correct the key", printable_name(&key)),
            |near| {
                format!(
                    "write secret('{}') if that is meant, or set {PREFIX}{}",
                    printable_name(near),
                    printable_name(&key)
                )
            },
        );
        finding(Code::NotGiven, message, cure)
    } else {
        return None;
    };
    Some((found, call.byte))
}
