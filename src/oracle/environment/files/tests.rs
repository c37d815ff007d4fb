use super::super::{ClusterFacts, Objects};
use super::*;
use k8s_openapi::api::core::v1::PodSpec;
use serde_json::{Value as Json, json};

/// `PATH=KEY` lines of what container 0 sees, then empty and unknown mounts.
fn see(volumes: &Json, mounts: &Json) -> Result<Vec<String>, String> {
    let spec: PodSpec = serde_json::from_value(json!({
        "volumes": volumes,
        "containers": [{
            "name": "c",
            "volumeMounts": mounts,
            "env": [{"name": "WHICH", "value": "username"}, {"name": "EMPTY"}],
        }],
    }))
    .unwrap();
    let secret = |name: &str, data: Json| {
        serde_json::from_value(json!({"metadata": {"name": name}, "stringData": data})).unwrap()
    };
    let objects = Objects::new(
        [
            secret("creds", json!({"username": "admin", "password": "hunter2"})),
            secret("more", json!({"username": "other"})),
        ],
        [serde_json::from_value(json!({
            "metadata": {"name": "conf"},
            "data": {"a.yml": "a: 1"},
            "binaryData": {"raw": "/w=="},
        }))
        .unwrap()],
        [],
    );
    let facts = ClusterFacts {
        name: "p".into(),
        ..ClusterFacts::default()
    };
    let pod = Pod {
        spec: &spec,
        objects: &objects,
        facts: &facts,
    };
    let container = &spec.containers[0];
    let seen = pod.volumes().and_then(|volumes| {
        let environment = pod.environment(container, &[])?;
        pod.files(container, &volumes, &environment)
    });
    let seen = seen.map_err(|halt| halt.to_string())?;
    let files = seen.files.iter().map(|file| {
        let contents = objects.contents(&file.object, &facts).unwrap();
        assert_eq!(file.bytes.as_bytes(), contents[file.key.as_str()]);
        format!("{}={} {}", file.path, file.object.name, file.key)
    });
    let empty = seen.empty.iter().map(|at| format!("{at} empty"));
    let unknown = seen.unknown.iter().map(|at| format!("{at} unknown"));
    Ok(files.chain(empty).chain(unknown).collect())
}

fn creds(extra: &Json) -> Json {
    let mut secret = json!({"secretName": "creds"});
    secret
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    json!([{"name": "v", "secret": secret}])
}

#[test]
fn every_key_is_a_file_or_the_chosen_ones_under_their_paths() {
    let at = json!([{"name": "v", "mountPath": "/app/secrets/"}]);
    assert_eq!(
        see(&creds(&json!({})), &at),
        Ok(vec![
            "/app/secrets/password=creds password".into(),
            "/app/secrets/username=creds username".into()
        ])
    );
    assert_eq!(
        see(&creds(&json!({"items": [{"key": "username", "path": "db/user"}]})), &at),
        Ok(vec!["/app/secrets/db/user=creds username".into()])
    );
    let map = json!([{"name": "v", "configMap": {"name": "conf"}}]);
    assert_eq!(
        see(&map, &at),
        Ok(vec![
            "/app/secrets/a.yml=conf a.yml".into(),
            "/app/secrets/raw=conf raw".into()
        ])
    );
}

