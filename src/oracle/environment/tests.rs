//! The rules together, one pod at a time.

use k8s_openapi::api::core::v1::{Container, PodSpec};
use serde_json::{Value as Json, json};

use super::*;

mod blocked;

/// A cluster with two Secrets, a `ConfigMap`, a Service in the pod's namespace and the API server's.
fn cluster() -> Objects {
    let object = |name: &str, fields: Json| {
        let mut object = json!({"metadata": {"name": name}});
        object
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        object
    };
    let service = |name: &str, namespace: &str, ip: &str| {
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"clusterIP": ip, "ports": [{"port": 80}]},
        }))
        .unwrap()
    };
    Objects::new(
        [
            object(
                "creds",
                json!({"stringData": {"A": "a of creds", "B": "b of creds", "1X": "digit"}}),
            ),
            object("bytes", json!({"data": {"BAD": "Yf9i", "NUL": "YQBi"}})),
        ]
        .map(|secret| serde_json::from_value(secret).unwrap()),
        [object(
            "conf",
            json!({"data": {"A": "a of conf", "C": "c of conf"}, "binaryData": {"RAW": "/w=="}}),
        )]
        .map(|map| serde_json::from_value(map).unwrap()),
        [
            service("secret-db", "prod", "10.0.0.7"),
            service("elsewhere", "other", "10.0.0.8"),
            service("kubernetes", "default", "10.0.0.1"),
        ],
    )
}

struct Started {
    environment: Environment,
    container: Container,
}

impl Started {
    fn text(&self, name: &str) -> Option<String> {
        let bytes = self.environment.get(name)?.value.as_bytes();
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    }

    fn shadowed(&self, name: &str) -> Vec<String> {
        let variable = self.environment.get(name).unwrap();
        variable.shadowed.iter().map(VariableSource::to_string).collect()
    }
}

fn start_on(kubelet: Kubelet, container: &Json, spec: &Json, image: &[&str]) -> Result<Started, Halt> {
    let mut spec = spec.clone();
    let mut container = container.clone();
    container["name"] = json!("kestra");
    spec["containers"] = json!([container]);
    let spec: PodSpec = serde_json::from_value(spec).unwrap();
    let objects = cluster();
    let facts = ClusterFacts {
        name: "kestra-0".into(),
        namespace: "prod".into(),
        kubelet,
        ..ClusterFacts::default()
    };
    let pod = Pod {
        spec: &spec,
        objects: &objects,
        facts: &facts,
    };
    let container = pod.container("kestra").unwrap();
    let image: Vec<String> = image.iter().map(ToString::to_string).collect();
    Ok(Started {
        environment: pod.environment(container, &image)?,
        container: container.clone(),
    })
}

fn start(container: &Json) -> Result<Started, Halt> {
    start_on(Kubelet::NEWEST, container, &json!({}), &[])
}

