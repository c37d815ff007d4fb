//! Reads documents of every kind into [`FileFacts`].

mod env_file;
mod external;
mod kustomize;
mod release;
mod secret;
mod values;
mod workload;

pub use kustomize::references;

use self::release::{Extent, Releases};
use super::facts::{ContainerFacts, FileFacts, FileValue, KeyedValue, NodeRef};
use super::origin;
use crate::oracle::secret::Location;
use crate::release::input::{FileForm, SourceFile};
use crate::release::scalar;
use crate::release::tree::{Id, Style, Tag, Tree};
use crate::scenario::Generation;

/// Most entries that are read of all files: what goes beyond was multiplied by aliases.
const MOST: usize = 1_000_000;

/// A source with its tree.
#[derive(Clone, Copy)]
pub struct Document<'a> {
    /// The number of the source.
    pub index: usize,
    /// The source.
    pub source: &'a SourceFile,
    /// Its tree.
    pub tree: &'a Tree<'a>,
}

impl<'a> Document<'a> {
    fn at(&self, node: Id) -> NodeRef {
        NodeRef {
            source: self.index,
            node: self.tree.resolve(node),
        }
    }

    fn text_at(&self, node: Id, path: &[&str]) -> Option<&'a str> {
        self.tree.text_at(node, path)
    }

    /// The value a scalar is; a mapping or a list can only be a template that was not rendered.
    fn value(&self, node: Id) -> FileValue<'a> {
        let Some(scalar) = self.tree.scalar(node) else {
            return FileValue::Elsewhere(origin::ValueMaker::Template);
        };
        let text: &'a str = scalar.text.as_ref();
        let plain = scalar.style == Style::Plain && scalar.tag == Tag::None;
        if scalar.tag == Tag::Other {
            FileValue::Elsewhere(origin::ValueMaker::Tag)
        } else if text.is_empty() || plain && scalar::is_null(text) {
            FileValue::Nothing
        } else if let Some(origin) = origin::origin(text) {
            FileValue::Elsewhere(origin)
        } else {
            let typed = plain && !scalar::is_text(text);
            FileValue::Text { text, typed }
        }
    }

    /// The entry that a key and its value make.
    fn entry(&self, key: Id, value: Id, place: Location) -> Option<KeyedValue<'a>> {
        Some(KeyedValue {
            name: self.tree.text(key)?,
            name_at: self.at(key),
            value: self.value(value),
            value_at: self.at(value),
            place,
            literal: false,
        })
    }

    /// Whether a flag is set.
    fn flag(&self, map: Id, path: &[&str]) -> Option<bool> {
        match self.text_at(map, path)? {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        }
    }
}

/// Reads all documents.
pub struct Gatherer<'a> {
    documents: &'a [Document<'a>],
    generation: Option<Generation>,
    facts: FileFacts<'a>,
    left: usize,
    /// Sources that a kustomization has made its own.
    claimed: Vec<usize>,
    releases: Releases,
}

/// Reads all documents; `generation` is the chart's, where the user said it. `None` when aliases make more of
/// the files than anybody can have written.
pub fn gather<'a>(documents: &'a [Document<'a>], generation: Option<Generation>) -> Option<FileFacts<'a>> {
    let mut gatherer = Gatherer {
        documents,
        generation,
        facts: FileFacts::default(),
        left: MOST,
        claimed: Vec::new(),
        releases: Releases::default(),
    };
    for document in documents.iter().filter(|d| d.source.form == FileForm::Yaml) {
        for root in &document.tree.roots {
            gatherer.document(*document, *root);
        }
    }
    gatherer.env_files();
    gatherer.lonely_values();
    (gatherer.left > 0).then_some(gatherer.facts)
}

impl<'a> Gatherer<'a> {
    /// Takes so many from what may still be read.
    fn spend(&mut self, entries: usize) -> bool {
        self.left = self.left.saturating_sub(entries + 1);
        self.left > 0
    }

    fn document(&mut self, doc: Document<'a>, root: Id) {
        if !doc.tree.is_map(root) || !self.spend(0) {
            return;
        }
        let file = doc.source.path.as_deref().and_then(|p| p.file_stem());
        if doc.text_at(root, &["kind"]).is_some() && doc.text_at(root, &["apiVersion"]).is_some() {
            self.manifest(doc, root, 0);
        } else if file.is_some_and(|stem| stem.eq_ignore_ascii_case("kustomization")) {
            self.kustomization(doc, root);
        } else {
            self.values(doc, root, doc.source.named, Extent::File);
        }
    }

    /// One manifest, or what a list holds.
    fn manifest(&mut self, doc: Document<'a>, root: Id, depth: usize) {
        if !self.spend(0) {
            return;
        }
        let kind = doc.text_at(root, &["kind"]).unwrap_or_default();
        match kind {
            "Secret" | "ConfigMap" => self.secret(doc, root, kind),
            "SealedSecret" => self.sealed(doc, root),
            "ExternalSecret" => self.external(doc, root, doc.tree.get(root, "spec")),
            "ClusterExternalSecret" => self.external(doc, root, doc.tree.at(root, &["spec", "externalSecretSpec"])),
            "VaultStaticSecret" | "VaultDynamicSecret" | "VaultPKISecret" => self.vault_operator(doc, root),
            "SecretProviderClass" => self.csi(doc, root),
            "Kustomization" if doc.tree.get(root, "spec").is_none() => self.kustomization(doc, root),
            "HelmRelease" => {
                if let Some(values) = doc.tree.at(root, &["spec", "values"]) {
                    let extent = Extent::of_helm_release(doc, root);
                    self.values(doc, values, false, extent);
                }
            }
            "Application" => self.argo(doc, root),
            "Service" => self.service(doc, root),
            _ if kind.ends_with("List") && depth < 4 => {
                for item in doc
                    .tree
                    .get(root, "items")
                    .map_or(&[][..], |items| doc.tree.items(items))
                {
                    self.manifest(doc, *item, depth + 1);
                }
            }
            _ => self.workload(doc, root, kind),
        }
    }

    /// An Argo CD Application: the values of its sources, where they are YAML and no text.
    fn argo(&mut self, doc: Document<'a>, root: Id) {
        let one = doc.tree.at(root, &["spec", "source"]);
        let many = doc.tree.at(root, &["spec", "sources"]);
        let many = many.map_or(&[][..], |sources| doc.tree.items(sources));
        for source in one.iter().chain(many) {
            if let Some(values) = doc.tree.at(*source, &["helm", "valuesObject"]) {
                let extent = Extent::of_argo(doc, *source);
                self.values(doc, values, false, extent);
            }
        }
    }

    fn push(&mut self, container: ContainerFacts<'a>) {
        self.facts.containers.push(container);
    }
}
