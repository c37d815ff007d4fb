//! Why Kestra knows no secret by the name that a flow asks for.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::claims;
use crate::oracle::environment::{VariableSource, survives_shell};
use crate::oracle::secret::diagnosis::{Code, corrected_name, key_behind_misspelt_prefix};
use crate::oracle::secret::{HopKind, PREFIX};
use crate::provider::{KestraPod, Role};
use crate::system::words::{listed, visible};

/// The hop where a secret got lost, and why.
pub(super) struct Absence {
    pub at: HopKind,
    pub why: String,
    pub code: Code,
}

/// What a key is looked for in.
pub(super) struct SecretSearch<'a> {
    /// The pod that renders what the flow's tasks are given.
    pub pod: &'a KestraPod,
    /// Every pod by its role.
    pub pods: &'a BTreeMap<Role, &'a KestraPod>,
    /// Whether the chart ignores keys of the values.
    pub ignores_keys: bool,
}

impl SecretSearch<'_> {
    /// Why the pod's Kestra knows no secret of this key; the first that explains it.
    pub fn absence(&self, key: &str) -> Absence {
        self.dropped(key)
            .or_else(|| self.misnamed(key))
            .or_else(|| self.asked_with_prefix(key))
            .or_else(|| self.optional(key))
            .or_else(|| self.given_to_others(key))
            .unwrap_or_else(|| self.not_given(key))
    }

    /// The shell that starts Kestra drops it.
    fn dropped(&self, key: &str) -> Option<Absence> {
        let mut skipped = self.pod.environment.skipped.iter();
        let means = |name: &str| claims(name, key) || meant_by(name, key).is_some();
        let skipped = skipped.find(|s| means(&s.name) && !survives_shell(&s.name))?;
        Some(Absence {
            at: HopKind::Environment,
            why: skipped.why.clone(),
            code: Code::ShellName,
        })
    }

    /// Its variable has the prefix twice, or not at all, or not in capitals.
    fn misnamed(&self, key: &str) -> Option<Absence> {
        // An image's PATH is no secret that somebody misnamed.
        let given = |source: &VariableSource| {
            !matches!(
                source,
                VariableSource::Runtime | VariableSource::ImageEnv | VariableSource::ServiceLink { .. }
            )
        };
        let mut variables = self.pod.environment.variables.iter().filter(|v| given(&v.source));
        let (name, right) = variables.find_map(|v| Some((&v.name, meant_by(&v.name, key)?)))?;
        Some(Absence {
            at: HopKind::Decoder,
            why: format!(
                "the pod's variable is called {}; Kestra would read {}",
                visible(name),
                visible(&right)
            ),
            code: if name.starts_with(PREFIX) {
                Code::DoubledPrefix
            } else {
                Code::Name
            },
        })
    }

    /// The flow asks by the name of the variable.
    fn asked_with_prefix(&self, key: &str) -> Option<Absence> {
        let bare = key.get(..PREFIX.len()).filter(|p| p.eq_ignore_ascii_case(PREFIX))?;
        let bare = &key[bare.len()..];
        self.pod.environment.variables.iter().find(|v| claims(&v.name, bare))?;
        let (key, bare) = (visible(key), visible(bare));
        Some(Absence {
            at: HopKind::SecretFunction,
            why: format!("the flow asks for {key}; Kestra knows the secret as {bare}"),
            code: Code::AsksWithPrefix,
        })
    }

    /// Its reference is optional, and what it names is not there.
    fn optional(&self, key: &str) -> Option<Absence> {
        let env = self.pod.template.pointer("/spec/containers/0/env")?.as_array()?;
        let name = |entry: &&Json| {
            entry
                .get("name")
                .and_then(Json::as_str)
                .is_some_and(|name| claims(name, key))
        };
        let from = env.iter().find(name)?.get("valueFrom")?;
        let reference = from.get("secretKeyRef").or_else(|| from.get("configMapKeyRef"))?;
        let text = |field: &str| reference.get(field).and_then(Json::as_str).map(visible);
        Some(Absence {
            at: HopKind::ApiServer,
            why: format!(
                "its reference is optional, and there is no key {} in {}",
                text("key")?,
                text("name")?
            ),
            code: Code::KeyMissing,
        })
    }

    /// Other components have it.
    fn given_to_others(&self, key: &str) -> Option<Absence> {
        let has = |pod: &KestraPod| pod.environment.variables.iter().any(|v| claims(&v.name, key));
        let roles = self
            .pods
            .iter()
            .filter(|(_, pod)| has(pod))
            .map(|(role, _)| role.name());
        let roles: Vec<_> = roles.collect();
        if roles.is_empty() {
            return None;
        }
        let are = if roles.len() == 1 { "is" } else { "are" };
        let (variable, roles) = (variable(key), listed(&roles, "and"));
        Some(Absence {
            at: HopKind::ApiServer,
            why: format!("the worker is given no variable {variable}; {roles} {are}"),
            code: Code::ComponentLacks,
        })
    }

    fn not_given(&self, key: &str) -> Absence {
        Absence {
            at: HopKind::ApiServer,
            why: format!("the pod is given no variable {}", variable(key)),
            code: if self.ignores_keys {
                Code::OtherGeneration
            } else {
                Code::NotGiven
            },
        }
    }
}

/// The variable that Kestra reads for a key, to be shown.
fn variable(key: &str) -> String {
    format!("{PREFIX}{}", visible(&key.to_uppercase()))
}

/// The right name for a variable, if it is that of the key.
fn meant_by(name: &str, key: &str) -> Option<String> {
    let right = corrected_name(name).filter(|right| claims(right, key));
    right.or_else(|| {
        let meant = key_behind_misspelt_prefix(name)?.to_uppercase();
        (meant == key.to_uppercase()).then(|| format!("{PREFIX}{meant}"))
    })
}
