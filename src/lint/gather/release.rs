//! Decides whether values are everything a release gets, and what chart 1.x would then miss.

use super::Gatherer;
use super::layers::Layers;
use super::values::ignored;
use crate::lint::configuration::lacks;
use crate::lint::facts::Remark;
use crate::lint::finding::Severity;
use crate::oracle::secret::diagnosis::Code;
use crate::release::document::Document;
use crate::release::tree::Id;
use crate::scenario::Generation;

/// How much of a release's values stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it: the resource that holds them names no others.
    Whole,
    /// A file, which helm may be given among others.
    File,
    /// A part, by what stands beside it.
    Part,
}

impl Extent {
    /// Of a `HelmRelease`: a patch of one names no chart.
    pub fn of_helm_release(doc: Document, root: Id) -> Self {
        let there = |key| doc.tree.at(root, &["spec", key]).is_some();
        Self::whole_if((there("chart") || there("chartRef")) && !there("valuesFrom"))
    }

    /// Of a source of an Argo CD Application.
    pub fn of_argo(doc: Document, source: Id) -> Self {
        let others = ["valueFiles", "values", "parameters", "fileParameters"];
        let none = others.iter().all(|key| doc.tree.at(source, &["helm", key]).is_none());
        Self::whole_if(doc.tree.get(source, "chart").is_some() && none)
    }

    fn whole_if(whole: bool) -> Self {
        if whole { Self::Whole } else { Self::Part }
    }
}

/// What was seen of releases up to now.
#[derive(Default)]
pub(super) struct Releases {
    /// How many values of Kestra's chart there are.
    seen: usize,
    /// What is said of a file of values if it is the only one.
    lonely: Option<Remark>,
}

impl<'a> Gatherer<'a> {
    /// Values that chart 1.x refuses, if they are all that it is given.
    pub(super) fn configuration(&mut self, layers: &Layers<'a>, generation: Generation, extent: Extent) {
        self.releases.seen += layers.each().count();
        if generation == Generation::V0 || !layers.each().all(|(doc, root)| lacks(doc.tree, root)) {
            return;
        }
        let Some((doc, root)) = layers.each().last() else {
            return;
        };
        let remark = |severity, message: &str| Remark {
            at: doc.at(doc.tree.entry(root, "configurations").map_or(root, |(key, _)| key)),
            fault: Some((Code::NoConfiguration, severity)),
            subject: "configurations".into(),
            message: message.into(),
            cure: Code::NoConfiguration.cure().into(),
        };
        match extent {
            Extent::Whole => {
                let says = format!("chart {generation} refuses values without a configuration of Kestra");
                self.facts.remarks.push(remark(Severity::Warning, &says));
            }
            // Values that say how Kestra is deployed, and no mere addition to others.
            Extent::File if !ignored(layers, Generation::V0).is_empty() && layers.last(&["deployments"]).is_some() => {
                let says = format!(
                    "chart {generation} refuses these values unless helm gets others too: they hold no configuration of Kestra"
                );
                self.releases.lonely = Some(remark(Severity::Note, &says));
            }
            Extent::File | Extent::Part => {}
        }
    }

    /// Finds `kestra.secret.encoding` in the configuration that values hold.
    pub(super) fn encodings(&mut self, doc: Document<'a>, root: Id) {
        for place in [&["configurations", "application"][..], &["configuration"]] {
            let path = [place, &["kestra", "secret", "encoding"]].concat();
            let found = doc.tree.at(root, &path);
            self.facts.encodings.extend(found.map(|id| doc.at(id)));
        }
    }

    /// Says it of a file of values beside which there are no others.
    pub(super) fn lonely_values(&mut self) {
        let lonely = self.releases.lonely.take().filter(|_| self.releases.seen == 1);
        self.facts.remarks.extend(lonely);
    }
}
