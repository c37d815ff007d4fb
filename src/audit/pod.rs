//! What pods and objects say about themselves.

use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use semver::Version;

use super::Gathered;
use crate::kestra::ENGINES;
use crate::oracle::environment::{ClusterFacts, ObjectKind, ObjectRef};

impl Gathered {
    pub(super) fn meta(&self, object: &ObjectRef) -> Option<&ObjectMeta> {
        let is = |meta: &&ObjectMeta| meta.name.as_deref() == Some(object.name.as_str());
        match object.kind {
            ObjectKind::Secret => self.secrets.iter().map(|secret| &secret.metadata).find(is),
            ObjectKind::ConfigMap => self.config_maps.iter().map(|map| &map.metadata).find(is),
        }
    }
}

/// What the kubelet knows about a pod.
pub(super) fn facts(pod: &Pod, gathered: &Gathered) -> ClusterFacts {
    let status = pod.status.clone().unwrap_or_default();
    ClusterFacts {
        name: pod.name_any(),
        namespace: pod.namespace().unwrap_or_default(),
        uid: pod.uid(),
        labels: pod.labels().clone(),
        annotations: pod.annotations().clone(),
        pod_ips: status.pod_ips.iter().flatten().map(|ip| ip.ip.clone()).collect(),
        host_ips: status.host_ips.iter().flatten().map(|ip| ip.ip.clone()).collect(),
        kubelet: gathered.kubelet,
        ..ClusterFacts::default()
    }
}

pub(super) fn status<'a>(pod: &'a Pod, container: &str) -> Option<&'a ContainerStatus> {
    let all = pod.status.as_ref()?.container_statuses.as_ref()?;
    all.iter().find(|status| status.name == container)
}

pub(super) fn started(status: &ContainerStatus) -> Option<Timestamp> {
    Some(status.state.as_ref()?.running.as_ref()?.started_at.as_ref()?.0)
}

pub(super) fn waits(status: &ContainerStatus) -> Option<String> {
    let waiting = status.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.clone().unwrap_or_default();
    Some(match &waiting.message {
        Some(message) => format!("{reason}: {message}"),
        None => reason,
    })
}

/// When an object's data last changed, by its own record of managed fields.
pub(super) fn changed(meta: &ObjectMeta) -> Option<Timestamp> {
    let of_data = meta.managed_fields.iter().flatten().filter(|entry| {
        let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
        fields.is_some_and(|fields| ["f:data", "f:stringData"].iter().any(|data| fields.get(data).is_some()))
    });
    let last = of_data.filter_map(|entry| entry.time.as_ref()).map(|time| time.0).max();
    last.or_else(|| Some(meta.creation_timestamp.as_ref()?.0))
}

/// The version of a container's Kestra: by its image's tag, otherwise by the chart's label, otherwise the newest.
pub(super) fn version(pod: &Pod, container: &Container) -> (Version, String) {
    let parse = |text: &str| text.trim_start_matches('v').parse::<Version>().ok();
    let image = container.image.as_deref().unwrap_or_default();
    let tag = image
        .split('@')
        .next()
        .and_then(|name| name.rsplit('/').next()?.split_once(':'))
        .map(|(_, tag)| tag);
    if let Some(version) = tag.and_then(parse) {
        return (version, "the image's tag".into());
    }
    if let Some(version) = pod
        .labels()
        .get("app.kubernetes.io/version")
        .and_then(|label| parse(label))
    {
        return (version, "the chart's label".into());
    }
    let [newest, ..] = ENGINES;
    (newest, "assumption: the newest known".into())
}
