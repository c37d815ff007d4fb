//! An intent's documents: values, Secret and flow, written by the harness.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::OutputRead;
use crate::oracle::secret::{PREFIX, Plaintext};
use crate::scenario::{Generation, Intent, Manifest, Secret, Strategy};

/// What an installation is given.
pub struct IntentDocuments {
    /// The chart's values, written by [`values`](Self::values).
    pub tree: Value,
    /// Whether they may be shown.
    pub public: bool,
    /// What is applied before the release.
    pub manifests: Vec<Manifest>,
}

/// The names an intent's secrets and its Secret object bear in an installation.
pub(super) struct Names {
    prefix: String,
    /// The Secret object's name.
    pub object: String,
}

impl Names {
    /// The names the scenario gives, as on the page.
    pub fn own(_: &Intent) -> Self {
        Self::with_object("db-creds")
    }

    /// The names the scenario gives, and this one for its Secret object.
    pub fn with_object(object: &str) -> Self {
        Self {
            prefix: String::new(),
            object: object.into(),
        }
    }

    /// Names that no other scenario has; only a flow of the scenario's own calls its secrets as it does.
    pub fn shared(intent: &Intent, scenario: &str) -> Self {
        Self {
            // No scenario's name holds two in a row, so no other prefix and name come to the same.
            prefix: match intent.flow {
                Some(_) => String::new(),
                None => {
                    let prefix = format!("{}__", scenario.replace('-', "_").to_uppercase());
                    // A doubled SECRET_ would be ours, and be told of as the user's. No scenario's name begins so.
                    let doubles = prefix.starts_with("SECRET_");
                    if doubles { format!("_{prefix}") } else { prefix }
                }
            },
            object: format!("db-creds-{scenario}"),
        }
    }

    /// The name of a secret as the flow calls it.
    pub fn name_of(&self, secret: &str) -> String {
        format!("{}{secret}", self.prefix)
    }
}

/// A target's name, fit for a Kubernetes name.
pub fn slug(text: &str) -> String {
    let kept: String = text
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    kept.trim_matches('-').to_owned()
}

impl IntentDocuments {
    /// Writes values and manifests that carry the intents to one release.
    pub(super) fn write(intents: &[(&Intent, &Names)], generation: Generation) -> Self {
        let mut env = Vec::new();
        let mut env_from = Vec::new();
        let mut manifests = Vec::new();
        let mut public = true;
        for (intent, names) in intents {
            public &= intent.secrets.values().all(|s| s.plain().is_public());
            let object = names.object.as_str();
            // By variable, as the flow calls it and as the scenario does.
            let variables = intent.secrets.iter().map(|(name, secret)| IntentVariable {
                name: format!("{PREFIX}{}", names.name_of(name)),
                flow: names.name_of(name),
                own: name,
                value: env_value(secret),
            });
            let whole = |entries: Vec<(String, Plaintext)>, field| object_of("Secret", object, field, entries);
            match intent.strategy {
                Strategy::ExtraEnv => env.extend(variables.map(|v| json!({"name": v.name, "value": v.text()}))),
                Strategy::SecretKeyRef => {
                    let variables: Vec<_> = variables.collect();
                    env.extend(variables.iter().map(|v| {
                        json!({
                            "name": v.name,
                            "valueFrom": {"secretKeyRef": {"name": object, "key": v.own}},
                        })
                    }));
                    let entries = variables.into_iter().map(|v| (v.own.to_owned(), v.value));
                    manifests.push(whole(entries.collect(), DataField::Data));
                }
                Strategy::ExtraEnvFrom => {
                    env_from.push(EnvFrom::Secret(object));
                    manifests.push(whole(variables.map(|v| (v.name, v.value)).collect(), DataField::Data));
                }
                Strategy::EnvFromPrefix => {
                    env_from.push(EnvFrom::Prefixed(object));
                    manifests.push(whole(variables.map(|v| (v.flow, v.value)).collect(), DataField::Data));
                }
                Strategy::StringData => {
                    env_from.push(EnvFrom::Secret(object));
                    manifests.push(whole(
                        variables.map(|v| (v.name, v.value)).collect(),
                        DataField::StringData,
                    ));
                }
                Strategy::ConfigMap => {
                    env_from.push(EnvFrom::ConfigMap(object));
                    let entries = variables.map(|v| (v.name, v.value)).collect();
                    manifests.push(object_of("ConfigMap", object, DataField::Text, entries));
                }
            }
        }
        Self {
            tree: environment_values(env, &env_from, generation),
            public,
            manifests,
        }
    }

    /// The values as they are written for helm.
    pub fn values(&self) -> Plaintext {
        Plaintext::new(written(&self.tree), self.public)
    }
}

/// A secret on its way into the environment.
struct IntentVariable<'a> {
    /// What the container calls it.
    name: String,
    /// What the flow calls it.
    flow: String,
    /// What the scenario calls it.
    own: &'a str,
    value: Plaintext,
}

