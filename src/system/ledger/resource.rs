//! What can be owned.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::system::process::ProcessId;

/// Something that outlives a harness that is killed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum OwnedResource {
    /// A child process and its group.
    Process {
        /// What runs in it, for people.
        program: String,
        /// Which it is; `None` while it is about to be started.
        process: Option<ProcessId>,
    },
    /// A directory and all it holds; its name begins as [`RunId::prefix`](super::RunId::prefix) says.
    Directory {
        /// Where it is: absolute.
        path: PathBuf,
    },
    /// A container of the Docker daemon.
    Container {
        /// Its name, known before it has an id.
        name: String,
    },
    /// A kind cluster.
    Cluster {
        /// Its name as kind knows it.
        name: String,
    },
    /// A namespace of somebody's cluster.
    Namespace {
        /// The kubeconfig file, where it is not the default one.
        kubeconfig: Option<PathBuf>,
        /// The context of that file.
        context: String,
        /// Its name.
        name: String,
    },
    /// A helm release, and the objects labelled with the run, in a namespace that was given.
    Release {
        /// The kubeconfig file, where it is not the default one.
        kubeconfig: Option<PathBuf>,
        /// The context of that file.
        context: String,
        /// The namespace, which is not ours.
        namespace: String,
        /// The release's name, the run's id in it.
        name: String,
    },
}

impl fmt::Display for OwnedResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process {
                program,
                process: Some(id),
            } => write!(f, "process {} ({program})", id.pid()),
            Self::Process { program, process: None } => write!(f, "process of {program}"),
            Self::Directory { path } => write!(f, "directory {}", path.display()),
            Self::Container { name } => write!(f, "container {name}"),
            Self::Cluster { name } => write!(f, "kind cluster {name}"),
            Self::Namespace { context, name, .. } => {
                write!(f, "namespace {name} in context {context}")
            }
            Self::Release {
                context,
                namespace,
                name,
                ..
            } => write!(f, "release {name} in namespace {namespace} of context {context}"),
        }
    }
}
