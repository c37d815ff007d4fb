//! Judges names: of variables in a container, of objects and their keys, and of Services.

use std::collections::{HashMap, HashSet};

use super::{Checker, UnplacedFinding};
use crate::lint::facts::{ContainerFacts, EnvEntry, FromRef, KeyRef, NodeRef, ObjectMaker, meet};
use crate::lint::finding::{LintRule, Severity, printable_name};
use crate::oracle::environment::ObjectKind;
use crate::oracle::secret::diagnosis::{Code, corrected_name};
use crate::release::chart_keys::is_secret;
use crate::system::words::nearest;

/// Names that a message lists at most.
const LISTED: usize = 5;

impl<'a> Checker<'a> {
    pub(super) fn container(&mut self, container: &'a ContainerFacts<'a>) {
        let mut names: Vec<(String, NodeRef)> = Vec::new();
        for from in &container.env_from {
            names.extend(self.from(container, from));
        }
        for variable in &container.env {
            let (name, at) = variable.name();
            if is_secret(name) {
                names.push((name.into(), at));
            }
            match variable {
                EnvEntry::Value(entry) if is_secret(name) => {
                    self.entry(entry, name, &printable_name(name), true);
                    self.name_once(entry, name);
                }
                EnvEntry::Value(entry) => self.perhaps_meant(entry, name),
                EnvEntry::Key(reference) => self.reference(container, reference),
            }
        }
        self.collisions(&names);
        self.two_sources(&names);
    }

    fn name_once(&mut self, entry: &crate::lint::facts::KeyedValue, name: &str) {
        if corrected_name(name).is_some() && self.judged.insert(entry.name_at) {
            self.name(entry, name, &printable_name(name), true);
        }
    }

    /// One entry of `envFrom`: the secrets it gives.
    fn from(&mut self, container: &ContainerFacts, from: &FromRef) -> Vec<(String, NodeRef)> {
        let mut names: Vec<(String, NodeRef)> = Vec::new();
        let objects = self.objects(container, from.kind, from.object);
        self.hashed(container, &objects, from.object, from.object_at);
        if objects.is_empty() {
            self.absent(from.kind, from.object, from.object_at);
        }
        for number in objects {
            let Some(object) = self.object(number) else { continue };
            if !self.spend(object.keys.len()) {
                return names;
            }
            // Objects of one name are not there at once: what one of them gives, another gives elsewhere.
            let before: HashSet<String> = names.iter().map(|(name, _)| name.to_uppercase()).collect();
            for (key, entry) in object.keys.iter().enumerate() {
                let name = format!("{}{}", from.prefix, entry.name);
                if !is_secret(&name) {
                    // What a container names has the container's name for it.
                    if !self.referred.contains(&(from.object, entry.name)) {
                        self.perhaps_meant(entry, &name);
                    }
                    continue;
                }
                // Of a key given twice the object itself is the place to say so.
                let last = self.keys.get(&(number, entry.name)) == Some(&key);
                if last && !before.contains(&name.to_uppercase()) {
                    names.push((name.clone(), entry.name_at));
                }
                let subject = Self::of_object(object, entry.name, &name);
                self.bound((number, key), &name, &subject);
            }
            self.twice(object);
        }
        names
    }

    /// `secretKeyRef` and `configMapKeyRef`.
    fn reference(&mut self, container: &ContainerFacts, reference: &KeyRef) {
        let objects = self.objects(container, reference.kind, reference.object);
        self.hashed(container, &objects, reference.object, reference.key_at);
        if objects.is_empty() {
            self.absent(reference.kind, reference.object, reference.object_at);
        }
        let mut found = objects
            .iter()
            .filter_map(|o| Some((*o, *self.keys.get(&(*o, reference.key))?)));
        let first = found.next();
        let rest: Vec<_> = found.collect();
        if first.is_none() {
            self.missing_key(&objects, reference);
        }
        for key in first.into_iter().chain(rest) {
            let Some((object, entry)) = self.object(key.0).and_then(|o| Some((o, o.keys.get(key.1)?))) else {
                continue;
            };
            if is_secret(reference.name) {
                let subject = Self::of_object(object, entry.name, reference.name);
                let free = !self.tied.contains(&key);
                self.entry(entry, reference.name, &subject, free);
            } else {
                self.perhaps_meant_at(entry, reference);
            }
        }
        if is_secret(reference.name) && corrected_name(reference.name).is_some() {
            let entry = crate::lint::facts::KeyedValue {
                name: reference.name,
                name_at: reference.name_at,
                value: crate::lint::facts::FileValue::Nothing,
                value_at: reference.name_at,
                place: crate::oracle::secret::Location::Values,
                literal: false,
            };
            self.name_once(&entry, reference.name);
        }
    }

