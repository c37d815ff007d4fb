//! Entries that Kubernetes does not understand.

use super::Gatherer;
use super::layers::LayerNode;
use crate::lint::facts::Remark;
use crate::lint::finding::{Severity, printable_name};
use crate::oracle::secret::diagnosis::Code;
use crate::release::chart_keys::{ListForm, secret_names};
use crate::release::document::Document;
use crate::release::tree::Id;
use crate::system::words::listed;

/// Faults that are told of one list. Whoever wrote so many knows by then.
const MOST_FAULTS: usize = 20;

impl<'a> Gatherer<'a> {
    /// A list of values, and each of its entries.
    pub(super) fn malformed_list(&mut self, path: &str, (doc, list): LayerNode<'a>, form: ListForm) {
        if doc.tree.is_map(list) && !doc.tree.written(list).is_empty() {
            let names: Vec<_> = secret_names(doc, list).into_iter().map(printable_name).collect();
            let lost = match names.as_slice() {
                [] => String::new(),
                [name] => format!(", and {name} never arrives"),
                names => format!(", and {} never arrive", listed(names, "and")),
            };
            self.malformed(
                doc,
                list,
                path,
                format!("is a map where Kubernetes wants a list: the API server refuses the pod{lost}"),
                right_form(form).into(),
            );
        }
        let items = doc.tree.items(list);
        if !self.spend(items.len()) {
            return;
        }
        let mut faults = 0;
        for item in items {
            if let Some((message, cure)) = fault_of(doc, *item, form).filter(|_| faults < MOST_FAULTS) {
                faults += 1;
                let name = doc.text_at(*item, &["name"]).map_or(path.into(), printable_name);
                self.malformed(doc, *item, &name, message.into(), cure.into());
            }
        }
    }

    /// The entries of a container's own `env` or `envFrom`.
    pub(super) fn malformed(&mut self, doc: Document<'a>, at: Id, subject: &str, message: String, cure: String) {
        self.facts.remarks.push(Remark {
            at: doc.at(at),
            fault: Some((Code::MalformedEntry, Severity::Error)),
            subject: subject.into(),
            message,
            cure,
        });
    }
}

fn right_form(form: ListForm) -> &'static str {
    match form {
        ListForm::Env => "write a list of `- {name: SECRET_NAME, value: …}`",
        ListForm::EnvFrom => "write a list of `- secretRef: {name: …}`",
        ListForm::SecretNames | ListForm::ConfigMapNames => "write a list of `- name: …`",
    }
}

/// What is wrong with one entry, and what to write.
fn fault_of(doc: Document, item: Id, form: ListForm) -> Option<(&'static str, &'static str)> {
    let there = |key| doc.tree.get(item, key).is_some();
    if !doc.tree.is_map(item) {
        // A template or an anchor makes it, or it is nothing.
        let text = doc
            .tree
            .text(item)
            .filter(|text| !text.is_empty() && !text.contains("{{"));
        return text.map(|_| ("is a text where Kubernetes wants a map", right_form(form)));
    }
    match form {
        ListForm::Env => of_env(doc, item),
        ListForm::EnvFrom => {
            let reference = ["secretRef", "configMapRef"]
                .into_iter()
                .find_map(|key| doc.tree.get(item, key));
            match reference {
                Some(reference) if doc.tree.text(reference).is_some_and(|text| !text.is_empty()) => Some((
                    "names the object as a text, and the API server refuses the pod",
                    right_form(form),
                )),
                Some(reference) if doc.tree.is_map(reference) && doc.tree.get(reference, "name").is_none() => Some((
                    "the reference has no `name`, and the API server refuses the pod",
                    right_form(form),
                )),
                Some(_) => None,
                None if there("name") || there("secretName") || there("secretKeyRef") || there("configMapKeyRef") => {
                    Some((
                        "has no `secretRef` or `configMapRef`, and the API server refuses the pod",
                        right_form(form),
                    ))
                }
                None => None,
            }
        }
        ListForm::SecretNames | ListForm::ConfigMapNames => (!there("name")).then_some((
            "has no `name`: chart 0.x makes a reference without a name of it, and the API server refuses the pod",
            right_form(form),
        )),
    }
}

fn of_env(doc: Document, item: Id) -> Option<(&'static str, &'static str)> {
    let there = |key| doc.tree.get(item, key).is_some();
    let form = right_form(ListForm::Env);
    if ["secretKeyRef", "configMapKeyRef"].into_iter().any(there) {
        return Some((
            "has its reference outside `valueFrom`: the API server drops the field that it does not know, and the \
             variable is empty",
            "write `valueFrom: {secretKeyRef: {name: …, key: …}}`",
        ));
    }
    if !there("name") {
        return (!doc.tree.written(item).is_empty())
            .then_some(("has no `name`, and the API server refuses the pod", form));
    }
    if let Some(from) = doc.tree.get(item, "valueFrom") {
        let known = [
            "secretKeyRef",
            "configMapKeyRef",
            "fieldRef",
            "resourceFieldRef",
            "fileKeyRef",
        ];
        if doc.tree.is_map(from)
            && !doc.tree.written(from).is_empty()
            && known.iter().all(|key| doc.tree.get(from, key).is_none())
        {
            return Some((
                "has a `valueFrom` without `secretKeyRef`, and the API server refuses the pod",
                "write `valueFrom: {secretKeyRef: {name: …, key: …}}`",
            ));
        }
        let reference = doc
            .tree
            .get(from, "secretKeyRef")
            .or_else(|| doc.tree.get(from, "configMapKeyRef"));
        if reference.is_some_and(|r| {
            doc.tree.is_map(r) && (doc.tree.get(r, "name").is_none() || doc.tree.get(r, "key").is_none())
        }) {
            return Some((
                "has a reference without `name` or `key`, and the API server refuses the pod",
                "write `valueFrom: {secretKeyRef: {name: …, key: …}}`",
            ));
        }
    }
    let value = doc.tree.get(item, "value")?;
    let collection = doc.tree.is_map(value) || !doc.tree.items(value).is_empty();
    collection.then_some((
        "has a `value` that is no text, and the API server refuses the pod",
        form,
    ))
}
