//! Where the secrets of values go, by a chart that is at hand: what is to be rendered, and what came of it.

use std::collections::HashMap;

use serde_json::Value;

use super::{LintOptions, Linted, with_facts};
use crate::release::document::{Document, NodeRef};
use crate::release::input::SourceFile;
use crate::release::marking::{Mark, Marks, merged};
use crate::release::reach::{ContainerRef, Reach, RenderedReach};
use crate::release::tree::Id;
use crate::release::walk::UnreadFile;
use crate::scenario::Generation;

/// One release by its values, marked. No `Debug`: what is no secret by its name is in it as it was written.
pub struct MarkedRelease {
    /// The file in which the first of its values stand, as it was named.
    pub file: String,
    /// The namespace that it goes to.
    pub namespace: Option<String>,
    /// The generation of the chart that the values are read for.
    pub generation: Generation,
    /// The values for Kestra's own chart.
    pub own: Value,
    /// The values for a chart around Kestra's; none where nothing tells of one.
    pub around: Option<Value>,
    /// What was marked, by the numbers of the marks.
    pub marks: Vec<Mark>,
}

/// The releases that the sources hold, each to be rendered once.
pub fn releases(sources: &[SourceFile], options: LintOptions) -> Vec<MarkedRelease> {
    with_facts(sources, options, None, &mut Linted::default(), |documents, facts| {
        let releases = facts.map_or(&[][..], |facts| &facts.releases);
        releases
            .iter()
            .filter_map(|release| {
                let mut marks = Marks::default();
                let own = marked(&mut marks, documents, &release.layers)?;
                let around = match release.around.as_slice() {
                    [] => None,
                    around => Some(marked(&mut marks, documents, around)?),
                };
                let marks = marks.into_all();
                let first = documents.get(release.layers.first()?.source)?;
                (!marks.is_empty()).then(|| MarkedRelease {
                    file: first.source.name.clone(),
                    namespace: release.namespace.map(ToOwned::to_owned),
                    generation: release.generation,
                    own,
                    around,
                    marks,
                })
            })
            .collect()
    })
}

/// The layers as one, marked; none if aliases make more of them than anybody has written, which lint says itself.
fn marked(marks: &mut Marks, documents: &[Document], layers: &[NodeRef]) -> Option<Value> {
    let layers = layers
        .iter()
        .filter_map(|at| Some((*documents.get(at.source)?, at.node)));
    let layers: Vec<(Document, Id)> = layers.collect();
    for (doc, root) in &layers {
        marks.add(*doc, *root);
    }
    let values: Option<Vec<Value>> = layers.into_iter().map(|(doc, root)| marks.values(doc, root)).collect();
    // A file without values is no mapping.
    Some(merged(values?.into_iter().filter(Value::is_object)))
}

/// What rendering a chart showed of the releases.
#[derive(Default)]
pub struct ChartReach {
    /// The chart with its version.
    pub chart: String,
    rendered: Vec<Vec<(Mark, Reach)>>,
    /// Of each release, the containers that run Kestra.
    kestras: Vec<Vec<ContainerRef>>,
    by_name: HashMap<NodeRef, Vec<(usize, usize)>>,
    /// The releases that the chart could not be rendered with.
    pub unrendered: Vec<UnreadFile>,
}

impl ChartReach {
    /// Of a chart of which nothing is rendered yet.
    pub fn new(chart: String) -> Self {
        Self {
            chart,
            ..Self::default()
        }
    }

    /// Adds what came of one release.
    pub fn add(&mut self, marks: Vec<Mark>, found: RenderedReach) {
        let release = self.rendered.len();
        for (number, mark) in marks.iter().enumerate() {
            self.by_name.entry(mark.name_at).or_default().push((release, number));
        }
        self.rendered.push(marks.into_iter().zip(found.marks).collect());
        self.kestras.push(found.kestras);
    }

    /// Each release: what was marked with where it goes, and the containers that run Kestra.
    pub fn releases(&self) -> impl Iterator<Item = (&[(Mark, Reach)], &[ContainerRef])> {
        self.rendered
            .iter()
            .map(Vec::as_slice)
            .zip(self.kestras.iter().map(Vec::as_slice))
    }

    /// Where what is named at a node goes, in each release that has it; nothing where it was not rendered.
    pub fn of_name(&self, name_at: NodeRef) -> impl Iterator<Item = &Reach> {
        let places = self.by_name.get(&name_at).map_or(&[][..], Vec::as_slice);
        places
            .iter()
            .filter_map(|(release, number)| Some(&self.rendered.get(*release)?.get(*number)?.1))
    }
}
