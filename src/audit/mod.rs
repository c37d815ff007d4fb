//! Inspects an installed Kestra: which secrets each of its containers has, where they come from, and what `secret()`
//! returns for them. Nothing in the cluster is changed.
//!
//! [`gather`] reads the pods and the objects that their environments refer to. [`container`] applies the kubelet's
//! rules and the oracle to each container. [`mod@judge`] turns that into findings like those of
//! [`lint`](crate::lint), and [`format`](mod@format) and [`prometheus`] write them. On request, [`exec`] reads the real
//! environment of a process, [`key_list`] reads Kestra's own list of its secrets, and [`flow`] lets Kestra compare.
//!
//! A report holds no values, only their lengths and hashes under a key that is never written down.

pub mod container;
pub mod exec;
pub mod flow;
pub mod format;
pub mod gather;
pub mod judge;
pub mod key_list;
pub mod model;
mod origin;
mod pod;
pub mod prometheus;
pub mod report;
#[cfg(test)]
mod tests;
mod variables;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Container, Pod, Secret, Service};

use crate::error::InfraError;
use crate::oracle::environment::{Kubelet, ObjectRef};
use crate::oracle::secret::Plaintext;
use crate::release::reach::runs_kestra;

pub use judge::judge;
pub use report::AuditReport;

/// What was read of a cluster.
#[derive(Default)]
pub struct Gathered {
    /// Kestra's pods, without those that are terminating.
    pub pods: Vec<Pod>,
    /// The Secrets that they refer to.
    pub secrets: Vec<Secret>,
    /// The `ConfigMap`s that they refer to.
    pub config_maps: Vec<ConfigMap>,
    /// The Services of the namespace.
    pub services: Vec<Service>,
    /// The objects that could not be read.
    pub unread: Vec<Unread>,
    /// The real environments by pod and container; empty unless requested.
    pub processes: BTreeMap<(String, String), Result<ProcessVariables, String>>,
    /// The rules of the cluster's kubelets.
    pub kubelet: Kubelet,
}

/// The variables of a process, in its order.
pub type ProcessVariables = Vec<(Vec<u8>, Plaintext)>;

/// Why an audit was impossible.
#[derive(Debug)]
pub enum AuditError {
    /// The API server refused the label selector, in its words.
    Selector(String),
    /// The cluster could not be reached or failed.
    Infra(InfraError),
}

impl From<InfraError> for AuditError {
    fn from(infra: InfraError) -> Self {
        Self::Infra(infra)
    }
}

/// An object that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
pub struct Unread {
    /// The object, such as `Secret db-creds` or the environment of a container.
    pub object: String,
    /// The reason, in the API server's words.
    pub says: String,
}

impl Gathered {
    /// Whether an object could not be read, though it may exist.
    pub fn is_unread(&self, object: &ObjectRef) -> bool {
        let name = object.to_string();
        self.unread.iter().any(|unread| unread.object == name)
    }
}

/// The containers of a pod that run Kestra, by their image or command. A pod's only container always counts.
pub fn kestra_containers(pod: &Pod) -> impl Iterator<Item = &Container> {
    let containers = pod.spec.as_ref().map_or(&[][..], |spec| &spec.containers);
    let only = containers.len() == 1;
    containers
        .iter()
        .filter(move |container| only || runs_kestra(container.image.as_deref(), words(container)))
}

/// The words of a container's command and arguments.
fn words(container: &Container) -> impl Iterator<Item = &str> {
    let words = container.command.iter().chain(&container.args).flatten();
    words.map(String::as_str)
}
