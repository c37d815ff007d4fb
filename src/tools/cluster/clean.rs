//! What dead runs have left in clusters.

use futures::future::BoxFuture;
use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, Service, ServiceAccount};
use kube::api::{DeleteParams, ListParams};
use kube::config::Kubeconfig;
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use super::{Access, Cluster, names, namespace, within};
use crate::error::{During as _, InfraError};
use crate::system::ledger::{CleanError, Cleaned, Cleaner, OwnedResource, RunId};
use crate::system::process::Command;
use crate::tools::helm;
use crate::tools::toolbox::{Tool, Toolbox};

const PHASE: &str = "clean the namespace";

/// Deletes the namespaces and releases of dead runs.
pub struct ClusterCleaner {
    /// Finds helm.
    pub toolbox: Toolbox,
}

impl Cleaner for ClusterCleaner {
    fn clean<'a>(
        &'a self,
        run: &'a RunId,
        thing: &'a OwnedResource,
    ) -> Option<BoxFuture<'a, Result<Cleaned, CleanError>>> {
        let failed = |infra: InfraError| CleanError::Failed {
            thing: thing.clone(),
            source: infra.into(),
        };
        match thing {
            OwnedResource::Namespace {
                kubeconfig,
                context,
                name,
            } => Some(Box::pin(async move {
                let prefix = run.prefix();
                if !name.starts_with(&prefix) {
                    return Err(CleanError::NotOurs {
                        thing: thing.clone(),
                        prefix,
                    });
                }
                let access = Access {
                    kubeconfig: kubeconfig.clone(),
                    context: context.clone(),
                };
                if is_gone(&access) {
                    return Ok(Cleaned::WasGone);
                }
                let cluster = Cluster::connect(access).await.map_err(failed)?;
                let was_there = namespace::delete(&cluster, name).await.map_err(failed)?;
                Ok(if was_there { Cleaned::Removed } else { Cleaned::WasGone })
            })),
            OwnedResource::Release {
                kubeconfig,
                context,
                namespace,
                name,
            } => Some(Box::pin(async move {
                let release = helm::HelmRelease {
                    access: Access {
                        kubeconfig: kubeconfig.clone(),
                        context: context.clone(),
                    },
                    namespace: namespace.clone(),
                    name: name.clone(),
                };
                if is_gone(&release.access) {
                    return Ok(Cleaned::WasGone);
                }
                self.release(run, &release).await.map_err(failed)?;
                Ok(Cleaned::Removed)
            })),
            _ => None,
        }
    }
}

/// Whether the kubeconfig can be read and knows no such context: whoever deleted the cluster took it out.
fn is_gone(access: &Access) -> bool {
    let read = match &access.kubeconfig {
        Some(path) if !path.exists() => return true,
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    read.is_ok_and(|config| config.contexts.iter().all(|c| c.name != access.context))
}

impl ClusterCleaner {
    async fn release(&self, run: &RunId, release: &helm::HelmRelease) -> Result<(), InfraError> {
        let helm = self.toolbox.find(Tool::Helm).await;
        let helm = helm.during("look for helm")?;
        let uninstall = helm::uninstall(Command::new(&helm.path), release);
        uninstall.await.during(PHASE)?;
        let cluster = Cluster::connect(release.access.clone()).await?;
        let namespace = &release.namespace;
        // What may stand among a scenario's manifests; each bears the run's label.
        labelled::<Secret>(&cluster, namespace, run).await?;
        labelled::<ConfigMap>(&cluster, namespace, run).await?;
        labelled::<Service>(&cluster, namespace, run).await?;
        labelled::<ServiceAccount>(&cluster, namespace, run).await
    }
}

/// A namespace that bears our labels, and what became of it.
#[derive(Debug)]
pub struct OwnedNamespace {
    /// Its name.
    pub namespace: String,
    /// Who started the run, and when the namespace may be deleted by anybody.
    pub about: String,
    /// Whether it was deleted: those that have not expired may be in use.
    pub deleted: bool,
}

/// Deletes the namespaces of a context that any run of anybody has left beyond their time, by their labels.
///
/// # Errors
/// [`InfraError`] when the cluster does not answer or forbids it.
pub async fn expired(access: Access) -> Result<Vec<OwnedNamespace>, InfraError> {
    let cluster = Cluster::connect(access).await?;
    let api = Api::<Namespace>::all(cluster.client.clone());
    let (key, value) = names::MANAGED_BY;
    let ours = ListParams::default().labels(&format!("{key}={value},{}", names::EXPIRES));
    let now = names::moment(Timestamp::now());
    let mut found = Vec::new();
    for namespace in within("list the namespaces", api.list_metadata(&ours)).await?.items {
        let label = |name: &str| namespace.labels().get(name).cloned().unwrap_or_default();
        let (name, expires) = (namespace.name_any(), label(names::EXPIRES));
        // Both are of one form, whose order is that of time.
        let deleted = expires < now;
        if deleted {
            namespace::delete(&cluster, &name).await?;
        }
        found.push(OwnedNamespace {
            namespace: name,
            about: format!("of {}, expires {expires}", label(names::OWNER)),
            deleted,
        });
    }
    Ok(found)
}

/// Deletes the objects of a kind that bear the run's label.
async fn labelled<K>(cluster: &Cluster, namespace: &str, run: &RunId) -> Result<(), InfraError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let api = Api::<K>::namespaced(cluster.client.clone(), namespace);
    let ours = ListParams::default().labels(&format!("{}={run}", names::RUN));
    for object in within(PHASE, api.list_metadata(&ours)).await?.items {
        within(PHASE, api.delete(&object.name_any(), &DeleteParams::default())).await?;
    }
    Ok(())
}
