//! Namespaces that a run makes and deletes.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, PostParams, Preconditions};
use kube::runtime::wait::{self, Condition, await_condition, conditions};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use super::watch::refused;
use super::{ANSWER, Cluster, names, sweep, within, within_but};
use crate::error::{InfraCause as _, InfraError};

/// How long a namespace of a live run may be taken for in use.
const LIFETIME: SignedDuration = SignedDuration::from_hours(2);
/// The controller that makes service accounts took up to 5 s after the start of a cluster.
const ACCOUNT: Duration = Duration::from_secs(60);
/// How long after a watch broke it is begun anew.
const ANEW: Duration = Duration::from_millis(500);
/// A watch that held for so long had reached the API server.
const HELD: Duration = Duration::from_secs(5);
/// Its pods are ended at once, and the rest is a few dozen calls.
const EMPTY: Duration = Duration::from_secs(30);
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

/// Since when each watch breaks as soon as it begins: no API server is there to answer.
#[derive(Default)]
struct OutOfReach(Option<Instant>);

impl OutOfReach {
    /// Notes a watch that broke; says for how long none has held.
    fn broke(&mut self, begun: Instant, ended: Instant) -> Duration {
        if ended - begun >= HELD {
            self.0 = Some(ended);
        }
        ended - *self.0.get_or_insert(begun)
    }
}

/// Waits until an object is as it should be. A watch that broke is begun anew, unless none has held for as long as the
/// API server may take to answer; one that is refused ends the waiting.
async fn becomes<K, C>(api: Api<K>, name: &str, condition: impl Fn() -> C) -> Result<(), String>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    C: Condition<K>,
{
    let mut out_of_reach = OutOfReach::default();
    loop {
        let begun = Instant::now();
        match await_condition(api.clone(), name, condition()).await {
            Err(wait::Error::ProbeFailed(error))
                if refused(&error).is_none() && out_of_reach.broke(begun, Instant::now()) < ANSWER =>
            {
                tokio::time::sleep(ANEW).await;
            }
            Err(wait::Error::ProbeFailed(error)) => return Err(error.words()),
            done => return done.map(drop).map_err(|error| error.to_string()),
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
    match tokio::time::timeout(ANSWER, api.create(&PostParams::default(), &namespace)).await {
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
    within_but(&phase, &[404, 409], api.delete(name, &this)).await?;
    // That the pods may not be ended so only takes longer.
    if let Err(infra) = sweep::end_pods(&cluster.client, name).await {
        tracing::debug!("{infra}");
    }
    Ok(Some(uid))
}

/// Deletes a namespace with all that is in it; says whether it was there. What may remain for a few seconds is the
/// empty namespace, which takes nothing new and which Kubernetes deletes by itself. Where it cannot be seen to be empty,
/// it is waited for until it is gone.
///
/// # Errors
/// [`InfraError`] when something in it stays, or the API server refuses.
pub async fn delete(cluster: &Cluster, name: &str) -> Result<bool, InfraError> {
    let Some(uid) = end(cluster, name).await? else {
        return Ok(false);
    };
    match tokio::time::timeout(EMPTY, sweep::empty(cluster, name)).await {
        Ok(Ok(())) => return Ok(true),
        Ok(Err(left)) => tracing::debug!("{left}"),
        Err(_) => tracing::debug!("namespace {name} is not empty after {} s", EMPTY.as_secs()),
    }
    let api = Api::<Namespace>::all(cluster.client.clone());
    let gone = becomes(api, name, || conditions::is_deleted(&uid));
    let phase = format!("wait until namespace {name} is gone");
    until(&phase, GONE, gone).await?;
    Ok(true)
}

#[cfg(test)]
mod tests;
