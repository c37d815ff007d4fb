//! The names that `--provider` takes.

use clap::ValueEnum;

/// Where Kestra runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ProviderKind {
    /// The most real that works here: kind with the official image and chart, kind with the testbed's images, embedded
    #[default]
    Auto,
    /// A child process with exactly the pod's environment; needs no Docker
    Embedded,
    /// A container of the Kestra image with exactly the pod's environment
    Docker,
    /// A context of your kubeconfig, named by --context
    Context,
    /// A kind cluster, created for the run and deleted afterwards
    Kind,
}
