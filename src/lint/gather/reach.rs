//! What a chart that was rendered makes of the values.

use std::collections::{BTreeSet, HashSet};

use super::Gatherer;
use super::components::{READERS, only_some};
use super::layers::LayerNode;
use crate::lint::facts::Remark;
use crate::lint::finding::{Severity, printable_name};
use crate::oracle::secret::diagnosis::Code;
use crate::release::chart_keys::{is_secret, right_key};
use crate::release::document::{Document, NodeRef};
use crate::release::marking::Mark;
use crate::release::reach::{ContainerRef, Reach};
use crate::release::tree::{Content, Id};
use crate::scenario::Generation;
use crate::system::words::listed;

impl<'a> Gatherer<'a> {
    /// Whether the chart makes something of all that was marked below a node, so that what its keys alone tell is not
    /// said. What is said instead covers the marks.
    pub(super) fn chart_reads(&mut self, doc: Document<'a>, node: Id) -> bool {
        let Some(reach) = self.reach else { return false };
        let mut below = Vec::new();
        names_below(doc, node, &mut below);
        let mut found = below.iter().flat_map(|name| reach.of_name(*name)).peekable();
        let reads = found.peek().is_some() && found.all(|reach| !reach.is_nowhere());
        if !reads {
            self.covered.extend(below);
        }
        reads
    }

    /// Whether something below a node was marked, and its release rendered.
    pub(super) fn was_rendered(&self, (doc, node): LayerNode<'a>) -> bool {
        let mut below = Vec::new();
        names_below(doc, node, &mut below);
        let rendered = |name: &NodeRef| self.reach.is_some_and(|reach| reach.of_name(*name).next().is_some());
        below.iter().any(rendered)
    }

    /// Whether the chart gives what is named at a node to this component, or to any if none is named.
    pub(super) fn chart_gives(&mut self, name_at: NodeRef, component: Option<&str>) -> bool {
        let Some(reach) = self.reach else { return false };
        let mut found = reach.of_name(name_at).peekable();
        let gives = |reach: &Reach| {
            reach
                .containers
                .iter()
                .any(|c| component.is_none_or(|component| c.component.as_deref() == Some(component)))
        };
        let given = found.peek().is_some() && found.all(gives);
        if !given {
            self.covered.insert(name_at);
        }
        given
    }

    /// What the rendered chart makes of each secret, as far as nothing was said of it yet.
    pub(super) fn asked_of_the_chart(&mut self) {
        let Some(reach) = self.reach else { return };
        let generation = self
            .facts
            .values
            .first()
            .map_or(Generation::V1, |values| values.generation);
        let covered = std::mem::take(&mut self.covered);
        let mut said = HashSet::new();
        for (marks, kestras) in reach.releases() {
            for (mark, found) in marks {
                if covered.contains(&mark.name_at) {
                    continue;
                }
                let remark = lost(mark, found, &reach.chart, generation).or_else(|| lacking(mark, marks, kestras));
                self.facts.remarks.extend(remark.filter(|_| said.insert(mark.name_at)));
            }
        }
    }
}

/// What is said of a secret that reaches no container of Kestra's.
fn lost(mark: &Mark, found: &Reach, chart: &str, generation: Generation) -> Option<Remark> {
    let (code, message, cure) = if found.is_nowhere() {
        let near = right_key(generation, !is_secret(&mark.name));
        let message = format!("{chart} makes nothing of it: no container gets it");
        (
            Code::UnknownKey,
            message,
            format!("write it in `{near}`, which this chart reads"),
        )
    } else if !found.containers.is_empty() && !found.is_in_kestra() {
        let mut containers = found.containers.iter();
        let names: Vec<_> = containers
            .by_ref()
            .map(|c| format!("{} of {}", c.name, c.workload))
            .collect();
        let message = format!("{chart} gives it to {}, which is not Kestra", listed(&names, "and"));
        (Code::ComponentLacks, message, Code::ComponentLacks.cure().into())
    } else {
        return None;
    };
    Some(remark(mark, code, Severity::Error, message, cure))
}

/// What is said of a secret that some components of Kestra's get and others, which read secrets too, do not.
fn lacking(mark: &Mark, marks: &[(Mark, Reach)], kestras: &[ContainerRef]) -> Option<Remark> {
    let components = |containers: &[ContainerRef]| -> BTreeSet<String> {
        let kestras = containers.iter().filter(|c| c.is_kestra);
        kestras.filter_map(|c| c.component.clone()).collect()
    };
    let same = marks.iter().filter(|(other, _)| other.name == mark.name);
    let gets: BTreeSet<String> = same.flat_map(|(_, reach)| components(&reach.containers)).collect();
    let all = components(kestras);
    let reads = |component: &&str| READERS.contains(component);
    let lacking: Vec<&str> = all.difference(&gets).map(String::as_str).filter(reads).collect();
    let gets: Vec<&str> = gets.iter().map(String::as_str).filter(reads).collect();
    if gets.is_empty() || lacking.is_empty() {
        return None;
    }
    let (message, severity) = only_some(&gets, &lacking);
    let cure = Code::ComponentLacks.cure().into();
    Some(remark(mark, Code::ComponentLacks, severity, message, cure))
}

fn remark(mark: &Mark, code: Code, severity: Severity, message: String, cure: String) -> Remark {
    Remark {
        at: mark.name_at,
        fault: Some((code, severity)),
        subject: printable_name(&mark.name).into(),
        message,
        cure,
    }
}

/// All nodes at and below one, which may be where a name is written.
fn names_below(doc: Document, node: Id, names: &mut Vec<NodeRef>) {
    if doc.tree.resolve(node) != node {
        // What an alias stands for has a place of its own.
        return;
    }
    match &doc.tree.node(node).content {
        Content::Map(entries) => {
            for (key, value) in entries {
                names.push(doc.at(*key));
                names_below(doc, *value, names);
            }
        }
        Content::Seq(items) => items.iter().for_each(|item| names_below(doc, *item, names)),
        Content::Scalar(_) => names.push(doc.at(node)),
        Content::Alias(_) => {}
    }
}
