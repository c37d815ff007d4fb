//! What a block of code is, by what it holds.

use serde_json::Value;

use super::markdown::Block;
use super::recipe::{Reading, recipes};
use crate::lint::facts;
use crate::lint::{LintOptions, gather};
use crate::oracle::secret::{Location, PREFIX, Plaintext};
use crate::plan;
use crate::release::document::Document;
use crate::release::input::{FileForm, SourceFile};
use crate::scenario::Generation;
use crate::system::yaml;

/// What a block is.
#[derive(Debug, Clone)]
pub enum BlockKind {
    /// Values for the chart that give Kestra something, or define what does.
    Values(Values),
    /// Manifests, a Secret or a `ConfigMap` among them.
    Manifests(Vec<String>),
    /// A flow that reads a secret.
    Flow,
    /// Shell lines, with the recipes in them.
    Shell(Vec<Reading>),
    /// Nothing that is run here; why, where somebody might expect that it is.
    Other(Option<&'static str>),
}

/// Values for the chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    /// The chart's generation, by the keys.
    pub generation: Generation,
    /// How they give Kestra's pod something; empty where they do not.
    pub ways: Vec<String>,
    /// The Secrets and `ConfigMap`s they name.
    pub names: Vec<String>,
    /// Those that their own `extraManifests` define.
    pub defines: Vec<String>,
    /// Their keys at the top.
    pub keys: Vec<String>,
}

/// A variable that documents give Kestra as a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageVariable {
    /// The secret, by the name a flow calls it.
    pub key: String,
    /// Where its value is written.
    pub place: Location,
    /// The value; none where it is made elsewhere or left out.
    pub written: Option<Plaintext>,
}

/// Keys at the top of values of Kestra's chart that have to do with secrets.
const KEYS: [&str; 9] = [
    "extraEnv",
    "extraSecretEnvFrom",
    "extraConfigMapEnvFrom",
    "common",
    "configurations",
    "configuration",
    "extraManifests",
    "deployments",
    "deployment",
];

/// What a block is.
pub fn classify(block: &Block) -> BlockKind {
    let is_yaml = matches!(block.info.as_str(), "yaml" | "yml" | "json" | "helm");
    let speaks = block.text.contains(PREFIX) || block.text.contains("secret(");
    let other = |why: &'static str| BlockKind::Other((is_yaml || speaks).then_some(why));
    let parsed: Result<Vec<Value>, _> = yaml::documents(block.text.as_bytes());
    let documents: Vec<Value> = match parsed {
        Ok(documents) => documents.into_iter().filter(|d| !d.is_null()).collect(),
        Err(_) if is_yaml => return BlockKind::Other(Some("no YAML that can be read, skipped")),
        Err(_) => Vec::new(),
    };
    if documents.is_empty() || !documents.iter().all(Value::is_object) {
        let readings = if is_yaml { Vec::new() } else { recipes(&block.text) };
        return if readings.is_empty() {
            other("no values, no Secret, no flow and no recipe, skipped")
        } else {
            BlockKind::Shell(readings)
        };
    }
    if documents.iter().all(is_manifest) {
        let names: Vec<String> = documents.iter().filter_map(named_object).collect();
        return if names.is_empty() {
            other("manifests without a Secret or a ConfigMap, skipped")
        } else {
            BlockKind::Manifests(names)
        };
    }
    let [only] = documents.as_slice() else {
        return other("several documents that are no manifests, skipped");
    };
    if ["id", "namespace", "tasks"].iter().all(|key| only.get(key).is_some()) {
        return if block.text.contains("secret(") {
            BlockKind::Flow
        } else {
            other("a flow that reads no secret, skipped")
        };
    }
    if !KEYS.iter().any(|key| only.get(key).is_some()) {
        return other("not a values file of Kestra's chart, skipped");
    }
    let values = Values::from_value(&block.text, only);
    if values.ways.is_empty() && values.defines.is_empty() {
        return other("values that give Kestra's pod no variable and no Secret, skipped");
    }
    BlockKind::Values(values)
}

fn is_manifest(document: &Value) -> bool {
    ["apiVersion", "kind"]
        .iter()
        .all(|key| document.get(key).is_some_and(Value::is_string))
}

/// The name of a Secret or a `ConfigMap`.
fn named_object(manifest: &Value) -> Option<String> {
    let kind = manifest.get("kind")?.as_str()?;
    let name = manifest.pointer("/metadata/name")?.as_str()?;
    matches!(kind, "Secret" | "ConfigMap").then(|| name.to_owned())
}

/// Lists of the chart's values that give a container something.
const LISTS: [&str; 4] = [
    "extraEnv",
    "extraEnvFrom",
    "extraSecretEnvFrom",
    "extraConfigMapEnvFrom",
];

impl Values {
    fn from_value(text: &str, values: &Value) -> Self {
        let mut found = Self {
            generation: plan::written_for(&Plaintext::new(text, true)),
            ways: Vec::new(),
            names: Vec::new(),
            defines: values
                .get("extraManifests")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(named_object)
                .collect(),
            keys: values
                .as_object()
                .into_iter()
                .flatten()
                .map(|(key, _)| key.clone())
                .collect(),
        };
        found.walk(values, "");
        let mounted = values.pointer("/configurations/secrets").and_then(Value::as_array);
        for item in mounted.into_iter().flatten() {
            found.way("configurations.secrets".into());
            found.name(item.get("name"));
        }
        found
    }

    /// Reads a file of values; none where it is no mapping.
    pub fn read(text: &str) -> Option<Self> {
        let values: Value = yaml::from_str(text).ok()?;
        values.is_object().then(|| Self::from_value(text, &values))
    }

