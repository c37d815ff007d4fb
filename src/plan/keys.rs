//! Value keys that a chart of another generation takes no notice of.

use serde_json::Value;

use crate::oracle::secret::Plaintext;
use crate::scenario::Generation;
use crate::system::yaml;

/// A key that does nothing in a chart of some generation: `Code::OtherGeneration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ignored {
    /// The key, with dots.
    pub path: &'static str,
    /// What to write in its place.
    pub cure: &'static str,
}

/// The keys of the chart 0.x that 1.x silently ignores. Those that fail the render (`configuration`,
/// `postgresql.enabled`, `minio.enabled`, …) are not here: helm itself says so.
const OF_0: &[(&str, &str)] = &[
    ("extraEnv", "write `common.extraEnv`"),
    (
        "extraSecretEnvFrom",
        "write `common.extraEnvFrom: [{secretRef: {name: …}}]`",
    ),
    (
        "extraConfigMapEnvFrom",
        "write `common.extraEnvFrom: [{configMapRef: {name: …}}]`",
    ),
    ("image.image", "write `image.repository`"),
    (
        "secrets",
        "write `configurations.secrets: [{name: …, key: …}]` and a Secret",
    ),
    ("externalSecret", "write `configurations.secrets: [{name: …, key: …}]`"),
    ("extraVolumes", "write `common.extraVolumes`"),
    ("extraVolumeMounts", "write `common.extraVolumeMounts`"),
    (
        "terminationGracePeriodSeconds",
        "write `common.terminationGracePeriodSeconds`",
    ),
];

/// The keys of the chart 1.x and 2.x that 0.x silently ignores.
const OF_1: &[(&str, &str)] = &[
    ("common.extraEnv", "write `extraEnv`"),
    (
        "common.extraEnvFrom",
        "write `extraSecretEnvFrom: [{name: …}]` or `extraConfigMapEnvFrom`",
    ),
    ("common", "chart 0.x has these keys at the top"),
    ("configurations", "write `configuration`"),
    ("image.repository", "write `image.image`"),
];

/// Keys that no generation has.
const OF_NONE: &[(&str, &str)] = &[("deployment", "write `deployments`")];

/// The paths of all keys that do nothing in a chart of `generation`, each with what to write; of two paths
/// where one begins the other, the longer comes first.
pub fn ignored_keys(generation: Generation) -> impl Iterator<Item = (&'static str, &'static str)> {
    let foreign = match generation {
        Generation::V0 => OF_1,
        Generation::V1 | Generation::V2 => OF_0,
    };
    foreign.iter().chain(OF_NONE).copied()
}

/// Keys that no generation has, each with the one that is meant.
pub fn misspelt() -> impl Iterator<Item = (&'static str, &'static str)> {
    let meant = |(path, cure): &(&'static str, &'static str)| Some((*path, cure.split('`').nth(1)?));
    OF_NONE.iter().filter_map(meant)
}

/// The keys of `values` that do nothing in a chart of `generation`, each named once by its longest path.
pub fn ignored(values: &Plaintext, generation: Generation) -> Vec<Ignored> {
    let text = std::str::from_utf8(values.bytes()).unwrap_or_default();
    yaml::from_str(text).map_or_else(|_| Vec::new(), |values| ignored_in(&values, generation))
}

/// What to say of the keys that a chart ignores.
pub(super) fn warnings(values: &Plaintext, generation: Generation) -> Vec<String> {
    let ignored = ignored(values, generation).into_iter();
    let said = ignored.map(|k| format!("chart {generation} silently ignores `{}`; {}", k.path, k.cure));
    said.collect()
}

/// The same of values that were read.
pub(super) fn ignored_in(values: &Value, generation: Generation) -> Vec<Ignored> {
    let mut found: Vec<Ignored> = Vec::new();
    for (path, cure) in ignored_keys(generation) {
        let there = path.split('.').try_fold(values, |v, key| v.get(key)).is_some();
        if there && !found.iter().any(|f| f.path.starts_with(path)) {
            found.push(Ignored { path, cure });
        }
    }
    found
}

/// The generation whose keys the values use: the one that ignores fewer of them, 1.x when both do alike.
pub fn written_for(values: &Plaintext) -> Generation {
    if ignored(values, Generation::V0).len() < ignored(values, Generation::V1).len() {
        Generation::V0
    } else {
        Generation::V1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(values: &str, generation: Generation) -> Vec<&'static str> {
        ignored(&Plaintext::new(values, true), generation)
            .into_iter()
            .map(|i| i.path)
            .collect()
    }

    #[test]
    fn each_generation_ignores_the_keys_of_the_other() {
        assert_eq!(paths("extraEnv: []", Generation::V1), ["extraEnv"]);
        assert_eq!(paths("extraEnv: []", Generation::V2), ["extraEnv"]);
        assert!(paths("extraEnv: []", Generation::V0).is_empty());
        assert_eq!(paths("common: {extraEnv: []}", Generation::V0), ["common.extraEnv"]);
        assert!(paths("common: {extraEnv: []}", Generation::V1).is_empty());
    }

    /// Does what a cure says: the value goes under the key that stands first in it.
    fn followed(found: Ignored) -> Value {
        let under = |path: &str, value: Value| path.rsplit('.').fold(value, |v, key| serde_json::json!({key: v}));
        match found.cure.split(['`', ':']).nth(1) {
            Some(path) => under(path, Value::Array(Vec::new())),
            // The keys below it go to the top.
            None => under(found.path, Value::Null)["nothing"].clone(),
        }
    }

    #[test]
    fn each_cure_is_a_key_that_the_chart_takes_notice_of() {
        for (generation, foreign) in [
            (Generation::V0, OF_1),
            (Generation::V1, OF_0),
            (Generation::V2, OF_0),
            (Generation::V0, OF_NONE),
            (Generation::V1, OF_NONE),
        ] {
            for (path, cure) in foreign.iter().copied() {
                let values = path.rsplit('.').fold(Value::Null, |v, key| serde_json::json!({key: v}));
                let ignored = |values: &Value| ignored(&Plaintext::new(values.to_string(), true), generation);
                assert_eq!(ignored(&values), [Ignored { path, cure }]);
                assert_eq!(
                    ignored(&followed(Ignored { path, cure })),
                    [],
                    "{generation} {path}: {cure}"
                );
            }
        }
    }

    #[test]
    fn values_tell_which_generation_they_were_written_for() {
        let of = |values: &str| written_for(&Plaintext::new(values, true));
        assert_eq!(of("{extraEnv: [], deployment: {}}"), Generation::V0);
        assert_eq!(of("common: {extraEnv: []}"), Generation::V1);
        assert_eq!(of("{}"), Generation::V1);
    }

    #[test]
    fn the_pages_misspelt_deployment_is_ignored_by_all() {
        for generation in [Generation::V0, Generation::V1, Generation::V2] {
            assert_eq!(
                paths("deployment: {standalone: {enabled: true}}", generation),
                ["deployment"]
            );
        }
    }
}
