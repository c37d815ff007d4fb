//! Values for the chart, of either generation.

use super::release::Extent;
use super::{Document, Gatherer};
use crate::lint::facts::{ContainerFacts, EnvEntry, FromRef, ReadFor, Remark};
use crate::lint::finding::Severity;
use crate::oracle::environment::ObjectKind;
use crate::oracle::secret::diagnosis::Code;
use crate::plan;
use crate::release::tree::Id;
use crate::scenario::Generation;

/// Keys that only Kestra's chart has.
const SIGNS: [&[&str]; 6] = [
    &["extraSecretEnvFrom"],
    &["extraConfigMapEnvFrom"],
    &["configurations"],
    &["common", "extraEnv"],
    &["common", "extraEnvFrom"],
    &["configuration", "kestra"],
];

impl<'a> Gatherer<'a> {
    /// Values, be they Kestra's own or those of a chart that has Kestra's as a part.
    pub(super) fn values(&mut self, doc: Document<'a>, root: Id, named: bool, extent: Extent) {
        let part = doc.tree.get(root, "kestra").filter(|part| is_kestra(doc, *part));
        if named || is_kestra(doc, root) {
            // A chart around Kestra's brings a configuration of its own.
            self.values_of_kestra(doc, root, if part.is_some() { Extent::Part } else { extent });
        }
        if let Some(part) = part {
            self.values_of_kestra(doc, part, Extent::Part);
        }
    }

    fn values_of_kestra(&mut self, doc: Document<'a>, root: Id, extent: Extent) {
        let tree = doc.tree;
        let lists = |map: Option<Id>, key| map.and_then(|map| tree.get(map, key));
        let common = tree.get(root, "common");
        let components: Vec<Id> = tree
            .get(root, "deployments")
            .map(|map| tree.entries(map).into_iter().map(|(_, component)| component).collect())
            .unwrap_or_default();
        let generation = self.generation(doc, root);
        self.other_generation(doc, root, generation);
        self.configuration(doc, root, generation, extent);

        let (env, from) = match generation {
            Generation::V0 => (tree.get(root, "extraEnv"), tree.get(root, "extraSecretEnvFrom")),
            Generation::V1 | Generation::V2 => (lists(common, "extraEnv"), lists(common, "extraEnvFrom")),
        };
        let of_0 = generation == Generation::V0;
        let maps = tree.get(root, "extraConfigMapEnvFrom").filter(|_| of_0);
        let own = |component: Id| {
            let from = if of_0 {
                None
            } else {
                tree.get(component, "extraEnvFrom")
            };
            (tree.get(component, "extraEnv"), from)
        };
        let mut containers = vec![(vec![env], vec![from])];
        for component in components.iter().filter(|c| tree.is_map(**c)) {
            match own(*component) {
                (None, None) => {}
                // A component's own list replaces the shared one in 0.x and follows it in 1.x.
                (Some(own), _) if of_0 => containers.push((vec![Some(own)], vec![from])),
                (own_env, own_from) => containers.push((vec![env, own_env], vec![from, own_from])),
            }
        }
        // Ignored keys are judged too, since somebody meant them.
        let ignored = if of_0 {
            (lists(common, "extraEnv"), lists(common, "extraEnvFrom"))
        } else {
            (tree.get(root, "extraEnv"), None)
        };
        containers.push((vec![ignored.0], vec![ignored.1]));
        for (env, from) in containers {
            let env = env
                .into_iter()
                .flatten()
                .flat_map(|list| self.env(doc, list))
                .collect::<Vec<_>>();
            let mut env_from: Vec<_> = from
                .into_iter()
                .flatten()
                .flat_map(|list| self.env_from(doc, list))
                .collect();
            env_from.extend(
                maps.into_iter()
                    .flat_map(|list| named_only(doc, list, ObjectKind::ConfigMap)),
            );
            if env.is_empty() && env_from.is_empty() {
                continue;
            }
            self.push(ContainerFacts {
                namespace: None,
                kestra: true,
                values: true,
                service_links: true,
                env,
                env_from,
            });
        }
        // The key of 0.x is a list of names.
        if !of_0 && let Some(list) = tree.get(root, "extraSecretEnvFrom") {
            let env_from = named_only(doc, list, ObjectKind::Secret).collect();
            self.push(ContainerFacts {
                namespace: None,
                kestra: true,
                values: true,
                service_links: true,
                env: Vec::new(),
                env_from,
            });
        }
        for part in [Some(root), common].into_iter().flatten().chain(components) {
            self.mounts(doc, tree.get(part, "extraVolumes"));
            for annotations in ["podAnnotations", "annotations"] {
                self.vault_agent(doc, tree.get(part, annotations));
            }
        }
        for key in ["extraManifests", "extraObjects"] {
            let manifests = tree.get(root, key).map_or(&[][..], |list| tree.items(list));
            for manifest in manifests.iter().filter(|m| tree.is_map(**m)) {
                self.manifest(doc, *manifest, 1);
            }
        }
    }

