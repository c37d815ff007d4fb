//! Objects as a cluster 1.34.4 told of them, cut to what matters.

use k8s_openapi::api::core::v1::Event as Warning;
use kube::runtime::watcher::Event;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

fn read<K: DeserializeOwned>(object: Value) -> K {
    serde_json::from_value(object).unwrap()
}

fn listed<K: ResourceExt>(kept: &mut WatchedObjects<K>, objects: Vec<K>) {
    kept.take(Event::Init);
    for object in objects {
        kept.take(Event::InitApply(object));
    }
    kept.take(Event::InitDone);
}

fn deployment(generation: i64, observed: i64, [all, updated, available]: [i32; 3]) -> Deployment {
    read(json!({
        "metadata": {"name": "kestra-standalone", "generation": generation,
                     "labels": {"app.kubernetes.io/instance": "kestra"}},
        "spec": {"replicas": 1, "selector": {}, "template": {}},
        "status": {"observedGeneration": observed, "replicas": all, "updatedReplicas": updated,
                   "availableReplicas": available},
    }))
}

fn replica_set(name: &str, revision: &str, failure: Option<&str>) -> ReplicaSet {
    let conditions: Vec<Value> = failure
        .map(|m| json!({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": m}))
        .into_iter()
        .collect();
    read(json!({
        "metadata": {"name": name, "annotations": {"deployment.kubernetes.io/revision": revision},
                     "ownerReferences": [owner("Deployment", "kestra-standalone")]},
        "spec": {"selector": {}},
        "status": {"replicas": 0, "conditions": conditions},
    }))
}

fn owner(kind: &str, name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "u", "controller": true})
}

fn pod(name: &str, set: &str, reason: &str) -> Pod {
    read(json!({
        "metadata": {"name": name, "ownerReferences": [owner("ReplicaSet", set)]},
        "status": {"phase": "Pending", "containerStatuses": [{
            "name": "k", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": reason, "message": "secret \"nope\" not found"}},
        }]},
    }))
}

fn view(deployment: Deployment, sets: Vec<ReplicaSet>, pods: Vec<Pod>, events: Vec<Warning>) -> View {
    let mut view = View::default();
    listed(&mut view.deployments, vec![deployment]);
    listed(&mut view.stateful_sets, Vec::new());
    listed(&mut view.replica_sets, sets);
    listed(&mut view.pods, pods);
    listed(&mut view.events, events);
    view
}

#[test]
fn nothing_is_said_before_every_watch_has_listed() {
    let mut view = View::default();
    assert!(matches!(view.status("kestra"), RolloutStatus::Waiting(_)));
    listed(&mut view.deployments, vec![deployment(1, 1, [1, 1, 1])]);
    assert!(matches!(view.status("kestra"), RolloutStatus::Waiting(_)));
}

#[test]
fn a_release_is_ready_when_the_newest_template_alone_is_rolled_out() {
    let sight = |d| view(d, Vec::new(), Vec::new(), Vec::new()).status("kestra");
    assert_eq!(sight(deployment(2, 2, [1, 1, 1])), RolloutStatus::Ready);
    // The controller has not seen the upgrade; the old pod still runs; the new one is not ready.
    assert!(matches!(sight(deployment(2, 1, [1, 1, 1])), RolloutStatus::Waiting(_)));
    assert!(matches!(sight(deployment(2, 2, [2, 1, 2])), RolloutStatus::Waiting(_)));
    assert!(matches!(sight(deployment(2, 2, [1, 1, 0])), RolloutStatus::Waiting(_)));
}

#[test]
fn earlier_pods_are_waited_for() {
    let of = |pod: Pod| {
        let sets = vec![replica_set("old", "9", None), replica_set("new", "10", None)];
        view(deployment(2, 2, [1, 1, 1]), sets, vec![pod], Vec::new()).status("kestra")
    };
    let pod = |set: &str, phase: &str, deleted: bool| {
        let mut pod = pod("a", set, "");
        pod.metadata.labels = read(json!({"app.kubernetes.io/instance": "kestra"}));
        pod.status = read(json!({"phase": phase}));
        pod.metadata.deletion_timestamp = deleted.then(|| read(json!("2026-01-01T00:00:00Z")));
        pod
    };
    let waits = RolloutStatus::Waiting("the earlier pod a to end".into());
    assert_eq!(of(pod("new", "Running", false)), RolloutStatus::Ready);
    assert_eq!(of(pod("new", "Running", true)), waits);
    assert_eq!(of(pod("old", "Running", false)), waits);
    // Its Deployment is gone: the chart gives it another name now.
    assert_eq!(of(pod("of-another-name", "Running", false)), waits);
    // Evicted long ago, it runs nothing.
    assert_eq!(of(pod("old", "Failed", false)), RolloutStatus::Ready);
}