    /// The variable is what lacks the prefix, not the key.
    fn perhaps_meant_at(&mut self, entry: &crate::lint::facts::KeyedValue, reference: &KeyRef) {
        let entry = crate::lint::facts::KeyedValue {
            name_at: reference.name_at,
            ..*entry
        };
        self.perhaps_meant(&entry, reference.name);
    }

    /// An object that is not among the files: made elsewhere, unless one that nobody refers to is called almost so.
    fn absent(&mut self, kind: ObjectKind, name: &str, at: NodeRef) {
        let unreferenced = self.facts.objects.iter().enumerate().filter(|(number, object)| {
            object.kind == kind
                && !self.referenced.contains(number)
                && object.keys.iter().any(|entry| is_secret(entry.name))
        });
        let names = unreferenced.filter_map(|(_, object)| object.name);
        let kind = if kind == ObjectKind::Secret {
            "Secret"
        } else {
            "ConfigMap"
        };
        let Some(near) = nearest(name, names) else {
            self.outside.insert(format!("{kind} {}", printable_name(name)));
            return;
        };
        self.once(
            at,
            Code::KeyMissing,
            Severity::Error,
            name,
            &format!(
                "no file holds {kind} {}; one holds {kind} {}, which nothing refers to",
                printable_name(name),
                printable_name(near)
            ),
            &format!("write {} in the reference, if that is the one", printable_name(near)),
        );
    }

    fn missing_key(&mut self, objects: &[usize], reference: &KeyRef) {
        let all: Vec<_> = objects.iter().filter_map(|number| self.object(*number)).collect();
        if all.is_empty() || all.iter().any(|object| !object.complete) {
            return;
        }
        let mut names: Vec<_> = all
            .iter()
            .flat_map(|o| &o.keys)
            .map(|entry| printable_name(entry.name))
            .collect();
        names.dedup();
        let more = if names.len() > LISTED { ", …" } else { "" };
        names.truncate(LISTED);
        let kind = if reference.kind == ObjectKind::Secret {
            "Secret"
        } else {
            "ConfigMap"
        };
        let effect = if reference.optional {
            "the pod starts without the variable"
        } else {
            "the pod does not start (CreateContainerConfigError)"
        };
        let has = if names.is_empty() {
            "no key at all".into()
        } else {
            format!("{}{more}", names.join(", "))
        };
        self.say(
            reference.key_at,
            Code::KeyMissing,
            if reference.optional {
                Severity::Warning
            } else {
                Severity::Error
            },
            printable_name(reference.name).into(),
            format!(
                "{kind} {} has no key {}: {effect}",
                printable_name(reference.object),
                printable_name(reference.key)
            ),
            format!("create the key, or name an existing one: {has}"),
        );
    }

    /// Helm's values do not follow the hash that kustomize adds to a name.
    fn hashed(&mut self, container: &ContainerFacts, objects: &[usize], name: &str, at: NodeRef) {
        let only_hashed = !objects.is_empty()
            && objects.iter().all(|o| {
                self.object(*o)
                    .is_some_and(|o| matches!(o.maker, ObjectMaker::Generator { hashed: true, .. }))
            });
        if container.values && only_hashed && self.judged.insert(at) {
            self.say(
                at,
                Code::KeyMissing,
                Severity::Warning,
                printable_name(name).into(),
                "kustomize adds a hash to the name, but Helm values keep the old name".into(),
                "set `generatorOptions: {disableNameSuffixHash: true}` in the kustomization".into(),
            );
        }
    }

