//! One service of all the layers that speak of it.

use std::collections::{HashMap, HashSet};

use zeroize::Zeroizing;

use super::environment::{Dotenv, Variables, WrittenAt, env_variables};
use super::files::{ComposeLayer, beside, env_files};
use super::{ComposeProject, ComposeService, ComposeSources, ComposeValue, ComposeVariable, NodeRef, template};
use crate::release::input::FileForm;
use crate::release::scalar;
use crate::release::tree::{Id, Style, Tag, Tree};

/// A service extends another so often and no more.
const EXTENDS: usize = 8;

/// What one document says of a service; pieces are in the order in which later ones override.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    pub source: usize,
    pub service: Id,
}

/// Reads one project; none where it has more variables than `left`.
pub fn project(sources: &ComposeSources, layers: &[ComposeLayer], left: &mut usize) -> Option<ComposeProject> {
    let dotenv = layers.first().and_then(|layer| beside(sources, layer.source, ".env"));
    let dotenv = dotenv.filter(|source| matches!(sources[*source].0.form, FileForm::EnvFile(_)));
    let mut reader = ProjectReader {
        sources,
        layers,
        dotenv: Dotenv::read(sources, dotenv, uses(sources, layers)),
        left,
    };
    let services: Vec<(String, Vec<Piece>)> = reader.services();
    let mut project = ComposeProject::default();
    project.env_files.extend(dotenv);
    // What the env files of other services give is theirs too.
    let mut others = HashSet::new();
    let kestra: Vec<bool> = services
        .iter()
        .map(|(name, pieces)| reader.runs_kestra(name, pieces))
        .collect();
    for ((_, pieces), kestra) in services.iter().zip(&kestra) {
        let files = reader.env_files(pieces).into_iter().filter_map(|(_, source, _)| source);
        let files: Vec<usize> = files.collect();
        project.env_files.extend(&files);
        if !kestra {
            others.extend(files);
        }
    }
    for ((_, pieces), kestra) in services.iter().zip(kestra) {
        if kestra {
            project.services.push(reader.service(pieces, &others)?);
        }
    }
    if !project.services.is_empty() {
        project.unused = reader.unused(&project.services);
    }
    Some(project)
}

/// How often each variable is named in all files of the project's folder.
fn uses(sources: &ComposeSources, layers: &[ComposeLayer]) -> HashMap<String, usize> {
    let folder = |source: usize| sources[source].0.path.as_deref().and_then(|path| path.parent());
    let own = layers.first().map(|layer| layer.source);
    let mut uses: HashMap<String, usize> = HashMap::new();
    let mut seen = HashSet::new();
    for (number, (source, tree)) in sources.iter().enumerate() {
        let here = own.is_some_and(|own| number == own || folder(own).is_some() && folder(number) == folder(own));
        if !here || !seen.insert(number) || matches!(source.form, FileForm::Whole { .. }) {
            continue;
        }
        for (_, scalar, _) in tree.scalars().filter(|(_, scalar, _)| scalar.text.contains('$')) {
            for name in template::names(&scalar.text) {
                *uses.entry(name.to_owned()).or_default() += 1;
            }
        }
        for root in tree.roots.iter().filter(|root| super::is_compose(tree, **root)) {
            let services = tree
                .get(*root, "services")
                .map_or_else(Vec::new, |services| tree.entries(services));
            let environments = services
                .iter()
                .filter_map(|(_, service)| tree.get(*service, "environment"));
            for name in environments.flat_map(|environment| named_alone(tree, environment)) {
                *uses.entry(name.to_owned()).or_default() += 1;
            }
        }
    }
    uses
}

/// The variables that `environment` takes from elsewhere by their names alone.
fn named_alone<'t>(tree: &'t Tree, environment: Id) -> Vec<&'t str> {
    let items = tree.items(environment).iter().filter_map(|item| tree.text(*item));
    let items = items.filter(|text| !text.contains('='));
    let keys = tree
        .entries(environment)
        .into_iter()
        .filter(|(_, value)| is_null(tree, *value));
    items.chain(keys.filter_map(|(key, _)| tree.text(key))).collect()
}

pub(super) fn is_null(tree: &Tree, node: Id) -> bool {
    tree.scalar(node)
        .is_some_and(|scalar| scalar.style == Style::Plain && scalar.tag == Tag::None && scalar::is_null(&scalar.text))
}

