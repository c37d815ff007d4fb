//! Keys that nobody reads: those of another generation, of other charts, and those at the wrong level.

use super::Gatherer;
use super::values::VariableList;
use crate::lint::facts::Remark;
use crate::lint::finding::{Severity, printable_name};
use crate::oracle::secret::diagnosis::Code;
use crate::plan;
use crate::release::chart_keys::{ListForm, shared_lists, unread_keys};
use crate::release::document::Document;
use crate::release::tree::Id;
use crate::scenario::Generation;
use crate::system::words::listed;

impl<'a> Gatherer<'a> {
    /// The keys that a chart of this generation ignores; of two on one path, the longer.
    pub(super) fn other_generation(&mut self, doc: Document<'a>, root: Id, generation: Generation) {
        let mut said: Vec<&str> = Vec::new();
        for (path, cure) in plan::ignored_keys(generation) {
            let mut keys = path.split('.');
            let last = keys.next_back().unwrap_or(path);
            let parent = keys.try_fold(root, |map, key| doc.tree.get(map, key));
            let Some((key, value)) = parent.and_then(|parent| doc.tree.entry(parent, last)) else {
                continue;
            };
            // An empty list, or none, sets nothing.
            let empty = doc.tree.written(value).is_empty() && doc.tree.items(value).is_empty();
            if empty && doc.tree.text(value).is_none_or(str::is_empty) || said.iter().any(|p| p.starts_with(path)) {
                continue;
            }
            said.push(path);
            if self.chart_reads(doc, value) {
                continue;
            }
            let nobody = path == "deployment";
            let whose = if nobody {
                "no chart of Kestra has this key".into()
            } else {
                format!("chart {generation} silently ignores this key")
            };
            self.facts.remarks.push(Remark {
                at: doc.at(key),
                fault: Some((
                    Code::OtherGeneration,
                    if nobody { Severity::Warning } else { Severity::Error },
                )),
                subject: path.into(),
                message: whose,
                cure: cure.into(),
            });
        }
    }

    /// The keys that no chart of Kestra reads and that somebody took for one that gives variables.
    pub(super) fn unread_keys(&mut self, doc: Document<'a>, root: Id, generation: Generation) {
        for unread in unread_keys(doc, root, generation) {
            if self.chart_reads(doc, unread.value) {
                continue;
            }
            let names: Vec<_> = unread.secrets.iter().map(|name| printable_name(name)).collect();
            let lost = match names.as_slice() {
                [] => "no pod gets anything from it".into(),
                [one] => format!("{one} reaches no pod"),
                all => format!("{} reach no pod", listed(all, "and")),
            };
            let (code, message, severity) = if unread.sidecar {
                let says = format!(
                    "gives {} to the sidecar dind, and Kestra is in another container",
                    listed(&names, "and")
                );
                (Code::ComponentLacks, says, Severity::Error)
            } else {
                let severity = if names.is_empty() {
                    Severity::Warning
                } else {
                    Severity::Error
                };
                (
                    Code::UnknownKey,
                    format!("chart {generation} does not read this key: {lost}"),
                    severity,
                )
            };
            self.facts.remarks.push(Remark {
                at: doc.at(unread.key),
                fault: Some((code, severity)),
                subject: path_shown(&unread.path),
                message,
                cure: format!("write `{}`, if that is meant", unread.near),
            });
            let (form, node, path) = (ListForm::Env, (doc, unread.value), unread.path);
            self.unread_list(VariableList { form, node, path });
        }
    }

    /// Values of a chart around Kestra's that stand beside the key of the dependency, where nobody reads them.
    pub(super) fn misplaced(&mut self, doc: Document<'a>, root: Id, key: &str, generation: Generation) {
        let mut paths: Vec<Vec<&str>> = Vec::new();
        for of in [Generation::V0, Generation::V1] {
            paths.extend(shared_lists(of).iter().map(|(path, _)| path.to_vec()));
        }
        paths.extend(["configurations", "deployments"].map(|key| vec![key]));
        for path in paths {
            let entry = path
                .split_last()
                .and_then(|(last, above)| doc.tree.entry(doc.tree.at(root, above)?, last));
            let Some((at, value)) = entry else {
                continue;
            };
            if self.chart_reads(doc, value) {
                continue;
            }
            let severity = if path.len() == 1 && doc.tree.items(value).is_empty() {
                Severity::Warning
            } else {
                Severity::Error
            };
            let path = path.join(".");
            self.facts.remarks.push(Remark {
                at: doc.at(at),
                fault: Some((Code::UnknownKey, severity)),
                subject: path.clone(),
                message: format!(
                    "Kestra's chart is a dependency here and reads only what stands under `{}:`",
                    printable_name(key)
                ),
                cure: format!("move it to `{}.{path}`", printable_name(key)),
            });
            let form = shared_lists(generation)
                .iter()
                .find(|(known, _)| known.join(".") == path);
            if let Some((_, form)) = form {
                let (form, node) = (*form, (doc, value));
                self.unread_list(VariableList { form, node, path });
            }
        }
    }
}

/// A path of keys, each as it may be printed.
pub(super) fn path_shown(path: &str) -> String {
    path.split('.').map(printable_name).collect::<Vec<_>>().join(".")
}
