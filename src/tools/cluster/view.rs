//! A release as its objects tell: rolled out, on its way, or held up; no I/O.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::ResourceExt;
use kube::runtime::watcher;

use super::cause::{self, CauseFinding};

/// Objects of one kind, by name, kept up to date by a watch.
#[derive(Debug)]
pub struct WatchedObjects<K> {
    now: BTreeMap<String, K>,
    /// What a list that has begun has brought so far.
    listed: Option<BTreeMap<String, K>>,
    /// The first list is complete.
    known: bool,
}

impl<K> Default for WatchedObjects<K> {
    fn default() -> Self {
        Self {
            now: BTreeMap::new(),
            listed: None,
            known: false,
        }
    }
}

impl<K: ResourceExt> WatchedObjects<K> {
    /// Takes in what the watch tells.
    pub fn take(&mut self, event: watcher::Event<K>) {
        match event {
            watcher::Event::Init => self.listed = Some(BTreeMap::new()),
            watcher::Event::InitApply(object) => {
                let listed = self.listed.get_or_insert_default();
                listed.insert(object.name_any(), object);
            }
            watcher::Event::InitDone => {
                self.now = self.listed.take().unwrap_or_default();
                self.known = true;
            }
            watcher::Event::Apply(object) => drop(self.now.insert(object.name_any(), object)),
            watcher::Event::Delete(object) => drop(self.now.remove(&object.name_any())),
        }
    }

    /// How many there are; none before the first list is complete.
    pub fn count(&self) -> Option<usize> {
        self.known.then_some(self.now.len())
    }
}

/// What one watch told.
#[derive(Debug)]
pub enum WatchEvent {
    /// Of a Deployment.
    Deployment(watcher::Event<Deployment>),
    /// Of a `StatefulSet`.
    StatefulSet(watcher::Event<StatefulSet>),
    /// Of a `ReplicaSet`.
    ReplicaSet(watcher::Event<ReplicaSet>),
    /// Of a pod.
    Pod(watcher::Event<Pod>),
    /// Of an event.
    Event(watcher::Event<Event>),
}

/// The objects of a release.
#[derive(Debug, Default)]
pub struct View {
    deployments: WatchedObjects<Deployment>,
    stateful_sets: WatchedObjects<StatefulSet>,
    replica_sets: WatchedObjects<ReplicaSet>,
    pods: WatchedObjects<Pod>,
    events: WatchedObjects<Event>,
}

/// How far a release is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RolloutStatus {
    /// All its pods are of the newest template and ready, and those before them have ended.
    Ready,
    /// On its way; what for, for people.
    Waiting(String),
    /// Held up.
    Held(CauseFinding),
}

impl View {
    /// Takes in what a watch tells.
    pub fn take(&mut self, told: WatchEvent) {
        match told {
            WatchEvent::Deployment(event) => self.deployments.take(event),
            WatchEvent::StatefulSet(event) => self.stateful_sets.take(event),
            WatchEvent::ReplicaSet(event) => self.replica_sets.take(event),
            WatchEvent::Pod(event) => self.pods.take(event),
            WatchEvent::Event(event) => self.events.take(event),
        }
    }

    /// How far a release is.
    pub fn status(&self, release: &str) -> RolloutStatus {
        let known = self.deployments.known && self.stateful_sets.known && self.replica_sets.known;
        if !known || !self.pods.known || !self.events.known {
            return RolloutStatus::Waiting("the cluster's answer".into());
        }
        let of_release =
            |labels: &BTreeMap<String, String>| labels.get("app.kubernetes.io/instance").is_some_and(|i| i == release);
        let deployments: Vec<&Deployment> = self
            .deployments
            .now
            .values()
            .filter(|d| of_release(d.labels()))
            .collect();
        let sets = self.stateful_sets.now.values().filter(|s| of_release(s.labels()));
        let each: Vec<RolloutStatus> = deployments
            .iter()
            .map(|d| self.deployment(d))
            .chain(sets.map(|s| self.stateful_set(s)))
            .collect();
        let held = each.iter().find(|s| matches!(s, RolloutStatus::Held(_)));
        let waiting = each.iter().find(|s| matches!(s, RolloutStatus::Waiting(_)));
        match held.or(waiting).or(each.first()) {
            Some(RolloutStatus::Ready) => {}
            Some(not_yet) => return not_yet.clone(),
            None => return RolloutStatus::Waiting("the Deployment".into()),
        }
        let newest: Vec<String> = deployments
            .iter()
            .filter_map(|d| self.newest_of(d))
            .map(ResourceExt::name_any)
            .collect();
        let mut pods = self.pods.now.values().filter(|p| of_release(p.labels()));
        match pods.find(|pod| is_earlier(pod, &newest)) {
            Some(pod) => RolloutStatus::Waiting(format!("the earlier pod {} to end", pod.name_any())),
            None => RolloutStatus::Ready,
        }
    }

