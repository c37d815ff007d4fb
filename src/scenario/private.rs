//! Every private text a scenario holds, for the redactor: plaintexts, and what stands in their place.

use serde_json::Value;

use super::{Change, Expect, Input, Scenario};
use crate::oracle::secret::Plaintext;
use crate::system::yaml;

/// The private texts of a scenario. Of a literal's documents these are the values of environment
/// variables and all that Secrets hold.
pub fn private_texts(scenario: &Scenario) -> Vec<Plaintext> {
    let mut found = Vec::new();
    match &scenario.given {
        Input::Intent(intent) => {
            let changed = scenario.steps.iter().filter_map(|s| match &s.change {
                Change::Upgrade(secrets, _) | Change::Rotate(secrets) => Some(secrets),
                Change::Restart => None,
            });
            for secrets in std::iter::once(&intent.secrets).chain(changed) {
                found.extend(secrets.values().map(|s| s.plain().clone()));
            }
        }
        Input::Literal(literal) => {
            let documents = std::iter::once(&literal.values).chain(literal.manifests.iter().map(|m| &m.text));
            for document in documents.filter(|d| !d.is_public()) {
                // What does not parse is refused elsewhere, before anything is done with it.
                let parsed: Vec<Value> = yaml::documents(document.bytes()).unwrap_or_default();
                for value in &parsed {
                    collect(value, false, &mut found);
                }
            }
        }
    }
    let later = scenario.steps.iter().flat_map(|s| &s.expect).map(|e| &e.wanted.expect);
    for expect in scenario
        .promise
        .iter()
        .chain(scenario.expect.iter().map(|e| &e.wanted.expect))
        .chain(later)
    {
        if let Expect::Outputs(outputs) = expect {
            found.extend(outputs.values().cloned());
        }
    }
    found.retain(|p| !p.is_public());
    found
}

/// Takes what stands under `value`, `data` and `stringData`.
fn collect(value: &Value, secret: bool, found: &mut Vec<Plaintext>) {
    match value {
        Value::Object(map) => {
            for (key, below) in map {
                collect(
                    below,
                    secret || matches!(key.as_str(), "value" | "data" | "stringData"),
                    found,
                );
            }
        }
        Value::Array(list) => list.iter().for_each(|v| collect(v, secret, found)),
        Value::String(text) if secret => found.push(Plaintext::new(text.as_bytes(), false)),
        _ => {}
    }
}