#[test]
fn another_release_of_the_namespace_says_nothing_of_this_one() {
    let view = view(deployment(1, 1, [1, 1, 1]), Vec::new(), Vec::new(), Vec::new());
    assert!(matches!(view.status("ks-other"), RolloutStatus::Waiting(_)));
}

#[test]
fn only_the_newest_template_is_to_blame() {
    let sets = || vec![replica_set("old", "9", None), replica_set("new", "10", None)];
    let of = |pods| view(deployment(2, 2, [2, 1, 1]), sets(), pods, Vec::new()).status("kestra");
    let blocked = "CreateContainerConfigError";
    let old = of(vec![pod("a", "old", blocked), pod("b", "new", "ContainerCreating")]);
    assert_eq!(old, RolloutStatus::Waiting("the pod: ContainerCreating".into()));
    let new = of(vec![pod("a", "old", "ContainerCreating"), pod("b", "new", blocked)]);
    assert!(matches!(new, RolloutStatus::Held(CauseFinding::Unsure(cause, _)) if cause.reason() == blocked));
}

#[test]
fn a_quota_is_told_by_the_replica_set_that_makes_no_pod() {
    let quota = "pods \"k\" is forbidden: exceeded quota: few";
    let sets = vec![replica_set("new", "1", Some(quota))];
    let sight = view(deployment(1, 1, [0, 0, 0]), sets, Vec::new(), Vec::new()).status("kestra");
    assert!(
        matches!(sight, RolloutStatus::Held(CauseFinding::Sure(cause)) if cause.to_string().contains("exceeded quota"))
    );
}

#[test]
fn a_probe_that_fails_is_told_while_waiting() {
    let event: Warning = read(json!({
        "metadata": {"name": "e"}, "type": "Warning", "reason": "Unhealthy", "lastTimestamp": "2026-01-01T00:00:00Z",
        "involvedObject": {"kind": "Pod", "name": "a"},
        "message": "Startup probe failed: HTTP probe failed with statuscode: 503",
    }));
    let mut running = pod("a", "new", "");
    let status = running.status.as_mut().unwrap().container_statuses.as_mut().unwrap();
    status[0].state = read(json!({"running": {}}));
    let sets = vec![replica_set("new", "1", None)];
    let sight = view(deployment(1, 1, [1, 1, 0]), sets, vec![running], vec![event]).status("kestra");
    let said = "Kestra to be ready; Startup probe failed: HTTP probe failed with statuscode: 503";
    assert_eq!(sight, RolloutStatus::Waiting(said.into()));
}

#[test]
fn a_container_started_anew_in_the_same_pod_is_noticed() {
    let pod = |uid: &str, restarts: i32| {
        let mut pod = pod("a", "s", "");
        pod.metadata.uid = Some(uid.into());
        pod.status.as_mut().unwrap().container_statuses.as_mut().unwrap()[0].restart_count = restarts;
        pod
    };
    assert_eq!(
        restarted(&[pod("u", 0)], &[pod("u", 1)]),
        Some("a container of pod a was started anew meanwhile".into())
    );
    assert_eq!(restarted(&[pod("u", 1)], &[pod("u", 1)]), None);
    assert_eq!(restarted(&[pod("u", 0)], &[pod("another", 1)]), None);
}

#[test]
fn a_list_that_begins_anew_forgets_what_is_gone() {
    let mut kept = WatchedObjects::default();
    listed(&mut kept, vec![pod("a", "s", ""), pod("b", "s", "")]);
    kept.take(Event::Delete(pod("b", "s", "")));
    kept.take(Event::Apply(pod("c", "s", "")));
    assert_eq!(kept.now.keys().collect::<Vec<_>>(), ["a", "c"]);
    listed(&mut kept, vec![pod("c", "s", "")]);
    assert_eq!(kept.now.keys().collect::<Vec<_>>(), ["c"]);
}
