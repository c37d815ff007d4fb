//! Env files, by whoever reads them.

use super::Gatherer;
use crate::lint::facts::{ObjectFacts, ObjectMaker, Remark};
use crate::lint::finding::shown;
use crate::oracle::environment::ObjectKind;
use crate::oracle::secret::Location;
use crate::release::document::Document;
use crate::release::env_file::{EnvDialect, RefusalReason};

impl<'a> Gatherer<'a> {
    /// Env files: what their reader refuses, and the Secret that is made of one that no kustomization names.
    pub(super) fn env_files(&mut self) {
        for doc in self.documents {
            let Some(reader) = doc.source.env_reader() else {
                continue;
            };
            self.refused_lines(*doc, reader);
            if self.claimed.contains(&doc.index) {
                continue;
            }
            let keys = doc.tree.roots.iter().flat_map(|root| doc.tree.written(*root));
            let keys = keys.filter_map(|(key, value)| doc.entry(*key, *value, Location::StringData));
            self.facts.objects.push(ObjectFacts {
                kind: ObjectKind::Secret,
                name: None,
                namespace: None,
                keys: keys.collect(),
                complete: true,
                maker: ObjectMaker::Manifest,
                labelled: false,
            });
        }
    }

    fn refused_lines(&mut self, doc: Document<'a>, reader: EnvDialect) {
        let variables = doc.source.env_variables();
        let nodes = doc.tree.roots.iter().flat_map(|root| doc.tree.written(*root));
        for (variable, (name, _)) in variables.iter().zip(nodes) {
            let Some(reason) = variable.refused else { continue };
            let reader = reader.name();
            let why = match reason {
                RefusalReason::NoName => "this is not the name of a variable",
                RefusalReason::OpenQuote => "a quote is opened and never closed",
                RefusalReason::TooLong => "the line is longer than 64 KiB",
            };
            self.facts.remarks.push(Remark {
                at: doc.at(*name),
                fault: None,
                subject: shown(doc.tree.text(*name).unwrap_or_default()).into(),
                message: format!("{why}: {reader} refuses the line, and with it the whole file"),
                cure: "write one NAME=value a line; comments begin with #, and `export` is for shells alone".into(),
            });
        }
    }
}
