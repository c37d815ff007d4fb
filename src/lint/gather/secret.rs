//! Secrets, `ConfigMap`s, Services, and Sealed Secrets.

use super::Gatherer;
use crate::lint::facts::{FileValue, KeyedValue, ObjectFacts, ObjectMaker, Service};
use crate::lint::origin::ValueMaker;
use crate::oracle::environment::{ObjectKind, service_links};
use crate::oracle::secret::Location;
use crate::release::document::Document;
use crate::release::tree::Id;

impl<'a> Gatherer<'a> {
    pub(super) fn secret(&mut self, doc: Document<'a>, root: Id, kind: &str) {
        let (kind, maps): (_, &[_]) = if kind == "Secret" {
            let maps = &[("data", Location::Data), ("stringData", Location::StringData)];
            (ObjectKind::Secret, maps)
        } else {
            (ObjectKind::ConfigMap, &[("data", Location::StringData)])
        };
        let mut keys = Vec::new();
        for &(map, place) in maps {
            if let Some(map) = doc.tree.get(root, map) {
                let entries = doc.tree.entries(map);
                if !self.spend(entries.len()) {
                    return;
                }
                keys.extend(entries.iter().filter_map(|(key, value)| doc.entry(*key, *value, place)));
            }
        }
        self.facts.objects.push(ObjectFacts {
            kind,
            name: doc.text_at(root, &["metadata", "name"]),
            namespace: doc.text_at(root, &["metadata", "namespace"]),
            keys,
            complete: true,
            maker: ObjectMaker::Manifest,
            labelled: names_kestra(doc, root),
        });
    }

    /// A Sealed Secret: its names are known, its values are ciphertext.
    pub(super) fn sealed(&mut self, doc: Document<'a>, root: Id) {
        let mut keys: Vec<KeyedValue<'a>> = Vec::new();
        if let Some(sealed) = doc.tree.at(root, &["spec", "encryptedData"]) {
            for (key, value) in doc.tree.entries(sealed) {
                keys.extend(doc.entry(key, value, Location::Data).map(|entry| KeyedValue {
                    value: FileValue::Elsewhere(ValueMaker::Sealed),
                    ..entry
                }));
            }
        }
        if let Some(template) = doc.tree.at(root, &["spec", "template", "data"]) {
            for (key, value) in doc.tree.entries(template) {
                keys.extend(Self::templated(doc, key, value, false));
            }
        }
        let own = doc.text_at(root, &["spec", "template", "metadata", "name"]);
        self.facts.objects.push(ObjectFacts {
            kind: ObjectKind::Secret,
            name: own.or_else(|| doc.text_at(root, &["metadata", "name"])),
            namespace: doc.text_at(root, &["metadata", "namespace"]),
            keys,
            complete: true,
            maker: ObjectMaker::Manifest,
            labelled: false,
        });
    }

    /// A Service, where its links would be taken for secrets.
    pub(super) fn service(&mut self, doc: Document<'a>, root: Id) {
        let Some((_, name_at)) = doc
            .tree
            .get(root, "metadata")
            .and_then(|meta| doc.tree.entry(meta, "name"))
        else {
            return;
        };
        let name = doc.tree.text(name_at).unwrap_or_default();
        let ports = doc
            .tree
            .at(root, &["spec", "ports"])
            .map_or(0, |ports| doc.tree.items(ports).len());
        let headless = doc.text_at(root, &["spec", "clusterIP"]) == Some("None")
            || doc.text_at(root, &["spec", "type"]) == Some("ExternalName");
        if headless || ports == 0 {
            return;
        }
        let variable = service_links::host_variable(name);
        if variable.starts_with(crate::oracle::secret::PREFIX) {
            self.facts.services.push(Service {
                name,
                at: doc.at(name_at),
                namespace: doc.text_at(root, &["metadata", "namespace"]),
                variable,
            });
        }
    }
}

/// Whether an object's labels or annotations say that it is Kestra's.
fn names_kestra(doc: Document, root: Id) -> bool {
    let maps = [["metadata", "labels"], ["metadata", "annotations"]];
    let maps = maps.iter().filter_map(|path| doc.tree.at(root, path));
    let mut texts = maps
        .flat_map(|map| doc.tree.entries(map))
        .flat_map(|(key, value)| [key, value])
        .filter_map(|id| doc.tree.text(id));
    texts.any(|text| text.contains("kestra"))
}