impl IntentVariable<'_> {
    fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.value.bytes())
    }
}

/// An object all of whose keys a container gets as variables.
#[derive(Debug, Clone, Copy)]
pub enum EnvFrom<'a> {
    /// This Secret.
    Secret(&'a str),
    /// This Secret, with `SECRET_` before each key.
    Prefixed(&'a str),
    /// This `ConfigMap`.
    ConfigMap(&'a str),
}

/// The chart's values that give a container these entries of `env` and these objects whole.
pub fn environment_values(env: Vec<Value>, from: &[EnvFrom], generation: Generation) -> Value {
    let mut values = Map::new();
    if !env.is_empty() {
        values.insert("extraEnv".into(), env.into());
    }
    let mut add = |key: &str, entry: Value| {
        let list = values.entry(key).or_insert_with(|| Value::Array(Vec::new()));
        list.as_array_mut()
            .into_iter()
            .for_each(|list| list.push(entry.clone()));
    };
    for from in from {
        match (generation, from) {
            (Generation::V0, EnvFrom::Secret(name)) => add("extraSecretEnvFrom", json!({"name": name})),
            (Generation::V0, EnvFrom::Prefixed(name)) => {
                add("extraSecretEnvFrom", json!({"name": name, "prefix": PREFIX}));
            }
            (Generation::V0, EnvFrom::ConfigMap(name)) => add("extraConfigMapEnvFrom", json!({"name": name})),
            (_, EnvFrom::Secret(name)) => add("extraEnvFrom", json!({"secretRef": {"name": name}})),
            (_, EnvFrom::Prefixed(name)) => {
                add("extraEnvFrom", json!({"secretRef": {"name": name}, "prefix": PREFIX}));
            }
            (_, EnvFrom::ConfigMap(name)) => add("extraEnvFrom", json!({"configMapRef": {"name": name}})),
        }
    }
    match generation {
        Generation::V0 => Value::Object(values),
        Generation::V1 | Generation::V2 => json!({"common": values}),
    }
}

/// A document as JSON that is YAML as well: what YAML takes for no character, for a line break or for the
/// mark of its encoding is escaped.
pub fn written(document: &Value) -> String {
    let mut text = String::new();
    for c in document.to_string().chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                // Outside of a string there is none of them. Writing to a String cannot fail.
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text
}

/// What the environment variable must hold.
fn env_value(secret: &Secret) -> Plaintext {
    match secret {
        Secret::Plain(p) => Plaintext::new(STANDARD.encode(p.bytes()), p.is_public()),
        Secret::Env(e) => e.clone(),
    }
}

/// Where an object holds what it holds.
#[derive(Clone, Copy)]
enum DataField {
    /// A Secret's `data`: the variable's value in Base64 once more, as Kubernetes wants it.
    Data,
    /// A Secret's `stringData`, which Kubernetes itself encodes.
    StringData,
    /// A `ConfigMap`'s `data`: the value as it is.
    Text,
}

/// A manifest of a Secret or a `ConfigMap`.
fn object_of(kind: &str, name: &str, field: DataField, entries: Vec<(String, Plaintext)>) -> Manifest {
    let public = entries.iter().all(|(_, value)| value.is_public());
    let (key, entry): (_, fn(&[u8]) -> String) = match field {
        DataField::Data => ("data", |bytes| STANDARD.encode(bytes)),
        DataField::StringData => ("stringData", |bytes| String::from_utf8_lossy(bytes).into_owned()),
        DataField::Text => ("data", |bytes| String::from_utf8_lossy(bytes).into_owned()),
    };
    let held: Map<String, Value> = entries.into_iter().map(|(k, v)| (k, entry(v.bytes()).into())).collect();
    let mut object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
    if kind == "Secret" {
        object["type"] = "Opaque".into();
    }
    object[key] = Value::Object(held);
    Manifest {
        file: format!("{kind}/{name}"),
        text: Plaintext::new(written(&object), public),
    }
}

/// The page's flow, with the outputs the scenario asks for.
pub fn flow(id: &str, reads: &BTreeMap<String, OutputRead>) -> String {
    let values: Map<String, Value> = reads
        .iter()
        .map(|(output, read)| (output.clone(), format!("{{{{ secret('{}') }}}}", read.secret).into()))
        .collect();
    json!({
        "id": id,
        "namespace": "company.team",
        "tasks": [{"id": "hello", "type": "io.kestra.plugin.core.output.OutputValues", "values": values}],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::yaml;

    #[test]
    fn every_character_survives_a_document() {
        let all: String = (1..0x3000).chain(0xff00..0x1_0100).filter_map(char::from_u32).collect();
        for text in [all, "🗝\u{7f}\u{85}\u{2028}\u{feff}\\u0041\"'".to_owned()] {
            let written = written(&json!({"a": text}));
            assert!(serde_json::from_str::<Value>(&written).unwrap()["a"] == *text);
            assert!(yaml::from_str::<Value>(&written).unwrap()["a"] == *text);
        }
    }
}