#[test]
fn a_missing_object_or_key_fails_the_mount_unless_optional() {
    let at = json!([{"name": "v", "mountPath": "/s"}]);
    let items = json!({"items": [{"key": "nope", "path": "p"}]});
    let prefix = "FailedMount: MountVolume.SetUp failed for volume \"v\" :";
    for (volumes, words) in [
        (
            json!([{"name": "v", "secret": {"secretName": "nope"}}]),
            "secret \"nope\" not found",
        ),
        (
            json!([{"name": "v", "configMap": {"name": "nope"}}]),
            "configmap \"nope\" not found",
        ),
        (creds(&items), "references non-existent secret key: nope"),
        (
            json!([{"name": "v", "configMap": {"name": "conf", "items": items["items"]}}]),
            "configmap references non-existent config key: nope",
        ),
        (
            json!([{"name": "v", "projected": {"sources": [
                {"secret": {"name": "x"}}, {"configMap": {"name": "y"}}, {"secret": {"name": "x"}},
            ]}}]),
            "[secret \"x\" not found, configmap \"y\" not found]",
        ),
    ] {
        assert_eq!(see(&volumes, &at), Err(format!("{prefix} {words}")));
    }
    let optional = json!([{"name": "v", "secret": {"secretName": "nope", "optional": true}}]);
    assert_eq!(see(&optional, &at), Ok(vec![]));
    // A volume that no container mounts is never set up.
    let unused = json!([{"name": "w", "secret": {"secretName": "nope"}}]);
    assert_eq!(see(&unused, &json!([])), Ok(vec![]));
}

#[test]
fn a_sub_path_gives_one_file_and_a_wrong_one_an_empty_directory() {
    let mount = |sub: Json| {
        let mut mount = json!({"name": "v", "mountPath": "/app/file"});
        mount.as_object_mut().unwrap().extend(sub.as_object().unwrap().clone());
        see(&creds(&json!({})), &json!([mount]))
    };
    assert_eq!(
        mount(json!({"subPath": "username"})),
        Ok(vec!["/app/file=creds username".into()])
    );
    assert_eq!(mount(json!({"subPath": "user"})), Ok(vec!["/app/file empty".into()]));
    assert_eq!(
        mount(json!({"subPathExpr": "$(WHICH)"})),
        Ok(vec!["/app/file=creds username".into()])
    );
    for (sub, words) in [
        (
            json!({"subPathExpr": "$(NOPE)/$(EMPTY)"}),
            "missing value for EMPTY, NOPE",
        ),
        (json!({"subPath": "/etc"}), "must not be an absolute path"),
        (json!({"subPath": "../x"}), "must not contain '..'"),
        (
            json!({"subPath": "username/x"}),
            "failed to create subPath directory for volumeMount \"v\" of container \"c\"",
        ),
    ] {
        let message = mount(sub).unwrap_err();
        assert!(
            message.starts_with("CreateContainerConfigError") && message.ends_with(words),
            "{message}"
        );
    }
}

#[test]
fn later_projections_and_deeper_mounts_win_and_the_unknowable_is_said() {
    let projected = json!([{"name": "v", "projected": {"sources": [
        {"secret": {"name": "creds"}},
        {"secret": {"name": "more"}},
        {"serviceAccountToken": {"path": "token"}},
    ]}}]);
    assert_eq!(
        see(&projected, &json!([{"name": "v", "mountPath": "/s"}])),
        Ok(vec![
            "/s/password=creds password".into(),
            "/s/username=more username".into(),
            "/s unknown".into()
        ])
    );
    let two = json!([
        {"name": "v", "secret": {"secretName": "creds", "items": [{"key": "username", "path": "sub/x"}, {"key": "password", "path": "p"}]}},
        {"name": "w", "secret": {"secretName": "more"}},
        {"name": "e", "emptyDir": {}},
    ]);
    let mounts = json!([
        {"name": "w", "mountPath": "/s/sub"},
        {"name": "v", "mountPath": "/s"},
        {"name": "e", "mountPath": "/tmp"},
    ]);
    assert_eq!(
        see(&two, &mounts),
        Ok(vec![
            "/s/p=creds password".into(),
            "/s/sub/username=more username".into()
        ])
    );
    let claim = json!([{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]);
    assert_eq!(
        see(&claim, &json!([{"name": "v", "mountPath": "/d"}])),
        Ok(vec!["/d unknown".into()])
    );
}

#[test]
fn a_mount_without_a_volume_blocks_the_container() {
    assert_eq!(
        see(&json!([]), &json!([{"name": "v", "mountPath": "/s"}])),
        Err("CreateContainerConfigError: cannot find volume \"v\" to mount into container \"c\"".into())
    );
}
