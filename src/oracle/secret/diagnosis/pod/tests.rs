use k8s_openapi::api::core::v1::PodSpec;
use serde_json::{Value as Json, json};

use super::*;
use crate::oracle::environment::{ClusterFacts, ObjectKind, Objects};

/// A pod's spec with one container, and the objects of its namespace.
#[derive(Clone)]
struct PodFixture {
    spec: Json,
    secrets: Vec<Json>,
    services: Vec<Json>,
}

impl PodFixture {
    fn new(container: &Json) -> Self {
        let mut container = container.clone();
        container["name"] = json!("kestra");
        container["command"] = json!(["sh", "-c", "exec /app/kestra server standalone"]);
        let creds = json!({
            "metadata": {"name": "creds"},
            "stringData": {"SECRET_A": "YQ==", "SECRET_B": "Yg==", "PASSWORD": "cA=="},
        });
        Self {
            spec: json!({"containers": [container]}),
            secrets: vec![creds],
            services: Vec::new(),
        }
    }

    fn service(mut self, name: &str) -> Self {
        self.services
            .push(json!({"metadata": {"name": name}, "spec": {"clusterIP": "10.0.0.7", "ports": [{"port": 80}]}}));
        self
    }

    fn faults(&self) -> Vec<SecretFault> {
        fn read<T: serde::de::DeserializeOwned>(objects: &[Json]) -> Vec<T> {
            objects
                .iter()
                .map(|o| serde_json::from_value(o.clone()).unwrap())
                .collect()
        }
        let spec: PodSpec = serde_json::from_value(self.spec.clone()).unwrap();
        let objects = Objects::new(read(&self.secrets), Vec::new(), read(&self.services));
        let facts = ClusterFacts {
            namespace: "prod".into(),
            ..ClusterFacts::default()
        };
        let pod = Pod {
            spec: &spec,
            objects: &objects,
            facts: &facts,
        };
        of_pod(&pod, pod.container("kestra").unwrap(), &[])
    }

    fn list(&mut self, field: &str) -> &mut Vec<Json> {
        let list = &mut self.spec["containers"][0][field];
        if list.is_null() {
            *list = json!([]);
        }
        list.as_array_mut().unwrap()
    }

    fn secret(&mut self, name: &str) -> &mut Json {
        if !self.secrets.iter().any(|s| s["metadata"]["name"] == name) {
            self.secrets.push(json!({"metadata": {"name": name}, "stringData": {}}));
        }
        self.secrets.iter_mut().find(|s| s["metadata"]["name"] == name).unwrap()
    }

    fn remove(&mut self, source: &VariableSource) {
        match (source, EnvironmentEntry::from_source(source)) {
            (VariableSource::EnvFrom { object, key, .. }, _) => {
                self.secret(&object.name)["stringData"]
                    .as_object_mut()
                    .unwrap()
                    .remove(key);
            }
            // The others keep their places.
            (_, Some(EnvironmentEntry::Env(index))) => self.list("env")[index] = json!({"name": "GONE"}),
            _ => panic!("{source} cannot be removed"),
        }
    }

    /// Does what a remedy says, as a person would.
    fn follow(&mut self, fault: &SecretFault) {
        match &fault.remedy {
            Remedy::Remove(sources) => sources.iter().for_each(|source| self.remove(source)),
            Remedy::Rename { from, to } => {
                for variable in self.list("env").iter_mut().filter(|v| v["name"] == *from) {
                    variable["name"] = json!(to);
                }
                for secret in &mut self.secrets {
                    let data = secret["stringData"].as_object_mut().unwrap();
                    if let Some(value) = data.remove(from) {
                        data.insert(to.clone(), value);
                    }
                }
            }
            Remedy::NoServiceLinks => self.spec["enableServiceLinks"] = json!(false),
            Remedy::Refer(key) => {
                let Some(EnvironmentEntry::Env(index)) = fault.entries.first() else {
                    panic!("{fault:?}")
                };
                self.list("env")[*index]["valueFrom"]["secretKeyRef"]["key"] = json!(key);
            }
            Remedy::Create { object, key } => {
                assert_eq!(object.kind, ObjectKind::Secret);
                let data = &mut self.secret(&object.name)["stringData"];
                data[key.as_deref().unwrap_or("SECRET_NEW")] = json!("YQ==");
            }
            Remedy::MountAsFile(names) => {
                // A file is no part of the environment.
                self.list("env")
                    .retain(|v| !names.iter().any(|name| v["name"] == *name));
            }
        }
    }
}

