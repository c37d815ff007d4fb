//! The variables of one container, each with its hops.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Container;
use k8s_openapi::jiff::Timestamp;

use super::model::ContainerAudit;
use super::origin::{bare, origin};
use super::pod::changed;
use super::report::{AuditedVariable, OriginKind, Stale, VariableOrigin};
use super::{Gathered, ProcessVariables};
use crate::lint::finding::printable_name;
use crate::lint::{LintRule, Severity};
use crate::oracle::environment::{self, Environment, EnvironmentEntry, ObjectKind, ObjectRef, VariableSource};
use crate::oracle::secret::diagnosis::{Code, WrittenValue, corrected_name, diagnose, looks_encoded};
use crate::oracle::secret::{Hop, HopKind, HopValue, Location, PREFIX, Plaintext, RunKey, SecretStore, Trace};

/// One container, and what its variables are derived from.
pub(super) struct ContainerVariables<'a> {
    pub gathered: &'a Gathered,
    pub key: &'a RunKey,
    pub container: &'a Container,
    pub started: Option<Timestamp>,
    pub process: Option<&'a ProcessVariables>,
    pub environment: &'a Environment,
}

impl ContainerVariables<'_> {
    /// Audits all variables.
    pub fn all(&self, audit: &mut ContainerAudit) {
        let argv = match &self.container.command {
            // The image's own command decides: Kestra's image starts it through a shell.
            None => vec!["sh".into(), "-c".into()],
            Some(_) => self.environment.command(self.container).argv(&[], &[]),
        };
        let handed = self.environment.clone().behind(&argv);
        let pairs = handed.variables.iter().map(|v| (v.name.as_str(), v.value.as_bytes()));
        let predicted: SecretStore = pairs.collect();
        audit.keyring = match self.process {
            Some(process) => process.iter().map(|(name, value)| (name, value.clone())).collect(),
            None => predicted.clone(),
        };
        let mut stale: BTreeMap<String, Vec<(String, Stale)>> = BTreeMap::new();
        for variable in &self.environment.variables {
            if !is_wanted(variable) {
                continue;
            }
            let reaches = variable.name.starts_with(PREFIX) && handed.get(&variable.name).is_some();
            let age = self.age(variable, reaches);
            if let Some((object, age)) = &age {
                stale
                    .entry(object.clone())
                    .or_default()
                    .push((variable.name.clone(), *age));
            }
            self.variable(audit, variable, reaches, &predicted, age.map(|(_, age)| age));
        }
        self.unknown(audit);
        audit.stale(stale);
    }

    fn variable(
        &self,
        audit: &mut ContainerAudit,
        variable: &environment::Variable,
        reaches: bool,
        predicted: &SecretStore,
        stale: Option<Stale>,
    ) {
        let (name, value) = (&variable.name, Plaintext::from(variable.value.as_bytes()));
        let called = reaches.then(|| name.strip_prefix(PREFIX)).flatten();
        let nobody = SecretStore::default();
        let written = match variable.source {
            VariableSource::Env { index } => {
                let entry = self.container.env.iter().flatten().nth(index);
                entry
                    .and_then(|entry| entry.value.as_deref())
                    .map_or_else(|| value.clone(), Plaintext::from)
            }
            _ => value.clone(),
        };
        let by_objects = EnvironmentEntry::from_source(&variable.source).is_some();
        let path = Trace {
            key: called.unwrap_or(name),
            place: if by_objects {
                Location::StringData
            } else {
                Location::Env
            },
            written: &written,
            meant: None,
            environment: Some(&value),
            secrets: Some(if reaches { predicted } else { &nobody }),
        };
        let mut hops = path.hops(&audit.seen.kestra);
        // The file it was written in is unknown here. The API server's object was read.
        hops.retain(|hop| hop.at != HopKind::ValuesOrManifest);
        let observed = self.process.map(|process| in_process(process, name));
        for hop in &mut hops {
            hop.observed = match hop.at {
                HopKind::ApiServer => hop.predicted.clone(),
                HopKind::Environment => observed.clone(),
                _ => None,
            };
        }
        let codes = codes(audit, variable, &value);
        if observed.is_some_and(|seen| reaches && stale.is_none() && seen != HopValue::Is(value.clone())) {
            audit.add(
                LintRule::Drift,
                Severity::Error,
                name,
                format!("the process has no such value as {} gives", origin(&variable.source)),
                "check whether a start script or the image changes it; if not, please report it to this project".into(),
            );
        }
        let gives = called.map(|key| HopValue::from(audit.keyring.secret(key, &audit.seen.kestra)).show(self.key));
        audit.seen.variables.push(AuditedVariable {
            name: printable_name(name).into(),
            key: called.map(|key| printable_name(&key.to_uppercase()).into()),
            origin: origin(&variable.source),
            shadowed: variable.shadowed.iter().map(origin).collect(),
            gives,
            hops: hops.iter().map(|hop: &Hop<Plaintext>| hop.show(self.key)).collect(),
            diagnosis: codes,
            stale,
            flow: None,
        });
    }

    /// The object of a variable if it changed after the container started, or if the process has another value.
    fn age(&self, variable: &environment::Variable, reaches: bool) -> Option<(String, Stale)> {
        let (VariableSource::EnvFrom { object, .. } | VariableSource::EnvKey { object, .. }) = &variable.source else {
            return None;
        };
        let value = HopValue::Is(Plaintext::from(variable.value.as_bytes()));
        match self.process {
            Some(process) if reaches && in_process(process, &variable.name) != value => {
                Some((object.to_string(), Stale::Certainly))
            }
            Some(_) => None,
            None => {
                let changed = changed(self.gathered.meta(object)?)?;
                (changed > self.started?).then(|| (object.to_string(), Stale::Maybe))
            }
        }
    }

    /// Adds the secrets whose values are in no readable object.
    fn unknown(&self, audit: &mut ContainerAudit) {
        let known = |name: &str| self.environment.get(name).is_some();
        let mut names: BTreeMap<String, VariableOrigin> = BTreeMap::new();
        for (index, entry) in self.container.env.iter().flatten().enumerate() {
            let object = entry.value_from.as_ref().and_then(|from| {
                let secret = from.secret_key_ref.as_ref();
                let map = from.config_map_key_ref.as_ref();
                let of = |kind, name: &str, key: &str| {
                    (
                        ObjectRef {
                            kind,
                            name: name.into(),
                        },
                        key.to_owned(),
                    )
                };
                secret
                    .map(|s| of(ObjectKind::Secret, &s.name, &s.key))
                    .or_else(|| map.map(|m| of(ObjectKind::ConfigMap, &m.name, &m.key)))
            });
            let Some((object, key)) = object.filter(|(object, _)| self.gathered.is_unread(object)) else {
                continue;
            };
            if is_secret(&entry.name) && !known(&entry.name) {
                names.insert(
                    entry.name.clone(),
                    origin(&VariableSource::EnvKey { index, object, key }),
                );
            }
        }
        let process = self.process.into_iter().flatten();
        for name in process.filter_map(|(name, _)| std::str::from_utf8(name).ok()) {
            if is_secret(name) && !known(name) && !names.contains_key(name) {
                names.insert(name.into(), self.behind_unread(name));
            }
        }
        for (name, origin) in names {
            let called = name.strip_prefix(PREFIX);
            let value = self.process.map(|process| in_process(process, &name));
            let mut hops = Vec::new();
            let mut codes = Vec::new();
            if let Some(HopValue::Is(value)) = &value {
                let path = Trace {
                    key: called.unwrap_or(&name),
                    place: Location::Env,
                    written: value,
                    meant: None,
                    environment: None,
                    secrets: Some(&audit.keyring),
                };
                hops = path.hops(&audit.seen.kestra);
                hops.iter_mut()
                    .filter(|hop| hop.at == HopKind::Environment)
                    .for_each(|hop| hop.observed = hop.predicted.clone());
                codes = value_codes(audit, &name, &origin, value);
            } else if let Some(key) = called {
                audit.unknown.insert(key.to_uppercase());
            }
            let known = value.is_some();
            let gives = called
                .filter(|_| known)
                .map(|key| audit.keyring.secret(key, &audit.seen.kestra));
            audit.seen.variables.push(AuditedVariable {
                name: printable_name(&name).into(),
                key: called.map(|key| printable_name(&key.to_uppercase()).into()),
                origin,
                shadowed: Vec::new(),
                gives: gives.map(|read| HopValue::from(read).show(self.key)),
                hops: hops.iter().map(|hop| hop.show(self.key)).collect(),
                diagnosis: codes,
                stale: None,
                flow: None,
            });
        }
    }

    /// The likely origin of a variable that only the process has.
    fn behind_unread(&self, name: &str) -> VariableOrigin {
        let entries = self.container.env_from.iter().flatten().enumerate();
        let found = entries.filter_map(|(index, from)| {
            let secret = from.secret_ref.as_ref().map(|s| (ObjectKind::Secret, &s.name));
            let (kind, object) =
                secret.or_else(|| from.config_map_ref.as_ref().map(|m| (ObjectKind::ConfigMap, &m.name)))?;
            let object = ObjectRef {
                kind,
                name: object.clone(),
            };
            let prefix = from.prefix.clone().unwrap_or_default();
            let key = name.strip_prefix(&prefix)?.to_owned();
            self.gathered.is_unread(&object).then_some(VariableSource::EnvFrom {
                index,
                object,
                key,
                prefix,
            })
        });
        found.last().map_or(bare(OriginKind::Process), |source| origin(&source))
    }
}

