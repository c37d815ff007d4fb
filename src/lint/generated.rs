//! What kustomize makes of generators, as objects that can be applied.

use serde_json::{Map, Value, json};

use super::facts::{FileValue, ObjectFacts, ObjectMaker};
use super::{LintOptions, Linted, with_facts};
use crate::oracle::environment::ObjectKind;
use crate::release::document::Document;
use crate::release::input::SourceFile;

/// A Secret or a `ConfigMap` that a generator describes. No `Debug`: it holds secrets.
pub struct GeneratedObject {
    /// The file that the generator stands in, as it was named.
    pub file: String,
    /// Which of the two.
    pub kind: ObjectKind,
    /// Its name, without the hash.
    pub name: String,
    /// Whether kustomize adds a hash to the name.
    pub is_hashed: bool,
    /// The keys whose values are not among the files.
    pub unknown: Vec<String>,
    keys: Map<String, Value>,
}

/// What stands for the hash of the contents: no name in any values is this one.
const HASH: &str = "0000000000";

impl GeneratedObject {
    /// The manifest that kustomize prints.
    pub fn manifest(&self) -> Value {
        let name = if self.is_hashed {
            format!("{}-{HASH}", self.name)
        } else {
            self.name.clone()
        };
        let data = match self.kind {
            ObjectKind::Secret => "stringData",
            ObjectKind::ConfigMap => "data",
        };
        json!({"apiVersion": "v1", "kind": self.kind.name(), "metadata": {"name": name}, data: self.keys})
    }
}

/// The objects that generators among the sources describe.
pub fn generated(sources: &[SourceFile]) -> Vec<GeneratedObject> {
    let options = LintOptions {
        assume_kestra: true,
        ..LintOptions::default()
    };
    with_facts(sources, options, None, &mut Linted::default(), |documents, facts| {
        let objects = facts.map_or(&[][..], |facts| &facts.objects);
        objects
            .iter()
            .filter_map(|object| generator(documents, object))
            .collect()
    })
}

fn generator(documents: &[Document], object: &ObjectFacts) -> Option<GeneratedObject> {
    let ObjectMaker::Generator { file, hashed } = object.maker else {
        return None;
    };
    let (mut keys, mut unknown) = (Map::new(), Vec::new());
    for key in &object.keys {
        match key.value {
            FileValue::Text { text, .. } => drop(keys.insert(key.name.into(), text.into())),
            FileValue::Nothing => drop(keys.insert(key.name.into(), "".into())),
            _ => unknown.push(key.name.to_owned()),
        }
    }
    Some(GeneratedObject {
        file: documents.get(file)?.source.name.clone(),
        kind: object.kind,
        name: object.name?.to_owned(),
        is_hashed: hashed,
        unknown,
        keys,
    })
}
