//! A live cluster: any context of a kubeconfig by name, or a kind cluster that is the run's own.

mod database;
mod image;
mod kind;
mod pull;
mod release;

use std::path::PathBuf;

use semver::Version;

pub use image::{ImageFor, TESTBED, images};
pub use kind::{KindCleaner, KindOptions, TESTBED_NODE};
pub use pull::PullSecret;
pub use release::InstalledRelease;

use super::forecast::{Forecast, NodeFacts};
use super::{Pods, RELEASE, RunContext};
use crate::error::InfraError;
use crate::kestra::KestraRef;
use crate::oracle::environment::Kubelet;
use crate::plan::{Installation, ProviderKind};
use crate::report::Provenance;
use crate::tools::cluster::in_cluster::ContextRef;
use crate::tools::cluster::{Access, Cluster, names};

/// Which cluster.
#[derive(Debug, Clone)]
pub enum ClusterSpec {
    /// A cluster that is there.
    Context {
        /// Which.
        context: ContextRef,
        /// A namespace that is there, for people who may not make their own.
        namespace: Option<String>,
    },
    /// A kind cluster.
    Kind(KindOptions),
}

impl ClusterSpec {
    /// Of which kind it is.
    pub fn kind(&self) -> ProviderKind {
        match self {
            Self::Context { .. } => ProviderKind::Context,
            Self::Kind(_) => ProviderKind::Kind,
        }
    }
}

/// How a cluster is opened.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    /// Which.
    pub place: ClusterSpec,
    /// The most installations at a time; none leaves it to the nodes.
    pub parallel: Option<usize>,
    /// The local port that leads to Kestra; none for a free one each.
    pub local_port: Option<u16>,
}

/// The file that `KUBECONFIG` names, so that `clean` finds the cluster from any other shell; none where it
/// names several, or nothing.
fn named_kubeconfig() -> Option<PathBuf> {
    let files: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("KUBECONFIG")?).collect();
    match &files[..] {
        [file] if !file.as_os_str().is_empty() => std::path::absolute(file).ok(),
        _ => None,
    }
}

/// Installs releases on a cluster.
pub struct ClusterProvider {
    cluster: Cluster,
    kind: ProviderKind,
    /// The cluster, where it is the run's own.
    own: Option<kind::Own>,
    namespace: Option<String>,
    parallel: usize,
    local_port: Option<u16>,
}

impl ClusterProvider {
    /// Reaches the cluster, after making it where that was asked.
    ///
    /// # Errors
    /// [`InfraError`] when it cannot be made or does not answer; nothing is left of it then.
    pub async fn open(
        site: &RunContext,
        kestras: &[(KestraRef, Version)],
        options: &LiveOptions,
    ) -> Result<Self, InfraError> {
        let (access, own, namespace) = match &options.place {
            ClusterSpec::Context { context, namespace } => {
                let access = match context {
                    ContextRef::Named(name) => Access {
                        kubeconfig: named_kubeconfig(),
                        context: name.clone(),
                    },
                    ContextRef::InCluster(pod) => pod.write(&site.helm.folder)?,
                };
                (access, None, namespace.clone())
            }
            ClusterSpec::Kind(kind) => {
                let (access, own) = kind::open(site, kestras, kind).await?;
                (access, own, None)
            }
        };
        let reached = async {
            let cluster = Cluster::connect(access).await?;
            if let Some(own) = &own {
                own.complete(site, &cluster).await?;
            }
            let parallel = match (options.parallel, &namespace, options.local_port) {
                // In one namespace the Secrets of two installations would bear one name.
                (_, Some(_), _) | (_, _, Some(_)) => 1,
                (Some(parallel), ..) => parallel.max(1),
                (None, ..) => cluster.capacity().await,
            };
            Ok::<_, InfraError>((cluster, parallel))
        };
        let reached = tokio::select! {
            reached = reached => reached,
            () = site.cancel.cancelled() => Err(InfraError::new("open the cluster", "interrupted")),
        };
        match (reached, own) {
            (Ok((cluster, parallel)), own) => Ok(Self {
                cluster,
                kind: options.place.kind(),
                own,
                namespace,
                parallel,
                local_port: options.local_port,
            }),
            (Err(infra), None) => Err(infra),
            (Err(infra), Some(own)) => {
                own.delete().await?;
                Err(infra)
            }
        }
    }

