//! What keeps a container from starting.

use super::*;

#[test]
fn missing_references_block_the_pod_in_the_kubelets_words() {
    let key = |kind: &str, name: &str, key: &str| json!({"env": [{"name": "X", "valueFrom": {kind: {"name": name, "key": key}}}]});
    for (container, words) in [
        (
            json!({"envFrom": [{"secretRef": {"name": "db-creds"}}]}),
            "secret \"db-creds\" not found",
        ),
        (
            json!({"envFrom": [{"configMapRef": {"name": "x"}}]}),
            "configmap \"x\" not found",
        ),
        (key("secretKeyRef", "db-creds", "k"), "secret \"db-creds\" not found"),
        (key("configMapKeyRef", "x", "k"), "configmap \"x\" not found"),
        (
            key("secretKeyRef", "creds", "username"),
            "couldn't find key username in Secret prod/creds",
        ),
        (
            key("configMapKeyRef", "conf", "k"),
            "couldn't find key k in ConfigMap prod/conf",
        ),
        (
            key("configMapKeyRef", "conf", "RAW"),
            "couldn't find key RAW in ConfigMap prod/conf",
        ),
    ] {
        assert_eq!(blocked(&container), words);
    }
}

#[test]
fn bytes_that_are_not_utf8_are_replaced_or_block_by_the_kubelets_version() {
    for (minor, patch) in [(33, 0), (34, 9), (37, 0)] {
        let started = with_secret_key(Kubelet::new(1, minor, patch), "BAD");
        assert_eq!(started.text("X").unwrap(), "a\u{fffd}b", "1.{minor}.{patch}");
        assert!(started.environment.get("X").unwrap().replaced);
        assert_eq!(started.environment.faults(&[]), []);
    }
    let started = with_secret_key(Kubelet::new(1, 34, 4), "BAD");
    let faults = started.environment.faults(&[]);
    let place = ProcessString::Variable("X".into());
    assert_eq!(faults, [ProcessFault::NotUtf8 { at: place }]);
    assert_eq!(
        faults[0].blocked().to_string(),
        "CreateContainerError: grpc: error while marshaling: string field contains invalid UTF-8"
    );
    // In an argument they block even where they pass in a variable.
    let started = with_secret_key(Kubelet::NEWEST, "BAD");
    let argv = started
        .environment
        .command(&started.container)
        .argv(&["run".into()], &[]);
    let place = ProcessString::Argument(1);
    assert_eq!(started.environment.faults(&argv), [ProcessFault::NotUtf8 { at: place }]);
}

#[test]
fn a_nul_keeps_the_container_from_starting() {
    let faults = with_secret_key(Kubelet::NEWEST, "NUL").environment.faults(&[]);
    let place = ProcessString::Variable("X".into());
    assert_eq!(faults, [ProcessFault::Nul { at: place }]);
    assert_eq!(
        faults[0].blocked().to_string(),
        "RunContainerError: invalid environment variable \"X\": contains nul byte (\\x00)"
    );
}

#[test]
fn strings_too_long_for_execve_keep_the_container_from_starting() {
    let with = |values: Vec<String>| {
        let entries: Vec<_> = values
            .into_iter()
            .enumerate()
            .map(|(index, value)| json!({"name": format!("V{index:02}"), "value": value}))
            .collect();
        start(&json!({"env": entries})).unwrap().environment
    };
    let fits = "x".repeat(MAX_STRING_BYTES - "V00=\0".len());
    assert_eq!(with(vec![fits.clone()]).faults(&[]), []);

    let place = ProcessString::Variable("V00".into());
    let faults = with(vec![format!("{fits}x")]).faults(&[]);
    let bytes = MAX_STRING_BYTES + 1;
    assert_eq!(faults, [ProcessFault::TooLong { at: place, bytes }]);
    assert_eq!(
        faults[0].blocked().to_string(),
        "CrashLoopBackOff: argument list too long"
    );

    let faults = with(vec![fits; 16]).faults(&["run".into()]);
    assert!(
        matches!(faults.as_slice(), [ProcessFault::TotalTooLong { .. }]),
        "{faults:?}"
    );
}
