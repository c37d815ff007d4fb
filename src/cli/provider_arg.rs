//! What `--provider` takes.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::plan::ProviderKind;

/// A provider, or the choice among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProviderArg {
    /// The run chooses.
    #[default]
    Auto,
    /// This one.
    Named(ProviderKind),
}

impl ValueEnum for ProviderArg {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Auto,
            Self::Named(ProviderKind::Embedded),
            Self::Named(ProviderKind::Docker),
            Self::Named(ProviderKind::Context),
            Self::Named(ProviderKind::Kind),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Auto => (
                "auto",
                "The most real that works here: kind with the official image and chart, kind with the testbed's \
                 images, embedded",
            ),
            Self::Named(kind) => (
                kind.name(),
                match kind {
                    ProviderKind::Embedded => "A child process with exactly the pod's environment; needs no Docker",
                    ProviderKind::Docker => "A container of the Kestra image with exactly the pod's environment",
                    ProviderKind::Context => "A context of your kubeconfig, named by --context",
                    ProviderKind::Kind => "A kind cluster, created for the run and deleted afterwards",
                },
            ),
        };
        Some(PossibleValue::new(name).help(help))
    }
}
