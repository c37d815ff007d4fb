//! What dead runs have left in clusters.

use futures::future::BoxFuture;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service, ServiceAccount};
use kube::api::{DeleteParams, ListParams};
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use super::{Access, Cluster, names, own, within};
use crate::helm;
use crate::ledger::{CleanError, Cleaned, Cleaner, RunId, Thing};
use crate::process::Command;
use crate::toolbox::{Tool, Toolbox};
use crate::verdict::Infra;

const PHASE: &str = "clean the namespace";

/// Deletes the namespaces and releases of dead runs.
pub struct ClusterCleaner {
    /// Finds helm.
    pub toolbox: Toolbox,
}

impl Cleaner for ClusterCleaner {
    fn clean<'a>(&'a self, run: &'a RunId, thing: &'a Thing) -> Option<BoxFuture<'a, Result<Cleaned, CleanError>>> {
        let failed = |infra: Infra| CleanError::Failed {
            thing: thing.clone(),
            source: infra.into(),
        };
        match thing {
            Thing::Namespace {
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
                let cluster = Cluster::connect(access).await.map_err(failed)?;
                let was_there = own::delete(&cluster, name).await.map_err(failed)?;
                Ok(if was_there { Cleaned::Removed } else { Cleaned::WasGone })
            })),
            Thing::Release {
                kubeconfig,
                context,
                namespace,
                name,
            } => Some(Box::pin(async move {
                let release = helm::Release {
                    access: Access {
                        kubeconfig: kubeconfig.clone(),
                        context: context.clone(),
                    },
                    namespace: namespace.clone(),
                    name: name.clone(),
                };
                self.release(run, &release).await.map_err(failed)?;
                Ok(Cleaned::Removed)
            })),
            _ => None,
        }
    }
}

impl ClusterCleaner {
    async fn release(&self, run: &RunId, release: &helm::Release) -> Result<(), Infra> {
        let helm = self.toolbox.find(Tool::Helm).await;
        let helm = helm.map_err(|e| Infra::new("look for helm", format!("failed to {e}")))?;
        let uninstall = helm::uninstall(Command::new(&helm.path), release);
        uninstall
            .await
            .map_err(|e| Infra::new(PHASE, format!("failed to {e}")))?;
        let cluster = Cluster::connect(release.access.clone()).await?;
        let namespace = &release.namespace;
        // What may stand among a scenario's manifests; each bears the run's label.
        labelled::<Secret>(&cluster, namespace, run).await?;
        labelled::<ConfigMap>(&cluster, namespace, run).await?;
        labelled::<Service>(&cluster, namespace, run).await?;
        labelled::<ServiceAccount>(&cluster, namespace, run).await
    }
}

/// Deletes the objects of a kind that bear the run's label.
async fn labelled<K>(cluster: &Cluster, namespace: &str, run: &RunId) -> Result<(), Infra>
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