    fn newest_of(&self, deployment: &Deployment) -> Option<&ReplicaSet> {
        let name = deployment.name_any();
        let owned = self.replica_sets.now.values().filter(|r| owned_by(*r, &name));
        owned.max_by_key(|r| revision(r))
    }

    fn deployment(&self, deployment: &Deployment) -> RolloutStatus {
        let name = deployment.name_any();
        let wanted = deployment.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1);
        let status = deployment.status.clone().unwrap_or_default();
        if status.observed_generation < deployment.metadata.generation {
            return RolloutStatus::Waiting(format!("the controller to see Deployment {name}"));
        }
        let [all, updated, available] =
            [status.replicas, status.updated_replicas, status.available_replicas].map(Option::unwrap_or_default);
        if updated >= wanted && available >= wanted && all == updated {
            return RolloutStatus::Ready;
        }
        // Of the pods of older templates none is to blame.
        let Some(newest) = self.newest_of(deployment) else {
            return RolloutStatus::Waiting(format!("Deployment {name} to make a ReplicaSet"));
        };
        let conditions = newest.status.iter().flat_map(|s| s.conditions.iter().flatten());
        let failure = conditions
            .into_iter()
            .find(|c| c.type_ == "ReplicaFailure" && c.status == "True");
        if let Some(message) = failure.and_then(|f| f.message.as_deref()) {
            return RolloutStatus::Held(cause::of_creation(message));
        }
        self.pods_of(&newest.name_any(), &format!("Deployment {name}"))
    }

    fn stateful_set(&self, set: &StatefulSet) -> RolloutStatus {
        let name = set.name_any();
        let wanted = set.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1);
        let status = set.status.clone().unwrap_or_default();
        if status.observed_generation < set.metadata.generation {
            return RolloutStatus::Waiting(format!("the controller to see StatefulSet {name}"));
        }
        let new = status.update_revision == status.current_revision || status.updated_replicas.unwrap_or(0) >= wanted;
        if new && status.ready_replicas.unwrap_or_default() >= wanted {
            return RolloutStatus::Ready;
        }
        let failed = self
            .events_of("StatefulSet", &name)
            .find(|e| e.reason.as_deref() == Some("FailedCreate"));
        match failed.and_then(|e| e.message.as_deref()) {
            Some(message) => RolloutStatus::Held(cause::of_creation(message)),
            None => self.pods_of(&name, &format!("StatefulSet {name}")),
        }
    }

    fn pods_of(&self, owner: &str, workload: &str) -> RolloutStatus {
        let pods = self.pods.now.values().filter(|p| owned_by(*p, owner));
        let mut pods: Vec<&Pod> = pods.filter(|p| p.metadata.deletion_timestamp.is_none()).collect();
        pods.sort_by_key(|p| is_ready(p));
        let Some(pod) = pods.first() else {
            return RolloutStatus::Waiting(format!("{workload} to make a pod"));
        };
        let events = || self.events_of("Pod", pod.metadata.name.as_deref().unwrap_or_default());
        match cause::of_pod(pod, events()) {
            Some(finding) => RolloutStatus::Held(finding),
            None if is_ready(pod) => RolloutStatus::Waiting(format!("{workload} to be rolled out")),
            None => RolloutStatus::Waiting(step(pod, events())),
        }
    }

    /// The events about an object, the latest last.
    fn events_of(&self, kind: &str, name: &str) -> impl Iterator<Item = &Event> {
        let about = |e: &&Event| {
            let object = &e.involved_object;
            object.kind.as_deref() == Some(kind) && object.name.as_deref() == Some(name)
        };
        let mut found: Vec<&Event> = self.events.now.values().filter(about).collect();
        found.sort_by_key(|e| {
            e.last_timestamp
                .clone()
                .or_else(|| e.metadata.creation_timestamp.clone())
        });
        found.into_iter()
    }
}

