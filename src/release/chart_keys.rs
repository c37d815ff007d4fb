//! The keys of values from which Kestra's chart makes a container's variables, and those that people write in their
//! place. They are those of `charts/kestra-minimal`, which `tests/chart_parity.rs` compares with the real charts.

use super::document::Document;
use super::tree::{Content, Id};
use crate::oracle::secret::PREFIX;
use crate::plan;
use crate::scenario::Generation;

/// What the entries of a list are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListForm {
    /// Entries of a container's `env`.
    Env,
    /// Entries of a container's `envFrom`.
    EnvFrom,
    /// Names of Secrets, as chart 0.x has them.
    SecretNames,
    /// Names of `ConfigMap`s, likewise.
    ConfigMapNames,
}

/// The lists that stand beside `common`'s, or at the top in 0.x.
pub fn shared_lists(generation: Generation) -> &'static [(&'static [&'static str], ListForm)] {
    match generation {
        Generation::V0 => &[
            (&["extraEnv"], ListForm::Env),
            (&["extraSecretEnvFrom"], ListForm::SecretNames),
            (&["extraConfigMapEnvFrom"], ListForm::ConfigMapNames),
        ],
        Generation::V1 | Generation::V2 => &[
            (&["common", "extraEnv"], ListForm::Env),
            (&["common", "extraEnvFrom"], ListForm::EnvFrom),
        ],
    }
}

/// The lists of one component or one worker group.
pub fn own_lists(generation: Generation) -> &'static [(&'static str, ListForm)] {
    match generation {
        Generation::V0 => &[("extraEnv", ListForm::Env)],
        Generation::V1 | Generation::V2 => &[("extraEnv", ListForm::Env), ("extraEnvFrom", ListForm::EnvFrom)],
    }
}

/// The maps whose entries are components.
pub const COMPONENTS: [&str; 2] = ["deployments", "workerGroups"];

/// Keys that only Kestra's chart has.
const SIGNS: [&[&str]; 6] = [
    &["extraSecretEnvFrom"],
    &["extraConfigMapEnvFrom"],
    &["configurations"],
    &["common", "extraEnv"],
    &["common", "extraEnvFrom"],
    &["configuration", "kestra"],
];

/// Variables of Django, Rails and others that merely look like Kestra's.
const OF_OTHERS: [&str; 3] = ["SECRET_KEY", "SECRET_KEY_BASE", "SECRET_KEY_FILE"];

/// Whether a name is one that another application is known for.
pub fn is_of_another(name: &str) -> bool {
    OF_OTHERS.contains(&name)
}

/// Whether values are those of Kestra's chart, by their keys or their image.
pub fn are_kestras(doc: Document, root: Id) -> bool {
    let image = ["repository", "image"]
        .iter()
        .filter_map(|key| doc.text_at(root, &["image", key]));
    let own = |component: Id| doc.tree.get(component, "extraEnv").is_some();
    SIGNS.iter().any(|path| doc.tree.at(root, path).is_some())
        || image.into_iter().any(|image| image.contains("kestra"))
        || doc.tree.at(root, &["deployments", "standalone"]).is_some()
        || doc
            .tree
            .get(root, "deployments")
            .is_some_and(|map| doc.tree.written(map).iter().any(|(_, component)| own(*component)))
}

/// Whether values give secrets under a key that other charts have too.
pub fn may_be_kestras(doc: Document, root: Id) -> bool {
    let common = doc
        .tree
        .get(root, "common")
        .map_or(&[][..], |map| doc.tree.written(map));
    let lists = doc
        .tree
        .get(root, "extraEnv")
        .into_iter()
        .chain(common.iter().map(|(_, value)| *value));
    let mut names = lists.flat_map(|list| secret_names(doc, list));
    names.any(|name| !is_of_another(name))
}

