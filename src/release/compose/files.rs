//! Which files belong together: a compose file, its override, and what they name beside them.

use std::path::Path;

use super::{ComposeSources, env_form};
use crate::release::input::FileForm;
use crate::release::tree::{Id, Tree};
use crate::release::walk::plain_path;

/// What compose looks for, in this order; the override has `.override` before the extension.
const NAMES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];

/// Keys of a service: one of them shows that a mapping is one.
const SIGNS: [&str; 6] = ["image", "build", "extends", "environment", "env_file", "command"];

/// A document of a compose file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComposeLayer {
    /// The number of the source.
    pub source: usize,
    /// The document's root.
    pub root: Id,
}

/// Whether a document is a compose file: it has services, and is no manifest.
pub fn is_compose(tree: &Tree, root: Id) -> bool {
    let is_manifest = tree.get(root, "kind").is_some() && tree.get(root, "apiVersion").is_some();
    let Some(services) = tree.get(root, "services").filter(|_| !is_manifest) else {
        return false;
    };
    let mut services = tree.written(services).iter();
    services.any(|(_, service)| SIGNS.iter().any(|key| tree.get(*service, key).is_some()))
}

/// The files that compose files name: the compose file's source, the file, and how to read it. `.env` is among them.
pub fn references(sources: &ComposeSources) -> Vec<(usize, String, FileForm)> {
    let mut all = Vec::new();
    for layer in layers(sources) {
        let tree = sources[layer.source].1;
        let services = tree.get(layer.root, "services");
        for (_, service) in services.map_or_else(Vec::new, |services| tree.entries(services)) {
            if let Some(file) = tree.text_at(service, &["extends", "file"]) {
                all.push((layer.source, file.to_owned(), FileForm::Yaml));
            }
            let files = tree
                .get(service, "env_file")
                .map_or_else(Vec::new, |files| env_files(tree, files));
            let files = files.into_iter().filter_map(|file| Some((file.path?, file.raw)));
            all.extend(files.map(|(file, raw)| (layer.source, file.to_owned(), env_form(raw))));
        }
        let named = all
            .iter()
            .any(|(source, file, _)| *source == layer.source && plain_path(file) == Path::new(".env"));
        if !named {
            all.push((layer.source, ".env".to_owned(), env_form(false)));
        }
    }
    all
}

/// One entry of `env_file`.
pub struct EnvFileEntry<'t> {
    /// The file; none where the entry has none.
    pub path: Option<&'t str>,
    /// Whether compose reads it as docker does (`format: raw`).
    pub raw: bool,
}

/// `env_file`: a path, or a list of paths and of mappings with a path.
pub fn env_files<'t>(tree: &'t Tree, files: Id) -> Vec<EnvFileEntry<'t>> {
    let one = [files];
    let items = if tree.text(files).is_some() || tree.is_map(files) {
        &one[..]
    } else {
        tree.items(files)
    };
    let entry = |item: &Id| EnvFileEntry {
        path: tree.text(*item).or_else(|| tree.text_at(*item, &["path"])),
        raw: tree.text_at(*item, &["format"]) == Some("raw"),
    };
    items.iter().map(entry).collect()
}

/// Every document of a compose file.
fn layers<'a>(sources: &'a ComposeSources) -> impl Iterator<Item = ComposeLayer> + 'a {
    let yaml = sources.iter().enumerate();
    let yaml = yaml.filter(|(_, (source, _))| source.form == FileForm::Yaml);
    yaml.flat_map(|(source, (_, tree))| {
        let roots = tree.roots.iter().filter(|root| is_compose(tree, **root));
        roots.map(move |root| ComposeLayer { source, root: *root })
    })
}

/// The documents of each project: a file after another that it overrides.
pub fn projects(sources: &ComposeSources) -> Vec<Vec<ComposeLayer>> {
    let mut files: Vec<Vec<ComposeLayer>> = Vec::new();
    for layer in layers(sources) {
        match files.last_mut() {
            Some(file) if file[0].source == layer.source => file.push(layer),
            _ => files.push(vec![layer]),
        }
    }
    let path = |file: &[ComposeLayer]| sources[file[0].source].0.path.as_deref();
    let named = |folder: Option<&Path>, name: &str| {
        let wanted = folder.map(|folder| plain_path(folder.join(name)));
        files
            .iter()
            .find(|file| path(file).map(plain_path) == wanted && wanted.is_some())
    };
    let mut projects = Vec::new();
    for file in &files {
        let folder = path(file).and_then(Path::parent);
        let base = NAMES.iter().find_map(|name| Some((*name, named(folder, name)?)));
        let name = path(file)
            .and_then(Path::file_name)
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let is_override = NAMES
            .iter()
            .any(|base| override_of(base).iter().any(|other| other == name));
        match base {
            Some((_, base)) if is_override && base != file => {} // It is part of the base's own project.
            Some((base_name, base)) if base == file => {
                let over = override_of(base_name).into_iter().find_map(|name| named(folder, &name));
                projects.push([base.as_slice(), over.map_or(&[][..], Vec::as_slice)].concat());
            }
            // With services that only the base completes, it is given to compose after the base.
            Some((_, base)) if lacks_image(sources, file) => projects.push([base.as_slice(), file].concat()),
            _ => projects.push(file.clone()),
        }
    }
    projects
}

/// The names of a file's override: compose takes either extension.
fn override_of(name: &str) -> [String; 2] {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    ["yml", "yaml"].map(|extension| format!("{stem}.override.{extension}"))
}

fn lacks_image(sources: &ComposeSources, file: &[ComposeLayer]) -> bool {
    file.iter().any(|layer| {
        let tree = sources[layer.source].1;
        let services = tree.get(layer.root, "services");
        let mut services = services.into_iter().flat_map(|services| tree.written(services));
        services.any(|(_, service)| {
            ["image", "build", "extends"]
                .iter()
                .all(|key| tree.get(*service, key).is_none())
        })
    })
}

/// The source that a file of another source is.
pub fn beside(sources: &ComposeSources, source: usize, file: &str) -> Option<usize> {
    let folder = sources.get(source)?.0.path.as_deref()?.parent()?;
    let wanted = plain_path(folder.join(file));
    let is_it = |(other, _): &(&crate::release::input::SourceFile, &Tree)| {
        other.path.as_deref().is_some_and(|path| plain_path(path) == wanted)
    };
    sources.iter().position(is_it)
}