pub(super) struct ProjectReader<'a, 'b> {
    pub sources: &'b ComposeSources<'a>,
    layers: &'b [ComposeLayer],
    pub dotenv: Dotenv,
    left: &'b mut usize,
}

impl ProjectReader<'_, '_> {
    pub(super) fn spend(&mut self, entries: usize) -> Option<()> {
        *self.left = self.left.checked_sub(entries + 1)?;
        Some(())
    }

    pub(super) fn tree(&self, piece: Piece) -> &Tree<'_> {
        self.sources[piece.source].1
    }

    /// Every service by its name, with its pieces.
    fn services(&self) -> Vec<(String, Vec<Piece>)> {
        let mut all: Vec<(String, Vec<Piece>)> = Vec::new();
        let mut by_name: HashMap<String, usize> = HashMap::new();
        for layer in self.layers {
            let tree = self.sources[layer.source].1;
            let services = tree
                .get(layer.root, "services")
                .map_or_else(Vec::new, |services| tree.entries(services));
            for (name, service) in services {
                let Some(name) = tree.text(name).filter(|_| tree.is_map(service)) else {
                    continue;
                };
                let own = Piece {
                    source: layer.source,
                    service,
                };
                let number = *by_name.entry(name.to_owned()).or_insert_with(|| {
                    all.push((name.to_owned(), Vec::new()));
                    all.len() - 1
                });
                if let Some((_, pieces)) = all.get_mut(number) {
                    self.extended(own, EXTENDS, pieces);
                    pieces.push(own);
                }
            }
        }
        all
    }

    /// The pieces of what a service extends, the farthest first.
    fn extended(&self, piece: Piece, depth: usize, pieces: &mut Vec<Piece>) {
        let tree = self.tree(piece);
        let Some(extends) = tree.get(piece.service, "extends").filter(|_| depth > 0) else {
            return;
        };
        let name = tree.text(extends).or_else(|| tree.text_at(extends, &["service"]));
        let source = match tree.text_at(extends, &["file"]) {
            Some(file) => beside(self.sources, piece.source, file),
            None => Some(piece.source),
        };
        let (Some(name), Some(source)) = (name, source) else {
            return;
        };
        let tree = self.sources[source].1;
        let mut services = tree.roots.iter().filter_map(|root| tree.get(*root, "services"));
        let Some(service) = services.find_map(|services| tree.get(services, name)) else {
            return;
        };
        let parent = Piece { source, service };
        if (source, tree.resolve(service)) != (piece.source, self.tree(piece).resolve(piece.service)) {
            self.extended(parent, depth - 1, pieces);
            pieces.push(parent);
        }
    }

    /// Whether a service runs Kestra: by its image, by its command, or by its name where an image of one's own is built.
    fn runs_kestra(&self, name: &str, pieces: &[Piece]) -> bool {
        let last = |key: &str| {
            let found = pieces
                .iter()
                .rev()
                .find_map(|piece| Some((*piece, self.tree(*piece).get(piece.service, key)?)));
            found.filter(|(piece, node)| !is_null(self.tree(*piece), *node))
        };
        let text = |(piece, node): (Piece, Id)| self.tree(piece).text(node).map(str::to_owned);
        let words = |key: &str| -> String {
            let Some((piece, node)) = last(key) else {
                return String::new();
            };
            let tree = self.tree(piece);
            let items = tree.items(node).iter().filter_map(|item| tree.text(*item));
            tree.text(node).into_iter().chain(items).collect::<Vec<_>>().join(" ")
        };
        let command = format!("{} {}", words("entrypoint"), words("command"));
        let server = command.split_once("server ").map(|(_, rest)| rest.trim_start());
        let modes = [
            "standalone",
            "local",
            "webserver",
            "executor",
            "worker",
            "scheduler",
            "indexer",
            "controller",
        ];
        if server.is_some_and(|rest| modes.iter().any(|mode| rest.starts_with(mode))) {
            return true;
        }
        match last("image").and_then(text) {
            Some(image) => image.contains("kestra"),
            None => name.contains("kestra"),
        }
    }

    /// The env files of a service in order: the number of the piece that names each, its source where it is among them,
    /// and what it is called.
    fn env_files(&self, pieces: &[Piece]) -> Vec<(usize, Option<usize>, String)> {
        let mut all: Vec<(usize, Option<usize>, String)> = Vec::new();
        for (number, piece) in pieces.iter().enumerate() {
            let tree = self.tree(*piece);
            let Some((key, files)) = tree.entry(piece.service, "env_file") else {
                continue;
            };
            if self.replaces(*piece, key, files) {
                all.clear();
            }
            for path in env_files(tree, files).into_iter().filter_map(|file| file.path) {
                let node = NodeRef {
                    source: piece.source,
                    node: files,
                };
                let filled = self.dotenv.fill(path, node).ok();
                let file = match filled.map(|filled| filled.value) {
                    Some(ComposeValue::Text { text, .. }) => text.to_string(),
                    _ => path.to_owned(),
                };
                let source = beside(self.sources, piece.source, &file);
                let source = source.filter(|source| matches!(self.sources[*source].0.form, FileForm::EnvFile(_)));
                all.retain(|(_, other, name)| (*other, name) != (source, &file));
                all.push((number, source, file));
            }
        }
        all
    }

    /// Whether a value is marked `!override` or `!reset`: nothing before it stays.
    pub(super) fn replaces(&self, piece: Piece, key: Id, value: Id) -> bool {
        let tree = self.tree(piece);
        let (key, value) = (tree.node(key).span.end, tree.node(value).span.start);
        let between = self.sources[piece.source]
            .0
            .text
            .get(key..(value + "!override".len()).min(self.sources[piece.source].0.text.len()));
        between.is_some_and(|between| between.contains("!override") || between.contains("!reset"))
    }

    fn service(&mut self, pieces: &[Piece], others: &HashSet<usize>) -> Option<ComposeService> {
        let mut service = ComposeService::default();
        let own = self.environment(pieces, &mut service.mistakes)?;
        let texts = own.iter().filter_map(|variable| match &variable.value {
            ComposeValue::Text { text, .. } => Some((variable.name.clone(), text.clone())),
            _ => None,
        });
        let mut known: HashMap<String, Zeroizing<String>> = texts.collect();
        let of_environment: HashSet<String> = known.keys().cloned().collect();
        let mut variables = Variables::default();
        for (piece, source, file) in self.env_files(pieces) {
            let Some(source) = source else {
                service.missing.push(file);
                continue;
            };
            let read = env_variables(self.sources, source);
            self.spend(read.len())?;
            for variable in read {
                let WrittenAt { value, at, tied } = self.dotenv.of_env_file(&variable, &known);
                if let ComposeValue::Text { text, .. } = &value
                    && !of_environment.contains(&variable.name)
                {
                    known.insert(variable.name.clone(), text.clone());
                }
                variables.give(
                    ComposeVariable {
                        name: variable.name,
                        name_at: variable.name_at,
                        value,
                        value_at: at,
                        literal: false,
                        tied: tied || others.contains(&source),
                        piece,
                    },
                    true,
                );
            }
        }
        for variable in own {
            variables.give(variable, false);
        }
        service.variables = variables.into_list();
        service.mounted = pieces.iter().flat_map(|piece| self.mounted(*piece)).collect();
        Some(service)
    }

    /// `secrets`, and `configs` that are called so: files, never an environment.
    fn mounted(&self, piece: Piece) -> Vec<NodeRef> {
        let tree = self.tree(piece);
        let list = |key| tree.get(piece.service, key).map_or(&[][..], |list| tree.items(list));
        let named = |item: &Id| {
            tree.get(*item, "source")
                .filter(|_| tree.is_map(*item))
                .unwrap_or(*item)
        };
        let is_secret = |node: &Id| {
            let start = tree.text(*node).and_then(|name| name.get(.."secret".len()));
            start.is_some_and(|start| start.eq_ignore_ascii_case("secret"))
        };
        let secrets = list("secrets").iter().map(named);
        let configs = list("configs").iter().map(named).filter(is_secret);
        let both = secrets.chain(configs).filter(|node| tree.text(*node).is_some());
        both.map(|node| NodeRef {
            source: piece.source,
            node,
        })
        .collect()
    }

    /// The variables of `.env` that look like secrets and reach nobody.
    fn unused(&self, services: &[ComposeService]) -> Vec<NodeRef> {
        let Some(source) = self.dotenv.source else {
            return Vec::new();
        };
        let used: HashSet<NodeRef> = services
            .iter()
            .flat_map(|service| &service.variables)
            .map(|v| v.value_at)
            .collect();
        let all = env_variables(self.sources, source).into_iter();
        all.filter(|variable| !used.contains(&variable.value_at) && !self.dotenv.uses.contains_key(&variable.name))
            .map(|variable| variable.name_at)
            .collect()
    }
}
