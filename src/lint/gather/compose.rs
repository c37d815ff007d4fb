//! Compose files: each service that runs Kestra is a container of its own.

use super::{Gatherer, text_value};
use crate::lint::facts::{ContainerFacts, EnvEntry, FileValue, KeyedValue, Remark};
use crate::lint::finding::{Severity, printable_name};
use crate::lint::origin::ValueMaker;
use crate::oracle::secret::diagnosis::Code;
use crate::oracle::secret::{Location, PREFIX};
use crate::release::compose::{self, ComposeMistake, ComposeProject, ComposeService, ComposeValue, ComposeVariable};
use crate::release::document::{Document, NodeRef};
use crate::release::input::{FileForm, SourceFile};
use crate::release::tree::Tree;

/// The compose files among the documents; none where they multiply beyond all measure.
pub fn projects(documents: &[Document]) -> Option<Vec<ComposeProject>> {
    compose::read(&sources(documents))
}

/// The files that compose files name.
pub(super) fn references(documents: &[Document]) -> Vec<(usize, String, FileForm)> {
    let index = |number: usize| documents.get(number).map_or(number, |document| document.index);
    let named = compose::references(&sources(documents)).into_iter();
    named.map(|(number, file, form)| (index(number), file, form)).collect()
}

fn sources<'a>(documents: &[Document<'a>]) -> Vec<(&'a SourceFile, &'a Tree<'a>)> {
    documents
        .iter()
        .map(|document| (document.source, document.tree))
        .collect()
}

impl<'a> Gatherer<'a> {
    pub(super) fn compose(&mut self, projects: &'a [ComposeProject]) {
        for project in projects {
            self.claimed.extend(&project.env_files);
            for service in &project.services {
                if !self.spend(service.variables.len()) {
                    return;
                }
                self.compose_service(service);
            }
            for at in &project.unused {
                self.unused(*at);
            }
        }
    }

    fn compose_service(&mut self, service: &'a ComposeService) {
        let env = service
            .variables
            .iter()
            .map(|variable| EnvEntry::Value(self.compose_entry(variable)));
        let env = env.collect();
        let tied = service.variables.iter().filter(|variable| variable.tied);
        let tied: Vec<NodeRef> = tied.map(|variable| self.node_ref(variable.value_at)).collect();
        self.facts.tied.extend(tied);
        self.push(ContainerFacts {
            namespace: None,
            kestra: true,
            values: false,
            service_links: false,
            env,
            env_from: Vec::new(),
        });
        let missing = service
            .missing
            .iter()
            .map(|file| format!("env file {}", named_file(file)));
        self.facts.outside.extend(missing);
        for (at, mistake) in &service.mistakes {
            self.compose_mistake(*at, *mistake);
        }
        for at in &service.mounted {
            self.mounted_by_compose(*at);
        }
    }

    /// The node that a compose file's own may stand for as an alias.
    fn node_ref(&self, at: NodeRef) -> NodeRef {
        self.documents
            .get(at.source)
            .map_or(at, |document| document.at(at.node))
    }

    fn compose_entry(&self, variable: &'a ComposeVariable) -> KeyedValue<'a> {
        let value = match &variable.value {
            ComposeValue::Shell => FileValue::Elsewhere(ValueMaker::Shell),
            ComposeValue::Tagged => FileValue::Elsewhere(ValueMaker::Tag),
            ComposeValue::Text { text, typed } => text_value(text, *typed),
        };
        KeyedValue {
            name: &variable.name,
            name_at: self.node_ref(variable.name_at),
            value,
            value_at: self.node_ref(variable.value_at),
            place: Location::Values,
            literal: variable.literal,
        }
    }

    fn compose_mistake(&mut self, at: NodeRef, mistake: ComposeMistake) {
        let (message, cure) = match mistake {
            ComposeMistake::Template => (
                "`${` begins no variable here, and compose refuses the whole file",
                "write `$$` for a dollar that stands for itself",
            ),
            ComposeMistake::Entry => (
                "this is no variable with a value, and compose refuses the whole file",
                "write `- NAME=value` in a list, or `NAME: value` in a mapping",
            ),
        };
        let remark = Remark {
            at: self.node_ref(at),
            fault: Some((Code::MalformedEntry, Severity::Error)),
            subject: "environment".into(),
            message: message.into(),
            cure: cure.into(),
        };
        self.facts.remarks.push(remark);
    }

    fn mounted_by_compose(&mut self, at: NodeRef) {
        let name = self
            .documents
            .get(at.source)
            .and_then(|document| document.tree.text(at.node));
        let remark = Remark {
            at: self.node_ref(at),
            fault: None,
            subject: printable_name(name.unwrap_or_default()).into(),
            message: "not knowable here: compose makes a file of it, never a variable, and `secret()` reads the \
                      environment alone"
                .into(),
            cure: format!("give the encoded value as {PREFIX}… under `environment`, or in an `env_file`"),
        };
        self.facts.remarks.push(remark);
    }

    /// A variable of `.env` that looks like a secret of Kestra's.
    fn unused(&mut self, at: NodeRef) {
        let name = self
            .documents
            .get(at.source)
            .and_then(|document| document.tree.text(at.node));
        let Some(name) = name.filter(|name| name.starts_with(PREFIX)) else {
            return;
        };
        let remark = Remark {
            at: self.node_ref(at),
            fault: None,
            subject: printable_name(name).into(),
            message: "compose reads `.env` only to fill in `${…}`: no service is given this variable".into(),
            cure: format!(
                "add `env_file: .env` to Kestra's service, or `- {}` to its `environment`",
                printable_name(name)
            ),
        };
        self.facts.remarks.push(remark);
    }
}

/// A file's name as it may be printed.
fn named_file(file: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "._-/\\ ${}:".contains(c);
    if file.len() <= 255 && file.chars().all(is_plain) {
        file.to_owned()
    } else {
        format!("[{} bytes]", file.len())
    }
}
