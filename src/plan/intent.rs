//! An intent's documents: values, Secret and flow, written by the harness.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::Read;
use crate::scenario::{Generation, Intent, Manifest, Secret, Strategy};
use crate::secret::Plain;

/// What an installation is given.
pub struct Documents {
    /// The chart's values.
    pub values: Plain,
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

    /// Names that no other scenario has.
    pub fn shared(_: &Intent, scenario: &str) -> Self {
        Self {
            // No scenario's name holds two in a row, so no other prefix and name come to the same.
            prefix: format!("{}__", scenario.replace('-', "_").to_uppercase()),
            object: format!("db-creds-{scenario}"),
        }
    }

    /// The name of a secret as the flow calls it.
    pub fn of(&self, secret: &str) -> String {
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

impl Documents {
    /// Writes values and manifests that carry the intents to one release.
    pub(super) fn write(intents: &[(&Intent, &Names)], generation: Generation) -> Self {
        let mut env = Vec::new();
        let mut env_from = Vec::new();
        let mut manifests = Vec::new();
        let mut public = true;
        for (intent, names) in intents {
            public &= intent.secrets.values().all(|s| s.plain().is_public());
            let variables = intent
                .secrets
                .iter()
                .map(|(name, secret)| (format!("SECRET_{}", names.of(name)), name, env_value(secret)));
            match intent.strategy {
                Strategy::ExtraEnv => env.extend(variables.map(|(variable, _, value)| {
                    json!({
                        "name": variable,
                        "value": String::from_utf8_lossy(value.bytes()),
                    })
                })),
                Strategy::ExtraEnvFrom => {
                    env_from.push(names.object.as_str());
                    manifests.push(secret_object(
                        &names.object,
                        variables.map(|(variable, _, value)| (variable, value)),
                    ));
                }
                Strategy::SecretKeyRef => {
                    env.extend(intent.secrets.keys().map(|name| {
                        json!({
                            "name": format!("SECRET_{}", names.of(name)),
                            "valueFrom": {"secretKeyRef": {"name": names.object, "key": name}},
                        })
                    }));
                    manifests.push(secret_object(
                        &names.object,
                        variables.map(|(_, name, value)| (name.clone(), value)),
                    ));
                }
            }
        }
        let values = environment_values(env, &env_from, generation);
        Self {
            values: Plain::new(written(&values), public),
            manifests,
        }
    }
}

/// The chart's values that give a container these entries of `env` and every key of these Secrets.
pub fn environment_values(env: Vec<Value>, secrets: &[&str], generation: Generation) -> Value {
    let (env_key, from_key) = match generation {
        Generation::V0 => ("extraEnv", "extraSecretEnvFrom"),
        Generation::V1 | Generation::V2 => ("extraEnv", "extraEnvFrom"),
    };
    let from = secrets.iter().map(|name| match generation {
        Generation::V0 => json!({"name": name}),
        Generation::V1 | Generation::V2 => json!({"secretRef": {"name": name}}),
    });
    let mut values = Map::new();
    if !env.is_empty() {
        values.insert(env_key.into(), env.into());
    }
    if !secrets.is_empty() {
        values.insert(from_key.into(), from.collect());
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
fn env_value(secret: &Secret) -> Plain {
    match secret {
        Secret::Plain(p) => Plain::new(STANDARD.encode(p.bytes()), p.is_public()),
        Secret::Env(e) => e.clone(),
    }
}

/// A Secret manifest; `data` is the variable's value in Base64 once more, as Kubernetes wants it.
fn secret_object(name: &str, entries: impl Iterator<Item = (String, Plain)>) -> Manifest {
    let mut public = true;
    let data: Map<String, Value> = entries
        .map(|(key, value)| {
            public &= value.is_public();
            (key, STANDARD.encode(value.bytes()).into())
        })
        .collect();
    let object =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "Opaque", "data": data});
    Manifest {
        file: format!("Secret/{name}"),
        text: Plain::new(written(&object), public),
    }
}

/// The page's flow, with the outputs the scenario asks for.
pub fn flow(id: &str, reads: &BTreeMap<String, Read>) -> String {
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

    #[test]
    fn every_character_survives_a_document() {
        let all: String = (1..0x3000).chain(0xff00..0x1_0100).filter_map(char::from_u32).collect();
        for text in [all, "🗝\u{7f}\u{85}\u{2028}\u{feff}\\u0041\"'".to_owned()] {
            let written = written(&json!({"a": text}));
            assert!(serde_json::from_str::<Value>(&written).unwrap()["a"] == *text);
            assert!(serde_saphyr::from_str::<Value>(&written).unwrap()["a"] == *text);
        }
    }
}
