//! Reads the cluster: lists pods and Services, and gets by name the objects that environments refer to.

use std::collections::BTreeSet;
use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service};
use kube::api::ListParams;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use super::{AuditError, Gathered, Unread, kestra_containers};
use crate::error::InfraError;
use crate::oracle::environment::{ObjectKind, ObjectRef};
use crate::tools::cluster::{Cluster, within};

/// The label by which the chart's pods are found.
const KESTRA: &str = "app.kubernetes.io/name=kestra";
/// Where the needed rights are written down.
const RIGHTS: &str = "deploy/rbac-audit.yaml grants the rights that an audit needs";

/// The label selector for Kestra's pods.
pub fn selector(release: Option<&str>, own: Option<&str>) -> String {
    let release = release.map(|release| format!("app.kubernetes.io/instance={release}"));
    match (own, release) {
        (Some(own), None) => own.to_owned(),
        (Some(own), Some(release)) => format!("{own},{release}"),
        (None, None) => KESTRA.to_owned(),
        (None, Some(release)) => format!("{KESTRA},{release}"),
    }
}

/// Reads what an audit needs. Objects that cannot be read are listed in the result.
///
/// # Errors
/// The pods cannot be listed.
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
    let listed = listed.map_err(|infra| infra.help(RIGHTS))??;
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
        let failed = if secret {
            get::<Secret>(cluster, namespace, &object)
                .await
                .map(|got| gathered.secrets.extend(got))
        } else {
            get::<ConfigMap>(cluster, namespace, &object)
                .await
                .map(|got| gathered.config_maps.extend(got))
        };
        gathered.unread.extend(failed.err());
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

/// The objects that the environments of a pod's Kestras refer to: whether each is a Secret, and its name.
fn referred(pod: &Pod) -> Vec<(bool, String)> {
    let mut all = Vec::new();
    for container in kestra_containers(pod) {
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
