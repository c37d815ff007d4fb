//! Flows: which secrets they ask for.

use super::Gatherer;
use crate::lint::facts::FlowCall;
use crate::release::document::Document;
use crate::release::flow;
use crate::release::tree::Id;

/// What every call begins with, in the text and in the file.
const WORD: &str = "secret";

impl<'a> Gatherer<'a> {
    /// The calls of `secret()` in a flow, each with its byte in the file.
    pub(super) fn flow(&mut self, doc: Document<'a>, root: Id) {
        self.facts.flows.push(doc.at(root));
        let end = doc.tree.roots.iter().find(|other| **other > root);
        let own = doc
            .tree
            .scalars()
            .filter(|(id, scalar, _)| *id > root && end.is_none_or(|end| id < end) && scalar.text.contains(WORD));
        for (id, scalar, span) in own {
            // Quotes and folding change a text, but not how often a word stands in it.
            let written = doc.source.text.get(span.clone()).unwrap_or_default();
            let mut places = written.match_indices(WORD).map(|(at, _)| span.start + at);
            let mut next = 0;
            for call in flow::secret_calls(&scalar.text) {
                let before = scalar.text.get(next..call.at).unwrap_or_default().matches(WORD).count();
                next = call.at + WORD.len();
                self.facts.calls.push(FlowCall {
                    at: doc.at(id),
                    byte: places.nth(before).unwrap_or(span.start),
                    key: call.key,
                });
            }
        }
    }

    /// Keys that are asked for outside flows too, such as in defaults of plugins in Kestra's own configuration.
    pub(super) fn asked_elsewhere(&mut self) {
        // It is held against flows alone, and most files say `secret` somewhere.
        if self.facts.flows.is_empty() {
            return;
        }
        for doc in self.documents.iter().filter(|doc| doc.source.text.contains(WORD)) {
            for (_, scalar, _) in doc.tree.scalars().filter(|(_, scalar, _)| scalar.text.contains(WORD)) {
                for call in flow::secret_calls(&scalar.text) {
                    match call.key {
                        Some(key) => drop(self.facts.asked.insert(key.to_uppercase())),
                        None => self.facts.asks_computed = true,
                    }
                }
            }
        }
    }
}
