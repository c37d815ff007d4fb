//! The files that a container sees from Secrets and `ConfigMap`s: `MakePayload` of the volume
//! plugins, `collectData` of projected volumes, and `makeMounts`.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, KeyToPath, ProjectedVolumeSource, Volume, VolumeMount, VolumeProjection};

use super::expand::expand;
use super::{Blocked, Environment, Halt, ObjectKind, ObjectRef, Pod, Reason, Value};

/// What a container finds at its mounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// Every file from a Secret or a `ConfigMap`, by path.
    pub files: Vec<MountedFile>,
    /// Mount paths that are empty directories because their `subPath` names nothing in the volume:
    /// the kubelet makes a directory where a file was meant.
    pub empty: Vec<String>,
    /// Mount paths whose contents this model cannot know, wholly or in part: claims, tokens, disks.
    pub unknown: Vec<String>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountedFile {
    /// Its absolute path in the container.
    pub path: String,
    /// What it holds.
    pub bytes: Value,
    /// The Secret or `ConfigMap`.
    pub object: ObjectRef,
    /// The key in it.
    pub key: String,
}

/// The mounted volumes of a pod, by name; made by [`Pod::volumes`].
#[derive(Debug, Clone, Default)]
pub struct Volumes(BTreeMap<String, Payload>);

#[derive(Debug, Clone, Default)]
struct Payload {
    files: BTreeMap<String, MountedFile>,
    partly_unknown: bool,
}

impl Pod<'_> {
    /// Mounts every volume that a container of the pod uses.
    ///
    /// # Errors
    /// [`Reason::FailedMount`] when a Secret, `ConfigMap` or key that is not optional is missing.
    /// It comes before any container's environment is looked at, and holds back all of them.
    pub fn volumes(&self) -> Result<Volumes, Halt> {
        let init = self.spec.init_containers.iter().flatten();
        let mounts = self.spec.containers.iter().chain(init);
        let mounts = mounts.flat_map(|container| container.volume_mounts.iter().flatten());
        let used: BTreeSet<&str> = mounts.map(|mount| mount.name.as_str()).collect();

        let volumes = self.spec.volumes.iter().flatten();
        volumes
            .filter(|volume| used.contains(volume.name.as_str()))
            .map(|volume| {
                let payload = self.payload(volume).map_err(|why| Blocked {
                    reason: Reason::FailedMount,
                    message: format!("MountVolume.SetUp failed for volume {:?} : {why}", volume.name),
                })?;
                Ok((volume.name.clone(), payload))
            })
            .collect::<Result<_, Halt>>()
            .map(Volumes)
    }

    /// The files that `container` sees of `volumes`; `environment` serves `subPathExpr`.
    ///
    /// # Errors
    /// [`Reason::CreateContainerConfigError`] when a mount names no volume or a bad `subPath`.
    pub fn files(&self, container: &Container, volumes: &Volumes, environment: &Environment) -> Result<Files, Halt> {
        let mut mounts: Vec<_> = container
            .volume_mounts
            .iter()
            .flatten()
            .map(|mount| (absolute(&mount.mount_path), mount))
            .collect();
        // The runtime mounts the shallower paths first, so that the deeper ones stay visible.
        mounts.sort_by_key(|(path, _)| path.matches('/').count());

        let mut seen = Files::default();
        for (at, mount) in mounts {
            let payload = volumes.0.get(&mount.name).ok_or_else(|| {
                Halt::config(format!(
                    "cannot find volume {:?} to mount into container {:?}",
                    mount.name, container.name
                ))
            })?;
            let sub_path = sub_path(mount, environment)?;
            seen.files.retain(|file| below(&file.path, &at).is_none());
            let before = seen.files.len();
            for (path, file) in &payload.files {
                if let Some(rest) = below(path, &sub_path) {
                    seen.files.push(MountedFile {
                        path: join(&at, rest),
                        ..file.clone()
                    });
                } else if below(&sub_path, path).is_some() {
                    return Err(Halt::config(format!(
                        "failed to create subPath directory for volumeMount {:?} of container {:?}",
                        mount.name, container.name
                    )));
                }
            }
            if payload.partly_unknown {
                seen.unknown.push(at);
            } else if !sub_path.is_empty() && seen.files.len() == before {
                seen.empty.push(at);
            }
        }
        seen.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(seen)
    }

    fn payload(&self, volume: &Volume) -> Result<Payload, String> {
        let mut payload = Payload::default();
        if let Some(secret) = &volume.secret {
            let object = ObjectRef::secret(secret.secret_name.as_deref().unwrap_or_default());
            self.project(&object, secret.items.as_deref(), secret.optional, &mut payload)?;
        } else if let Some(map) = &volume.config_map {
            let object = ObjectRef::config_map(&map.name);
            self.project(&object, map.items.as_deref(), map.optional, &mut payload)?;
        } else if let Some(projected) = &volume.projected {
            self.project_all(projected, &mut payload)?;
        } else if volume.empty_dir.is_none() {
            payload.partly_unknown = true;
        }
        Ok(payload)
    }

    /// `collectData`: all sources, later ones over earlier ones; all that is missing is named.
    fn project_all(&self, projected: &ProjectedVolumeSource, payload: &mut Payload) -> Result<(), String> {
        let mut missing = Vec::new();
        for source in projected.sources.iter().flatten() {
            let result = match source {
                VolumeProjection {
                    secret: Some(secret), ..
                } => {
                    let object = ObjectRef::secret(&secret.name);
                    self.project(&object, secret.items.as_deref(), secret.optional, payload)
                }
                VolumeProjection {
                    config_map: Some(map), ..
                } => {
                    let object = ObjectRef::config_map(&map.name);
                    self.project(&object, map.items.as_deref(), map.optional, payload)
                }
                _ => {
                    payload.partly_unknown = true;
                    Ok(())
                }
            };
            if let Err(why) = result
                && !missing.contains(&why)
            {
                missing.push(why);
            }
        }
        match missing.as_slice() {
            [] => Ok(()),
            [one] => Err(one.clone()),
            many => Err(format!("[{}]", many.join(", "))),
        }
    }

    /// `MakePayload`: all keys under their own names, or the chosen `items` under theirs.
    fn project(
        &self,
        object: &ObjectRef,
        items: Option<&[KeyToPath]>,
        optional: Option<bool>,
        payload: &mut Payload,
    ) -> Result<(), String> {
        let optional = optional == Some(true);
        let contents = match self.objects.contents(object, self.facts) {
            Some(contents) => contents,
            None if optional => BTreeMap::new(),
            None => return Err(object.not_found()),
        };
        let items: Vec<(&str, &str)> = match items {
            None | Some([]) => contents.keys().map(|&key| (key, key)).collect(),
            Some(items) => items.iter().map(|i| (i.key.as_str(), i.path.as_str())).collect(),
        };
        for (key, path) in items {
            match contents.get(key) {
                Some(&bytes) => {
                    let path = clean(path);
                    let file = MountedFile {
                        path: path.clone(),
                        bytes: bytes.into(),
                        object: object.clone(),
                        key: key.into(),
                    };
                    payload.files.insert(path, file);
                }
                None if optional => {}
                None => {
                    return Err(match object.kind {
                        ObjectKind::Secret => format!("references non-existent secret key: {key}"),
                        ObjectKind::ConfigMap => {
                            format!("configmap references non-existent config key: {key}")
                        }
                    });
                }
            }
        }
        Ok(())
    }
}

