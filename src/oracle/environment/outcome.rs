//! Why a container does not run.

use std::fmt;

/// The end of a modelled start that gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// The kubelet would hold the container back: an outcome to be judged, not a failure of ours.
    #[error(transparent)]
    Blocked(#[from] Blocked),
    /// The pod asks for something this model does not know; it does not guess.
    #[error("failed to model {what}: {why}")]
    NotModelled {
        /// The part of the pod's spec.
        what: String,
        /// What is unknown of it.
        why: String,
    },
}

impl Halt {
    pub(super) fn not_modelled(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::NotModelled {
            what: what.into(),
            why: why.into(),
        }
    }

    pub(super) fn config(message: impl Into<String>) -> Self {
        Self::Blocked(Blocked {
            reason: Reason::CreateContainerConfigError,
            message: message.into(),
        })
    }
}

/// A container held back, as `kubectl` shows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Blocked {
    /// The reason in the container's status or in the pod's events.
    pub reason: Reason,
    /// The words of the kubelet or of the container runtime. They carry names, never values.
    pub message: String,
}

/// Where in its start a container is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A volume does not mount (event); the pod stays `ContainerCreating`.
    FailedMount,
    /// The kubelet cannot put the container's configuration together.
    CreateContainerConfigError,
    /// The kubelet cannot hand the container to the runtime.
    CreateContainerError,
    /// The runtime cannot start the container.
    RunContainerError,
    /// The container starts and its process never runs: exit code 255, again and again.
    CrashLoopBackOff,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The variants are spelt as Kubernetes spells the reasons.
        fmt::Debug::fmt(self, f)
    }
}
