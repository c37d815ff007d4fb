//! The one install that files describe, as values that helm takes.

use serde_json::{Map, Value};

use super::document::{Document, NodeRef};
use super::embedded::{EmbeddedYaml, embedded};
use super::input::SourceFile;
use super::installs::{Install, InstallKind, installs};
use super::scalar;
use super::tree::{Content, Id, Style, Tag, Tree};
use crate::scenario::Generation;
use crate::system::yaml;

/// An install by what describes it. No `Debug`: it holds secrets.
pub struct DescribedInstall {
    /// What describes it.
    pub kind: InstallKind,
    /// The numbers of the sources that it is made of: the one that describes it, and those of its layers.
    pub sources: Vec<usize>,
    /// The version of Kestra's chart, as it is written.
    pub version: Option<String>,
    /// The generation of the chart, by its version.
    pub generation: Option<Generation>,
    /// The values, in the order in which helm merges them.
    pub layers: Vec<Value>,
    /// Whether these are all its values.
    pub whole: bool,
    /// Whether something is set after them that is not among the files.
    pub set_elsewhere: bool,
}

/// The installs that the sources describe; sources that are no YAML describe none. None if aliases make more of their
/// values than anybody has written.
pub fn described(sources: &[SourceFile]) -> Option<Vec<DescribedInstall>> {
    let trees: Vec<Tree> = sources.iter().map(|source| source.tree().unwrap_or_default()).collect();
    let files = Document::of_files(sources.iter().zip(&trees));
    let inside = embedded(&files);
    let inside_trees: Vec<Tree> = inside.iter().map(|text| text.tree().unwrap_or_default()).collect();
    let documents = with_embedded(files, &inside, &inside_trees);
    let all = installs(&documents, &inside);
    all.iter().map(|install| describe(install, &documents)).collect()
}

/// The files, and after them what stands as a text inside them.
pub fn with_embedded<'a>(
    files: Vec<Document<'a>>,
    inside: &'a [EmbeddedYaml<'a>],
    trees: &'a [Tree<'a>],
) -> Vec<Document<'a>> {
    let first = files.len();
    let inside = inside
        .iter()
        .zip(trees)
        .enumerate()
        .map(|(number, (inside, tree))| Document {
            index: first + number,
            file: inside.file,
            source: inside.source,
            tree,
            anchor: inside.anchor(),
        });
    files.into_iter().chain(inside).collect()
}

fn describe(install: &Install, documents: &[Document]) -> Option<DescribedInstall> {
    let value = |at: &NodeRef| to_value(documents.get(at.source)?.tree, at.node, &|_| None);
    let mut layers: Vec<Value> = install.layers.iter().map(value).collect::<Option<_>>()?;
    let mut set_elsewhere = false;
    for setting in &install.set {
        let written = setting.value.and_then(|at| value(&at));
        let target = layers
            .iter_mut()
            .rev()
            .find_map(|layer| layer.pointer_mut(&pointer(setting.path)));
        match (written, target) {
            (Some(written), Some(target)) => *target = written,
            _ => set_elsewhere = true,
        }
    }
    let around = install.around.iter().map(|(at, _)| at);
    let layered = install
        .layers
        .iter()
        .chain(around)
        .filter_map(|at| Some(documents.get(at.source)?.file));
    Some(DescribedInstall {
        kind: install.kind,
        sources: std::iter::once(install.file).chain(layered).collect(),
        version: install.version.map(ToOwned::to_owned),
        generation: install.generation(),
        layers,
        whole: install.whole,
        set_elsewhere,
    })
}

/// `common.extraEnv[0].value` as a JSON pointer.
fn pointer(path: &str) -> String {
    let steps = path.split(['.', '[']).map(|step| step.trim_end_matches(']'));
    steps.map(|step| format!("/{step}")).collect()
}

/// A node as a value, by the rules of YAML, with something else in the place of some nodes. Of a key given twice the later
/// counts. None if aliases make more of it than anybody has written.
pub fn to_value(tree: &Tree, id: Id, instead: &dyn Fn(Id) -> Option<Value>) -> Option<Value> {
    let mut left = MOST;
    value_of(tree, id, DEEPEST, &mut left, instead)
}

/// Deeper nodes, which only an alias to itself can make, are nothing.
const DEEPEST: usize = 64;
/// More nodes than any release has values.
const MOST: usize = 1_000_000;

fn value_of(
    tree: &Tree,
    id: Id,
    depth: usize,
    left: &mut usize,
    instead: &dyn Fn(Id) -> Option<Value>,
) -> Option<Value> {
    *left = left.checked_sub(1)?;
    if depth == 0 {
        return Some(Value::Null);
    }
    if let Some(other) = instead(id) {
        return Some(other);
    }
    Some(match &tree.node(id).content {
        Content::Map(_) => {
            let entries = tree.entries(id);
            // Entries of merge keys come last and give way.
            let mut map = Map::new();
            let own = tree.written(id).len();
            for (number, (key, value)) in entries.into_iter().enumerate() {
                let key = tree.text(key).unwrap_or_default().to_owned();
                if number < own || !map.contains_key(&key) {
                    map.insert(key, value_of(tree, value, depth - 1, left, instead)?);
                }
            }
            Value::Object(map)
        }
        Content::Seq(items) => {
            let items = items.iter().map(|item| value_of(tree, *item, depth - 1, left, instead));
            Value::Array(items.collect::<Option<_>>()?)
        }
        Content::Scalar(scalar) => {
            let typed = scalar.style == Style::Plain && scalar.tag == Tag::None && !scalar::is_text(&scalar.text);
            let read = typed.then(|| yaml::from_str(&scalar.text).ok()).flatten();
            read.unwrap_or_else(|| Value::String(scalar.text.to_string()))
        }
        Content::Alias(_) => Value::Null,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::release::input::FileForm;

    #[test]
    fn a_helm_release_gives_its_values_with_their_types() {
        let text = "kind: HelmRelease\napiVersion: x\nspec:\n  chart: {spec: {chart: kestra, version: 0.23.9}}\n  values:\n    \
                    a: &a {b: 1, c: \"1\", d: yes, e: null}\n    f: [*a]\n    common: {extraEnv: [{name: SECRET_A, value: x}]}\n";
        let source = SourceFile::new("r.yaml", Some("r.yaml".into()), text, FileForm::Yaml);
        let all = described(&[source]).unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].generation, all[0].whole), (Some(Generation::V0), true));
        let map = json!({"b": 1, "c": "1", "d": true, "e": null});
        let expected = json!({"a": map, "f": [map], "common": {"extraEnv": [{"name": "SECRET_A", "value": "x"}]}});
        assert_eq!(all[0].layers, [expected]);
    }

    #[test]
    fn a_parameter_replaces_the_value_at_its_path() {
        let text = "kind: Application\napiVersion: x\nspec:\n  source:\n    chart: kestra\n    helm:\n      valuesObject: \
                    {common: {extraEnv: [{name: SECRET_A, value: x}]}}\n      parameters:\n        \
                    - {name: 'common.extraEnv[0].value', value: YQ==}\n";
        let source = SourceFile::new("a.yaml", Some("a.yaml".into()), text, FileForm::Yaml);
        let all = described(&[source]).unwrap();
        assert_eq!(
            all[0].layers[0].pointer("/common/extraEnv/0/value"),
            Some(&json!("YQ=="))
        );
        assert!(!all[0].set_elsewhere);
    }
}