    /// Names that are the same key to Kestra.
    pub(super) fn collisions(&mut self, names: &[(String, NodeRef)]) {
        let mut keys: HashMap<String, (&str, NodeRef)> = HashMap::new();
        for (name, at) in names {
            // Kestra ignores another prefix, and the name has a finding of its own.
            if !name.starts_with(crate::oracle::secret::PREFIX) {
                continue;
            }
            let (first, first_at) = *keys.entry(name.to_uppercase()).or_insert((name, *at));
            if first != name {
                let (first, place) = (printable_name(first), self.position_text(first_at));
                self.once(
                    *at,
                    Code::NameCollision,
                    Severity::Error,
                    name,
                    &format!("{first} ({place}) differs only in case: Kestra keeps either one, and prints both plaintexts in the server's log"),
                    Code::NameCollision.cure(),
                );
            }
        }
    }

    /// One name from two places.
    fn two_sources(&mut self, names: &[(String, NodeRef)]) {
        let mut seen: HashMap<&str, NodeRef> = HashMap::new();
        for (name, at) in names {
            if let Some(first) = seen.insert(name, *at).filter(|first| first != at) {
                let place = self.position_text(first);
                self.once(
                    *at,
                    Code::TwoSources,
                    Severity::Warning,
                    name,
                    &format!("also given at {place}; this one silently overrides it"),
                    Code::TwoSources.cure(),
                );
            }
        }
    }

    /// Says the same of the same place once: several containers may share it.
    fn once(&mut self, at: NodeRef, code: Code, severity: Severity, subject: &str, message: &str, cure: &str) {
        let rule = LintRule::Fault(code);
        if !self.said.insert((at, rule)) {
            return;
        }
        self.say(
            at,
            code,
            severity,
            printable_name(subject).into(),
            message.into(),
            cure.into(),
        );
    }

    pub(super) fn services(&mut self) {
        for service in &self.facts.services {
            let linked = |c: &&ContainerFacts| c.kestra && c.service_links && meet(c.namespace, service.namespace);
            if self.facts.containers.iter().any(|c| linked(&c)) {
                self.say(
                    service.at,
                    Code::ServiceLink,
                    Severity::Warning,
                    format!("Service {}", printable_name(service.name)),
                    format!(
                        "gives Kestra's pod {} and other variables that look like secrets",
                        printable_name(&service.variable)
                    ),
                    Code::ServiceLink.cure().into(),
                );
            }
        }
    }

    /// Notes at every setting of how secrets are encoded, as a key and as a variable.
    pub(super) fn encodings(&mut self) {
        let containers = self.facts.containers.iter().filter(|c| c.kestra);
        let variables = containers.flat_map(|c| &c.env).map(EnvEntry::name);
        let variables = variables.filter_map(|(name, at)| (name == "KESTRA_SECRET_ENCODING").then_some(at));
        for at in self.facts.encodings.iter().copied().chain(variables) {
            self.found.push(UnplacedFinding {
                at,
                rule: LintRule::NotReleased,
                severity: Severity::Note,
                subject: "kestra.secret.encoding".into(),
                message: "no released Kestra reads this setting: each decodes the variables from Base64".into(),
                cure: "keep the values in Base64".into(),
                edit: None,
            });
        }
    }

    /// What is to be said whatever else there is, and classes of the CSI driver that only make files.
    pub(super) fn remarks(&mut self) {
        for remark in &self.facts.remarks {
            let (rule, severity) = match remark.fault {
                Some((code, severity)) => (LintRule::Fault(code), severity),
                None => (LintRule::NotKnowable, Severity::Note),
            };
            self.found.push(UnplacedFinding {
                at: remark.at,
                rule,
                severity,
                subject: remark.subject.clone(),
                message: remark.message.clone(),
                cure: remark.cure.clone(),
                edit: None,
            });
        }
        for class in self
            .facts
            .files_only
            .iter()
            .filter(|class| self.facts.mounted.contains(&class.name))
        {
            self.found.push(UnplacedFinding {
                at: class.at,
                rule: LintRule::NotKnowable,
                severity: Severity::Note,
                subject: format!("SecretProviderClass {}", printable_name(class.name)),
                message: "not knowable here: the driver makes files, never an environment, and `secret()` reads the \
                          environment alone"
                    .into(),
                cure: "add `secretObjects` that create a Secret from them, and refer to it with `secretKeyRef`".into(),
                edit: None,
            });
        }
    }
}
