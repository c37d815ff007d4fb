//! Namespaces that a run makes and deletes.

use std::fmt::Debug;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, ListParams, PostParams, Preconditions};
use kube::runtime::wait::{self, Condition, await_condition, conditions};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use super::watch::refused;
use super::{Cluster, names, within};
use crate::error::{During as _, InfraError};

/// How long a namespace of a live run may be taken for in use.
const LIFETIME: SignedDuration = SignedDuration::from_hours(2);
/// The controller that makes service accounts took up to 5 s after the start of a cluster.
const ACCOUNT: Duration = Duration::from_secs(60);
/// How long after a watch broke it is begun anew.
const ANEW: Duration = Duration::from_millis(500);
/// A namespace goes when its pods have ended and every kind of object has been looked for.
const GONE: Duration = Duration::from_secs(120);

/// Waits for something in the cluster, with a deadline that says what passed.
///
/// # Errors
/// [`InfraError`] when the deadline passes, or the API server refuses.
pub async fn until<T, E: std::fmt::Display>(
    phase: &str,
    limit: Duration,
    wait: impl Future<Output = Result<T, E>>,
) -> Result<T, InfraError> {
    match tokio::time::timeout(limit, wait).await {
        Ok(done) => done.map_err(|e| InfraError::new(phase, e)),
        Err(_) => Err(InfraError::new(phase, format!("not within {} s", limit.as_secs()))),
    }
}

/// Waits until an object is as it should be. A watch that broke is begun anew, one that is refused ends the waiting.
async fn becomes<K, C>(api: Api<K>, name: &str, condition: impl Fn() -> C) -> Result<(), wait::Error>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    C: Condition<K>,
{
    loop {
        match await_condition(api.clone(), name, condition()).await {
            Err(wait::Error::ProbeFailed(error)) if refused(&error).is_none() => tokio::time::sleep(ANEW).await,
            done => return done.map(drop),
        }
    }
}

/// Why a namespace was not made.
#[derive(Debug)]
pub enum NoNamespace {
    /// The API server refused it: there is none.
    Refused(InfraError),
    /// The API server did not answer: there may be one.
    Unknown(InfraError),
}

/// Makes a namespace.
///
/// # Errors
/// [`NoNamespace`].
pub async fn create(cluster: &Cluster, name: &str, run: &str) -> Result<(), NoNamespace> {
    let namespace = Namespace {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(names::labels(run, Timestamp::now() + LIFETIME)),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    let api = Api::<Namespace>::all(cluster.client.clone());
    let phase = format!("create namespace {name}");
    match tokio::time::timeout(super::ANSWER, api.create(&PostParams::default(), &namespace)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error @ kube::Error::Api(_))) => Err(NoNamespace::Refused(InfraError::caused_by(phase, error))),
        Ok(Err(error)) => Err(NoNamespace::Unknown(InfraError::caused_by(phase, error))),
        Err(_) => Err(NoNamespace::Unknown(InfraError::new(
            phase,
            "the API server did not answer",
        ))),
    }
}

/// Waits until a namespace has its `default` service account: without it no pod is made.
///
/// # Errors
/// [`InfraError`] when it does not come in time.
pub async fn account(cluster: &Cluster, namespace: &str) -> Result<(), InfraError> {
    let accounts = Api::<ServiceAccount>::namespaced(cluster.client.clone(), namespace);
    let wait = becomes(accounts, "default", conditions::is_created);
    let phase = format!("wait for the service account of namespace {namespace}");
    until(&phase, ACCOUNT, wait).await.map(drop)
}

/// Asks for the end of a namespace and its pods, at once; says its uid, or none when it is not there.
///
/// # Errors
/// [`InfraError`] when the API server refuses.
pub async fn end(cluster: &Cluster, name: &str) -> Result<Option<String>, InfraError> {
    let phase = format!("delete namespace {name}");
    let api = Api::<Namespace>::all(cluster.client.clone());
    let Some(namespace) = within(&phase, api.get_opt(name)).await? else {
        return Ok(None);
    };
    let uid = namespace.metadata.uid.unwrap_or_default();
    // The namespace first: afterwards no new pods are made in it.
    let this = DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some(uid.clone()),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    match tokio::time::timeout(super::ANSWER, api.delete(name, &this)).await {
        Ok(Err(kube::Error::Api(status))) if [404, 409].contains(&status.code) => {}
        Ok(done) => drop(done.during(&phase)?),
        Err(_) => return Err(InfraError::new(phase, "the API server did not answer")),
    }
    let pods = Api::<Pod>::namespaced(cluster.client.clone(), name);
    let soon = DeleteParams::default().grace_period(1);
    // Kestra's own grace period may be minutes; that the pods may not be deleted so only takes longer.
    if let Err(infra) = within(&phase, pods.delete_collection(&soon, &ListParams::default())).await {
        tracing::debug!("{infra}");
    }
    Ok(Some(uid))
}

/// Deletes a namespace and waits until it is gone; says whether it was there.
///
/// # Errors
/// [`InfraError`] when something in it stays, or the API server refuses.
pub async fn delete(cluster: &Cluster, name: &str) -> Result<bool, InfraError> {
    let Some(uid) = end(cluster, name).await? else {
        return Ok(false);
    };
    let api = Api::<Namespace>::all(cluster.client.clone());
    let gone = becomes(api, name, || conditions::is_deleted(&uid));
    let phase = format!("wait until namespace {name} is gone");
    until(&phase, GONE, gone).await?;
    Ok(true)
}