fn blocked(container: &Json) -> String {
    match start(container) {
        Err(Halt::Blocked(blocked)) => {
            assert_eq!(blocked.reason, Reason::CreateContainerConfigError);
            blocked.message
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("not blocked"),
    }
}

#[test]
fn env_beats_env_from_and_the_later_entry_beats_the_earlier_one() {
    let started = start(&json!({
        "envFrom": [{"secretRef": {"name": "creds"}}, {"configMapRef": {"name": "conf"}}],
        "env": [{"name": "B", "value": "first"}, {"name": "B", "value": "second"}],
    }))
    .unwrap();
    assert_eq!(started.text("A").unwrap(), "a of conf");
    assert_eq!(started.shadowed("A"), ["envFrom[0] (Secret creds, key A)"]);
    assert_eq!(started.text("B").unwrap(), "second");
    assert_eq!(started.shadowed("B"), ["envFrom[0] (Secret creds, key B)", "env[0]"]);
    assert_eq!(started.text("C").unwrap(), "c of conf");
    assert_eq!(started.text("RAW"), None, "binaryData is for files alone");
    let contested: Vec<_> = started.environment.contested().map(|v| v.name.as_str()).collect();
    assert_eq!(contested, ["A", "B"]);
}

#[test]
fn a_secret_beats_the_link_to_a_service_and_says_so() {
    let started = start(&json!({"env": [{"name": "SECRET_DB_PORT", "value": "x"}]})).unwrap();
    assert_eq!(started.text("SECRET_DB_PORT").unwrap(), "x");
    assert_eq!(started.shadowed("SECRET_DB_PORT"), ["the link to Service secret-db"]);
    assert_eq!(started.text("SECRET_DB_SERVICE_HOST").unwrap(), "10.0.0.7");
    assert_eq!(started.text("ELSEWHERE_SERVICE_HOST"), None);
}

#[test]
fn without_service_links_only_the_api_servers_link_remains() {
    let off = json!({"enableServiceLinks": false});
    let started = start_on(Kubelet::NEWEST, &json!({}), &off, &[]).unwrap();
    assert_eq!(started.text("SECRET_DB_PORT"), None);
    assert_eq!(started.text("KUBERNETES_SERVICE_HOST").unwrap(), "10.0.0.1");
}

#[test]
fn references_see_links_env_from_and_earlier_entries_but_not_the_image() {
    let container = json!({
        "envFrom": [{"secretRef": {"name": "creds"}, "prefix": "P_"}],
        "env": [
            {"name": "FROM", "value": "[$(P_A)]"},
            {"name": "LINK", "value": "$(SECRET_DB_SERVICE_HOST)"},
            {"name": "LATER", "value": "$(LAST)"},
            {"name": "LAST", "value": "$(FROM)!"},
            {"name": "IMAGE", "value": "$(PATH)"},
            {"name": "ESCAPED", "value": "$$(P_A)"},
            {"name": "SELF", "value": "$(SELF)"},
        ],
        "command": ["run", "$(FROM)"],
        "args": ["$(PATH)", "$(KUBERNETES_SERVICE_PORT)"],
    });
    let started = start_on(Kubelet::NEWEST, &container, &json!({}), &["PATH=/image"]).unwrap();
    for (name, expected) in [
        ("FROM", "[a of creds]"),
        ("LINK", "10.0.0.7"),
        ("LATER", "$(LAST)"),
        ("LAST", "[a of creds]!"),
        ("IMAGE", "$(PATH)"),
        ("ESCAPED", "$(P_A)"),
        ("SELF", "$(SELF)"),
        ("PATH", "/image"),
    ] {
        assert_eq!(started.text(name).as_deref(), Some(expected), "{name}");
    }
    let argv = started.environment.command(&started.container).argv(&[], &[]);
    let expected = ["run", "[a of creds]", "$(PATH)", "80"].map(EnvValue::from);
    assert_eq!(argv, expected);
}

#[test]
fn values_from_a_secret_are_not_expanded() {
    let secret = json!({"metadata": {"name": "s"}, "stringData": {"K": "pa$(HOME)$$"}});
    let objects = Objects::new([serde_json::from_value(secret).unwrap()], [], []);
    let spec: PodSpec = serde_json::from_value(json!({"containers": [{
        "name": "c",
        "env": [{"name": "HOME", "value": "/"},
                {"name": "K", "valueFrom": {"secretKeyRef": {"name": "s", "key": "K"}}}],
    }]}))
    .unwrap();
    let facts = ClusterFacts::default();
    let pod = Pod {
        spec: &spec,
        objects: &objects,
        facts: &facts,
    };
    let environment = pod.environment(&spec.containers[0], &[]).unwrap();
    assert_eq!(environment.get("K").unwrap().value, "pa$(HOME)$$".into());
}

#[test]
fn the_image_is_below_the_pod_and_above_the_runtime() {
    let container = json!({"env": [{"name": "LANG", "value": "C"}]});
    let image = ["LANG=en", "JAVA_HOME=/java", "EMPTY=", "HOSTNAME=image"];
    let started = start_on(Kubelet::NEWEST, &container, &json!({}), &image).unwrap();
    assert_eq!(started.text("LANG").unwrap(), "C");
    assert_eq!(started.shadowed("LANG"), ["ENV in the image"]);
    assert_eq!(started.text("EMPTY").unwrap(), "");
    assert_eq!(started.text("HOSTNAME").unwrap(), "image");
    assert_eq!(started.shadowed("HOSTNAME"), ["the container runtime"]);
    assert!(started.text("PATH").unwrap().starts_with("/usr/local/sbin:"));

    // A name without `=` takes the variable away.
    let started = start_on(Kubelet::NEWEST, &json!({}), &json!({}), &["PATH", "A=1"]).unwrap();
    assert_eq!(started.text("PATH"), None);
    assert_eq!(started.text("HOSTNAME").unwrap(), "kestra-0");
    assert_eq!(started.text("A").unwrap(), "1");
}

#[test]
fn missing_optional_references_keep_the_earlier_value() {
    let started = start(&json!({
        "envFrom": [
            {"secretRef": {"name": "creds"}},
            {"secretRef": {"name": "none", "optional": true}},
            {"configMapRef": {"name": "none", "optional": true}},
        ],
        "env": [
            {"name": "A", "valueFrom": {"secretKeyRef": {"name": "creds", "key": "none", "optional": true}}},
            {"name": "NEW", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "k", "optional": true}}},
            {"name": "EMPTY"},
        ],
    }))
    .unwrap();
    assert_eq!(started.text("A").unwrap(), "a of creds");
    assert_eq!(started.text("NEW"), None);
    assert_eq!(started.text("EMPTY").unwrap(), "");
}

