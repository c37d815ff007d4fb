//! A container's variables, each with where it comes from.

use std::collections::HashMap;
use std::fmt;

use super::{Kubelet, ObjectRef};

/// What a container's process finds in its environment.
#[derive(Debug, Clone)]
pub struct Environment {
    /// One entry a name. The order is a fixed one (the runtime's, the image's, Service links,
    /// `envFrom` with its keys sorted, `env`); the kubelet's own is that of a Go map, so random.
    pub variables: Vec<Variable>,
    /// Keys that `envFrom` left out, which only kubelets before 1.30 do, and variables that
    /// [`Environment::behind`] a shell are gone.
    pub skipped: Vec<SkippedVariable>,
    /// What the kubelet itself hands to the runtime: what `$(NAME)` in a command can refer to.
    pub(super) handed: HashMap<String, EnvValue>,
    /// Whose rules hold.
    pub(super) kubelet: Kubelet,
}

impl Environment {
    /// The variable of that name.
    pub fn get(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().find(|variable| variable.name == name)
    }

    /// Variables that more than one source gives: the winner, with those it [`Variable::shadowed`].
    pub fn contested(&self) -> impl Iterator<Item = &Variable> {
        let contested = |variable: &&Variable| !variable.shadowed.is_empty();
        self.variables.iter().filter(contested)
    }
}

/// One variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value in the process.
    pub value: EnvValue,
    /// Where the value comes from.
    pub source: VariableSource,
    /// Other sources of the same name that lost to this one, weakest first.
    pub shadowed: Vec<VariableSource>,
    /// Whether bytes that were not UTF-8 were replaced, each by U+FFFD: where the kubelet lets
    /// them pass, the runtime writes them into its configuration, which is JSON.
    pub replaced: bool,
}

/// A key that `envFrom` left out (`InvalidEnvironmentVariableNames`), or a variable that a shell dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedVariable {
    /// The name it would have had, prefix included.
    pub name: String,
    /// Where it stands.
    pub source: VariableSource,
    /// The message of the kubelet's event, which names all keys skipped there; of a shell, our own words.
    pub why: String,
}

/// Bytes that may be secret; `Debug` shows only how many.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct EnvValue(Vec<u8>);

impl EnvValue {
    /// The bytes, for the process they are meant for or for a comparison.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Into<Vec<u8>>> From<T> for EnvValue {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for EnvValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.0.len())
    }
}

/// Where a variable comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum VariableSource {
    /// The container runtime: `HOSTNAME`, and `PATH` where the image has none.
    Runtime,
    /// `ENV` in the image.
    ImageEnv,
    /// A Service in the namespace (`enableServiceLinks`), or the API server's.
    ServiceLink {
        /// The Service's name.
        service: String,
    },
    /// A key brought in by `envFrom`.
    EnvFrom {
        /// Which entry of `envFrom`, from 0.
        index: usize,
        /// The object it names.
        object: ObjectRef,
        /// The key in it, without the prefix.
        key: String,
        /// The entry's prefix, often empty.
        prefix: String,
    },
    /// `value` in `env`.
    Env {
        /// Which entry of `env`, from 0.
        index: usize,
    },
    /// `secretKeyRef` or `configMapKeyRef` in `env`.
    EnvKey {
        /// Which entry of `env`, from 0.
        index: usize,
        /// The object it names.
        object: ObjectRef,
        /// The key in it.
        key: String,
    },
    /// `fieldRef` or `resourceFieldRef` in `env`.
    EnvField {
        /// Which entry of `env`, from 0.
        index: usize,
        /// The field's path, or the resource (`limits.memory`).
        path: String,
    },
}

impl fmt::Display for VariableSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runtime => f.write_str("the container runtime"),
            Self::ImageEnv => f.write_str("ENV in the image"),
            Self::ServiceLink { service } => write!(f, "the link to Service {service}"),
            Self::EnvFrom { index, object, key, .. } => write!(f, "envFrom[{index}] ({object}, key {key})"),
            Self::Env { index } => write!(f, "env[{index}]"),
            Self::EnvKey { index, object, key } => write!(f, "env[{index}] ({object}, key {key})"),
            Self::EnvField { index, path } => write!(f, "env[{index}] ({path})"),
        }
    }
}

/// Variables under construction, where setting a name again shadows what it had.
#[derive(Default)]
pub(super) struct VariableLayers {
    pub(super) variables: Vec<Variable>,
    positions: HashMap<String, usize>,
}

impl VariableLayers {
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        let position = *self.positions.get(name)?;
        Some(self.variables.get(position)?.value.as_bytes())
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<EnvValue>, source: VariableSource) {
        self.put(Variable {
            name: name.into(),
            value: value.into(),
            source,
            shadowed: Vec::new(),
            replaced: false,
        });
    }

    pub(super) fn put(&mut self, mut variable: Variable) {
        let position = self.positions.get(&variable.name);
        if let Some(old) = position.and_then(|&at| self.variables.get_mut(at)) {
            let mut shadowed = std::mem::take(&mut old.shadowed);
            shadowed.push(old.source.clone());
            shadowed.append(&mut variable.shadowed);
            variable.shadowed = shadowed;
            *old = variable;
        } else {
            let end = self.variables.len();
            self.positions.insert(variable.name.clone(), end);
            self.variables.push(variable);
        }
    }

    pub(super) fn unset(&mut self, name: &str) {
        if let Some(gone) = self.positions.remove(name) {
            self.variables.remove(gone);
            for position in self.positions.values_mut().filter(|at| **at > gone) {
                *position -= 1;
            }
        }
    }
}