/// Whether a variable is a secret to Kestra, or may have been meant as one.
fn is_wanted(variable: &environment::Variable) -> bool {
    let value = Plaintext::from(variable.value.as_bytes());
    is_secret(&variable.name) || EnvironmentEntry::from_source(&variable.source).is_some() && looks_encoded(&value)
}

/// The codes of a variable itself, not of the container as a whole.
fn codes(audit: &mut ContainerAudit, variable: &environment::Variable, value: &Plaintext) -> Vec<Code> {
    let name = &variable.name;
    if !is_secret(name) {
        let right = corrected_name(name).unwrap_or_default();
        audit.add(
            LintRule::Fault(Code::Name),
            Severity::Warning,
            name,
            "the value is encoded like a secret for Kestra, but the name does not begin with SECRET_".into(),
            format!(
                "if it is meant for `secret()`, name the variable {}",
                printable_name(&right)
            ),
        );
        return vec![Code::Name];
    }
    if matches!(variable.source, VariableSource::ServiceLink { .. }) || value.bytes().is_empty() {
        return Vec::new();
    }
    value_codes(audit, name, &origin(&variable.source), value)
}

/// The codes of a value.
fn value_codes(audit: &mut ContainerAudit, name: &str, origin: &VariableOrigin, value: &Plaintext) -> Vec<Code> {
    // The name has a finding of its own.
    let right_name = corrected_name(name).unwrap_or_else(|| name.into());
    let (place, written) = match origin.kind {
        OriginKind::Secret => (Location::Data, Location::Env.encode(value)),
        _ => (Location::Values, value.clone()),
    };
    let mut diagnosis = diagnose(&WrittenValue {
        name: Some(&right_name),
        place,
        value: &written,
        meant: None,
    });
    // The container as a whole has this finding.
    diagnosis.codes.retain(|code| *code != Code::TooLong);
    for code in &diagnosis.codes {
        let length = diagnosis.corrected.as_ref().and_then(|new| place.environment(new));
        let length = length.map_or_else(String::new, |right| {
            format!(
                " ({} bytes in the environment, {} when corrected)",
                value.bytes().len(),
                right.bytes().len()
            )
        });
        let message = format!("{}{length}; from {origin}", code.title());
        audit.add(
            LintRule::Fault(*code),
            Severity::of_code(*code),
            name,
            message,
            code.cure().into(),
        );
    }
    diagnosis.codes
}

fn in_process(process: &ProcessVariables, name: &str) -> HopValue<Plaintext> {
    let found = process.iter().find(|(other, _)| other == name.as_bytes());
    found.map_or_else(
        || HopValue::Nothing("the process does not have it".into()),
        |(_, value)| HopValue::Is(value.clone()),
    )
}

/// Whether the name is that of a secret to Kestra, or would be in capitals.
fn is_secret(name: &str) -> bool {
    name.get(..PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}
