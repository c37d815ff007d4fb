//! Values for the chart, of either generation.

use std::path::Path;

use super::Gatherer;
use super::keys::path_shown;
use super::layers::{LayerNode, Layers};
use super::release::Extent;
use crate::lint::facts::{ContainerFacts, EnvEntry, FileValue, FromRef, KeyedValue, ReadFor, ReleaseFacts, Remark};
use crate::lint::finding::{Severity, printable_name};
use crate::lint::origin::ValueMaker;
use crate::oracle::environment::ObjectKind;
use crate::oracle::secret::Location;
use crate::oracle::secret::diagnosis::Code;
use crate::plan;
use crate::release::chart_keys::{
    ListForm, are_kestras, is_secret, may_be_kestras, own_lists, secret_names, shared_lists,
};
use crate::release::document::Document;
use crate::release::installs::{Install, SetValue};
use crate::release::tree::Id;
use crate::scenario::Generation;

/// A list of values that gives variables.
pub(super) struct VariableList<'a> {
    /// What its entries are.
    pub form: ListForm,
    /// Where it stands.
    pub node: LayerNode<'a>,
    /// The keys above it.
    pub path: String,
}

impl<'a> VariableList<'a> {
    /// The names of the secrets that it gives.
    pub fn secrets(&self) -> Vec<&'a str> {
        secret_names(self.node.0, self.node.1)
    }
}

/// The lists of one component or one worker group.
pub(super) struct OwnLists<'a> {
    /// `deployments` or `workerGroups`.
    pub map: &'static str,
    /// Its name.
    pub component: &'a str,
    /// Its lists; never empty.
    pub lists: Vec<VariableList<'a>>,
}

