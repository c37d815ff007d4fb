//! Several sources of values for one release, which must not speak of the same key.

use serde_json::{Map, Value};

use super::intent::IntentDocuments;
use super::{PlanError, PlanOptions, keys};
use crate::oracle::secret::Plaintext;
use crate::scenario::{Generation, Scenario};
use crate::system::yaml;

/// Refuses values that set a key the harness sets as well: one of the two would be lost in silence.
pub(super) fn check_overlap(
    scenario: &Scenario,
    values: &Value,
    generation: Generation,
    options: &PlanOptions,
) -> Result<(), PlanError> {
    let defaults = options.defaults.as_ref();
    match defaults.and_then(|defaults| overlap(&defaults.values(generation), values)) {
        Some(key) => Err(PlanError::Overlap {
            scenario: scenario.name.clone(),
            key,
            other: "the harness's defaults",
            help: "remove the key, or drop the defaults with --no-defaults".into(),
        }),
        None => Ok(()),
    }
}

/// Adds an intent's own values to the ones the harness wrote for it.
pub(super) fn add(
    scenario: &Scenario,
    mut documents: IntentDocuments,
    more: &Map<String, Value>,
    generation: Generation,
    options: &PlanOptions,
) -> Result<IntentDocuments, PlanError> {
    if more.is_empty() {
        return Ok(documents);
    }
    let more = Value::Object(more.clone());
    if let Some(ignored) = keys::ignored_in(&more, generation).into_iter().next() {
        return Err(PlanError::Ignored {
            file: scenario.file.clone(),
            line: scenario.at.0,
            column: scenario.at.1,
            scenario: scenario.name.clone(),
            chart: generation,
            key: ignored.path.into(),
            help: ignored.cure.into(),
        });
    }
    check_overlap(scenario, &more, generation, options)?;
    if let Some(key) = overlap(&documents.tree, &more) {
        return Err(PlanError::Overlap {
            scenario: scenario.name.clone(),
            key,
            other: "the strategy",
            help: "leave that key to the strategy, or write the scenario as a literal".into(),
        });
    }
    merge(&mut documents.tree, more);
    Ok(documents)
}

/// Reads the values of a literal.
pub(super) fn parse(scenario: &Scenario, values: &Plaintext) -> Result<Value, PlanError> {
    let not_values = |why: String| PlanError::NotValues {
        scenario: scenario.name.clone(),
        why,
    };
    let text = std::str::from_utf8(values.bytes()).map_err(|_| not_values("not UTF-8".into()))?;
    match yaml::from_str(text) {
        Ok(Value::Null) => Ok(Value::Object(Map::new())),
        Ok(map @ Value::Object(_)) => Ok(map),
        Ok(_) => Err(not_values("not a mapping".into())),
        Err(e) => Err(not_values(crate::error::InputError::yaml("", &e, "").message)),
    }
}

/// The first key, with dots, that the two set to different things.
fn overlap(a: &Value, b: &Value) -> Option<String> {
    let (Value::Object(a), Value::Object(b)) = (a, b) else {
        return (a != b).then(String::new);
    };
    a.iter().find_map(|(key, left)| {
        let below = overlap(left, b.get(key)?)?;
        Some(if below.is_empty() {
            key.clone()
        } else {
            format!("{key}.{below}")
        })
    })
}

/// Puts values over others, as helm does: maps become one, and of anything else the later replaces the earlier.
pub fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn mappings_merge_and_leaves_collide() {
        assert_eq!(overlap(&json!({"a": {"b": 1}}), &json!({"a": {"c": 1}})), None);
        assert_eq!(overlap(&json!({"a": {"b": 1}}), &json!({"a": {"b": 1}})), None);
        assert_eq!(
            overlap(&json!({"a": {"b": 1}}), &json!({"a": {"b": 2}})).as_deref(),
            Some("a.b")
        );
        assert_eq!(
            overlap(&json!({"a": {"b": 1}}), &json!({"a": null})).as_deref(),
            Some("a")
        );
    }
}
