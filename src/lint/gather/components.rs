//! Components that read a secret and do not get it.

use super::Gatherer;
use super::layers::Layers;
use super::release::Extent;
use super::values::{OwnLists, VariableList};
use crate::lint::facts::Remark;
use crate::lint::finding::{Severity, printable_name};
use crate::oracle::secret::diagnosis::Code;
use crate::release::chart_keys::ListForm;
use crate::system::words::listed;

/// The components that render expressions, each those of its own work.
pub(super) const READERS: [&str; 5] = ["standalone", "worker", "executor", "scheduler", "webserver"];

impl<'a> Gatherer<'a> {
    /// Components that are given a secret which others, that read it too, are not.
    pub(super) fn components_that_lack(
        &mut self,
        layers: &Layers<'a>,
        shared: &[VariableList<'a>],
        owns: &[OwnLists<'a>],
        extent: Extent,
    ) {
        let mut lists = owns.iter().flat_map(|own| &own.lists);
        if lists.any(|list| self.was_rendered(list.node)) {
            // The chart itself was asked.
            return;
        }
        let to_all: Vec<&str> = shared.iter().flat_map(VariableList::secrets).collect();
        let running = READERS.into_iter().filter(|c| layers.is_enabled("deployments", c));
        let running: Vec<&str> = running.collect();
        for own in owns {
            let is_enabled = layers.is_enabled(own.map, own.component);
            for list in own.lists.iter().filter(|list| list.form == ListForm::Env) {
                for name in list.secrets().into_iter().filter(|name| !to_all.contains(name)) {
                    let lack = if is_enabled {
                        lack_of(own, owns, &running, name)
                    } else {
                        Some(off(own, extent))
                    };
                    if let Some((message, severity)) = lack {
                        self.component_lacks(list, name, message, severity);
                    }
                }
            }
        }
    }

    fn component_lacks(&mut self, list: &VariableList<'a>, name: &str, message: String, severity: Severity) {
        let (doc, id) = list.node;
        let mut items = doc.tree.items(id).iter();
        let item = items.find(|item| doc.text_at(**item, &["name"]) == Some(name));
        self.facts.remarks.push(Remark {
            at: doc.at(item.copied().unwrap_or(id)),
            fault: Some((Code::ComponentLacks, severity)),
            subject: printable_name(name).into(),
            message,
            cure: Code::ComponentLacks.cure().into(),
        });
    }
}

/// What is said of a secret that only a component which does not run is given.
fn off(own: &OwnLists, extent: Extent) -> (String, Severity) {
    let (map, component) = (own.map, printable_name(own.component));
    let severity = match extent {
        Extent::Whole => Severity::Warning,
        Extent::File | Extent::Part => Severity::Note,
    };
    let says = format!("reaches no pod: {map}.{component} is not enabled in these values");
    (says, severity)
}

/// What is said of a secret that a component is given and other components that run are not. A worker group may have
/// its own.
fn lack_of(own: &OwnLists, owns: &[OwnLists], running: &[&str], name: &str) -> Option<(String, Severity)> {
    let gets = |component: &str| {
        let mut lists = owns
            .iter()
            .filter(|other| other.map == "deployments" && other.component == component)
            .flat_map(|other| &other.lists);
        component == own.component || lists.any(|list| list.secrets().contains(&name))
    };
    let lacking: Vec<&str> = running.iter().copied().filter(|component| !gets(component)).collect();
    if lacking.is_empty() || own.map != "deployments" {
        return None;
    }
    Some(only_some(&[&printable_name(own.component)], &lacking))
}

/// What is said of a secret that these components get and those lack.
pub(super) fn only_some(gets: &[&str], lacking: &[&str]) -> (String, Severity) {
    let tasks = lacking.iter().any(|c| matches!(*c, "worker" | "standalone"));
    let severity = if tasks { Severity::Warning } else { Severity::Note };
    let get = if gets.len() == 1 { "gets" } else { "get" };
    let says = format!(
        "only {} {get} it; {} cannot read it",
        listed(gets, "and"),
        listed(lacking, "and")
    );
    (says, severity)
}
