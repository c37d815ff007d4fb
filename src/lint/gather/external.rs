//! Reads the resources of operators for outside stores: External Secrets, Vault's operator, the CSI driver.

use super::Gatherer;
use crate::lint::facts::{FileValue, FilesOnly, KeyedValue, ObjectFacts, ObjectMaker, TemplateFault};
use crate::lint::finding::Severity;
use crate::lint::origin::ValueMaker;
use crate::oracle::environment::ObjectKind;
use crate::oracle::secret::Location;
use crate::oracle::secret::diagnosis::Code;
use crate::release::document::Document;
use crate::release::tree::Id;

const DECODED: TemplateFault = TemplateFault {
    code: Code::Plaintext,
    severity: Severity::Warning,
    message: "the operator decodes the stored value (`decodingStrategy`), and nothing encodes it again",
    cure: "leave `decodingStrategy` at None, or encode in `target.template.data` with `\"{{ .value | b64enc }}\"`",
};
const DECODES: TemplateFault = TemplateFault {
    code: Code::Plaintext,
    severity: Severity::Error,
    message: "the template decodes the value, so Kestra gets plaintext",
    cure: "remove `b64dec` from the template, or use `b64enc` if the store holds plaintext",
};
const ENCODES_TWICE: TemplateFault = TemplateFault {
    code: Code::EncodedTooOften,
    severity: Severity::Warning,
    message: "the template encodes twice, but it produces the Secret's content, which Kubernetes encodes itself",
    cure: "write `b64enc` once",
};

impl<'a> Gatherer<'a> {
    /// An entry that a template makes; `decoded` says that the operator decodes before.
    pub(super) fn templated(doc: Document<'a>, key: Id, value: Id, decoded: bool) -> Option<KeyedValue<'a>> {
        let entry = doc.entry(key, value, Location::StringData)?;
        let FileValue::Elsewhere(ValueMaker::Template) = entry.value else {
            return Some(entry);
        };
        let template = doc.tree.text(value).unwrap_or_default();
        let count = |words: [&str; 2]| words.iter().map(|word| template.matches(word).count()).sum::<usize>();
        // `base64encode` is what the first version of the template engine calls it.
        let (encoded, undone) = (count(["b64enc", "base64encode"]), count(["b64dec", "base64decode"]));
        let value = match (encoded, undone + usize::from(decoded)) {
            (0, 0) => FileValue::Elsewhere(ValueMaker::Store),
            (0, _) if undone == 0 => FileValue::Wrong(DECODED),
            (encoded, undone) if encoded < undone => FileValue::Wrong(DECODES),
            (2.., 0) => FileValue::Wrong(ENCODES_TWICE),
            _ => FileValue::Right,
        };
        Some(KeyedValue { value, ..entry })
    }

    pub(super) fn external(&mut self, doc: Document<'a>, root: Id, spec: Option<Id>) {
        let Some(spec) = spec else { return };
        let list = |name| doc.tree.get(spec, name).map_or(&[][..], |list| doc.tree.items(list));
        let decodes = |item: Id| {
            let strategy = doc.text_at(item, &["remoteRef", "decodingStrategy"]);
            strategy.is_some_and(|strategy| strategy != "None")
        };
        let mut keys = Vec::new();
        let template = doc.tree.at(spec, &["target", "template"]);
        let templates = template.and_then(|t| doc.tree.get(t, "data"));
        if let Some(templates) = templates {
            let decoded = list("data").iter().any(|item| decodes(*item));
            for (key, value) in doc.tree.entries(templates) {
                keys.extend(Self::templated(doc, key, value, decoded));
            }
        }
        let merged = template.and_then(|t| doc.text_at(t, &["mergePolicy"])) == Some("Merge");
        if templates.is_none() || merged {
            for item in list("data") {
                let Some((_, name)) = doc.tree.entry(*item, "secretKey") else {
                    continue;
                };
                let entry = doc.entry(name, name, Location::StringData);
                // The name is where a person looks.
                keys.extend(entry.map(|entry| KeyedValue {
                    name: doc.tree.text(name).unwrap_or_default(),
                    value: if decodes(*item) {
                        FileValue::Wrong(DECODED)
                    } else {
                        FileValue::Elsewhere(ValueMaker::Store)
                    },
                    ..entry
                }));
            }
        }
        let open_ended = !list("dataFrom").is_empty() && (templates.is_none() || merged)
            || template.is_some_and(|t| doc.tree.get(t, "templateFrom").is_some());
        let owned = matches!(doc.text_at(spec, &["target", "creationPolicy"]), None | Some("Owner"));
        if !self.spend(keys.len()) {
            return;
        }
        let own = ["target", "name"];
        self.facts.objects.push(ObjectFacts {
            kind: ObjectKind::Secret,
            name: doc
                .text_at(spec, &own)
                .or_else(|| doc.text_at(root, &["metadata", "name"])),
            namespace: doc.text_at(root, &["metadata", "namespace"]),
            keys,
            complete: owned && !open_ended,
            maker: ObjectMaker::Manifest,
            labelled: false,
        });
    }

    /// A resource of the Vault Secrets Operator.
    pub(super) fn vault_operator(&mut self, doc: Document<'a>, root: Id) {
        let Some(destination) = doc.tree.at(root, &["spec", "destination"]) else {
            return;
        };
        let templates = doc.tree.at(destination, &["transformation", "templates"]);
        let templates = templates.map(|map| doc.tree.entries(map)).unwrap_or_default();
        let keys = templates
            .iter()
            .filter_map(|(key, template)| Self::templated(doc, *key, doc.tree.get(*template, "text")?, false))
            .collect();
        self.facts.objects.push(ObjectFacts {
            kind: ObjectKind::Secret,
            name: doc.text_at(destination, &["name"]),
            namespace: doc.text_at(root, &["metadata", "namespace"]),
            keys,
            complete: false,
            maker: ObjectMaker::Manifest,
            labelled: false,
        });
    }

    /// A class of the CSI driver: the Secrets it synchronises, or files alone.
    pub(super) fn csi(&mut self, doc: Document<'a>, root: Id) {
        let objects = doc.tree.at(root, &["spec", "secretObjects"]);
        let objects = objects.map_or(&[][..], |list| doc.tree.items(list));
        let namespace = doc.text_at(root, &["metadata", "namespace"]);
        if objects.is_empty() {
            let name = doc
                .tree
                .get(root, "metadata")
                .and_then(|meta| doc.tree.entry(meta, "name"));
            self.facts.files_only.extend(name.and_then(|(_, name)| {
                Some(FilesOnly {
                    name: doc.tree.text(name)?,
                    at: doc.at(name),
                })
            }));
        }
        for object in objects {
            let data = doc
                .tree
                .get(*object, "data")
                .map_or(&[][..], |data| doc.tree.items(data));
            let keys = data.iter().filter_map(|item| doc.tree.get(*item, "key"));
            let keys = keys.filter_map(|key| doc.entry(key, key, Location::StringData));
            let keys: Vec<_> = keys
                .map(|entry| KeyedValue {
                    value: FileValue::Elsewhere(ValueMaker::Csi),
                    ..entry
                })
                .collect();
            if !self.spend(keys.len()) {
                return;
            }
            self.facts.objects.push(ObjectFacts {
                kind: ObjectKind::Secret,
                name: doc.text_at(*object, &["secretName"]),
                namespace,
                keys,
                complete: true,
                maker: ObjectMaker::Manifest,
                labelled: false,
            });
        }
    }
}
