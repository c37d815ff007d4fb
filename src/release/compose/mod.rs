//! Compose files: which services they have, and which variables each service gets, with where they are written.
//!
//! compose merges a file with its override, a service with what it extends, and `env_file` with `environment`; then
//! it fills in `${…}` by the `.env` beside the file. All of that is done here as compose-go does it. What only the shell
//! knows that starts compose stays unknown.

mod entries;
mod environment;
mod files;
mod service;
mod template;

use zeroize::Zeroizing;

use super::document::NodeRef;
use super::input::{FileForm, SourceFile};
use super::tree::Tree;

pub use files::{is_compose, references};

/// The texts with their trees; their numbers are their places here.
pub type ComposeSources<'a> = [(&'a SourceFile, &'a Tree<'a>)];

/// One compose file with what it is merged with.
#[derive(Default)]
pub struct ComposeProject {
    /// The services that run Kestra.
    pub services: Vec<ComposeService>,
    /// The sources that are env files of a service, or the `.env` that fills in `${…}`.
    pub env_files: Vec<usize>,
    /// Variables of `.env` that reach no service, being no env file of one and never filled in.
    pub unused: Vec<NodeRef>,
}

/// One service.
#[derive(Default)]
pub struct ComposeService {
    /// Its variables; of two of one name the later counts.
    pub variables: Vec<ComposeVariable>,
    /// The env files that it names and that are not among the sources.
    pub missing: Vec<String>,
    /// What compose refuses in it.
    pub mistakes: Vec<(NodeRef, ComposeMistake)>,
    /// Its `secrets`, and those of its `configs` that are called so: where each is named.
    pub mounted: Vec<NodeRef>,
}

/// One variable of a service.
pub struct ComposeVariable {
    /// Its name.
    pub name: String,
    /// Where the name is written.
    pub name_at: NodeRef,
    /// Its value.
    pub value: ComposeValue,
    /// Where the value is written: in the compose file, in an env file, or in the `.env` that fills it in.
    pub value_at: NodeRef,
    /// Whether the scalar holds `NAME=VALUE`.
    pub literal: bool,
    /// Whether something else depends on what is written there, or it is only a part of the value.
    pub tied: bool,
    /// The piece of the project that gives it: a later piece overrides an earlier one by intent.
    piece: usize,
}

/// A value. No `Debug`: it may be a secret.
pub enum ComposeValue {
    /// It is known.
    Text {
        /// The text that the container gets.
        text: Zeroizing<String>,
        /// Whether YAML takes it for a number that it writes in another way.
        typed: bool,
    },
    /// It is taken from the shell that starts compose.
    Shell,
    /// A tag such as `!vault` of another tool stands before it.
    Tagged,
}

/// Why compose refuses a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComposeMistake {
    /// `${` that begins no variable.
    Template,
    /// An entry of `environment` that is neither `NAME=value` nor `NAME: value`.
    Entry,
}

/// Variables of all services together; aliases and `extends` make more of a file than anybody can have written.
const MOST: usize = 200_000;

/// Reads the compose files among the sources; none where they multiply beyond all measure.
pub fn read(sources: &ComposeSources) -> Option<Vec<ComposeProject>> {
    let mut left = MOST;
    let mut projects = Vec::new();
    for layers in files::projects(sources) {
        projects.push(service::project(sources, &layers, &mut left)?);
    }
    Some(projects)
}

/// How an env file of a compose service is read.
fn env_form(raw: bool) -> FileForm {
    use super::env_file::EnvDialect;
    FileForm::EnvFile(Some(if raw { EnvDialect::Docker } else { EnvDialect::Compose }))
}

#[cfg(test)]
mod tests;
