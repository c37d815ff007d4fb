//! What is read of a cluster: pods and Services are listed, the objects that environments refer to got by name.

use std::collections::BTreeSet;
use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service};
use kube::api::ListParams;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use super::{AuditError, Gathered, Unread, kestras};
use crate::error::InfraError;
use crate::oracle::environment::{ObjectKind, ObjectRef};
use crate::tools::cluster::{Cluster, within};

/// The label by which the chart's pods are found.
const KESTRA: &str = "app.kubernetes.io/name=kestra";
/// The rights that all of it needs.
const RIGHTS: &str = "deploy/rbac-audit.yaml holds all that is needed";

/// Which pods are Kestra's, as a label selector.
pub fn selector(release: Option<&str>, own: Option<&str>) -> String {
    let release = release.map(|release| format!("app.kubernetes.io/instance={release}"));
    match (own, release) {
        (Some(own), None) => own.to_owned(),
        (Some(own), Some(release)) => format!("{own},{release}"),
        (None, None) => KESTRA.to_owned(),
        (None, Some(release)) => format!("{KESTRA},{release}"),
    }
}

/// Reads what there is; what may not be read is told and left out.
///
/// # Errors
/// The pods cannot be listed: there is nothing to be said then.
pub async fn gather(cluster: &Cluster, namespace: &str, selector: &str) -> Result<Gathered, AuditError> {
    let which = ListParams::default().labels(selector);
    let pods = Api::<Pod>::namespaced(cluster.client.clone(), namespace);
    let listed = async {
        match pods.list(&which).await {
            Err(kube::Error::Api(refused)) if refused.code == 400 => {
                Ok(Err(AuditError::Selector(refused.message.clone())))
            }
            answer => answer.map(Ok),
        }
    };
    let listed = within("list the pods", listed).await;
    let listed = listed.map_err(|infra| infra.help(format!("{RIGHTS}; `kestra-secrets audit --help` says more")))??;
    let mut gathered = Gathered {
        pods: listed.items.into_iter().filter(is_there).collect(),
        kubelet: cluster.kubelet,
        ..Gathered::default()
    };
    let services = Api::<Service>::namespaced(cluster.client.clone(), namespace);
    match within("list the Services", services.list(&ListParams::default())).await {
        Ok(services) => gathered.services = services.items,
        Err(infra) => gathered.unread.push(unread("Services".into(), &infra)),
    }
    let referred: BTreeSet<(bool, String)> = gathered.pods.iter().flat_map(referred).collect();
    for (secret, name) in referred {
        let object = ObjectRef {
            kind: if secret {
                ObjectKind::Secret
            } else {
                ObjectKind::ConfigMap
            },
            name,
        };
        let told = if secret {
            get::<Secret>(cluster, namespace, &object)
                .await
                .map(|got| gathered.secrets.extend(got))
        } else {
            get::<ConfigMap>(cluster, namespace, &object)
                .await
                .map(|got| gathered.config_maps.extend(got))
        };
        gathered.unread.extend(told.err());
    }
    Ok(gathered)
}

async fn get<K>(cluster: &Cluster, namespace: &str, object: &ObjectRef) -> Result<Option<K>, Unread>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let api = Api::<K>::namespaced(cluster.client.clone(), namespace);
    let got = within("get it", api.get_opt(&object.name)).await;
    got.map_err(|infra| unread(object.to_string(), &infra))
}

fn unread(object: String, infra: &InfraError) -> Unread {
    Unread {
        object,
        says: infra.cause.clone(),
    }
}

fn is_there(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_none() && !matches!(phase, Some("Succeeded" | "Failed"))
}

/// What the environments of a pod's Kestras refer to: whether it is a Secret, and its name.
fn referred(pod: &Pod) -> Vec<(bool, String)> {
    let mut all = Vec::new();
    for container in kestras(pod) {
        for from in container.env_from.iter().flatten() {
            all.extend(from.secret_ref.iter().map(|secret| (true, secret.name.clone())));
            all.extend(from.config_map_ref.iter().map(|map| (false, map.name.clone())));
        }
        for from in container
            .env
            .iter()
            .flatten()
            .filter_map(|variable| variable.value_from.as_ref())
        {
            all.extend(from.secret_key_ref.iter().map(|secret| (true, secret.name.clone())));
            all.extend(from.config_map_key_ref.iter().map(|map| (false, map.name.clone())));
        }
    }
    all
}
