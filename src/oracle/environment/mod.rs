//! The kubelet's rules, as a pure function: what a container's environment will be, or why it is
//! blocked.
//!
//! A manifest goes through [`api_server::admit`]; what it admits, with the namespace's Services,
//! makes [`Objects`]; a pod template, those objects and the pod's [`ClusterFacts`] make a [`Pod`], which
//! answers in the kubelet's order:
//!
//! 1. [`Pod::volumes`]: every volume mounts, or the pod stays at `FailedMount`;
//! 2. [`Pod::environment`]: the variables, or `CreateContainerConfigError`;
//! 3. [`Pod::files`]: the files that the container sees;
//! 4. [`Environment::command`] and [`Environment::faults`]: what runs, and whether it can start;
//! 5. [`Environment::behind`]: what the shell leaves of it that the chart starts Kestra with.
//!
//! The rules are those of Kubernetes 1.34 to 1.37 with its default feature gates, of containerd and
//! of runc; where versions from 1.29 on differ, [`ClusterFacts::kubelet`] decides. Each rule names its
//! source function.

pub mod api_server;
pub mod expand;
mod fields;
mod files;
pub mod go_base64;
mod kubelet;
mod names;
mod objects;
mod outcome;
pub mod quantity;
mod references;
mod runtime;
pub mod service_links;
mod shell;
#[cfg(test)]
mod tests;
mod variables;
mod version;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

pub use files::MountedFile;
pub use names::subdomain_faults as object_name_faults;
pub use objects::{ObjectKind, ObjectRef, Objects};
pub use outcome::{Blocked, Halt, Reason};
pub use references::{EnvironmentEntry, MissingReference};
pub use runtime::{MAX_EXEC_BYTES, MAX_STRING_BYTES, ProcessFault, ProcessString};
pub use shell::{is_shell, survives_shell};
pub use variables::{EnvValue, Environment, SkippedVariable, Variable, VariableSource};
pub use version::Kubelet;

/// A pod about to start: its spec and all that the kubelet looks up for it.
#[derive(Clone, Copy)]
pub struct Pod<'a> {
    /// The pod's spec, or that of the template it is made from.
    pub spec: &'a PodSpec,
    /// The Secrets, `ConfigMap`s and Services of the cluster.
    pub objects: &'a Objects,
    /// The pod's identity and its node.
    pub facts: &'a ClusterFacts,
}

impl<'a> Pod<'a> {
    /// The container or init container of that name.
    pub fn container(&self, name: &str) -> Option<&'a Container> {
        let init = self.spec.init_containers.iter().flatten();
        let mut all = self.spec.containers.iter().chain(init);
        all.find(|container| container.name == name)
    }
}

/// What the kubelet knows of a pod besides its spec.
///
/// What is left empty is unknown: a variable that asks for it ends in [`Halt::NotModelled`], never
/// in an invented value.
#[derive(Debug, Clone, Default)]
pub struct ClusterFacts {
    /// `metadata.name`; the container's `HOSTNAME` too.
    pub name: String,
    /// `metadata.namespace`, where Secrets, `ConfigMap`s and linked Services are looked up.
    pub namespace: String,
    /// `metadata.uid`.
    pub uid: Option<String>,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// The node's name, for `spec.nodeName` when the spec (a template) has none.
    pub node_name: Option<String>,
    /// `status.podIPs`, the primary one first.
    pub pod_ips: Vec<String>,
    /// `status.hostIPs`, the primary one first.
    pub host_ips: Vec<String>,
    /// The node's allocatable resources, which stand in for a limit that is not set.
    pub allocatable: BTreeMap<String, Quantity>,
    /// The node's kubelet; by default the newest known.
    pub kubelet: Kubelet,
}