impl<'a> Gatherer<'a> {
    /// Values that no install names: those of the named files of one folder as layers of one release, in their order,
    /// and of the other files each alone.
    pub(super) fn loose_values(&mut self) {
        let loose: Vec<_> = std::mem::take(&mut self.loose);
        let loose = loose
            .into_iter()
            .filter(|(doc, root)| !self.layered.contains(&doc.at(*root)));
        let (named, others): (Vec<_>, Vec<_>) = loose.partition(|(doc, _)| doc.source.named);
        // Files of one folder are layers; those of different folders belong to different releases.
        let mut folders: Vec<(Option<&Path>, Vec<LayerNode<'a>>)> = Vec::new();
        for (doc, root) in named {
            let folder = doc.source.path.as_deref().and_then(Path::parent);
            for layer in self.kestras_part(doc, root, true) {
                // A second document of a file is another thing and no layer.
                let open = folders.iter_mut().find(|(other, layers)| {
                    *other == folder && layers.iter().all(|(layer, _)| layer.index != doc.index)
                });
                match open {
                    Some((_, layers)) => layers.push(layer),
                    None => folders.push((folder, vec![layer])),
                }
            }
        }
        for (_, layers) in folders {
            self.install(layers, Extent::File, None);
        }
        for (doc, root) in others {
            for layer in self.kestras_part(doc, root, false) {
                self.install(vec![layer], Extent::File, None);
            }
        }
    }

    /// Those of values that are Kestra's: all of them, or what stands under `kestra:` of a chart around it.
    pub(super) fn kestras_part(&self, doc: Document<'a>, root: Id, named: bool) -> Vec<LayerNode<'a>> {
        let assumed = self.options.assume_kestra;
        let own = are_kestras(doc, root)
            || assumed && named
            || (assumed || named || doc.source.is_called_kestra()) && may_be_kestras(doc, root);
        let part = doc.tree.get(root, "kestra").filter(|part| are_kestras(doc, *part));
        own.then_some((doc, root))
            .into_iter()
            .chain(part.map(|part| (doc, part)))
            .collect()
    }

    /// One release by its layers.
    pub(super) fn install(&mut self, layers: Vec<LayerNode<'a>>, extent: Extent, install: Option<&Install<'a>>) {
        let Some(layers) = Layers::new(layers) else { return };
        let generation = self.generation(&layers, install);
        self.facts.releases.push(release_of(&layers, install, generation));
        for (doc, root) in layers.each() {
            self.other_generation(doc, root, generation);
            self.unread_keys(doc, root, generation);
            self.encodings(doc, root);
        }
        self.configuration(&layers, generation, extent);
        let set = install.map_or(&[][..], |install| &install.set);
        let namespace = install.and_then(|install| install.namespace);
        let shared = self.shared(&layers, generation);
        let mut containers: Vec<Vec<&VariableList>> = vec![shared.iter().collect()];
        let mut owns = Vec::new();
        for (map, component) in layers.components() {
            let lists = self.own(&layers, generation, map, component);
            if !lists.is_empty() {
                owns.push(OwnLists { map, component, lists });
            }
        }
        // A component's own list replaces the shared one in 0.x, and follows it in 1.x.
        let replaced = |list: &VariableList| generation == Generation::V0 && list.form == ListForm::Env;
        for own in &owns {
            if layers.is_enabled(own.map, own.component) {
                let component = printable_name(own.component);
                let by = format!(
                    "{}.{component}.extraEnv replaces this list in chart {generation}",
                    own.map
                );
                for lost in shared.iter().filter(|list| replaced(list)) {
                    self.lost(lost, &own.lists[0], Severity::Error, &by, Some(&component));
                }
            }
            let kept = shared.iter().filter(|list| !replaced(list));
            containers.push(kept.chain(&own.lists).collect());
        }
        for lists in containers {
            self.container(&lists, set, namespace);
        }
        self.components_that_lack(&layers, &shared, &owns, extent);
        self.beside_the_variables(&layers);
    }

    /// Every list at a path: the winner, and of those that it replaces what is lost.
    fn lists(&mut self, layers: &Layers<'a>, path: &[&str], form: ListForm) -> Option<VariableList<'a>> {
        let mut all = layers.at(path).into_iter().map(|node| VariableList {
            form,
            node,
            path: path.join("."),
        });
        let winner = all.next_back()?;
        for replaced in all {
            let (doc, id) = winner.node;
            let (line, _) = doc.line_and_column(id);
            let by = format!("the list in {}:{line} replaces this one", doc.source.name);
            self.lost(&replaced, &winner, Severity::Warning, &by, None);
            self.unread_list(replaced);
        }
        self.malformed_list(&path_shown(&winner.path), winner.node, form);
        Some(winner)
    }

    fn shared(&mut self, layers: &Layers<'a>, generation: Generation) -> Vec<VariableList<'a>> {
        let paths = shared_lists(generation).iter();
        let lists = paths
            .filter_map(|(path, form)| self.lists(layers, path, *form))
            .collect();
        // What the other generation reads is judged too.
        let other = if generation == Generation::V0 {
            Generation::V1
        } else {
            Generation::V0
        };
        for (path, form) in shared_lists(other) {
            if let Some(node) = layers.last(path) {
                let (form, path) = (*form, path.join("."));
                self.unread_list(VariableList { form, node, path });
            }
        }
        lists
    }

    fn own(
        &mut self,
        layers: &Layers<'a>,
        generation: Generation,
        map: &str,
        component: &str,
    ) -> Vec<VariableList<'a>> {
        let lists = own_lists(generation).iter();
        lists
            .filter_map(|(list, form)| self.lists(layers, &[map, component, list], *form))
            .collect()
    }

    /// What a list gives that another, in its place, does not.
    fn lost(
        &mut self,
        list: &VariableList<'a>,
        winner: &VariableList<'a>,
        severity: Severity,
        by: &str,
        component: Option<&str>,
    ) {
        let given = |list: &VariableList<'a>| -> Vec<(&'a str, Id)> {
            let (doc, id) = list.node;
            let name = |item: &Id| {
                let path: &[&str] = match list.form {
                    ListForm::Env | ListForm::SecretNames | ListForm::ConfigMapNames => &["name"],
                    ListForm::EnvFrom if doc.tree.get(*item, "secretRef").is_some() => &["secretRef", "name"],
                    ListForm::EnvFrom => &["configMapRef", "name"],
                };
                let at = doc.tree.at(*item, path)?;
                Some((doc.tree.text(at)?, at))
            };
            doc.tree.items(id).iter().filter_map(name).collect()
        };
        let kept = given(winner);
        for (name, at) in given(list) {
            let counts = list.form != ListForm::Env || is_secret(name);
            let is_kept = kept.iter().any(|(other, _)| *other == name);
            if counts && !is_kept && !self.chart_gives(list.node.0.at(at), component) {
                self.facts.remarks.push(Remark {
                    at: list.node.0.at(at),
                    fault: Some((Code::ReplacedList, severity)),
                    subject: printable_name(name).into(),
                    message: format!("never reaches {}: {by}", component.unwrap_or("any pod")),
                    cure: format!("repeat it in `{}`, which wins", path_shown(&winner.path)),
                });
            }
        }
    }

    /// A list that reaches no pod. Its values are judged all the same, since somebody meant them.
    #[expect(clippy::needless_pass_by_value, reason = "nobody else has a use for it")]
    pub(super) fn unread_list(&mut self, list: VariableList<'a>) {
        self.container(&[&list], &[], None);
    }

    /// A container that gets these lists one after the other.
    fn container(&mut self, lists: &[&VariableList<'a>], set: &[SetValue<'a>], namespace: Option<&'a str>) {
        let (mut env, mut env_from) = (Vec::new(), Vec::new());
        for list in lists {
            let (doc, id) = list.node;
            match list.form {
                ListForm::Env => {
                    let mut entries = self.env(doc, id);
                    self.apply(set, &list.path, &mut entries);
                    env.extend(entries);
                }
                ListForm::EnvFrom => env_from.extend(self.env_from(doc, id)),
                ListForm::SecretNames => env_from.extend(named_only(doc, id, ObjectKind::Secret)),
                ListForm::ConfigMapNames => env_from.extend(named_only(doc, id, ObjectKind::ConfigMap)),
            }
        }
        if env.is_empty() && env_from.is_empty() {
            return;
        }
        self.push(ContainerFacts {
            namespace,
            kestra: true,
            values: true,
            service_links: true,
            env,
            env_from,
        });
    }

    /// What is set by its path over the entries of a list.
    fn apply(&self, set: &[SetValue<'a>], path: &str, entries: &mut [EnvEntry<'a>]) {
        for setting in set {
            let index = setting.path.strip_prefix(path).and_then(|rest| {
                let (index, field) = rest.strip_prefix('[')?.split_once(']')?;
                index.parse::<usize>().ok().filter(|_| field == ".value")
            });
            let Some(entry) = index.and_then(|index| entries.get_mut(index)) else {
                continue;
            };
            let (name, name_at) = entry.name();
            let value_at = setting.value.unwrap_or(setting.at);
            let written = setting
                .value
                .and_then(|at| Some(self.documents.get(at.source)?.value(at.node)));
            *entry = EnvEntry::Value(KeyedValue {
                name,
                name_at,
                value: written.unwrap_or(FileValue::Elsewhere(ValueMaker::Set)),
                value_at,
                place: Location::Values,
                literal: false,
            });
        }
    }

    /// What else the values say of secrets: mounted classes, Vault's agent, manifests of their own.
    fn beside_the_variables(&mut self, layers: &Layers<'a>) {
        let parts = layers
            .components()
            .into_iter()
            .map(|(map, component)| vec![map, component]);
        for part in [vec![], vec!["common"]].into_iter().chain(parts) {
            let below = |key| {
                let path = [&part[..], &[key]].concat();
                layers.last(&path)
            };
            if let Some((doc, volumes)) = below("extraVolumes") {
                self.mounts(doc, Some(volumes));
            }
            for annotations in ["podAnnotations", "annotations"] {
                if let Some((doc, annotations)) = below(annotations) {
                    self.vault_agent(doc, Some(annotations));
                }
            }
        }
        for key in ["extraManifests", "extraObjects"] {
            if let Some((doc, list)) = layers.last(&[key]) {
                for manifest in doc.tree.items(list).iter().filter(|m| doc.tree.is_map(**m)) {
                    self.manifest(doc, *manifest, 1);
                }
            }
        }
    }

    /// The generation that the values are read for: the one that was said, that of the version beside them, or else
    /// by their keys.
    fn generation(&mut self, layers: &Layers<'a>, install: Option<&Install<'a>>) -> Generation {
        let by_version = install.and_then(|install| {
            let generation = install.generation()?;
            let version = printable_name(install.version?);
            Some((
                generation,
                format!("{} names version {version} of the chart", install.kind.name()),
            ))
        });
        let guessed = self.options.generation.is_none() && by_version.is_none();
        let (generation, because) = match self.options.generation {
            Some(named) => (named, "--chart-generation names it".to_owned()),
            None => by_version.unwrap_or_else(|| guess(layers)),
        };
        for (doc, root) in layers.each() {
            // A named file without any sign of Kestra needs no remark.
            let signs = install.is_some() || are_kestras(doc, root) || may_be_kestras(doc, root);
            if !signs {
                continue;
            }
            self.facts.values.push(ReadFor {
                at: doc.at(root),
                generation,
                because: because.clone(),
                guessed,
            });
        }
        generation
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

    /// `envFrom`, or a list like it.
    pub(super) fn env_from(&mut self, doc: Document<'a>, list: Id) -> Vec<FromRef<'a>> {
        let items = doc.tree.items(list);
        if !self.spend(items.len()) {
            return Vec::new();
        }
        items
            .iter()
            .filter_map(|item| super::workload::from(doc, *item))
            .collect()
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

/// What is to be rendered of a release.
fn release_of<'a>(layers: &Layers<'a>, install: Option<&Install<'a>>, generation: Generation) -> ReleaseFacts<'a> {
    // Values of a chart around Kestra's that nothing describes have Kestra's below a key of theirs.
    let above = |(doc, part): LayerNode<'a>| {
        let holds = |root: &&Id| {
            doc.tree
                .get(**root, "kestra")
                .is_some_and(|below| doc.at(below) == doc.at(part))
        };
        Some(doc.at(*doc.tree.roots.iter().find(holds)?))
    };
    ReleaseFacts {
        layers: layers.each().map(|(doc, root)| doc.at(root)).collect(),
        around: match install {
            Some(install) => install.around.iter().map(|(at, _)| *at).collect(),
            None => layers.each().filter_map(above).collect(),
        },
        namespace: install.and_then(|install| install.namespace),
        generation,
    }
}

/// The keys of values that a chart of a generation ignores.
pub(super) fn ignored(layers: &Layers, generation: Generation) -> Vec<&'static str> {
    let there = |path: &str| layers.last(&path.split('.').collect::<Vec<_>>()).is_some();
    let known = |path: &str| plan::misspelt().all(|(wrong, _)| wrong != path);
    let paths = plan::ignored_keys(generation).map(|(path, _)| path);
    paths.filter(|path| known(path) && there(path)).collect()
}

/// The generation whose keys the values use, and how that is known: the one that ignores fewer of them, 1.x when both
/// do alike.
fn guess(layers: &Layers) -> (Generation, String) {
    let (of_0, of_1) = (ignored(layers, Generation::V1), ignored(layers, Generation::V0));
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
