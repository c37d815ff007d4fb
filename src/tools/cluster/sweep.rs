//! Empties a namespace that is being deleted.
//!
//! Kubernetes does that too, but late: its namespace controller lets 5 s pass before it looks at a namespace that is to
//! go, even at an empty one, so that every API server knows of the end by then. A run need not wait for that if what it
//! leaves is an empty namespace, which takes nothing new.

use futures::future::try_join;
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams};
use kube::discovery::{ApiGroup, Discovery, Scope, verbs};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};

use super::view::WatchedObjects;
use super::watch::refused;
use super::{Cluster, within, within_but};
use crate::error::InfraError;

/// How many kinds are gone through at a time.
const AT_ONCE: usize = 16;
/// What goes by itself: pods are ended by [`end_pods`], the others tell of objects that are deleted here.
const BY_THEMSELVES: [&str; 3] = ["Pod", "Event", "Endpoints"];

/// Ends all pods of a namespace at once: Kestra's own grace period may be minutes, and nothing of it is needed. The API
/// server forgets them, and the kubelet ends their processes, for which it takes 2 s. With a grace period of 1 s those
/// would have to be waited for, and the kubelet's report.
///
/// # Errors
/// [`InfraError`] when the API server refuses.
pub(super) async fn end_pods(client: &Client, namespace: &str) -> Result<(), InfraError> {
    let pods = Api::<Pod>::namespaced(client.clone(), namespace);
    let (at_once, all) = (DeleteParams::default().grace_period(0), ListParams::default());
    let phase = format!("end the pods of namespace {namespace}");
    within(&phase, pods.delete_collection(&at_once, &all)).await.map(drop)
}

/// Deletes what is in a namespace that is being deleted, and waits until no pod is left in it. Of a kind that we may
/// not list nothing is ours.
///
/// # Errors
/// [`InfraError`] with what may still be in it.
pub(super) async fn empty(cluster: &Cluster, namespace: &str) -> Result<(), InfraError> {
    let (client, phase) = (&cluster.client, format!("empty namespace {namespace}"));
    try_join(
        no_pods(client, namespace, &phase),
        no_objects(client, namespace, &phase),
    )
    .await
    .map(drop)
}

/// Waits until there are no pods. One that came after all others were ended, by an API server that did not know of
/// the namespace's end yet, is ended too.
async fn no_pods(client: &Client, namespace: &str, phase: &str) -> Result<(), InfraError> {
    let pods = Api::<Pod>::namespaced(client.clone(), namespace);
    let mut watch = std::pin::pin!(watcher(pods, watcher::Config::default()).default_backoff());
    let (mut there, mut came) = (WatchedObjects::default(), false);
    while let Some(event) = watch.next().await {
        match event {
            Ok(event) => {
                came |= match &event {
                    watcher::Event::InitApply(pod) | watcher::Event::Apply(pod) => {
                        pod.metadata.deletion_timestamp.is_none()
                    }
                    _ => false,
                };
                there.take(event);
            }
            Err(error) => match refused(&error) {
                Some(error) => return Err(InfraError::in_words_of(phase, error)),
                None => tracing::debug!(namespace, "{error}"),
            },
        }
        match there.count() {
            None => {}
            Some(0) => return Ok(()),
            Some(_) if std::mem::take(&mut came) => end_pods(client, namespace).await?,
            Some(_) => {}
        }
    }
    Err(InfraError::new(phase, "the watch of its pods ended"))
}

/// Deletes the objects of all other kinds.
async fn no_objects(client: &Client, namespace: &str, phase: &str) -> Result<(), InfraError> {
    let discovery = within(phase, Discovery::new(client.clone()).run_aggregated()).await?;
    let kinds: Vec<ApiResource> = discovery
        .groups()
        .flat_map(ApiGroup::resources_by_stability)
        .filter(|(kind, can)| {
            can.scope == Scope::Namespaced
                && can.supports_operation(verbs::LIST)
                && can.supports_operation(verbs::DELETE)
                && !BY_THEMSELVES.contains(&kind.kind.as_str())
        })
        .map(|(kind, _)| kind)
        .collect();
    if kinds.is_empty() {
        return Err(InfraError::new(
            phase,
            "the API server does not say which kinds there are",
        ));
    }
    futures::stream::iter(kinds)
        .map(|kind| async move {
            let all = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &kind);
            none_of(&all, &kind.kind, phase).await
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// Deletes the objects of one kind.
async fn none_of(all: &Api<DynamicObject>, kind: &str, phase: &str) -> Result<(), InfraError> {
    let Some(listed) = within_but(phase, &[403], all.list_metadata(&ListParams::default())).await? else {
        return Ok(());
    };
    let background = DeleteParams::background();
    for object in listed.items {
        // What has an owner goes with it, and the owner is deleted here as well.
        if object.owner_references().is_empty() {
            within_but(phase, &[404], all.delete(&object.name_any(), &background)).await?;
        }
        if !object.finalizers().is_empty() {
            let waits = format!(
                "{kind} {} waits for {}",
                object.name_any(),
                object.finalizers().join(", ")
            );
            return Err(InfraError::new(phase, waits));
        }
    }
    Ok(())
}
