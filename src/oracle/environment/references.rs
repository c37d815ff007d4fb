//! What a container refers to and is not there.

use std::fmt;

use k8s_openapi::api::core::v1::Container;

use super::{ObjectRef, Pod, VariableSource};

/// A place in a container where its environment is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EnvironmentEntry {
    /// `envFrom`, counted from 0.
    EnvFrom(usize),
    /// `env`, counted from 0.
    Env(usize),
}

impl EnvironmentEntry {
    /// Where a variable is written, if a container's own fields hold it.
    pub fn from_source(source: &VariableSource) -> Option<Self> {
        match source {
            VariableSource::EnvFrom { index, .. } => Some(Self::EnvFrom(*index)),
            VariableSource::Env { index }
            | VariableSource::EnvKey { index, .. }
            | VariableSource::EnvField { index, .. } => Some(Self::Env(*index)),
            VariableSource::Runtime | VariableSource::ImageEnv | VariableSource::ServiceLink { .. } => None,
        }
    }
}

impl fmt::Display for EnvironmentEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EnvFrom(index) => write!(f, "envFrom[{index}]"),
            Self::Env(index) => write!(f, "env[{index}]"),
        }
    }
}

/// A reference to an object or a key that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingReference {
    /// Where the reference stands.
    pub entry: EnvironmentEntry,
    /// The variable it is for; none where it is for all of an object.
    pub variable: Option<String>,
    /// The object it names.
    pub object: ObjectRef,
    /// The key it names; none where it is for all of an object.
    pub key: Option<String>,
    /// The keys that the object has; none when there is no such object.
    pub keys: Option<Vec<String>>,
    /// Whether the pod starts without it.
    pub optional: bool,
}

impl Pod<'_> {
    /// Every reference of the container's environment that leads nowhere, where
    /// [`Pod::environment`] stops at the first.
    pub fn missing(&self, container: &Container) -> Vec<MissingReference> {
        let mut missing = Vec::new();
        for (index, entry) in container.env_from.iter().flatten().enumerate() {
            let (object, optional) = match (&entry.config_map_ref, &entry.secret_ref) {
                (Some(map), _) => (ObjectRef::config_map(&map.name), map.optional),
                (None, Some(secret)) => (ObjectRef::secret(&secret.name), secret.optional),
                (None, None) => continue,
            };
            missing.extend(self.lost(EnvironmentEntry::EnvFrom(index), None, object, None, optional));
        }
        for (index, entry) in container.env.iter().flatten().enumerate() {
            let Some(from) = entry
                .value_from
                .as_ref()
                .filter(|_| entry.value.as_deref().unwrap_or_default().is_empty())
            else {
                continue;
            };
            let (object, key, optional) = match (&from.config_map_key_ref, &from.secret_key_ref) {
                (Some(map), _) => (ObjectRef::config_map(&map.name), &map.key, map.optional),
                (None, Some(secret)) => (ObjectRef::secret(&secret.name), &secret.key, secret.optional),
                (None, None) => continue,
            };
            missing.extend(self.lost(
                EnvironmentEntry::Env(index),
                Some(&entry.name),
                object,
                Some(key),
                optional,
            ));
        }
        missing
    }

    fn lost(
        &self,
        entry: EnvironmentEntry,
        variable: Option<&String>,
        object: ObjectRef,
        key: Option<&String>,
        optional: Option<bool>,
    ) -> Option<MissingReference> {
        let texts = self.objects.texts(&object, self.facts);
        let there = texts
            .as_ref()
            .is_some_and(|texts| key.is_none_or(|key| texts.contains_key(key.as_str())));
        (!there).then(|| MissingReference {
            entry,
            variable: variable.cloned(),
            object,
            key: key.cloned(),
            keys: texts.map(|texts| texts.into_keys().map(Into::into).collect()),
            optional: optional == Some(true),
        })
    }
}