/// Whether Kestra reads the name as a secret's, or would in capitals.
pub fn is_secret(name: &str) -> bool {
    name.get(..PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// The names of secrets that a list of variables or a map gives, whatever its form.
pub fn secret_names<'a>(doc: Document<'a>, id: Id) -> Vec<&'a str> {
    let names: Vec<&'a str> = match &doc.tree.node(id).content {
        Content::Map(entries) => entries.iter().filter_map(|(key, _)| doc.tree.text(*key)).collect(),
        Content::Seq(items) => {
            let name = |item: &Id| match &doc.tree.node(*item).content {
                Content::Map(entries) => doc
                    .text_at(*item, &["name"])
                    .or_else(|| entries.first().and_then(|(key, _)| doc.tree.text(*key))),
                _ => doc.tree.text(*item).map(|text| text.split('=').next().unwrap_or(text)),
            };
            items.iter().filter_map(name).collect()
        }
        _ => Vec::new(),
    };
    names.into_iter().filter(|name| is_secret(name)).collect()
}

/// A key that the chart does not read although it looks like one that gives variables.
pub struct UnreadKey<'a> {
    /// The key.
    pub key: Id,
    /// Its value.
    pub value: Id,
    /// The key with those above it.
    pub path: String,
    /// The key that is read, and near.
    pub near: String,
    /// The secrets below it.
    pub secrets: Vec<&'a str>,
    /// Whether a sidecar reads it, which is not Kestra.
    pub sidecar: bool,
}

/// Keys of other charts that name a Secret for the container's environment.
pub const NAME_A_SECRET: [&str; 9] = [
    "existingSecret",
    "existingSecrets",
    "envFromSecret",
    "envFromSecrets",
    "extraEnvVarsSecret",
    "extraEnvSecret",
    "secretEnvFrom",
    "secretRef",
    "envSecret",
];
/// Keys of other charts, and slips, that stand for a list like `envFrom`.
const LIKE_ENV_FROM: [&str; 5] = [
    "envFrom",
    "extraEnvFroms",
    "extraEnvsFrom",
    "envsFrom",
    "extraEnvVarsFrom",
];
/// The same for a list like `env`.
const LIKE_ENV: [&str; 7] = [
    "env",
    "envs",
    "extraEnvs",
    "extraEnvVars",
    "envVars",
    "environment",
    "extraEnvironment",
];
/// What the chart hands on as it is, or what is not about Kestra's container.
const NOT_LOOKED_INTO: [&str; 12] = [
    "application",
    "configuration",
    "extraManifests",
    "extraObjects",
    "initContainers",
    "extraContainers",
    "postgresql",
    "minio",
    "kafka",
    "elasticsearch",
    "global",
    "annotations",
];
/// Values are nested no deeper than this by people.
const DEEPEST: usize = 12;

/// The keys of values that a chart of this generation does not read and that look as if they gave variables, but those
/// that another generation reads.
pub fn unread_keys(doc: Document<'_>, root: Id, generation: Generation) -> Vec<UnreadKey<'_>> {
    let mut all = Vec::new();
    collect(doc, root, generation, &mut Vec::new(), &mut all);
    all
}

fn collect<'a>(
    doc: Document<'a>,
    map: Id,
    generation: Generation,
    above: &mut Vec<&'a str>,
    all: &mut Vec<UnreadKey<'a>>,
) {
    for (key, value) in doc.tree.written(map) {
        let Some(name) = doc.tree.text(*key) else { continue };
        // What has an anchor is there for what refers to it, and what refers to it multiplies it.
        if doc.tree.node(*value).shared {
            continue;
        }
        above.push(name);
        if !is_read(above, generation) && !NOT_LOOKED_INTO.contains(&name) {
            match unread(doc, *key, *value, generation, above) {
                Some(unread) => all.push(unread),
                None if above.len() < DEEPEST => collect(doc, *value, generation, above, all),
                None => {}
            }
        }
        above.pop();
    }
}

/// Whether a chart of the generation reads the path, or one of another does, which is told otherwise.
fn is_read(path: &[&str], generation: Generation) -> bool {
    let shared = |of: Generation| shared_lists(of).iter().any(|(known, _)| *known == path);
    let own = || match path {
        [map, _, list] if COMPONENTS.contains(map) => own_lists(generation).iter().any(|(known, _)| known == list),
        _ => false,
    };
    let dotted = path.join(".");
    shared(generation)
        || own()
        || plan::ignored_keys(generation).any(|(ignored, _)| ignored == dotted && ignored != "common")
}

