//! Reads pods and the workloads that create them.

use super::Gatherer;
use crate::lint::facts::{ContainerFacts, EnvEntry, FileValue, FromRef, KeyRef, KeyedValue, NodeRef, Remark};
use crate::lint::origin::{self, ValueMaker};
use crate::oracle::environment::ObjectKind;
use crate::oracle::secret::Location;
use crate::release::document::Document;
use crate::release::reach::runs_kestra;
use crate::release::tree::Id;

/// Annotations of Vault's agent, and of its like, that name a file each.
const AGENT: [&str; 2] = [
    "vault.hashicorp.com/agent-inject-secret-",
    "bao.openbao.org/agent-inject-secret-",
];

impl<'a> Gatherer<'a> {
    pub(super) fn workload(&mut self, doc: Document<'a>, root: Id, kind: &str) {
        // The pod's metadata stand beside its spec.
        let pod = match kind {
            "Pod" => Some(root),
            "PodTemplate" => doc.tree.get(root, "template"),
            "CronJob" => doc.tree.at(root, &["spec", "jobTemplate", "spec", "template"]),
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job" | "Rollout" => {
                doc.tree.at(root, &["spec", "template"])
            }
            _ => None,
        };
        let Some((pod, spec)) = pod.and_then(|pod| Some((pod, doc.tree.get(pod, "spec")?))) else {
            return;
        };
        let namespace = doc.text_at(root, &["metadata", "namespace"]);
        let labels = ["app.kubernetes.io/name", "app", "k8s-app"];
        let label = |name: &&str| doc.text_at(pod, &["metadata", "labels", name]);
        let names = labels
            .iter()
            .filter_map(label)
            .chain(doc.text_at(root, &["metadata", "name"]));
        let is_named = names.into_iter().any(|name| name.contains("kestra"));
        let service_links = doc.flag(spec, &["enableServiceLinks"]) != Some(false);
        let containers = doc
            .tree
            .get(spec, "containers")
            .map_or(&[][..], |list| doc.tree.items(list));
        let only = containers.len() == 1;
        let mut any = false;
        for container in containers {
            let kestra = runs_kestra(doc.text_at(*container, &["image"]), words(doc, *container)) || is_named && only;
            any |= kestra;
            if !self.spend(0) {
                return;
            }
            let env = doc
                .tree
                .get(*container, "env")
                .map(|list| self.env(doc, list))
                .unwrap_or_default();
            let from = doc.tree.get(*container, "envFrom").map(|list| self.env_from(doc, list));
            self.push(ContainerFacts {
                namespace,
                kestra,
                values: false,
                service_links,
                env,
                env_from: from.unwrap_or_default(),
            });
        }
        if any {
            self.mounts(doc, doc.tree.get(spec, "volumes"));
            self.vault_agent(doc, doc.tree.at(pod, &["metadata", "annotations"]));
        }
    }

    /// The classes of the CSI driver that volumes name.
    pub(super) fn mounts(&mut self, doc: Document<'a>, volumes: Option<Id>) {
        let volumes = volumes.map_or(&[][..], |list| doc.tree.items(list));
        let path = ["csi", "volumeAttributes", "secretProviderClass"];
        self.facts
            .mounted
            .extend(volumes.iter().filter_map(|volume| doc.text_at(*volume, &path)));
    }

    /// Secrets that Vault's agent writes into files.
    pub(super) fn vault_agent(&mut self, doc: Document<'a>, annotations: Option<Id>) {
        let Some(annotations) = annotations else { return };
        for (key, _) in doc.tree.entries(annotations) {
            let name = doc.tree.text(key).unwrap_or_default();
            let Some(file) = AGENT.iter().find_map(|prefix| name.strip_prefix(prefix)) else {
                continue;
            };
            self.facts.remarks.push(Remark {
                at: doc.at(key),
                fault: None,
                subject: crate::lint::finding::printable_name(file).into(),
                message: "not knowable here: the agent writes it into a file, never into the environment, and \
                          `secret()` reads the environment alone"
                    .into(),
                cure: "have a Secret made (Vault Secrets Operator, External Secrets), or let a template write \
                       `export SECRET_NAME=…` with `base64Encode` and start Kestra by a shell that sources the file"
                    .into(),
            });
        }
    }
}

/// The words of a container's command and arguments.
fn words(doc: Document<'_>, container: Id) -> impl Iterator<Item = &str> {
    let lists = ["command", "args"].into_iter();
    let items = lists.flat_map(move |key| doc.items_at(container, &[key]));
    items.filter_map(move |word| doc.tree.text(*word))
}

/// One entry of `env`.
pub(super) fn variable(doc: Document<'_>, item: Id) -> Option<EnvEntry<'_>> {
    let name_id = doc.tree.get(item, "name")?;
    let (name, name_at) = (doc.tree.text(name_id)?, doc.at(name_id));
    let value = doc.tree.get(item, "value");
    // An empty `value` does not keep `valueFrom` from being used.
    let value = value.filter(|value| doc.tree.text(*value).is_none_or(|text| !text.is_empty()));
    let from = doc.tree.get(item, "valueFrom").filter(|_| value.is_none());
    if let Some(from) = from {
        for (kind, key) in [
            (ObjectKind::Secret, "secretKeyRef"),
            (ObjectKind::ConfigMap, "configMapKeyRef"),
        ] {
            if let Some(reference) = doc.tree.get(from, key) {
                let key = doc.tree.get(reference, "key")?;
                return Some(EnvEntry::Key(KeyRef {
                    name,
                    name_at,
                    kind,
                    object: doc.text_at(reference, &["name"])?,
                    object_at: doc.at(doc.tree.get(reference, "name")?),
                    key: doc.tree.text(key)?,
                    key_at: doc.at(key),
                    optional: doc.flag(reference, &["optional"]) == Some(true),
                }));
            }
        }
    }
    let entry = |value, value_at: NodeRef, place| KeyedValue {
        name,
        name_at,
        value,
        value_at,
        place,
        literal: false,
    };
    Some(EnvEntry::Value(match value {
        None => entry(FileValue::Nothing, name_at, Location::Values),
        Some(value) => {
            let found = match doc.value(value) {
                FileValue::Text { text, .. } if origin::expansions(text).next().is_some() => {
                    FileValue::Elsewhere(ValueMaker::Expansion)
                }
                found => found,
            };
            entry(found, doc.at(value), Location::Values)
        }
    }))
}

/// One entry of `envFrom`.
pub(super) fn from(doc: Document<'_>, item: Id) -> Option<FromRef<'_>> {
    let kinds = [
        (ObjectKind::ConfigMap, "configMapRef"),
        (ObjectKind::Secret, "secretRef"),
    ];
    let (kind, reference) = kinds
        .into_iter()
        .find_map(|(kind, key)| Some((kind, doc.tree.get(item, key)?)))?;
    let name = doc.tree.get(reference, "name")?;
    Some(FromRef {
        kind,
        object: doc.tree.text(name)?,
        object_at: doc.at(name),
        prefix: doc.text_at(item, &["prefix"]).unwrap_or_default(),
    })
}