    /// The generation that the values are read for: the one that was said, or else by their keys.
    fn generation(&mut self, doc: Document<'a>, root: Id) -> Generation {
        let (generation, because) = match self.generation {
            Some(named) => (named, "--chart-generation names it".to_owned()),
            None => guess(doc, root),
        };
        // A named file without any sign of Kestra needs no remark.
        if is_kestra(doc, root) {
            self.facts.values.push(ReadFor {
                at: doc.at(root),
                generation,
                because,
                guessed: self.generation.is_none(),
            });
        }
        generation
    }

    /// The keys that a chart of this generation ignores; of two on one path, the longer.
    fn other_generation(&mut self, doc: Document<'a>, root: Id, generation: Generation) {
        let mut said: Vec<&str> = Vec::new();
        for (path, cure) in plan::ignored_keys(generation) {
            let mut keys = path.split('.');
            let last = keys.next_back().unwrap_or(path);
            let parent = keys.try_fold(root, |map, key| doc.tree.get(map, key));
            let Some((key, value)) = parent.and_then(|parent| doc.tree.entry(parent, last)) else {
                continue;
            };
            // An empty list, or none, sets nothing.
            let empty = doc.tree.written(value).is_empty() && doc.tree.items(value).is_empty();
            if empty && doc.tree.text(value).is_none_or(str::is_empty) || said.iter().any(|p| p.starts_with(path)) {
                continue;
            }
            said.push(path);
            let nobody = path == "deployment";
            let whose = if nobody {
                "no chart of Kestra has this key".into()
            } else {
                format!("chart {generation} silently ignores this key")
            };
            self.facts.remarks.push(Remark {
                at: doc.at(key),
                fault: Some((
                    Code::OtherGeneration,
                    if nobody { Severity::Warning } else { Severity::Error },
                )),
                subject: path.into(),
                message: whose,
                cure: cure.into(),
            });
        }
    }

    /// `env`, or a list like it.
    pub(super) fn env(&mut self, doc: Document<'a>, list: Id) -> Vec<EnvEntry<'a>> {
        let items = doc.tree.items(list);
        if !self.spend(items.len()) {
            return Vec::new();
        }
        items
            .iter()
            .filter_map(|item| super::workload::variable(doc, *item))
            .collect()
    }

    /// `envFrom`, or a list like it; 0.x gives names alone.
    pub(super) fn env_from(&mut self, doc: Document<'a>, list: Id) -> Vec<FromRef<'a>> {
        let items = doc.tree.items(list);
        if !self.spend(items.len()) {
            return Vec::new();
        }
        let full = items.iter().filter_map(|item| super::workload::from(doc, *item));
        full.chain(named_only(doc, list, ObjectKind::Secret)).collect()
    }
}

/// Entries of `extraSecretEnvFrom` and `extraConfigMapEnvFrom`: a name, and perhaps a prefix.
fn named_only(doc: Document<'_>, list: Id, kind: ObjectKind) -> impl Iterator<Item = FromRef<'_>> {
    doc.tree.items(list).iter().filter_map(move |item| {
        let name = doc.tree.get(*item, "name")?;
        Some(FromRef {
            kind,
            object: doc.tree.text(name)?,
            object_at: doc.at(name),
            prefix: doc.text_at(*item, &["prefix"]).unwrap_or_default(),
        })
    })
}

/// Whether values without a name of their own are Kestra's.
fn is_kestra(doc: Document, root: Id) -> bool {
    let is_secret = |item: &Id| {
        let name = doc
            .text_at(*item, &["name"])
            .and_then(|name| name.get(..crate::oracle::secret::PREFIX.len()));
        name.is_some_and(|start| start.eq_ignore_ascii_case(crate::oracle::secret::PREFIX))
    };
    SIGNS.iter().any(|path| doc.tree.at(root, path).is_some())
        || doc
            .tree
            .get(root, "extraEnv")
            .is_some_and(|list| doc.tree.items(list).iter().any(is_secret))
        || doc.tree.at(root, &["deployments", "standalone"]).is_some()
}

/// The keys of values that a chart of a generation ignores.
pub(super) fn ignored(doc: Document, root: Id, generation: Generation) -> Vec<&'static str> {
    let there = |path: &str| {
        path.split('.')
            .try_fold(root, |map, key| doc.tree.get(map, key))
            .is_some()
    };
    let known = |path: &str| plan::misspelt().all(|(wrong, _)| wrong != path);
    let paths = plan::ignored_keys(generation).map(|(path, _)| path);
    paths.filter(|path| known(path) && there(path)).collect()
}

/// The generation whose keys the values use, and how that is known: the one that ignores fewer of them, 1.x when both
/// do alike.
fn guess(doc: Document, root: Id) -> (Generation, String) {
    let (of_0, of_1) = (ignored(doc, root, Generation::V1), ignored(doc, root, Generation::V0));
    let (generation, own, others) = if of_1.len() < of_0.len() {
        (Generation::V0, of_0, of_1)
    } else {
        (Generation::V1, of_1, of_0)
    };
    let because = match (own.first(), others.is_empty()) {
        (Some(key), true) => format!("only that chart uses `{key}`"),
        (Some(key), false) => format!("most keys belong to it, such as `{key}`"),
        (None, _) => "no key belongs to one generation alone".to_owned(),
    };
    (generation, because)
}
