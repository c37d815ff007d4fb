//! What a namespace tells of a release that went wrong: objects, events, logs; never a secret's value.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod, Secret, Service};
use kube::api::{ListParams, LogParams};
use kube::{Api, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Cluster, within};
use crate::system::redact::Redactor;

const PHASE: &str = "gather evidence";
/// The most of one container's log that is kept.
const LOG: i64 = 4 << 20;

/// A text to be kept in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceText {
    /// The file's name.
    pub file: String,
    /// What stands in it, redacted.
    pub text: String,
}

/// Where evidence is gathered.
pub struct Scene<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The namespace; of one that was given, only what bears the release's labels or name is looked at.
    pub namespace: &'a str,
    /// The release.
    pub release: &'a str,
    /// Keeps private plaintexts out of every text.
    pub redactor: &'a Redactor,
}

impl Scene<'_> {
    /// Gathers what can be had. What cannot, says why in its place: evidence never fails a run.
    pub async fn gather(&self) -> Vec<EvidenceText> {
        let labels = format!("app.kubernetes.io/instance={}", self.release);
        let ours = ListParams::default().labels(&labels);
        let all = ListParams::default();
        let pods: Vec<Pod> = self.list(&ours).await.unwrap_or_default();
        let manifest = json!({
            "deployments": self.list_hidden::<Deployment>(&ours).await,
            "statefulSets": self.list_hidden::<StatefulSet>(&ours).await,
            "replicaSets": self.list_hidden::<ReplicaSet>(&ours).await,
            "services": self.list_hidden::<Service>(&ours).await,
            "configMaps": self.list_hidden::<ConfigMap>(&ours).await,
        });
        let mut exhibits = vec![
            self.exhibit("manifest.json", &pretty(&manifest)),
            self.exhibit("pods.json", &pretty(&self.list_hidden::<Pod>(&ours).await)),
            self.exhibit("secrets.json", &pretty(&self.secrets(&all).await)),
            self.exhibit("events.txt", &self.events(&all).await),
        ];
        for pod in &pods {
            exhibits.extend(self.logs(pod).await);
        }
        exhibits
    }

    fn exhibit(&self, file: &str, text: &str) -> EvidenceText {
        EvidenceText {
            file: file.into(),
            text: self.redactor.scrub(text),
        }
    }

    async fn list<K>(&self, which: &ListParams) -> Result<Vec<K>, String>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let api = Api::<K>::namespaced(self.cluster.client.clone(), self.namespace);
        let listed = within(PHASE, api.list(which)).await;
        listed.map(|l| l.items).map_err(|infra| infra.to_string())
    }

    async fn list_hidden<K>(&self, which: &ListParams) -> Value
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug + Serialize,
    {
        match self.list::<K>(which).await {
            Ok(objects) => objects.iter().map(show).collect(),
            Err(why) => why.into(),
        }
    }

    /// Secrets by their names, and the lengths of what stands under their keys.
    async fn secrets(&self, which: &ListParams) -> Value {
        let secrets = match self.list::<Secret>(which).await {
            Ok(secrets) => secrets,
            Err(why) => return why.into(),
        };
        let lengths = |secret: &Secret| -> Value {
            let data = secret.data.iter().flatten();
            data.map(|(key, value)| (key.clone(), format!("{} bytes", value.0.len()).into()))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let named = secrets.iter().map(|s| (s.name_any(), lengths(s)));
        named.collect::<serde_json::Map<_, _>>().into()
    }

    async fn events(&self, which: &ListParams) -> String {
        let mut events = match self.list::<Event>(which).await {
            Ok(events) => events,
            Err(why) => return why,
        };
        events.sort_by_key(|e| e.metadata.creation_timestamp.clone());
        let lines = events.iter().map(|e| {
            let word = |text: &Option<String>| text.clone().unwrap_or_default();
            let object = &e.involved_object;
            format!(
                "{} {} {}/{} x{}: {}\n",
                word(&e.type_),
                word(&e.reason),
                word(&object.kind),
                word(&object.name),
                e.count.unwrap_or(1),
                word(&e.message).trim_end()
            )
        });
        lines.collect()
    }

    /// The logs of all containers, and of the runs before that crashed.
    async fn logs(&self, pod: &Pod) -> Vec<EvidenceText> {
        let api = Api::<Pod>::namespaced(self.cluster.client.clone(), self.namespace);
        let status = pod.status.clone().unwrap_or_default();
        let init = status.init_container_statuses.into_iter().flatten();
        let mut logs = Vec::new();
        for container in init.chain(status.container_statuses.into_iter().flatten()) {
            for previous in [false, true] {
                if previous && container.restart_count == 0 {
                    continue;
                }
                let params = LogParams {
                    container: Some(container.name.clone()),
                    previous,
                    limit_bytes: Some(LOG),
                    ..LogParams::default()
                };
                let log = within(PHASE, api.logs(&pod.name_any(), &params)).await;
                let text = log.unwrap_or_else(|infra| infra.to_string());
                let run = if previous { ".previous" } else { "" };
                logs.push(self.exhibit(&format!("{}.{}{run}.log", pod.name_any(), container.name), &text));
            }
        }
        logs
    }
}

/// An object without what only the API server needs, and without the values of secrets.
fn show(object: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(object).unwrap_or_default();
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    hide(&mut value);
    value
}

/// Puts the length in the place of the value of every variable that may be a secret.
pub fn hide(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let secret = |v: &Value| v.as_str().is_some_and(|name| name.starts_with("SECRET_"));
            if map.get("name").is_some_and(secret)
                && let Some(Value::String(text)) = map.get_mut("value")
            {
                *text = format!("[{} bytes]", text.len());
            }
            // Wherever a map goes from names to values.
            for (_, given) in map.iter_mut().filter(|(name, _)| name.starts_with("SECRET_")) {
                if let Some(text) = given.as_str() {
                    *given = format!("[{} bytes]", text.len()).into();
                }
            }
            // A copy of the whole object, as `kubectl apply` keeps it.
            map.remove("kubectl.kubernetes.io/last-applied-configuration");
            map.values_mut().for_each(hide);
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        _ => {}
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_a_variable_that_may_be_a_secret_is_not_shown() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "managedFields": [{"manager": "m"}], "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "{\"value\":\"hidden\"}",
            }},
            "spec": {"containers": [{"name": "k", "env": [
                {"name": "SECRET_SHORT", "value": "hidden"},
                {"name": "SECRET_REF", "valueFrom": {"secretKeyRef": {"name": "db-creds", "key": "k"}}},
                {"name": "JAVA_OPTS", "value": "-Xmx1g"},
            ]}]},
        }))
        .unwrap();
        let shown = show(&pod).to_string();
        assert!(!shown.contains("hidden") && !shown.contains("managedFields"), "{shown}");
        assert!(shown.contains("[6 bytes]") && shown.contains("db-creds") && shown.contains("-Xmx1g"));
    }
}
