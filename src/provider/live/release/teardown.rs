//! How a release is left: with evidence, kept for somebody to look at, or removed.

use super::{InstalledRelease, NodeFacts, ReleaseTarget};
use crate::error::{During as _, InfraError};
use crate::provider::{RunContext, evidence};
use crate::report::KeptInstallation;
use crate::system::ledger::{OwnedResource, ResourceGuard};
use crate::tools::cluster::apply::{self, Applied};
use crate::tools::cluster::evidence::Scene;
use crate::tools::cluster::namespace;
use crate::tools::helm;

/// What the run made for the release.
pub(super) enum CreatedNamespace {
    /// A namespace that goes with the cluster.
    Ephemeral,
    /// A namespace.
    Namespace(ResourceGuard),
    /// A release and objects in a namespace that was given.
    Pieces(ResourceGuard, Vec<Applied>),
}

impl InstalledRelease {
    /// Keeps objects, events and logs, and says where.
    pub async fn evidence(&self, site: &RunContext) -> Option<String> {
        let scene = Scene {
            cluster: &self.place.cluster,
            namespace: &self.node.namespace,
            release: &self.node.release,
            redactor: &site.redactor,
        };
        let gather = async || {
            let mut exhibits = scene.gather().await;
            exhibits.push(evidence::values(site, &self.installation));
            exhibits
        };
        evidence::keep(site, &self.installation.id, gather).await
    }

    /// The release, or after a failure nothing of it but evidence, and what is to be kept.
    pub(super) async fn or_torn_down(
        self,
        site: &RunContext,
        done: Result<(), InfraError>,
    ) -> Result<Self, InfraError> {
        match done {
            Ok(()) => Ok(self),
            Err(infra) => {
                self.evidence(site).await;
                let nothing = self.nothing || site.cancel.is_cancelled();
                let left = if site.keeping.wants(true) && !nothing {
                    self.keep(site).await
                } else {
                    self.remove().await
                };
                if let Err(left) = left {
                    tracing::warn!("{left}");
                }
                Err(infra)
            }
        }
    }

    /// Leaves the release where it is, for somebody to look at, and tells how.
    ///
    /// # Errors
    /// [`InfraError`] when the ledger cannot be written; `clean` finds the release all the same.
    pub async fn keep(self, site: &RunContext) -> Result<(), InfraError> {
        let helm::HelmRelease {
            access,
            namespace,
            name,
        } = self.release();
        let mut reach = Vec::new();
        let at = format!("--context {} -n {namespace}", access.context);
        if let CreatedNamespace::Ephemeral = self.made {
            let cluster = access.context.trim_start_matches("kind-");
            reach.push(format!("kind export kubeconfig --name {cluster}"));
        }
        reach.extend([
            format!("kubectl {at} get pods,events"),
            format!("kubectl {at} port-forward svc/{name} 8080:8080  # then http://127.0.0.1:8080"),
            format!(
                "helm get values {name} --kube-{}  # its user and password",
                at.trim_start_matches("--")
            ),
        ]);
        site.keeping.add(KeptInstallation {
            installation: self.installation.id.clone(),
            reach,
        });
        if let Some(forward) = self.forward {
            forward.close().await;
        }
        match self.made {
            CreatedNamespace::Ephemeral => Ok(()),
            CreatedNamespace::Namespace(owned) | CreatedNamespace::Pieces(owned, _) => Ok(owned.keep().await?),
        }
    }

    /// Removes the release with all that was made for it, and waits until it is gone; on a cluster that goes
    /// with the run its pods are only told to end.
    ///
    /// # Errors
    /// [`InfraError`] when something is left; the ledger still names it then.
    pub async fn remove(self) -> Result<(), InfraError> {
        let release = self.release();
        if let Some(forward) = self.forward {
            forward.close().await;
        }
        let (cluster, namespace) = (&self.place.cluster, &self.node.namespace);
        match self.made {
            CreatedNamespace::Ephemeral if self.nothing || self.helm.cancel.is_cancelled() => Ok(()),
            CreatedNamespace::Ephemeral => namespace::end(cluster, namespace).await.map(drop),
            CreatedNamespace::Namespace(owned) => {
                if self.nothing {
                    return Ok(owned.release().await?);
                }
                namespace::delete(cluster, namespace).await?;
                Ok(owned.release().await?)
            }
            CreatedNamespace::Pieces(owned, made) => {
                let uninstalled = self.helm.uninstall(&release).await;
                uninstalled.during("uninstall the release")?;
                apply::take_away(cluster, namespace, &made).await?;
                Ok(owned.release().await?)
            }
        }
    }
}

impl CreatedNamespace {
    /// Writes down what is about to be made.
    pub(super) async fn register(
        site: &RunContext,
        place: &ReleaseTarget,
        node: &NodeFacts,
    ) -> Result<Self, InfraError> {
        if place.ephemeral {
            return Ok(Self::Ephemeral);
        }
        let access = place.cluster.access.clone();
        let own = |thing| site.ledger.register(thing);
        if place.given {
            let owned = own(OwnedResource::Release {
                kubeconfig: access.kubeconfig,
                context: access.context,
                namespace: node.namespace.clone(),
                name: node.release.clone(),
            });
            return Ok(Self::Pieces(owned.await?, Vec::new()));
        }
        let owned = own(OwnedResource::Namespace {
            kubeconfig: access.kubeconfig,
            context: access.context,
            name: node.namespace.clone(),
        });
        Ok(Self::Namespace(owned.await?))
    }
}
