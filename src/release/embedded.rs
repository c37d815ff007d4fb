//! YAML that stands as a text inside other YAML: an Application's `helm.values`, and values in a Secret or `ConfigMap`
//! that a `HelmRelease` takes them from.

use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::document::{Document, NodeRef};
use super::input::SourceFile;
use super::tree::{Id, Malformed, Style, Tree};

/// One such text. No `Debug`: it holds secrets.
pub struct EmbeddedYaml<'a> {
    /// The scalar that holds it.
    pub holder: NodeRef,
    /// The number of the file.
    pub file: usize,
    /// The file.
    pub source: &'a SourceFile,
    text: EmbeddedText<'a>,
    /// Where the scalar stands.
    at: usize,
}

/// How the text stands in its file.
enum EmbeddedText<'a> {
    /// Byte by byte, in a block scalar: the file up to the text's end, and where the text begins.
    Block(&'a str, usize),
    /// With quotes, escapes or folded lines.
    Read(&'a str),
    /// In Base64.
    Decoded(Zeroizing<String>),
}

impl EmbeddedYaml<'_> {
    /// The text as a tree, whose nodes know their bytes in the file if it is a block.
    ///
    /// # Errors
    /// [`Malformed`] YAML, at its byte in the file.
    pub fn tree(&self) -> Result<Tree<'_>, Malformed> {
        let read = match &self.text {
            EmbeddedText::Block(text, from) => return Tree::parse(text, *from),
            EmbeddedText::Read(text) => text,
            EmbeddedText::Decoded(text) => text.as_str(),
        };
        Tree::parse(read, 0).map_err(|malformed| Malformed {
            at: self.at,
            ..malformed
        })
    }

    /// Where all of its nodes are told to stand, if they do not know it themselves.
    pub fn anchor(&self) -> Option<usize> {
        match self.text {
            EmbeddedText::Block(..) => None,
            EmbeddedText::Read(_) | EmbeddedText::Decoded(_) => Some(self.at),
        }
    }
}

/// All such texts among the documents.
pub fn embedded<'a>(documents: &[Document<'a>]) -> Vec<EmbeddedYaml<'a>> {
    let wanted: HashSet<(&str, &str)> = documents
        .iter()
        .flat_map(|doc| manifests(*doc).into_iter().map(move |root| (*doc, root)))
        .filter(|(doc, root)| doc.text_at(*root, &["kind"]) == Some("HelmRelease"))
        .flat_map(|(doc, root)| {
            doc.items_at(root, &["spec", "valuesFrom"])
                .iter()
                .map(move |item| (doc, *item))
        })
        .filter_map(|(doc, item)| Some((doc.text_at(item, &["kind"])?, doc.text_at(item, &["name"])?)))
        .collect();
    let mut all = Vec::new();
    for doc in documents {
        for root in manifests(*doc) {
            match doc.text_at(root, &["kind"]).unwrap_or_default() {
                "Application" | "ApplicationSet" => {
                    let values = super::installs::argo_sources(*doc, root).into_iter();
                    let values = values.filter_map(|source| doc.tree.at(source, &["helm", "values"]));
                    all.extend(values.filter_map(|id| written(*doc, id)));
                }
                kind @ ("Secret" | "ConfigMap") => {
                    let name = doc.text_at(root, &["metadata", "name"]).unwrap_or_default();
                    if wanted.contains(&(kind, name)) {
                        all.extend(in_object(*doc, root, kind));
                    }
                }
                _ => {}
            }
        }
    }
    all
}

/// The manifests of a document, those of a list one by one.
pub fn manifests(doc: Document) -> Vec<Id> {
    let roots = doc.tree.roots.iter().filter(|root| doc.tree.is_map(**root));
    roots
        .flat_map(|root| match doc.text_at(*root, &["kind"]) {
            Some(kind) if kind.ends_with("List") => doc.items_at(*root, &["items"]).to_vec(),
            _ => vec![*root],
        })
        .collect()
}

/// The keys of an object that hold YAML, by their names.
fn in_object<'a>(doc: Document<'a>, root: Id, kind: &str) -> Vec<EmbeddedYaml<'a>> {
    let mut all = Vec::new();
    for (field, encoded) in [("data", kind == "Secret"), ("stringData", false)] {
        let Some(map) = doc.tree.get(root, field) else { continue };
        for (key, value) in doc.tree.entries(map) {
            if !doc.tree.text(key).is_some_and(is_values) {
                continue;
            }
            all.extend(if encoded {
                decoded(doc, value)
            } else {
                written(doc, value)
            });
        }
    }
    all
}

/// Whether a key is called as values are: Flux itself looks for `values.yaml`.
fn is_values(key: &str) -> bool {
    let extension = Path::new(key).extension();
    key == "values" || extension.is_some_and(|e| e == "yaml" || e == "yml")
}

fn written(doc: Document<'_>, id: Id) -> Option<EmbeddedYaml<'_>> {
    let scalar = doc.tree.scalar(id)?;
    let node = doc.tree.node(id);
    let text = match scalar.style {
        Style::Block { folded: false, .. } if !doc.is_embedded() => {
            let Range { start, end } = node.span.clone();
            let line = doc.source.text[..start].rfind('\n').map_or(0, |end| end + 1);
            EmbeddedText::Block(doc.source.text.get(..end)?, line)
        }
        _ => EmbeddedText::Read(&scalar.text),
    };
    Some(embed(doc, id, text))
}

fn decoded(doc: Document<'_>, id: Id) -> Option<EmbeddedYaml<'_>> {
    let unbroken: String = doc.tree.text(id)?.split_ascii_whitespace().collect();
    let text = String::from_utf8(STANDARD.decode(unbroken).ok()?).ok()?;
    Some(embed(doc, id, EmbeddedText::Decoded(Zeroizing::new(text))))
}

fn embed<'a>(doc: Document<'a>, id: Id, text: EmbeddedText<'a>) -> EmbeddedYaml<'a> {
    EmbeddedYaml {
        holder: doc.at(id),
        file: doc.file,
        source: doc.source,
        text,
        at: doc.position(id),
    }
}
