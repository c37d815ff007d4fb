//! Reads documents of every kind into [`FileFacts`].

mod components;
mod compose;
mod env_file;
mod external;
mod flow;
mod inspect;
mod keys;
mod kustomize;
mod layers;
mod malformed;
mod reach;
mod release;
mod secret;
mod values;
mod workload;

pub use self::compose::projects;

use std::collections::HashSet;

use self::release::{Extent, Releases};
use super::LintOptions;
use super::chart_reach::ChartReach;
use super::facts::{ContainerFacts, FileFacts, FileValue, KeyedValue};
use super::origin;
use crate::oracle::secret::Location;
use crate::release::compose::{ComposeProject, is_compose};
use crate::release::document::{Document, NodeRef};
use crate::release::flow::is_flow;
use crate::release::input::FileForm;
use crate::release::installs::{Install, argo_sources};
use crate::release::scalar;
use crate::release::tree::{Id, Style, Tag};
use crate::scenario::Generation;

/// The files that other files name: the source that names one, the file, and how to read it.
pub fn references(documents: &[Document]) -> Vec<(usize, String, FileForm)> {
    let mut all = kustomize::references(documents);
    all.extend(compose::references(documents));
    all
}

/// Most entries that are read of all files: what goes beyond was multiplied by aliases.
const MOST: usize = 1_000_000;

impl<'a> Document<'a> {
    /// The value a scalar is; a mapping or a list can only be a template that was not rendered.
    fn value(&self, node: Id) -> FileValue<'a> {
        let Some(scalar) = self.tree.scalar(node) else {
            return FileValue::Elsewhere(origin::ValueMaker::Template);
        };
        let text: &'a str = scalar.text.as_ref();
        let plain = scalar.style == Style::Plain && scalar.tag == Tag::None;
        if scalar.tag == Tag::Other {
            FileValue::Elsewhere(origin::ValueMaker::Tag)
        } else if plain && scalar::is_null(text) {
            FileValue::Nothing
        } else {
            text_value(text, plain && !scalar::is_text(text))
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

/// The value that a text is; `typed` says that YAML takes it for no text.
fn text_value(text: &str, typed: bool) -> FileValue<'_> {
    match origin::origin(text) {
        Some(maker) => FileValue::Elsewhere(maker),
        None if text.is_empty() => FileValue::Nothing,
        None => FileValue::Text { text, typed },
    }
}

/// Reads all documents.
pub struct Gatherer<'a> {
    documents: &'a [Document<'a>],
    options: LintOptions,
    facts: FileFacts<'a>,
    left: usize,
    /// Sources that a kustomization has made its own.
    claimed: Vec<usize>,
    /// Values that an install has made its own.
    layered: HashSet<NodeRef>,
    /// Mappings that are no manifests: values, as far as nothing says otherwise.
    loose: Vec<(Document<'a>, Id)>,
    releases: Releases,
    /// What a chart that is at hand makes of the values.
    reach: Option<&'a ChartReach>,
    /// Names of which it is said already that they do not arrive.
    covered: HashSet<NodeRef>,
}

/// Reads all documents, of which some are part of `installs`. `None` when aliases make more of the files than anybody
/// can have written.
pub fn gather<'a>(
    documents: &'a [Document<'a>],
    installs: &[Install<'a>],
    composed: &'a [ComposeProject],
    options: LintOptions,
    reach: Option<&'a ChartReach>,
) -> Option<FileFacts<'a>> {
    let mut gatherer = Gatherer {
        documents,
        options,
        facts: FileFacts::default(),
        left: MOST,
        claimed: Vec::new(),
        layered: HashSet::new(),
        loose: Vec::new(),
        releases: Releases::default(),
        reach,
        covered: HashSet::new(),
    };
    for install in installs {
        gatherer.described(install);
    }
    for document in documents.iter().filter(|d| d.source.form == FileForm::Yaml) {
        for root in &document.tree.roots {
            gatherer.document(*document, *root);
        }
    }
    gatherer.loose_values();
    gatherer.compose(composed);
    gatherer.env_files();
    gatherer.asked_elsewhere();
    gatherer.lonely_values();
    gatherer.asked_of_the_chart();
    (gatherer.left > 0).then_some(gatherer.facts)
}

impl<'a> Gatherer<'a> {
    /// Takes so many from what may still be read.
    fn spend(&mut self, entries: usize) -> bool {
        self.left = self.left.saturating_sub(entries + 1);
        self.left > 0
    }

    fn document(&mut self, doc: Document<'a>, root: Id) {
        // `docker inspect` prints a list.
        for one in doc.tree.items(root).iter().chain([&root]) {
            if let Some(environment) = inspect::environment(doc, *one) {
                return self.inspected(doc, *one, environment);
            }
        }
        if !doc.tree.is_map(root) || !self.spend(0) {
            return;
        }
        if doc.text_at(root, &["kind"]).is_some() && doc.text_at(root, &["apiVersion"]).is_some() {
            self.manifest(doc, root, 0);
        } else if doc.is_called("kustomization") {
            self.kustomization(doc, root);
        } else if is_flow(doc.tree, root, doc.source.path.as_deref()) {
            self.flow(doc, root);
        } else if !is_compose(doc.tree, root) {
            self.loose.push((doc, root));
        }
    }

    /// An install that resources or files describe.
    fn described(&mut self, install: &Install<'a>) {
        let documents = self.documents;
        let layer = |at: &NodeRef| Some((*documents.get(at.source)?, at.node));
        self.layered
            .extend(install.layers.iter().chain(install.around.iter().map(|(at, _)| at)));
        let extent = if install.whole { Extent::Whole } else { Extent::Part };
        let generation = self
            .options
            .generation
            .or(install.generation())
            .unwrap_or(Generation::V1);
        for ((doc, root), key) in install.around.iter().filter_map(|(at, key)| Some((layer(at)?, *key))) {
            self.misplaced(doc, root, key, generation);
        }
        self.install(install.layers.iter().filter_map(layer).collect(), extent, Some(install));
    }

    /// Values in a resource that may be of Kestra's chart, or of one around it.
    fn values(&mut self, doc: Document<'a>, root: Id, extent: Extent) {
        if self.layered.contains(&doc.at(root)) {
            return;
        }
        for (doc, part) in self.kestras_part(doc, root, false) {
            let extent = if part == root { extent } else { Extent::Part };
            self.install(vec![(doc, part)], extent, None);
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
                    self.values(doc, values, extent);
                }
            }
            "Application" | "ApplicationSet" => self.argo(doc, root),
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
        for source in argo_sources(doc, root) {
            if let Some(values) = doc.tree.at(source, &["helm", "valuesObject"]) {
                let extent = Extent::of_argo(doc, source);
                self.values(doc, values, extent);
            }
        }
    }

    fn push(&mut self, container: ContainerFacts<'a>) {
        self.facts.containers.push(container);
    }
}