#[test]
fn an_object_of_another_namespace_is_not_found() {
    let secret = json!({"metadata": {"name": "s", "namespace": "other"}, "stringData": {"K": "v"}});
    let objects = Objects::new([serde_json::from_value(secret).unwrap()], [], []);
    let spec: PodSpec =
        serde_json::from_value(json!({"containers": [{"name": "c", "envFrom": [{"secretRef": {"name": "s"}}]}]}))
            .unwrap();
    let facts = ClusterFacts {
        namespace: "prod".into(),
        ..ClusterFacts::default()
    };
    let pod = Pod {
        spec: &spec,
        objects: &objects,
        facts: &facts,
    };
    let halt = pod.environment(&spec.containers[0], &[]).unwrap_err();
    assert_eq!(halt.to_string(), "CreateContainerConfigError: secret \"s\" not found");
}

#[test]
fn env_from_skipped_names_with_a_leading_digit_before_1_30() {
    let container = json!({"envFrom": [{"secretRef": {"name": "creds"}}]});
    let start = |minor| start_on(Kubelet::new(1, minor, 0), &container, &json!({}), &[]).unwrap();
    let old = start(29);
    assert_eq!(old.text("1X"), None);
    assert_eq!(old.text("A").unwrap(), "a of creds");
    let [skipped] = old.environment.skipped.as_slice() else {
        panic!("{:?}", old.environment.skipped)
    };
    assert_eq!(skipped.name, "1X");
    assert_eq!(
        skipped.why,
        "Keys [1X] from the EnvFrom secret prod/creds were skipped since they are considered \
         invalid environment variable names."
    );
    let new = start(30);
    assert_eq!(new.text("1X").unwrap(), "digit");
    assert!(new.environment.skipped.is_empty());
}

fn with_secret_key(kubelet: Kubelet, key: &str) -> Started {
    let container = json!({
        "env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "bytes", "key": key}}}],
        "args": ["$(X)"],
    });
    start_on(kubelet, &container, &json!({}), &[]).unwrap()
}

#[test]
fn a_new_clusters_services_get_addresses_unless_they_have_none_by_design() {
    let service = |spec: Json| {
        let service = json!({"metadata": {"name": "s"}, "spec": spec});
        let objects = Objects::new([], [], [serde_json::from_value(service).unwrap()]);
        let (spec, facts) = (PodSpec::default(), ClusterFacts::default());
        let objects = objects.with_cluster_ips();
        let pod = Pod {
            spec: &spec,
            objects: &objects,
            facts: &facts,
        };
        let environment = pod.environment(&Container::default(), &[]).unwrap();
        assert!(environment.get("KUBERNETES_SERVICE_HOST").is_some());
        environment.get("S_SERVICE_HOST").is_some()
    };
    let ports = json!([{"port": 80}]);
    assert!(service(json!({"ports": ports})));
    assert!(!service(json!({"ports": ports, "clusterIP": "None"})));
    assert!(!service(json!({"type": "ExternalName", "externalName": "a.b"})));
}

#[test]
fn debug_output_carries_no_value() {
    let started = start(&json!({"envFrom": [{"secretRef": {"name": "creds"}}]})).unwrap();
    let shown = format!("{:?} {:?}", started.environment, cluster());
    assert!(shown.contains("creds") && !shown.contains("of creds"), "{shown}");
}
