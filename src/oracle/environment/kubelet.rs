//! `makeEnvironmentVariables` of `pkg/kubelet/kubelet_pods.go`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, EnvFromSource, EnvVarSource};

use super::expand::expand;
use super::objects::Contents;
use super::variables::VariableLayers;
use super::{ClusterFacts, Environment, Halt, ObjectRef, Pod, SkippedVariable, VariableSource, fields, names};
use super::{runtime, service_links};

impl Pod<'_> {
    /// The environment of `container` on an image whose configuration has `image_env`, each
    /// `NAME=VALUE`.
    ///
    /// Strongest first: `env` (the later entry of two), `envFrom` (the later entry of two), Service
    /// links, the image, the runtime. `$(NAME)` in an `env` value sees what stands at that moment:
    /// Service links, all of `envFrom`, and the `env` entries before it; not the image.
    ///
    /// # Errors
    /// [`Halt::Blocked`] with the kubelet's words when a Secret, `ConfigMap` or key that is not
    /// optional is missing; [`Halt::NotModelled`] for what [`ClusterFacts`] does not tell. Whether the
    /// process can start with this environment is a question of its own:
    /// [`Environment::faults`].
    pub fn environment(&self, container: &Container, image_env: &[String]) -> Result<Environment, Halt> {
        let mut layers = VariableLayers::default();
        let mut skipped = Vec::new();
        self.link_services(&mut layers);
        for (index, entry) in container.env_from.iter().flatten().enumerate() {
            self.take_all(index, entry, &mut layers, &mut skipped)?;
        }
        for (index, entry) in container.env.iter().flatten().enumerate() {
            // An empty `value` does not keep `valueFrom` from being used.
            let text = entry.value.as_deref().filter(|text| !text.is_empty());
            if let Some(text) = text {
                let value = expand(text, self.facts.kubelet, |name| layers.get(name));
                layers.set(&entry.name, value, VariableSource::Env { index });
            } else if let Some(from) = &entry.value_from {
                if let Some((value, source)) = self.resolve(index, from, container)? {
                    layers.set(&entry.name, value, source);
                }
            } else {
                layers.set(&entry.name, "", VariableSource::Env { index });
            }
        }
        Ok(runtime::environment(self, layers, skipped, image_env))
    }

    /// `getServiceEnvVarMap`. Two Services can make the same name (`a` with `a-service`); which one
    /// wins is chance in the kubelet, the later name here.
    fn link_services(&self, layers: &mut VariableLayers) {
        let enabled = self.spec.enable_service_links.unwrap_or(true);
        for service in self.objects.linked(enabled, self.facts) {
            for (name, value) in BTreeMap::from_iter(service_links::variables(service)) {
                let service = service.metadata.name.clone().unwrap_or_default();
                layers.set(&name, value, VariableSource::ServiceLink { service });
            }
        }
    }

    /// One entry of `envFrom`.
    fn take_all(
        &self,
        index: usize,
        entry: &EnvFromSource,
        layers: &mut VariableLayers,
        skipped: &mut Vec<SkippedVariable>,
    ) -> Result<(), Halt> {
        // The kubelet looks at the ConfigMap first, should both be set.
        let (object, optional) = match (&entry.config_map_ref, &entry.secret_ref) {
            (Some(map), _) => (ObjectRef::config_map(&map.name), map.optional),
            (None, Some(secret)) => (ObjectRef::secret(&secret.name), secret.optional),
            (None, None) => return Ok(()),
        };
        let Some(texts) = self.texts(&object, optional)? else {
            return Ok(());
        };
        let prefix = entry.prefix.as_deref().unwrap_or_default();
        let mut left_out = Vec::new();
        for (key, value) in texts {
            let name = format!("{prefix}{key}");
            let source = VariableSource::EnvFrom {
                index,
                object: object.clone(),
                key: key.into(),
                prefix: prefix.into(),
            };
            if self.facts.kubelet.takes_every_key() || names::is_env_var_name(&name) {
                layers.set(&name, value, source);
            } else {
                left_out.push((name, source));
            }
        }
        let names: Vec<&str> = left_out.iter().map(|(name, _)| name.as_str()).collect();
        let why = skipped_event(&names.join(", "), &object, self.facts);
        skipped.extend(left_out.into_iter().map(|(name, source)| SkippedVariable {
            name,
            source,
            why: why.clone(),
        }));
        Ok(())
    }

    /// One `valueFrom`; nothing when it is optional and not there.
    fn resolve(
        &self,
        index: usize,
        from: &EnvVarSource,
        container: &Container,
    ) -> Result<Option<(Vec<u8>, VariableSource)>, Halt> {
        let (object, key, optional) = if let Some(field) = &from.field_ref {
            let path = field.field_path.clone();
            let value = fields::field(self, &path)?.into_bytes();
            return Ok(Some((value, VariableSource::EnvField { index, path })));
        } else if let Some(resource) = &from.resource_field_ref {
            let path = resource.resource.clone();
            let value = fields::resource(self, container, resource)?.into_bytes();
            return Ok(Some((value, VariableSource::EnvField { index, path })));
        } else if let Some(map) = &from.config_map_key_ref {
            (ObjectRef::config_map(&map.name), &map.key, map.optional)
        } else if let Some(secret) = &from.secret_key_ref {
            (ObjectRef::secret(&secret.name), &secret.key, secret.optional)
        } else if from.file_key_ref.is_some() {
            let why = "fileKeyRef reads a file that only the running pod has";
            return Err(Halt::not_modelled(format!("env[{index}]"), why));
        } else {
            return Ok(Some((Vec::new(), VariableSource::Env { index })));
        };
        let Some(texts) = self.texts(&object, optional)? else {
            return Ok(None);
        };
        match texts.get(key.as_str()) {
            Some(value) => {
                let key = key.clone();
                Ok(Some((value.to_vec(), VariableSource::EnvKey { index, object, key })))
            }
            None if optional == Some(true) => Ok(None),
            None => Err(object.no_key(key, self.facts)),
        }
    }

    /// What an object has for variables; nothing when it is optional and not there.
    fn texts(&self, object: &ObjectRef, optional: Option<bool>) -> Result<Option<Contents<'_>>, Halt> {
        match self.objects.texts(object, self.facts) {
            None if optional != Some(true) => Err(Halt::config(object.not_found())),
            found => Ok(found),
        }
    }
}

fn skipped_event(names: &str, object: &ObjectRef, facts: &ClusterFacts) -> String {
    let kind = object.kind.in_events();
    format!(
        "Keys [{names}] from the EnvFrom {kind} {}/{} were skipped since they are considered \
         invalid environment variable names.",
        facts.namespace, object.name
    )
}