    /// Whether they mount files and give no variable.
    pub fn only_mounts(&self) -> bool {
        self.ways == ["configurations.secrets"]
    }

    fn walk(&mut self, values: &Value, path: &str) {
        for (key, value) in values.as_object().into_iter().flatten() {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            if !LISTS.contains(&key.as_str()) {
                self.walk(value, &path);
                continue;
            }
            for item in value.as_array().into_iter().flatten() {
                let reference = [
                    "/valueFrom/secretKeyRef",
                    "/valueFrom/configMapKeyRef",
                    "/secretRef",
                    "/configMapRef",
                ];
                let object = reference.iter().find_map(|at| Some((at, item.pointer(at)?)));
                match object {
                    Some((at, object)) => {
                        let kind = at.strip_prefix("/valueFrom/");
                        self.way(kind.map_or(path.clone(), |kind| format!("{path} with {kind}")));
                        self.name(object.get("name"));
                    }
                    None => {
                        self.way(path.clone());
                        if key != "extraEnv" {
                            self.name(item.get("name"));
                        }
                    }
                }
            }
        }
    }

    fn way(&mut self, way: String) {
        if !self.ways.contains(&way) {
            self.ways.push(way);
        }
    }

    fn name(&mut self, name: Option<&Value>) {
        if let Some(name) = name.and_then(Value::as_str)
            && !self.names.iter().any(|known| known == name)
        {
            self.names.push(name.to_owned());
        }
    }
}

/// A document as `lint` reads it.
pub fn source(name: &str, text: &str) -> SourceFile {
    SourceFile::new(name, Some(name.into()), text, FileForm::Yaml)
}

/// The secrets that documents give Kestra, read by the rules of `lint`.
pub fn given(sources: &[SourceFile], generation: Generation) -> Vec<PageVariable> {
    let trees: Vec<_> = sources.iter().map(|source| source.tree().unwrap_or_default()).collect();
    let documents = Document::of_files(sources.iter().zip(&trees));
    let options = LintOptions {
        generation: Some(generation),
        assume_kestra: true,
    };
    let variables =
        gather::gather(&documents, &[], &[], options, None).map_or_else(Vec::new, |facts| facts.variables());
    let mut given: Vec<PageVariable> = Vec::new();
    for (name, entry) in variables {
        // A name that is not in capitals is a fault that is cured, and the secret meant all the same.
        let prefix = name
            .get(..PREFIX.len())
            .filter(|start| start.eq_ignore_ascii_case(PREFIX));
        let Some(key) = prefix.map(|start| name[start.len()..].to_uppercase()) else {
            continue;
        };
        given.retain(|other| other.key != key);
        given.push(PageVariable {
            key,
            place: entry.place,
            written: match entry.value {
                facts::FileValue::Text { text, .. } => Some(Plaintext::new(text, true)),
                facts::FileValue::Nothing => Some(Plaintext::new("", true)),
                _ => None,
            },
        });
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docs_page::markdown::read;

    fn kind(info: &str, text: &str) -> BlockKind {
        classify(&read(&format!("```{info}\n{text}\n```\n")).blocks[0])
    }

    #[test]
    fn blocks_are_told_by_what_they_hold_and_not_by_their_fence() {
        let values = "common:\n  extraEnvFrom:\n    - secretRef: {name: db}\n  extraEnv:\n    - {name: A, value: b}\n    - {name: B, valueFrom: {secretKeyRef: {name: c, key: d}}}";
        for info in ["yaml", "", "text", "bash"] {
            let BlockKind::Values(values) = kind(info, values) else {
                panic!("{info}");
            };
            assert_eq!(values.generation, Generation::V1);
            assert_eq!(values.names, ["db", "c"]);
            assert_eq!(
                values.ways,
                [
                    "common.extraEnvFrom",
                    "common.extraEnv",
                    "common.extraEnv with secretKeyRef"
                ]
            );
        }
        assert!(
            matches!(kind("", "apiVersion: v1\nkind: Secret\nmetadata: {name: db}"), BlockKind::Manifests(names) if names == ["db"])
        );
        assert!(matches!(
            kind("", "id: a\nnamespace: b\ntasks: [{id: c, x: \"{{ secret('A') }}\"}]"),
            BlockKind::Flow
        ));
        assert!(matches!(kind("yaml", "echo -n a | base64"), BlockKind::Other(Some(_))));
        assert!(matches!(kind("", "echo -n a | base64"), BlockKind::Shell(_)));
        assert!(matches!(
            kind("sh", "helm install kestra kestra/kestra"),
            BlockKind::Other(None)
        ));
        let BlockKind::Values(values) = kind("yaml", "extraSecretEnvFrom: [{name: db}]\ndeployment: {}") else {
            panic!("no values");
        };
        assert_eq!(
            (values.generation, values.names),
            (Generation::V0, vec!["db".to_owned()])
        );
    }

    #[test]
    fn what_is_not_run_is_said_where_somebody_might_expect_it() {
        let why = |info, text| match kind(info, text) {
            BlockKind::Other(why) => why,
            other => panic!("{other:?}"),
        };
        assert!(
            why("yaml", "services: {kestra: {environment: {SECRET_A: b}}}")
                .is_some_and(|w| w.contains("not a values file"))
        );
        assert!(why("yaml", "a: [").is_some_and(|w| w.contains("no YAML")));
        assert!(why("yaml", "deployments: {standalone: {enabled: true}}").is_some());
        assert!(why("python", "print('x')").is_none());
        assert!(why("sh", "export SECRET_A=b").is_some());
    }
}
