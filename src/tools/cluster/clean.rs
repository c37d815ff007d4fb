//! What dead runs have left in clusters.

use std::path::{Path, PathBuf};

use futures::future::BoxFuture;
use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, Service, ServiceAccount};
use kube::api::{DeleteParams, ListParams};
use kube::config::Kubeconfig;
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::in_cluster::{self, InCluster};
use super::{Access, Cluster, names, namespace, within};
use crate::error::{During as _, InfraError};
use crate::system::ledger::{CleanError, Cleaned, Cleaner, OwnedResource, RunId};
use crate::system::process::{Command, ProcessError};
use crate::tools::helm;
use crate::tools::kind::{export_kubeconfig, has_cluster};
use crate::tools::toolbox::{Tool, Toolbox};

const PHASE: &str = "clean the namespace";

/// Deletes the namespaces and releases of dead runs.
pub struct ClusterCleaner {
    /// Finds helm and kind.
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
                let Some(reached) = self.access_to(kubeconfig.as_deref(), context).await.map_err(failed)? else {
                    return Ok(Cleaned::WasGone);
                };
                let cluster = Cluster::connect(reached.access.clone()).await.map_err(failed)?;
                let was_there = namespace::delete(&cluster, name).await.map_err(failed)?;
                Ok(if was_there { Cleaned::Removed } else { Cleaned::WasGone })
            })),
            OwnedResource::Release {
                kubeconfig,
                context,
                namespace,
                name,
            } => Some(Box::pin(async move {
                let Some(reached) = self.access_to(kubeconfig.as_deref(), context).await.map_err(failed)? else {
                    return Ok(Cleaned::WasGone);
                };
                let release = helm::HelmRelease {
                    access: reached.access.clone(),
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

/// How a cluster is reached.
struct OwnedAccess {
    access: Access,
    /// Holds what was exported for it.
    _folder: Option<TempDir>,
}

impl ClusterCleaner {
    /// The access to a cluster that was written down; none when the cluster is gone. The kubeconfig that a run exported for
    /// itself went with the run, so it is exported anew.
    async fn access_to(&self, kubeconfig: Option<&Path>, context: &str) -> Result<Option<OwnedAccess>, InfraError> {
        let mut access = Access {
            kubeconfig: kubeconfig.map(Path::to_owned),
            context: context.to_owned(),
        };
        let read = match kubeconfig {
            Some(path) if !path.exists() => {
                let folder = tempfile::tempdir().during(PHASE)?;
                let Some(exported) = self.export(context, folder.path()).await? else {
                    return Ok(None);
                };
                access.kubeconfig = Some(exported);
                return Ok(Some(OwnedAccess {
                    access,
                    _folder: Some(folder),
                }));
            }
            Some(path) => Kubeconfig::read_from(path),
            None => Kubeconfig::read(),
        };
        // Whoever deleted the cluster took its context out.
        let is_gone = read.is_ok_and(|config| config.contexts.iter().all(|c| c.name != context));
        Ok((!is_gone).then_some(OwnedAccess { access, _folder: None }))
    }

    /// Writes the kubeconfig of this pod's cluster, or of a kind cluster that is there.
    async fn export(&self, context: &str, folder: &Path) -> Result<Option<PathBuf>, InfraError> {
        if context == in_cluster::CONTEXT {
            let pod = InCluster::find().ok_or_else(|| InfraError::new(PHASE, "this is not the pod that made it"))?;
            return Ok(pod.write(folder)?.kubeconfig);
        }
        let Some(name) = context.strip_prefix("kind-") else {
            return Ok(None);
        };
        let kind = self.toolbox.find(Tool::Kind).await.during("look for kind")?.path;
        let (path, cancel) = (folder.join("kubeconfig"), CancellationToken::new());
        let exported = async {
            let there = has_cluster(&kind, name, &cancel).await?;
            if there {
                export_kubeconfig(&kind, name, &path, &cancel).await?;
            }
            Ok::<_, ProcessError>(there)
        };
        let there = exported.await.during("ask kind for its clusters")?;
        Ok(there.then_some(path))
    }

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
        // What is being deleted is neither left nor in use; only where it stays too long somebody has to look.
        if !deleted && namespace.metadata.deletion_timestamp.is_some() {
            continue;
        }
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