fn unread<'a>(doc: Document<'a>, key: Id, value: Id, generation: Generation, path: &[&str]) -> Option<UnreadKey<'a>> {
    let name = *path.last()?;
    let secrets = secret_names(doc, value);
    let sidecar = path == ["dind", "extraEnv"];
    if sidecar && secrets.is_empty() {
        return None;
    }
    let holds = !doc.tree.written(value).is_empty()
        || !doc.tree.items(value).is_empty()
        || doc.tree.text(value).is_some_and(|text| !text.is_empty());
    // Where the container of another chart would have it: at the top, in `common`, or in a component.
    let level = match path {
        [_] | ["common", _] => true,
        [map, _, _] => COMPONENTS.contains(map),
        _ => false,
    };
    let foreign = holds && level && [&NAME_A_SECRET[..], &LIKE_ENV_FROM, &LIKE_ENV].concat().contains(&name);
    if secrets.is_empty() && !foreign {
        return None;
    }
    Some(UnreadKey {
        key,
        value,
        path: path.join("."),
        near: near(path, name, generation),
        secrets,
        sidecar,
    })
}

/// The key of the generation that does what this one was meant to do.
fn near(path: &[&str], name: &str, generation: Generation) -> String {
    let from = NAME_A_SECRET.contains(&name) || LIKE_ENV_FROM.contains(&name);
    // A slip can put a plaintext where a name is due, and this is printed.
    let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let path = if path.iter().all(|key| is_name(key)) { path } else { &[] };
    match (path, generation, from) {
        (_, Generation::V0, true) => right_key(generation, true).into(),
        ([map, component, ..], _, true) if COMPONENTS.contains(map) => {
            format!("{map}.{component}.extraEnvFrom: [{{secretRef: {{name: …}}}}]")
        }
        (_, _, true) => right_key(generation, true).into(),
        ([map, component, ..], _, false) if COMPONENTS.contains(map) => format!("{map}.{component}.extraEnv"),
        (_, _, false) => right_key(generation, false).into(),
    }
}

/// The key that gives all of Kestra's containers a variable, or the keys of an object.
pub fn right_key(generation: Generation, object: bool) -> &'static str {
    match (generation, object) {
        (Generation::V0, true) => "extraSecretEnvFrom: [{name: …}]",
        (Generation::V0, false) => "extraEnv",
        (_, true) => "common.extraEnvFrom: [{secretRef: {name: …}}]",
        (_, false) => "common.extraEnv",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::input::{FileForm, SourceFile};

    fn unread(text: &str, generation: Generation) -> Vec<String> {
        let source = SourceFile::new("values.yaml", None, text, FileForm::Yaml);
        let tree = source.tree().unwrap();
        let documents = Document::of_files([(&source, &tree)].into_iter());
        let keys = unread_keys(documents[0], tree.roots[0], generation);
        keys.iter().map(|key| format!("{} -> {}", key.path, key.near)).collect()
    }

    #[test]
    fn keys_that_are_almost_right_name_the_right_one() {
        let text = "common: {extraEnvs: [{name: SECRET_A}], extraEnv: [{name: SECRET_B}]}\n\
                    deployments: {worker: {env: [{name: SECRET_C}], extraEnv: [{name: SECRET_D}]}}\n\
                    existingSecret: x\nworkerGroups: {gpu: {extraEnv: [{name: SECRET_E}]}}\n\
                    configurations: {application: {env: [{name: SECRET_F}]}, common: {extraEnv: [{name: SECRET_G}]}}\n";
        assert_eq!(
            unread(text, Generation::V1),
            [
                "common.extraEnvs -> common.extraEnv",
                "deployments.worker.env -> deployments.worker.extraEnv",
                "existingSecret -> common.extraEnvFrom: [{secretRef: {name: …}}]",
                "configurations.common.extraEnv -> common.extraEnv",
            ]
        );
    }

    #[test]
    fn keys_of_another_generation_are_not_told_twice() {
        assert!(unread("extraEnv: [{name: SECRET_A}]", Generation::V1).is_empty());
        assert!(unread("common: {extraEnv: [{name: SECRET_A}]}", Generation::V0).is_empty());
        assert_eq!(unread("env: {SECRET_A: x}", Generation::V0), ["env -> extraEnv"]);
    }
}
