//! Values in layers, as helm merges them: maps become one, and a later list replaces an earlier one.

use crate::release::chart_keys::COMPONENTS;
use crate::release::document::Document;
use crate::release::tree::Id;

/// Values of one release, the later over the earlier.
pub struct Layers<'a>(Vec<(Document<'a>, Id)>);

/// A node of one of the layers.
pub type LayerNode<'a> = (Document<'a>, Id);

impl<'a> Layers<'a> {
    /// In the order in which helm gets them; never empty.
    pub fn new(layers: Vec<LayerNode<'a>>) -> Option<Self> {
        (!layers.is_empty()).then_some(Self(layers))
    }

    /// The layers.
    pub fn each(&self) -> impl Iterator<Item = LayerNode<'a>> {
        self.0.iter().copied()
    }

    /// What stands at a path, from the earliest layer to the latest, which wins.
    pub fn at(&self, path: &[&str]) -> Vec<LayerNode<'a>> {
        let found = self
            .0
            .iter()
            .filter_map(|(doc, root)| Some((*doc, doc.tree.at(*root, path)?)));
        found.collect()
    }

    /// What wins at a path.
    pub fn last(&self, path: &[&str]) -> Option<LayerNode<'a>> {
        self.at(path).pop()
    }

    /// The components and worker groups that any layer names: the map they stand in, and their name.
    pub fn components(&self) -> Vec<(&'static str, &'a str)> {
        let mut all = Vec::new();
        for map in COMPONENTS {
            for (doc, components) in self.at(&[map]) {
                for (key, component) in doc.tree.entries(components) {
                    let Some(name) = doc.tree.text(key).filter(|_| doc.tree.is_map(component)) else {
                        continue;
                    };
                    if !all.contains(&(map, name)) {
                        all.push((map, name));
                    }
                }
            }
        }
        all
    }

    /// Whether a component runs, by what the layers say, or else by the chart's own values.
    pub fn is_enabled(&self, map: &str, component: &str) -> bool {
        let said = self.last(&[map, component, "enabled"]);
        match said.and_then(|(doc, id)| doc.tree.text(id)) {
            Some(said) => said.eq_ignore_ascii_case("true"),
            None => component == "standalone",
        }
    }
}
