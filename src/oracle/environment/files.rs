//! The files that a container sees from Secrets and `ConfigMap`s: `MakePayload` of the volume
//! plugins, `collectData` of projected volumes, and `makeMounts`.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, KeyToPath, ProjectedVolumeSource, Volume, VolumeMount, VolumeProjection};

use super::expand::expand;
use super::{Blocked, EnvValue, Environment, Halt, ObjectKind, ObjectRef, Pod, Reason};

/// What a container finds at its mounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MountedFiles {
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
    pub bytes: EnvValue,
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
    pub fn files(
        &self,
        container: &Container,
        volumes: &Volumes,
        environment: &Environment,
    ) -> Result<MountedFiles, Halt> {
        let mut mounts: Vec<_> = container
            .volume_mounts
            .iter()
            .flatten()
            .map(|mount| (absolute(&mount.mount_path), mount))
            .collect();
        // The runtime mounts the shallower paths first, so that the deeper ones stay visible.
        mounts.sort_by_key(|(path, _)| path.matches('/').count());

        let mut seen = MountedFiles::default();
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
            let path = expand(expr, environment.kubelet, |name| {
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
mod tests;
