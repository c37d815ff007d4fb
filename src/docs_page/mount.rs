//! Values that mount a Secret as a file of Kestra's configuration, of which `secret()` sees nothing, written anew: the
//! same Secret holds the encoded plaintexts, and variables refer to its keys.

use crate::lint::ExpectedValues;
use crate::lint::edit::{self, Edit};
use crate::oracle::secret::{Location, PREFIX, Plaintext};
use crate::release::input::SourceFile;
use crate::release::scalar;
use crate::release::tree::{Content, Id, Tree};

/// The texts of the documents with variables in the place of mounted files; none where it takes a guess.
pub fn as_variables(sources: &[SourceFile], keys: &[String], meanings: &ExpectedValues) -> Option<Vec<String>> {
    let trees: Vec<Tree> = sources.iter().map(|source| source.tree().ok()).collect::<Option<_>>()?;
    let mut edits: Vec<Vec<Edit>> = sources.iter().map(|_| Vec::new()).collect();
    let (number, values) = trees
        .iter()
        .enumerate()
        .find_map(|(number, tree)| Some((number, mounted(tree)?)))?;
    let meant = keys
        .iter()
        .map(|key| Some((key, meanings.plain(&format!("{PREFIX}{key}"))?)));
    let meant: Vec<_> = meant.collect::<Option<_>>()?;
    let variables: String = meant.iter().map(|(key, _)| variable(key, &values.object)).collect();
    edits.get_mut(number)?.push(Edit {
        range: lines(&sources.get(number)?.text, values.key, values.end),
        text: Plaintext::new(format!("common:\n  extraEnv:\n{variables}"), true),
    });
    let secrets = trees
        .iter()
        .enumerate()
        .flat_map(|(number, tree)| objects(tree).into_iter().map(move |o| (number, tree, o)));
    let (number, tree, object) = secrets
        .filter(|(_, tree, object)| tree.text_at(*object, &["metadata", "name"]) == Some(values.object.as_str()))
        .find(|(_, tree, object)| entry(tree, *object, &values.file).is_some())?;
    let (place, key, value) = entry(tree, object, &values.file)?;
    let text = &sources.get(number)?.text;
    let start = tree.node(key).span.start;
    let indent = start - text[..start].rfind('\n').map_or(0, |at| at + 1);
    let entries = meant.iter().map(|(key, plain)| {
        let written = meanings
            .written(&format!("{PREFIX}{key}"), place)
            .unwrap_or_else(|| place.encode(plain));
        let written = String::from_utf8_lossy(written.bytes()).into_owned();
        let quote = if scalar::is_text(&written) { "" } else { "\"" };
        format!("{:indent$}{key}: {quote}{written}{quote}\n", "")
    });
    edits.get_mut(number)?.push(Edit {
        range: lines(text, start, tree.node(value).span.end),
        text: Plaintext::new(entries.collect::<String>(), true),
    });
    let texts = sources.iter().zip(&mut edits).map(|(source, edits)| {
        edits.sort_by_key(|edit| edit.range.start);
        edit::apply(&source.text, edits)
    });
    Some(texts.collect())
}

/// What values mount.
struct Mounted {
    /// The byte at which `configurations` begins, and the last one of what is below it.
    key: usize,
    end: usize,
    /// The Secret, and its key.
    object: String,
    file: String,
}

/// Values that mount one key of one Secret, say nothing else below `configurations`, and have no `common`.
fn mounted(tree: &Tree) -> Option<Mounted> {
    let root = *tree.roots.first()?;
    let (key, configurations) = tree.entry(root, "configurations")?;
    let [(_, secrets)] = tree.written(configurations) else {
        return None;
    };
    let [item] = tree.items(*secrets) else { return None };
    let alone = tree.get(configurations, "secrets").is_some() && tree.get(root, "common").is_none();
    Some(Mounted {
        key: tree.node(key).span.start,
        end: last(tree, configurations),
        object: tree.text_at(*item, &["name"])?.to_owned(),
        file: tree.text_at(*item, &["key"])?.to_owned(),
    })
    .filter(|_| alone)
}

/// The manifests of a document, those in `extraManifests` among them.
fn objects(tree: &Tree) -> Vec<Id> {
    let extra = tree.roots.iter().filter_map(|root| tree.get(*root, "extraManifests"));
    let extra: Vec<Id> = extra.flat_map(|list| tree.items(list).to_vec()).collect();
    tree.roots.iter().copied().chain(extra).collect()
}

fn entry(tree: &Tree, object: Id, key: &str) -> Option<(Location, Id, Id)> {
    let fields = [("stringData", Location::StringData), ("data", Location::Data)];
    fields.into_iter().find_map(|(field, place)| {
        let (key, value) = tree.entry(tree.get(object, field)?, key)?;
        tree.scalar(value).map(|_| (place, key, value))
    })
}

fn variable(key: &str, object: &str) -> String {
    format!(
        "    - name: {PREFIX}{key}\n      valueFrom:\n        secretKeyRef:\n          name: {object}\n          key: {key}\n"
    )
}

/// The last byte of what is below a node.
fn last(tree: &Tree, id: Id) -> usize {
    let below: Vec<Id> = match &tree.node(id).content {
        Content::Map(entries) => entries.iter().flat_map(|(key, value)| [*key, *value]).collect(),
        Content::Seq(items) => items.clone(),
        _ => Vec::new(),
    };
    below
        .iter()
        .map(|id| last(tree, *id))
        .fold(tree.node(id).span.end, usize::max)
}

/// The whole lines from one byte to another.
fn lines(text: &str, from: usize, to: usize) -> std::ops::Range<usize> {
    let start = text[..from].rfind('\n').map_or(0, |at| at + 1);
    let end = from + text[from..to].trim_end().len();
    start..text[end..].find('\n').map_or(text.len(), |at| end + at + 1)
}
