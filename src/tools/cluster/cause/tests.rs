//! Pods as a kubelet 1.34.4 reported them, cut to what matters.

use serde_json::{Value, json};

use super::*;

fn pod(state: &Value, last: &Value) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": "kestra-standalone-0"},
        "status": {"phase": "Pending", "containerStatuses": [{
            "name": "kestra-standalone", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": state, "lastState": last,
        }]},
    }))
    .unwrap()
}

fn waiting(reason: &str, message: &str) -> Pod {
    pod(&json!({"waiting": {"reason": reason, "message": message}}), &json!({}))
}

fn found(pod: &Pod) -> Option<CauseFinding> {
    of_pod(pod, std::iter::empty())
}

#[test]
fn a_container_that_cannot_be_configured_is_blocked_by_its_inputs() {
    for reason in [
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    ] {
        let Some(CauseFinding::Unsure(cause, KUBELET)) = found(&waiting(reason, "secret \"nope\" not found")) else {
            panic!("{reason} counts at once, or not at all");
        };
        assert_eq!(cause, ReleaseCause::blocked(reason, "secret \"nope\" not found"));
    }
}

#[test]
fn an_image_that_cannot_be_pulled_breaks_the_environment_after_the_first_failure() {
    let message = "Back-off pulling image \"kestra-secrets/kestra:nope\": ErrImagePull: failed to resolve reference";
    let sure = |reason: &str| {
        matches!(
            found(&waiting(reason, message)),
            Some(CauseFinding::Sure(ReleaseCause::Broken { .. }))
        )
    };
    assert!(sure("ImagePullBackOff"));
    assert!(sure("InvalidImageName"));
    assert!(sure("ErrImageNeverPull"));
    let first = found(&waiting("ErrImagePull", "failed to pull and unpack image"));
    assert!(matches!(
        first,
        Some(CauseFinding::Unsure(ReleaseCause::Broken { .. }, _))
    ));
}

#[test]
fn a_pod_on_its_way_is_held_by_nothing() {
    for reason in ["ContainerCreating", "PodInitializing"] {
        assert_eq!(found(&waiting(reason, "")), None);
    }
    assert_eq!(found(&pod(&json!({"running": {}}), &json!({}))), None);
    assert_eq!(found(&Pod::default()), None);
}

#[test]
fn a_crash_is_told_with_its_container_and_its_exit_code() {
    let back_off = json!({"waiting": {
        "reason": "CrashLoopBackOff",
        "message": "back-off 10s restarting failed container=kestra-standalone",
    }});
    let crashed = |last: Value| match found(&pod(&back_off, &json!({"terminated": last}))) {
        Some(CauseFinding::Sure(cause)) => cause,
        other => panic!("{other:?}"),
    };
    let ReleaseCause::Broken {
        message, crashed: at, ..
    } = crashed(json!({"exitCode": 1, "reason": "Error"}))
    else {
        panic!("a program that ends is broken");
    };
    assert!(message.ends_with("; exit code 1"), "{message}");
    assert_eq!(at, Some(("kestra-standalone-0".into(), "kestra-standalone".into())));
    let killed = crashed(json!({"exitCode": 137, "reason": "OOMKilled"}));
    assert!(killed.to_string().contains("out of memory"));
    let words = "failed to create containerd task: invalid environment variable: contains nul byte";
    let never = crashed(json!({"exitCode": 128, "reason": "StartError", "message": words}));
    assert_eq!(never, ReleaseCause::blocked("RunContainerError", words));
}

#[test]
fn last_words_of_the_runtime_itself_mean_that_the_inputs_were_refused() {
    let crash = ReleaseCause::broken("CrashLoopBackOff", "back-off");
    let refused = with_last_words(crash.clone(), "exec /usr/bin/sh: argument list too long\n");
    assert_eq!(
        refused,
        ReleaseCause::blocked("CrashLoopBackOff", "exec /usr/bin/sh: argument list too long")
    );
    let broken = with_last_words(crash.clone(), "Exception in thread main\ninvalid argument\n");
    assert!(matches!(&broken, ReleaseCause::Broken { message, .. } if message.contains("Exception")));
    assert_eq!(with_last_words(crash.clone(), ""), crash);
}

#[test]
fn a_pod_without_a_node_may_be_waiting_for_room() {
    let message = "0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are available";
    let pod: Pod = serde_json::from_value(json!({"status": {"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message},
    ]}}))
    .unwrap();
    let expected = CauseFinding::Unsure(ReleaseCause::broken("Unschedulable", message), SCHEDULER);
    assert_eq!(found(&pod), Some(expected));
}

#[test]
fn a_volume_that_does_not_mount_is_told_by_an_event() {
    let event = |reason: &str, message: &str| -> Event {
        let event = json!({"metadata": {}, "involvedObject": {}, "reason": reason, "message": message});
        serde_json::from_value(event).unwrap()
    };
    let mut events = vec![event(
        "FailedMount",
        "MountVolume.SetUp failed for volume \"creds\" : secret \"nope\" not found",
    )];
    let creating = waiting("ContainerCreating", "");
    let Some(CauseFinding::Unsure(ReleaseCause::Blocked { reason, message }, _)) = of_pod(&creating, events.iter())
    else {
        panic!("it is not seen");
    };
    assert_eq!(reason, "FailedMount");
    assert!(missing(&message).is_some());
    // It mounted after all, and a large image is on its way.
    events.push(event("Pulling", "Pulling image"));
    assert_eq!(of_pod(&creating, events.iter()), None);
}

#[test]
fn only_what_admission_refuses_for_good_ends_the_waiting_at_once() {
    let quota = "pods \"k\" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1";
    assert!(matches!(of_creation(quota), CauseFinding::Sure(_)));
    let policy = "pods \"k\" is forbidden: violates PodSecurity \"restricted:latest\": runAsNonRoot != true";
    assert!(matches!(of_creation(policy), CauseFinding::Sure(_)));
    let account = "pods \"k\" is forbidden: error looking up service account ns/kestra: serviceaccount not found";
    assert!(matches!(of_creation(account), CauseFinding::Unsure(..)));
}

#[test]
fn the_missing_object_is_read_from_the_kubelets_message() {
    let cases = [
        ("secret \"nope\" not found", true, "nope", None),
        ("configmap \"settings\" not found", false, "settings", None),
        (
            "couldn't find key password in Secret team-a/db-creds",
            true,
            "db-creds",
            Some("password"),
        ),
        (
            "couldn't find key A in ConfigMap team-a/settings",
            false,
            "settings",
            Some("A"),
        ),
        (
            "MountVolume.SetUp failed for volume \"v\" : references non-existent secret key: x",
            true,
            "",
            None,
        ),
    ];
    for (words, secret, name, key) in cases {
        let expected = (!name.is_empty()).then(|| MissingObject {
            secret,
            name: name.into(),
            key: key.map(str::to_owned),
        });
        assert_eq!(missing(words), expected, "{words}");
    }
    assert_eq!(
        missing("failed to sync secret cache: timed out waiting for the condition"),
        None
    );
}
