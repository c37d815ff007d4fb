//! The flags that choose a cluster and what runs on it.

use std::path::PathBuf;

use clap::Args;

use super::provider_arg::ProviderArg;
use crate::plan::ProviderKind;
use crate::provider::live::{self, ImageFor, KindOptions};
use crate::run::session::{ProviderChoice, ProviderFlag, ProviderSpec};
use crate::tools::cluster::in_cluster::ContextRef;

/// A heading of its own: one set for all that follows would hold for the flags of the commands too.
const CLUSTERS: &str = "Clusters";

#[derive(Args, Clone)]
pub struct ClusterArgs {
    /// Use this context of your kubeconfig; the current context is never used unless you name it [default: in a pod, the
    /// cluster of its service account]
    #[arg(long, value_name = "NAME", help_heading = CLUSTERS)]
    context: Option<String>,
    /// Use this existing namespace instead of creating one per installation
    #[arg(long, value_name = "NS", help_heading = CLUSTERS)]
    namespace: Option<String>,
    /// Use this image for every Kestra, or for one: engine@2.0.0=registry/kestra:tag; repeat for several
    #[arg(long, value_name = "[KESTRA=]REPO:TAG", help_heading = CLUSTERS)]
    pub image: Vec<ImageFor>,
    /// Pull images with the registry credentials in this Docker configuration; each namespace gets it as a Secret
    #[arg(long, value_name = "FILE", help_heading = CLUSTERS)]
    pub pull_secret: Option<PathBuf>,
    /// Use this image for the kind node [default: the testbed's if Docker has it, otherwise kind's own]
    #[arg(long, value_name = "IMAGE", help_heading = CLUSTERS)]
    pub node_image: Option<String>,
    /// Create the kind cluster from this kind configuration
    #[arg(long, value_name = "FILE", help_heading = CLUSTERS)]
    kind_config: Option<PathBuf>,
    /// Use this existing kind cluster, and change nothing in it but the run's own namespaces
    #[arg(long, alias = "reuse", value_name = "NAME", conflicts_with_all = ["node_image", "kind_config"], help_heading = CLUSTERS)]
    kind_cluster: Option<String>,
    /// Forward this local port to Kestra, with one installation at a time [default: a free port for each]
    #[arg(long, value_name = "PORT", help_heading = CLUSTERS)]
    local_port: Option<u16>,
}

impl ClusterArgs {
    /// Where Kestra is to run. What only one provider takes names that one.
    ///
    /// # Errors
    /// A context without a name, or flags that the provider does not take: nothing is ignored in silence.
    pub fn provider_choice(&self, provider: ProviderArg) -> miette::Result<ProviderChoice> {
        let given = ProviderFlag::given(|flag| match flag {
            "context" => self.context.is_some(),
            "namespace" => self.namespace.is_some(),
            "node-image" => self.node_image.is_some(),
            "kind-config" => self.kind_config.is_some(),
            "kind-cluster" => self.kind_cluster.is_some(),
            "local-port" => self.local_port.is_some(),
            _ => false,
        });
        let provider = match provider {
            ProviderArg::Named(kind) => Some(kind),
            ProviderArg::Auto => given.iter().find_map(|flag| flag.chooses),
        };
        let Some(provider) = provider else {
            return Ok(ProviderChoice::Auto);
        };
        given.iter().try_for_each(|flag| flag.check(provider))?;
        let live = |place| ProviderSpec::Live {
            place,
            local_port: self.local_port,
        };
        Ok(ProviderChoice::Named(match provider {
            ProviderKind::Embedded => ProviderSpec::Embedded,
            ProviderKind::Docker => ProviderSpec::Docker,
            ProviderKind::Context => live(live::ClusterSpec::Context {
                context: chosen_context(self.context.as_deref(), "--provider context")?,
                namespace: self.namespace.clone(),
            }),
            ProviderKind::Kind => live(live::ClusterSpec::Kind(KindOptions {
                node_image: self.node_image.clone(),
                config: self.kind_config.clone(),
                reuse: self.kind_cluster.clone(),
            })),
        }))
    }
}

/// The context that was named, else the cluster of this pod.
///
/// # Errors
/// Bad input: neither; `who` needs one.
pub fn chosen_context(named: Option<&str>, who: &str) -> miette::Result<ContextRef> {
    ContextRef::named_or_own(named).ok_or_else(|| {
        miette::miette!(
            help = "`kubectl config get-contexts` lists them; the current one may be somebody's production. In a pod that has a service account, its own cluster needs no name",
            "{who} needs --context NAME"
        )
    })
}
