//! Components that read a secret and do not get it.

use super::Gatherer;
use super::layers::Layers;
use super::release::Extent;
use super::values::VariableList;
use crate::lint::facts::Remark;
use crate::lint::finding::{Severity, printable_name};
use crate::oracle::secret::diagnosis::Code;
use crate::release::chart_keys::{ListForm, secret_names};
use crate::system::words::listed;

impl<'a> Gatherer<'a> {
    /// Components that are given a secret which others, that read it too, are not.
    pub(super) fn components_that_lack(
        &mut self,
        layers: &Layers<'a>,
        shared: &[VariableList<'a>],
        owns: &[(&'static str, &'a str, Vec<VariableList<'a>>)],
        extent: Extent,
    ) {
        let names = |list: &VariableList<'a>| secret_names(list.node.0, list.node.1);
        let to_all: Vec<&str> = shared.iter().flat_map(names).collect();
        let readers = ["standalone", "worker", "executor", "scheduler", "webserver"];
        let running: Vec<&str> = readers
            .into_iter()
            .filter(|c| layers.is_enabled("deployments", c))
            .collect();
        let gets = |component: &str, name: &str| {
            let own = owns
                .iter()
                .filter(|(map, other, _)| *map == "deployments" && *other == component);
            own.flat_map(|(_, _, lists)| lists)
                .any(|list| names(list).contains(&name))
        };
        for (map, component, lists) in owns {
            for list in lists.iter().filter(|list| list.form == ListForm::Env) {
                let (doc, id) = list.node;
                for name in names(list).into_iter().filter(|name| !to_all.contains(name)) {
                    let off = !layers.is_enabled(map, component);
                    let lacking: Vec<&str> = running
                        .iter()
                        .copied()
                        .filter(|c| *c != *component && !gets(c, name))
                        .collect();
                    if !off && (lacking.is_empty() || *map != "deployments") {
                        continue;
                    }
                    let (message, severity) = if off {
                        let severity = if extent == Extent::Whole {
                            Severity::Warning
                        } else {
                            Severity::Note
                        };
                        (
                            format!(
                                "reaches no pod: {map}.{} is not enabled in these values",
                                printable_name(component)
                            ),
                            severity,
                        )
                    } else {
                        let tasks = lacking.iter().any(|c| matches!(*c, "worker" | "standalone"));
                        let severity = if tasks { Severity::Warning } else { Severity::Note };
                        (
                            format!(
                                "only {} gets it; {} cannot read it",
                                printable_name(component),
                                listed(&lacking, "and")
                            ),
                            severity,
                        )
                    };
                    let item = doc
                        .tree
                        .items(id)
                        .iter()
                        .find(|item| doc.text_at(**item, &["name"]) == Some(name));
                    self.facts.remarks.push(Remark {
                        at: doc.at(item.copied().unwrap_or(id)),
                        fault: Some((Code::ComponentLacks, severity)),
                        subject: printable_name(name).into(),
                        message,
                        cure: Code::ComponentLacks.cure().into(),
                    });
                }
            }
        }
    }
}
