//! The flags that choose a cluster and what runs on it.

use std::path::PathBuf;

use clap::Args;

use super::provider_name::ProviderKind;
use crate::provider::live::{self, ImageFor, KindOptions};
use crate::run::session::{ProviderChoice, ProviderSpec};

#[derive(Args, Clone)]
#[command(next_help_heading = "Clusters")]
pub struct ClusterArgs {
    /// The context of --provider context; the current one is never taken unasked
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// A namespace that is there, for a context in which you may make none [default: one for each installation]
    #[arg(long, value_name = "NS", requires = "context")]
    namespace: Option<String>,
    /// The image of every Kestra, or of one: engine@2.0.0=registry/kestra:tag; several times for several
    #[arg(long, value_name = "[KESTRA=]REPO:TAG")]
    pub image: Vec<ImageFor>,
    /// A Docker configuration with the registries' credentials: each namespace gets it as a Secret, and the
    /// release pulls with it; a kind node and docker take what Docker itself has
    #[arg(long, value_name = "FILE")]
    pub pull_secret: Option<PathBuf>,
    /// The image of the kind cluster's node [default: the testbed's where Docker has it, else kind's own]
    #[arg(long, value_name = "IMAGE")]
    node_image: Option<String>,
    /// A kind configuration for the cluster
    #[arg(long, value_name = "FILE")]
    kind_config: Option<PathBuf>,
    /// A kind cluster that is there; nothing in it but the run's namespaces is changed
    #[arg(long, value_name = "NAME", conflicts_with_all = ["node_image", "kind_config"])]
    reuse: Option<String>,
    /// The local port that leads to Kestra, one installation at a time [default: a free one each]
    #[arg(long, value_name = "PORT")]
    local_port: Option<u16>,
}

impl ClusterArgs {
    /// Where Kestra is to run. What only one provider takes names that one.
    ///
    /// # Errors
    /// A context without a name, or flags that the provider does not take: nothing is ignored in silence.
    pub fn place(&self, provider: ProviderKind) -> miette::Result<ProviderChoice> {
        let of_kind = self.node_image.is_some() || self.kind_config.is_some() || self.reuse.is_some();
        let provider = match provider {
            ProviderKind::Auto if self.context.is_some() => ProviderKind::Context,
            ProviderKind::Auto if of_kind || self.local_port.is_some() => ProviderKind::Kind,
            named => named,
        };
        if of_kind && provider != ProviderKind::Kind {
            miette::bail!("--node-image, --kind-config and --reuse need --provider kind");
        }
        if self.context.is_some() && provider != ProviderKind::Context {
            miette::bail!("--context and --namespace need --provider context");
        }
        let live = |place| ProviderSpec::Live {
            place,
            local_port: self.local_port,
        };
        Ok(ProviderChoice::Named(match provider {
            ProviderKind::Auto => return Ok(ProviderChoice::Auto),
            ProviderKind::Embedded | ProviderKind::Docker if self.local_port.is_some() => {
                miette::bail!("--local-port needs --provider kind or context: the others listen on it themselves")
            }
            ProviderKind::Embedded => ProviderSpec::Embedded,
            ProviderKind::Docker => ProviderSpec::Docker,
            ProviderKind::Context => live(live::ClusterSpec::Context {
                name: self.context.clone().ok_or_else(|| {
                    miette::miette!(
                        help = "`kubectl config get-contexts` lists them; the current one may be somebody's production",
                        "--provider context needs --context NAME"
                    )
                })?,
                namespace: self.namespace.clone(),
            }),
            ProviderKind::Kind => live(live::ClusterSpec::Kind(KindOptions {
                node_image: self.node_image.clone(),
                config: self.kind_config.clone(),
                reuse: self.reuse.clone(),
            })),
        }))
    }
}