/// For each code that only a pod shows: pods that have it and nothing else.
fn pods() -> Vec<(Code, PodFixture)> {
    let env = |entries: &Json| PodFixture::new(&json!({"env": entries}));
    let key = |name: &str, object: &str, key: &str, optional: bool| {
        let reference = json!({"name": object, "key": key, "optional": optional});
        json!({"name": name, "valueFrom": {"secretKeyRef": reference}})
    };
    let from = json!([{"secretRef": {"name": "creds"}}]);
    let long = |bytes: usize| "QUJD".repeat(bytes / 4);
    let many: Vec<Json> = (0..20)
        .map(|n| json!({"name": format!("SECRET_{n}"), "value": long(120_000)}))
        .collect();
    vec![
        (Code::Name, env(&json!([{"name": "secret_A", "value": "YQ=="}]))),
        (
            Code::NameCollision,
            env(&json!([{"name": "SECRET_Key", "value": "YQ=="}, {"name": "SECRET_KEY", "value": "Yg=="}])),
        ),
        (
            Code::NameCollision,
            PodFixture::new(&json!({"envFrom": from, "env": [{"name": "SECRET_a", "value": "YQ=="}]})),
        ),
        (Code::ServiceLink, env(&json!([])).service("secret-db")),
        (
            Code::TwoSources,
            env(&json!([{"name": "SECRET_A", "value": "YQ=="}, {"name": "SECRET_A", "value": "YQ=="}])),
        ),
        (
            Code::TwoSources,
            PodFixture::new(&json!({"envFrom": from, "env": [{"name": "SECRET_A", "value": "YQ=="}]})),
        ),
        (
            Code::KeyMissing,
            env(&json!([key("SECRET_P", "creds", "password", false)])),
        ),
        (Code::KeyMissing, env(&json!([key("SECRET_P", "creds", "OTHER", true)]))),
        (
            Code::KeyMissing,
            env(&json!([key("SECRET_P", "nowhere", "PASSWORD", false)])),
        ),
        (
            Code::KeyMissing,
            PodFixture::new(&json!({"envFrom": [{"secretRef": {"name": "nowhere"}}]})),
        ),
        (
            Code::TooLong,
            env(&json!([{"name": "SECRET_A", "value": long(131_072)}])),
        ),
        (Code::TooLong, env(&json!(many))),
        (
            Code::ShellName,
            env(&json!([{"name": "SECRET_MY-KEY", "value": "YQ=="}])),
        ),
    ]
}

/// The codes that have an example here.
pub fn codes() -> Vec<Code> {
    pods().into_iter().map(|(code, _)| code).collect()
}

#[test]
fn each_fault_of_a_pod_is_named_and_its_remedy_ends_it() {
    for (code, mut cluster) in pods() {
        let found = cluster.faults();
        assert_eq!(found.iter().map(|f| f.code).collect::<Vec<_>>(), [code], "{found:?}");
        assert!(!found[0].remedy.to_string().is_empty());
        cluster.follow(&found[0]);
        assert_eq!(cluster.faults(), [], "{code} after `{}`", found[0].remedy);
    }
}

#[test]
fn a_good_pod_has_no_fault() {
    let field = json!({"fieldRef": {"fieldPath": "status.podIP"}});
    let container = json!({
        "envFrom": [{"secretRef": {"name": "creds"}}],
        "env": [
            {"name": "POD_IP", "valueFrom": field},
            {"name": "SECRET_C", "valueFrom": {"secretKeyRef": {"name": "creds", "key": "PASSWORD"}}},
            // Kestra does not see what the shell drops, nor looks at what is no secret.
            {"name": "my-key", "value": "x"},
            {"name": "PATH", "value": "/bin"},
            {"name": "PATH", "value": "/usr/bin"},
        ],
    });
    assert_eq!(PodFixture::new(&container).service("db").faults(), []);
}

#[test]
fn a_fault_says_where_and_never_a_value() {
    let container = json!({
        "envFrom": [{"secretRef": {"name": "creds"}}],
        "env": [{"name": "SECRET_A", "value": "hidden"}, {"name": "SECRET_A", "value": "hidden"}],
    });
    let [fault] = &PodFixture::new(&container).faults()[..] else {
        panic!()
    };
    assert_eq!(
        fault.entries,
        [
            EnvironmentEntry::Env(1),
            EnvironmentEntry::EnvFrom(0),
            EnvironmentEntry::Env(0)
        ]
    );
    assert_eq!(
        fault.says,
        "SECRET_A is given by env[1], which wins, and by envFrom[0] (Secret creds, key SECRET_A) and env[0]"
    );
    assert!(!format!("{fault:?}").contains("hidden"));
}

#[test]
fn without_a_shell_no_name_is_dropped() {
    let mut cluster = PodFixture::new(&json!({"env": [{"name": "SECRET_MY-KEY", "value": "YQ=="}]}));
    cluster.spec["containers"][0]["command"] = json!(["/app/kestra"]);
    assert_eq!(cluster.faults(), []);
}
