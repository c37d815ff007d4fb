//! A Kestra that is installed, looked at where it runs: which secrets each of its containers has, where they come
//! from, and what `secret()` makes of them. Nothing in the cluster is changed.
//!
//! [`gather`] reads the pods and what their environments refer to; [`mod@look`] applies the kubelet's rules and the
//! oracle to each container; [`mod@judge`] turns that into findings, which are those of [`lint`](crate::lint);
//! [`format`](mod@format) writes them. [`exec`] reads the real environment of a process, and [`flow`] has Kestra itself
//! compare, where that was asked for.
//!
//! No report holds a value: lengths, and hashes under a key that is never written down.

pub mod exec;
pub mod flow;
pub mod format;
pub mod gather;
pub mod judge;
pub mod look;
pub mod model;
mod origin;
mod pod;
pub mod report;
#[cfg(test)]
mod tests;
mod variables;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Container, Pod, Secret, Service};

use crate::error::InfraError;
use crate::oracle::environment::{Kubelet, ObjectRef};
use crate::oracle::secret::Plaintext;

pub use judge::judge;
pub use report::AuditReport;

/// What was read of a cluster.
#[derive(Default)]
pub struct Gathered {
    /// The pods of Kestra that are not on their way out.
    pub pods: Vec<Pod>,
    /// The Secrets that they refer to.
    pub secrets: Vec<Secret>,
    /// The `ConfigMap`s that they refer to.
    pub config_maps: Vec<ConfigMap>,
    /// The Services of the namespace.
    pub services: Vec<Service>,
    /// What may not be read, or could not.
    pub unread: Vec<Unread>,
    /// The real environments, by pod and container; none where nobody asked.
    pub processes: BTreeMap<(String, String), Result<ProcessVariables, String>>,
    /// The rules of the cluster's kubelets.
    pub kubelet: Kubelet,
}

/// The variables of a process, in its order.
pub type ProcessVariables = Vec<(Vec<u8>, Plaintext)>;

/// Why nothing could be looked at.
#[derive(Debug)]
pub enum AuditError {
    /// The API server takes the labels for none, in its words.
    Selector(String),
    /// The cluster failed, or the way to it.
    Infra(InfraError),
}

impl From<InfraError> for AuditError {
    fn from(infra: InfraError) -> Self {
        Self::Infra(infra)
    }
}

/// Something that may not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
pub struct Unread {
    /// What, such as `Secret db-creds`, or the environment of a container.
    pub object: String,
    /// Why, in the API server's words.
    pub says: String,
}

impl Gathered {
    /// Whether what an object holds is unknown, though it may be there.
    pub fn is_unread(&self, object: &ObjectRef) -> bool {
        let name = object.to_string();
        self.unread.iter().any(|unread| unread.object == name)
    }
}

/// The containers of a pod that run Kestra: by their image or command; one that is alone is it.
pub fn kestras(pod: &Pod) -> impl Iterator<Item = &Container> {
    let containers = pod.spec.as_ref().map_or(&[][..], |spec| &spec.containers);
    let only = containers.len() == 1;
    containers
        .iter()
        .filter(move |container| only || runs_kestra(container))
}

fn runs_kestra(container: &Container) -> bool {
    let image = container.image.as_ref().is_some_and(|image| image.contains("kestra"));
    let mut words = container.command.iter().chain(&container.args).flatten();
    image || words.any(|word| word.contains("/app/kestra") || word.contains("kestra server"))
}