    /// How many installations it bears at a time.
    pub fn capacity(&self) -> usize {
        self.parallel
    }

    /// The kubelet whose rules hold there.
    pub fn kubelet(&self) -> Kubelet {
        self.cluster.kubelet
    }

    /// `kind` or `context`.
    pub fn kind(&self) -> ProviderKind {
        self.kind
    }

    /// The cluster's version.
    pub fn kubernetes(&self) -> &str {
        &self.cluster.version
    }

    /// Where an installation's pod will be.
    pub(super) fn node(&self, site: &RunContext, installation: &Installation) -> NodeFacts {
        let (namespace, release) = match &self.namespace {
            Some(given) => (given.clone(), names::release(&site.run, &installation.id)),
            None => (names::namespace(&site.run, &installation.id), RELEASE.to_owned()),
        };
        NodeFacts {
            // Of the image's own ENV nothing is known here; a SECRET_ among it would be a finding.
            image_env: Vec::new(),
            kubelet: self.cluster.kubelet,
            namespace,
            release,
        }
    }

    /// Installs a release and waits until it serves, or is held up by what it was given.
    ///
    /// # Errors
    /// [`InfraError`] when anything else keeps it from serving; nothing is left of it then.
    pub async fn install(
        &self,
        site: &RunContext,
        installation: &Installation,
        forecast: &Forecast,
    ) -> Result<InstalledRelease, InfraError> {
        let place = release::ReleaseTarget {
            cluster: self.cluster.clone(),
            given: self.namespace.is_some(),
            ephemeral: self.own.is_some(),
            local_port: self.local_port,
        };
        InstalledRelease::install(
            site,
            place,
            self.node(site, installation),
            installation,
            forecast.clone(),
        )
        .await
    }

    /// What is real here, and what is not.
    pub fn provenance(&self, site: &RunContext, installation: &Installation, pods: Option<&Pods>) -> Provenance {
        let image = site.given_image(&installation.kestra);
        let ours = installation.kestra.is_engine();
        let mut deviations = Vec::new();
        if site.defaults.is_some() {
            deviations.push(
                "values were added to run small: H2 in memory, no Docker-in-Docker, a grace period of 5 s, basic auth"
                    .into(),
            );
        }
        if let (Some(_), Some(Pods::Distributed { .. })) = (&site.defaults, pods) {
            deviations.push(
                "the components share H2's own server, which runs beside the release in the same image; each has an \
                 internal storage to itself"
                    .into(),
            );
        }
        if site.defaults.is_some() && installation.keeps_database_for.is_some() {
            deviations.push("H2's own server runs beside the release, so that the database outlives an upgrade".into());
        }
        if let Some(image) = image {
            deviations.push(format!(
                "the image is {}{}",
                site.told_of_image(&installation.kestra, &image.to_string()),
                if ours { ", made by the testbed" } else { "" }
            ));
        }
        if self.namespace.is_some() {
            deviations.push(format!(
                "the release is not named {RELEASE}, as the namespace is shared"
            ));
        }
        let provider = match &self.own {
            Some(_) => self.kind.to_string(),
            None => format!("{} {}", self.kind, self.cluster.access.context),
        };
        Provenance {
            image: image.map(ToString::to_string),
            kubernetes: Some(self.cluster.version.clone()),
            deviations,
            ..site.provenance(provider, &installation.kestra, installation.generation)
        }
    }

    /// Deletes the cluster where it is the run's own and nothing in it is kept.
    ///
    /// # Errors
    /// [`InfraError`] when it stays; the ledger still names it then.
    pub async fn close(self, site: &RunContext) -> Result<(), InfraError> {
        match self.own {
            // What stays in it stays with it.
            Some(own) if !site.keeping.all().is_empty() => own.keep().await,
            Some(own) => own.delete().await,
            None => Ok(()),
        }
    }
}
