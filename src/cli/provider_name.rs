//! The names that `--provider` takes.

use clap::ValueEnum;

/// Where Kestra runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ProviderKind {
    /// The best that can be had: kind with the official image and chart, kind with the testbed's images, embedded
    #[default]
    Auto,
    /// A child process with exactly the environment the pod would have; needs no Docker
    Embedded,
    /// A container of the Kestra image with exactly the environment the pod would have
    Docker,
    /// Any context of your kubeconfig, named by --context
    Context,
    /// A kind cluster that is made for the run and deleted with it
    Kind,
}