/// What a pod is about to do.
fn step<'a>(pod: &Pod, events: impl Iterator<Item = &'a Event>) -> String {
    let status = pod.status.clone().unwrap_or_default();
    let containers = status
        .container_statuses
        .iter()
        .flatten()
        .filter_map(|c| c.state.as_ref());
    let running = containers.clone().any(|s| s.running.is_some());
    let waiting = containers.clone().find_map(|s| s.waiting.as_ref()?.reason.clone());
    let step = match (running, waiting) {
        (true, _) => "Kestra to be ready".to_owned(),
        (false, Some(reason)) => format!("the pod: {reason}"),
        (false, None) => format!("the pod: {}", status.phase.as_deref().unwrap_or("Pending")),
    };
    let probes = events.filter(|e| e.reason.as_deref() == Some("Unhealthy"));
    match probes.last().and_then(|e| e.message.as_deref()) {
        Some(message) => format!("{step}; {}", message.trim()),
        None => step,
    }
}

/// Whether a pod takes requests.
pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|s| s.conditions.iter().flatten());
    pod.metadata.deletion_timestamp.is_none()
        && conditions.into_iter().any(|c| c.type_ == "Ready" && c.status == "True")
}

/// Whether a pod still runs though its template, or its whole workload, is no longer the release's. Where the old Kestra
/// and the new one share a database, it takes tasks of the new one, and runs them in its own environment.
fn is_earlier(pod: &Pod, newest: &[String]) -> bool {
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
    let ended = matches!(phase, Some("Succeeded" | "Failed"));
    let outdated = pod
        .owner_references()
        .iter()
        .any(|o| o.kind == "ReplicaSet" && o.controller == Some(true) && !newest.contains(&o.name));
    !ended && (outdated || pod.metadata.deletion_timestamp.is_some())
}

/// What happened to a pod of which a container was started anew since, if there is one.
pub fn restarted(before: &[Pod], now: &[Pod]) -> Option<String> {
    let starts = |pod: &Pod| -> i32 {
        let status = pod.status.iter();
        let containers = status.flat_map(|s| s.container_statuses.iter().flatten());
        containers.map(|c| c.restart_count).sum()
    };
    let again = |pod: &&Pod| {
        before
            .iter()
            .any(|b| b.metadata.uid == pod.metadata.uid && starts(b) < starts(pod))
    };
    let pod = now.iter().find(again)?;
    Some(format!(
        "a container of pod {} was started anew meanwhile",
        pod.name_any()
    ))
}

/// The same of pods that are to stay, of which none may be gone or on its way.
pub fn replaced(serving: &[Pod], now: &[Pod]) -> Option<String> {
    let stays = |pod: &Pod| pod.metadata.deletion_timestamp.is_none();
    let there = |pod: &Pod| now.iter().any(|n| n.metadata.uid == pod.metadata.uid && stays(n));
    let ended = || serving.iter().find(|pod| stays(pod) && !there(pod));
    restarted(serving, now).or_else(|| Some(format!("pod {} was ended meanwhile", ended()?.name_any())))
}

fn owned_by(object: &impl ResourceExt, owner: &str) -> bool {
    object
        .owner_references()
        .iter()
        .any(|o| o.name == owner && o.controller == Some(true))
}

fn revision(set: &ReplicaSet) -> u64 {
    let revision = set.annotations().get("deployment.kubernetes.io/revision");
    revision.and_then(|r| r.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
