//! Kustomizations: Secrets and `ConfigMap`s that kustomize generates.

use super::env_file::env_entries;
use super::{Gatherer, text_value};
use crate::lint::facts::{FileValue, KeyedValue, ObjectFacts, ObjectMaker};
use crate::lint::origin::ValueMaker;
use crate::oracle::environment::ObjectKind;
use crate::oracle::secret::Location;
use crate::release::document::Document;
use crate::release::env_file::EnvDialect;
use crate::release::input::FileForm;
use crate::release::tree::Id;

const GENERATORS: [(&str, ObjectKind); 2] = [
    ("secretGenerator", ObjectKind::Secret),
    ("configMapGenerator", ObjectKind::ConfigMap),
];

/// The files beside kustomizations that generators name: the kustomization's source, the file, and how to read it.
pub fn references(documents: &[Document]) -> Vec<(usize, String, FileForm)> {
    let mut all = Vec::new();
    for doc in documents {
        let Some(path) = &doc.source.path else { continue };
        let is_named = path
            .file_stem()
            .is_some_and(|stem| stem.eq_ignore_ascii_case("kustomization"));
        for root in &doc.tree.roots {
            if !is_named && doc.text_at(*root, &["kind"]) != Some("Kustomization") {
                continue;
            }
            for generator in GENERATORS.iter().filter_map(|(name, _)| doc.tree.get(*root, name)) {
                for generator in doc.tree.items(generator) {
                    all.extend(
                        env_files(*doc, *generator)
                            .map(|(_, file)| (doc.index, file.into(), FileForm::EnvFile(Some(EnvDialect::Kustomize)))),
                    );
                    all.extend(files(*doc, *generator).map(|(_, key, file)| {
                        let key = key.to_owned();
                        (doc.index, file.to_owned(), FileForm::Whole { key })
                    }));
                }
            }
        }
    }
    all
}

/// `envs`, and `env` as it was called once.
fn env_files(doc: Document<'_>, generator: Id) -> impl Iterator<Item = (Id, &str)> {
    let many = doc
        .tree
        .get(generator, "envs")
        .map_or(&[][..], |envs| doc.tree.items(envs));
    let one = doc.tree.get(generator, "env");
    let all = many.iter().copied().chain(one);
    all.filter_map(move |id| Some((id, doc.tree.text(id)?)))
}

/// `files`: `KEY=PATH`, or a path whose last part is the key.
fn files<'a>(doc: Document<'a>, generator: Id) -> impl Iterator<Item = (Id, &'a str, &'a str)> {
    let files = doc
        .tree
        .get(generator, "files")
        .map_or(&[][..], |files| doc.tree.items(files));
    files.iter().filter_map(move |id| {
        let text: &'a str = doc.tree.text(*id)?;
        let last = text.rsplit('/').next().unwrap_or(text);
        let (key, path) = text.split_once('=').unwrap_or((last, text));
        Some((*id, key, path))
    })
}

impl<'a> Gatherer<'a> {
    pub(super) fn kustomization(&mut self, doc: Document<'a>, root: Id) {
        // A chart that kustomize itself renders is changed with the rest.
        let inflates =
            doc.tree.get(root, "helmCharts").is_some() || doc.tree.get(root, "helmChartInflationGenerator").is_some();
        let plain_names = doc.flag(root, &["generatorOptions", "disableNameSuffixHash"]);
        for (name, kind) in GENERATORS {
            let generators = doc.tree.get(root, name).map_or(&[][..], |list| doc.tree.items(list));
            for generator in generators {
                let own = doc.flag(*generator, &["options", "disableNameSuffixHash"]);
                let plain_name = inflates || own.or(plain_names) == Some(true);
                let (keys, complete) = self.generated(doc, *generator);
                if !self.spend(keys.len()) {
                    return;
                }
                self.facts.objects.push(ObjectFacts {
                    kind,
                    name: doc.text_at(*generator, &["name"]),
                    namespace: doc
                        .text_at(*generator, &["namespace"])
                        .or_else(|| doc.text_at(root, &["namespace"])),
                    keys,
                    complete: complete && doc.text_at(*generator, &["behavior"]).is_none_or(|b| b == "create"),
                    maker: ObjectMaker::Generator {
                        file: doc.file,
                        hashed: !plain_name,
                    },
                    labelled: false,
                });
            }
        }
    }

    /// The keys of one generator, and whether they are all of them.
    fn generated(&mut self, doc: Document<'a>, generator: Id) -> (Vec<KeyedValue<'a>>, bool) {
        let mut keys = Vec::new();
        let mut complete = true;
        let literals = doc
            .tree
            .get(generator, "literals")
            .map_or(&[][..], |list| doc.tree.items(list));
        keys.extend(literals.iter().filter_map(|literal| self::literal(doc, *literal)));
        for (_, file) in env_files(doc, generator) {
            match self.beside(doc, file) {
                Some(other) => keys.extend(env_entries(other)),
                None => complete = false,
            }
        }
        for (id, key, file) in files(doc, generator) {
            let at = doc.at(id);
            let unread = KeyedValue {
                name: key,
                name_at: at,
                value: FileValue::Elsewhere(ValueMaker::File),
                value_at: at,
                place: Location::StringData,
                literal: false,
            };
            let whole = self.beside(doc, file).and_then(|other| {
                let (_, value) = other
                    .tree
                    .roots
                    .first()
                    .and_then(|root| other.tree.written(*root).first())?;
                let (value, value_at) = (other.value(*value), other.at(*value));
                Some(KeyedValue {
                    value,
                    value_at,
                    ..unread
                })
            });
            keys.push(whole.unwrap_or(unread));
        }
        (keys, complete)
    }

    /// The source that a kustomization names, which is no Secret of its own then.
    fn beside(&mut self, doc: Document<'a>, file: &str) -> Option<Document<'a>> {
        let path = doc.source.path.as_deref()?.with_file_name(file);
        let found = self.documents.iter().find(|d| d.source.path.as_deref() == Some(&path));
        let found = found.filter(|d| d.source.form != FileForm::Yaml)?;
        self.claimed.push(found.index);
        Some(*found)
    }
}

/// `KEY=VALUE`; kustomize takes quotes around the value off.
fn literal<'a>(doc: Document<'a>, id: Id) -> Option<KeyedValue<'a>> {
    let text: &'a str = doc.tree.text(id)?;
    let (name, value) = text.split_once('=')?;
    let value = value.trim_matches(['"', '\'']);
    let at = doc.at(id);
    Some(KeyedValue {
        name,
        name_at: at,
        value: text_value(value, false),
        value_at: at,
        place: Location::StringData,
        literal: true,
    })
}
