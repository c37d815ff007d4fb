//! What a chart does with each secret is asked of the chart: each value and each reference gets a mark in its place, the
//! chart is rendered, and [`reach`](super::reach) finds where the marks come out. The plaintexts never go through it.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::chart_keys::{NAME_A_SECRET, is_secret};
use super::described::to_value;
use super::document::{Document, NodeRef};
use super::tree::{Content, Id};
use crate::plan;

/// Values are nested no deeper than this by people.
const DEEPEST: usize = 16;
/// More marks than any release has secrets; files that multiply by aliases stay bounded.
const MOST: usize = 10_000;

/// Keys of values below which nothing gives a container its environment.
const NOT_MARKED: [&str; 7] = [
    "application",
    "configuration",
    "postgresql",
    "minio",
    "kafka",
    "elasticsearch",
    "annotations",
];
/// The lists of 0.x that name objects and nothing else.
const LISTS_OF_NAMES: [&str; 2] = ["extraSecretEnvFrom", "extraConfigMapEnvFrom"];
/// What refers to an object by its name.
const REFERENCES: [&str; 4] = ["secretRef", "configMapRef", "secretKeyRef", "configMapKeyRef"];

/// One secret or one reference that was marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Where its name is written: that of the variable, or of the object.
    pub name_at: NodeRef,
    /// That name.
    pub name: String,
}

/// The marks of one release, and which node each stands for.
#[derive(Default)]
pub struct Marks {
    all: Vec<Mark>,
    /// The number of the mark that stands in the place of a node.
    in_place_of: HashMap<NodeRef, usize>,
    /// What was looked into: aliases may lead to it again and again.
    seen: HashSet<NodeRef>,
}

/// A mark as it is written: a name to Kubernetes, and Base64 to whoever decodes it.
pub fn mark_text(number: usize) -> String {
    format!("ksm{number:05}")
}

impl Marks {
    /// Marks what stands below a node of values.
    pub fn add(&mut self, doc: Document, root: Id) {
        self.collect(doc, root, DEEPEST);
    }

    /// The marks, by their numbers.
    pub fn into_all(self) -> Vec<Mark> {
        self.all
    }

    /// The values with the marks in place; none if aliases make more of them than anybody has written.
    pub fn values(&self, doc: Document, root: Id) -> Option<Value> {
        to_value(doc.tree, root, &|node| {
            let number = self.in_place_of.get(&doc.at(node))?;
            Some(Value::String(mark_text(*number)))
        })
    }

    fn collect(&mut self, doc: Document, node: Id, left: usize) {
        if left == 0 || self.all.len() >= MOST || !self.seen.insert(doc.at(node)) {
            return;
        }
        if matches!(doc.tree.node(doc.tree.resolve(node)).content, Content::Seq(_)) {
            for item in doc.tree.items(node) {
                self.collect(doc, *item, left - 1);
            }
            return;
        }
        let name = doc.tree.get(node, "name");
        let named = name.filter(|name| doc.tree.text(*name).is_some_and(is_secret));
        if let Some(name) = named {
            self.variable(doc, node, name);
        }
        for (key, value) in doc.tree.entries(node) {
            let Some(text) = doc.tree.text(key) else { continue };
            if is_secret(text) {
                self.mark(doc, key, value);
            }
            if LISTS_OF_NAMES.contains(&text) || NAME_A_SECRET.contains(&text) {
                self.names(doc, value);
            } else if REFERENCES.contains(&text) {
                self.object(doc, value);
            } else if !NOT_MARKED.contains(&text) && (named.is_none() || text != "valueFrom") {
                self.collect(doc, value, left - 1);
            }
        }
    }

    /// An entry like one of a container's `env`.
    fn variable(&mut self, doc: Document, entry: Id, name: Id) {
        let reference = |key: &&str| doc.tree.at(entry, &["valueFrom", key, "name"]);
        let marked = doc.tree.get(entry, "value");
        if let Some(node) = marked.or_else(|| REFERENCES.iter().find_map(reference)) {
            self.mark(doc, name, node);
        }
    }

    fn object(&mut self, doc: Document, reference: Id) {
        if let Some(name) = doc.tree.get(reference, "name") {
            self.mark(doc, name, name);
        }
    }

    /// Names of objects: one, or a list of them or of `{name: …}`.
    fn names(&mut self, doc: Document, value: Id) {
        for item in doc.tree.items(value).iter().chain([&value]) {
            self.mark(doc, *item, *item);
            self.object(doc, *item);
        }
    }

    /// Puts a mark in the place of a scalar that says something.
    fn mark(&mut self, doc: Document, name: Id, node: Id) {
        let says_something = doc.tree.text(node).is_some_and(|text| !text.is_empty());
        if says_something && !self.in_place_of.contains_key(&doc.at(node)) {
            self.in_place_of.insert(doc.at(node), self.all.len());
            self.all.push(Mark {
                name_at: doc.at(name),
                name: doc.tree.text(name).unwrap_or_default().to_owned(),
            });
        }
    }
}

/// Layers as helm merges them: maps become one, the later of two lists or scalars replaces the earlier.
pub fn merged(layers: impl IntoIterator<Item = Value>) -> Value {
    let mut all = Value::Object(Map::new());
    for layer in layers {
        plan::merge(&mut all, layer);
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::release::input::{FileForm, SourceFile};

    fn marked(text: &str) -> (Value, Vec<String>) {
        let source = SourceFile::new("values.yaml", None, text, FileForm::Yaml);
        let tree = source.tree().unwrap();
        let documents = Document::of_files([(&source, &tree)].into_iter());
        let mut marks = Marks::default();
        marks.add(documents[0], tree.roots[0]);
        let values = marks.values(documents[0], tree.roots[0]).unwrap();
        (values, marks.into_all().into_iter().map(|mark| mark.name).collect())
    }

    #[test]
    fn a_mark_stands_in_the_place_of_each_value_and_reference_and_of_nothing_else() {
        let (values, names) = marked(
            "common:\n  extraEnv:\n    - {name: SECRET_A, value: YQ==}\n    - {name: OTHER, value: x}\n    \
             - {name: SECRET_B, valueFrom: {secretKeyRef: {name: s, key: k}}}\n  extraEnvFrom:\n    \
             - {secretRef: {name: t}}\nextraEnvs: {SECRET_C: 1, D: 2}\nextraSecretEnvFrom: [{name: u}]\n\
             existingSecret: v\npostgresql: {existingSecret: w}\n",
        );
        assert_eq!(names, ["SECRET_A", "SECRET_B", "t", "SECRET_C", "u", "v"]);
        let expected = json!({
            "common": {
                "extraEnv": [
                    {"name": "SECRET_A", "value": "ksm00000"},
                    {"name": "OTHER", "value": "x"},
                    {"name": "SECRET_B", "valueFrom": {"secretKeyRef": {"name": "ksm00001", "key": "k"}}},
                ],
                "extraEnvFrom": [{"secretRef": {"name": "ksm00002"}}],
            },
            "extraEnvs": {"SECRET_C": "ksm00003", "D": 2},
            "extraSecretEnvFrom": [{"name": "ksm00004"}],
            "existingSecret": "ksm00005",
            "postgresql": {"existingSecret": "w"},
        });
        assert_eq!(values, expected);
    }

    #[test]
    fn later_layers_replace_lists_and_join_maps() {
        let layers = [json!({"a": {"b": 1, "c": [1]}}), json!({"a": {"c": [2], "d": 3}})];
        assert_eq!(merged(layers), json!({"a": {"b": 1, "c": [2], "d": 3}}));
    }
}
