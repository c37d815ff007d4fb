//! `docker inspect`: the environment that a container has.

use super::{Gatherer, text_value};
use crate::lint::facts::{ContainerFacts, EnvEntry, KeyedValue};
use crate::oracle::secret::Location;
use crate::release::document::Document;
use crate::release::tree::Id;

/// The environment of what `docker inspect` prints of one container; none where it is something else.
pub(super) fn environment(doc: Document, root: Id) -> Option<Id> {
    doc.text_at(root, &["Config", "Image"])?;
    doc.tree.at(root, &["Config", "Env"])
}

impl<'a> Gatherer<'a> {
    pub(super) fn inspected(&mut self, doc: Document<'a>, root: Id, environment: Id) {
        let items = doc.tree.items(environment);
        let image = doc.text_at(root, &["Config", "Image"]).unwrap_or_default();
        let words = doc
            .tree
            .at(root, &["Config", "Cmd"])
            .map_or(&[][..], |list| doc.tree.items(list));
        let mut words = words.iter().filter_map(|word| doc.tree.text(*word));
        if !(image.contains("kestra") || words.any(|word| word.contains("kestra server"))) || !self.spend(items.len()) {
            return;
        }
        let env: Vec<_> = items.iter().filter_map(|item| entry(doc, *item)).collect();
        // What docker prints is a copy: to change it changes no container.
        self.facts.tied.extend(env.iter().map(|entry| entry.value_at));
        self.push(ContainerFacts {
            namespace: None,
            kestra: true,
            values: false,
            service_links: false,
            env: env.into_iter().map(EnvEntry::Value).collect(),
            env_from: Vec::new(),
        });
    }
}

fn entry(doc: Document<'_>, item: Id) -> Option<KeyedValue<'_>> {
    let (name, text) = doc.tree.text(item)?.split_once('=')?;
    let at = doc.at(item);
    Some(KeyedValue {
        name,
        name_at: at,
        value: text_value(text, false),
        value_at: at,
        place: Location::Env,
        literal: true,
    })
}