/// The part of the volume to mount, empty for all of it; `ExpandContainerVolumeMounts` and the
/// checks of `makeMounts`.
fn sub_path(mount: &VolumeMount, environment: &Environment) -> Result<String, Halt> {
    let expr = mount.sub_path_expr.as_deref().filter(|expr| !expr.is_empty());
    let path = match expr {
        None => mount.sub_path.clone().unwrap_or_default(),
        Some(expr) => {
            let missing = std::cell::RefCell::new(BTreeSet::new());
            let path = expand(expr, |name| {
                let value = environment.handed(name).filter(|value| !value.is_empty());
                if value.is_none() {
                    missing.borrow_mut().insert(name.to_owned());
                }
                value
            });
            let missing: Vec<_> = missing.into_inner().into_iter().collect();
            if !missing.is_empty() {
                let names = missing.join(", ");
                return Err(Halt::config(format!("missing value for {names}")));
            }
            String::from_utf8(path).map_err(|_| Halt::not_modelled("a subPathExpr", "its value is not UTF-8"))?
        }
    };
    // The path itself stays unsaid: a subPathExpr may have put a secret into it.
    if path.starts_with('/') {
        let message = format!(
            "error SubPath of volumeMount {:?} must not be an absolute path",
            mount.name
        );
        return Err(Halt::config(message));
    }
    if path.split('/').any(|part| part == "..") {
        let message = format!(
            "unable to provision SubPath of volumeMount {:?}: must not contain '..'",
            mount.name
        );
        return Err(Halt::config(message));
    }
    Ok(clean(&path))
}

/// `filepath.Clean` of a relative path without `..`; the volume's root is empty.
fn clean(path: &str) -> String {
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.collect::<Vec<_>>().join("/")
}

fn absolute(path: &str) -> String {
    format!("/{}", clean(path))
}

/// What of `path` lies below `directory`: empty when they are the same, nothing when it does not.
fn below<'p>(path: &'p str, directory: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(directory.trim_end_matches('/'))?;
    if directory.is_empty() || rest.is_empty() {
        return Some(rest);
    }
    rest.strip_prefix('/')
}

fn join(directory: &str, rest: &str) -> String {
    match (directory.trim_end_matches('/'), rest) {
        (directory, "") => directory.into(),
        (directory, rest) => format!("{directory}/{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Facts, Objects};
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
        let facts = Facts {
            name: "p".into(),
            kubernetes: 34,
            ..Facts::default()
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
}
