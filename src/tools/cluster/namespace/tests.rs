//! The end of a namespace, against an API server that never deletes one by itself before somebody waits for that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::*;
use crate::oracle::environment::Kubelet;
use crate::tools::cluster::{Access, client};

/// Objects by the plural of their kind, and what may not be done with which.
#[derive(Default)]
struct State {
    objects: BTreeMap<String, Vec<Value>>,
    /// A pod that an API server lets in after the others were ended.
    late: Option<Value>,
    /// The pods that were ended.
    ended: Vec<Value>,
    forbidden: BTreeSet<&'static str>,
    asked: Vec<String>,
    nameless: bool,
}

#[derive(Clone, Default)]
struct ApiServer(Arc<Mutex<State>>);

fn object(name: &str, more: &Value) -> Value {
    let mut metadata = json!({"name": name, "namespace": "ours", "uid": name});
    metadata
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!({"metadata": metadata})
}

fn answer(code: u16, reason: &str) -> ResponseTemplate {
    let status = if code < 400 { "Success" } else { "Failure" };
    ResponseTemplate::new(code).set_body_json(
        json!({"apiVersion": "v1", "kind": "Status", "status": status, "message": reason, "reason": reason, "code": code}),
    )
}

/// What the API server says of the kinds it has.
fn discovery(group: &str, kinds: &[(&str, &str)]) -> Value {
    let resource = |(kind, plural): &(&str, &str)| {
        json!({
            "resource": plural, "scope": if *plural == "namespaces" { "Cluster" } else { "Namespaced" },
            "responseKind": {"group": group, "version": "v1", "kind": kind},
            "verbs": ["get", "list", "watch", "create", "delete", "deletecollection"],
        })
    };
    let resources: Vec<_> = kinds.iter().map(resource).collect();
    json!({
        "apiVersion": "apidiscovery.k8s.io/v2", "kind": "APIGroupDiscoveryList", "metadata": {},
        "items": [{"metadata": {"name": group}, "versions": [{"version": "v1", "resources": resources}]}],
    })
}

impl Respond for ApiServer {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        let (method, path) = (request.method.as_str(), request.url.path());
        let watches = request.url.query().is_some_and(|q| q.contains("watch=true"));
        let asked = format!("{} {path}", if watches { "WATCH" } else { method });
        state.asked.push(asked.clone());
        if state.forbidden.iter().any(|f| *f == asked) {
            return answer(403, "Forbidden");
        }
        let core = [
            ("Namespace", "namespaces"),
            ("Pod", "pods"),
            ("Secret", "secrets"),
            ("PersistentVolumeClaim", "persistentvolumeclaims"),
            ("Event", "events"),
        ];
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ours", "uid": "u"}});
        let parts: Vec<_> = path.trim_start_matches('/').split('/').collect();
        match (method, &parts[..]) {
            ("GET", ["api" | "apis"]) if state.nameless => {
                ResponseTemplate::new(200).set_body_json(json!({"kind": "APIVersions", "versions": ["v1"]}))
            }
            ("GET", ["api"]) => ResponseTemplate::new(200).set_body_json(discovery("", &core)),
            ("GET", ["apis"]) => {
                ResponseTemplate::new(200).set_body_json(discovery("apps", &[("Deployment", "deployments")]))
            }
            ("GET" | "DELETE", ["api", "v1", "namespaces", "ours"]) => {
                ResponseTemplate::new(200).set_body_json(namespace)
            }
            // Whoever waits for the namespace learns that it is gone.
            ("GET", ["api", "v1", "namespaces"]) => ResponseTemplate::new(200).set_body_json(
                json!({"apiVersion": "v1", "kind": "NamespaceList", "metadata": {"resourceVersion": "1"}, "items": []}),
            ),
            ("GET", [.., "pods"]) if watches => {
                let event = |pod| format!("{}\n", json!({"type": "DELETED", "object": pod}));
                ResponseTemplate::new(200).set_body_string(state.ended.drain(..).map(event).collect::<String>())
            }
            ("GET", [.., plural]) => {
                let items = state.objects.get(*plural).cloned().unwrap_or_default();
                ResponseTemplate::new(200).set_body_json(json!({
                    "apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": "1"}, "items": items,
                }))
            }
            ("DELETE", [.., "pods"]) => {
                let late = state.late.take();
                let ended = state.objects.insert("pods".into(), late.into_iter().collect());
                state.ended.extend(ended.into_iter().flatten());
                answer(200, "")
            }
            ("DELETE", [.., plural, name]) => {
                let there = state.objects.entry((*plural).to_owned()).or_default();
                there.retain(|o| o["metadata"]["name"] != *name || o["metadata"].get("finalizers").is_some());
                answer(200, "")
            }
            _ => answer(404, "NotFound"),
        }
    }
}

impl ApiServer {
    /// With a release that runs.
    fn with_a_release() -> Self {
        let server = Self::default();
        let none = json!({});
        let owned = json!({"ownerReferences": [{"apiVersion": "v1", "kind": "X", "name": "x", "uid": "x"}]});
        server.0.lock().unwrap().objects = [
            ("deployments", vec![object("kestra", &none)]),
            ("pods", vec![object("kestra-1", &owned)]),
            ("secrets", vec![object("db-creds", &none), object("owned", &owned)]),
            ("events", vec![object("started", &none)]),
        ]
        .map(|(kind, objects)| (kind.to_owned(), objects))
        .into();
        server
    }

    fn change<T>(self, change: impl FnOnce(&mut State) -> T) -> Self {
        change(&mut self.0.lock().unwrap());
        self
    }

    /// Deletes the namespace, and says whether its end was waited for.
    async fn delete(&self) -> bool {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(self.clone()).mount(&server).await;
        let cluster = Cluster {
            client: client(kube::Config::new(server.uri().parse().unwrap())).unwrap(),
            access: Access {
                kubeconfig: None,
                context: "c".into(),
            },
            version: "v1.34.4".into(),
            kubelet: Kubelet::NEWEST,
        };
        assert!(delete(&cluster, "ours").await.unwrap());
        self.asked("GET /api/v1/namespaces") > 0
    }

    fn asked(&self, what: &str) -> usize {
        self.0.lock().unwrap().asked.iter().filter(|a| *a == what).count()
    }

    fn there(&self) -> Vec<String> {
        let state = self.0.lock().unwrap();
        let names = state.objects.values().flatten();
        names
            .map(|o| o["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    }
}

const PODS: &str = "DELETE /api/v1/namespaces/ours/pods";

#[tokio::test]
async fn an_empty_namespace_is_not_waited_for() {
    let server = ApiServer::with_a_release();
    assert!(!server.delete().await);
    // What has an owner goes with it, and events go with the namespace.
    assert_eq!(server.there(), ["started", "owned"]);
    let asked = server.0.lock().unwrap().asked.clone();
    let place = |what: &str| asked.iter().position(|a| a == what).unwrap();
    assert!(place("DELETE /api/v1/namespaces/ours") < place(PODS), "{asked:?}");
    assert_eq!(server.asked(PODS), 1);
}

#[tokio::test]
async fn a_pod_that_came_meanwhile_is_ended_too() {
    let late = object("kestra-2", &json!({}));
    let server = ApiServer::with_a_release().change(|s| s.late = Some(late));
    assert!(!server.delete().await);
    assert_eq!(server.asked(PODS), 2);
    assert_eq!(server.there(), ["started", "owned"]);
}

#[tokio::test]
async fn what_somebody_else_must_let_go_is_waited_for() {
    let claim = object("data", &json!({"finalizers": ["kubernetes.io/pvc-protection"]}));
    let server = ApiServer::with_a_release().change(|s| s.objects.insert("persistentvolumeclaims".into(), vec![claim]));
    assert!(server.delete().await);
    assert_eq!(
        server.asked("DELETE /api/v1/namespaces/ours/persistentvolumeclaims/data"),
        1
    );
}

#[tokio::test]
async fn a_kind_that_may_not_be_listed_is_passed_over() {
    let server = ApiServer::with_a_release().change(|s| {
        s.forbidden.insert("GET /api/v1/namespaces/ours/persistentvolumeclaims");
    });
    assert!(!server.delete().await);
}

#[tokio::test]
async fn without_the_rights_to_empty_it_the_namespace_is_waited_for() {
    for right in [
        PODS,
        "GET /api/v1/namespaces/ours/pods",
        "DELETE /api/v1/namespaces/ours/secrets/db-creds",
        "GET /apis",
    ] {
        let server = ApiServer::with_a_release().change(|s| s.forbidden.insert(right));
        assert!(server.delete().await, "{right}");
    }
}

#[tokio::test]
async fn an_api_server_that_does_not_name_its_kinds_is_waited_for() {
    let server = ApiServer::with_a_release().change(|s| s.nameless = true);
    assert!(server.delete().await);
}

#[test]
fn an_api_server_is_out_of_reach_while_no_watch_holds() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut out_of_reach = OutOfReach::default();
    assert_eq!(out_of_reach.broke(at(0), at(0)), Duration::ZERO);
    assert_eq!(out_of_reach.broke(at(20), at(21)), Duration::from_secs(21));
    // This one held, and what follows is counted from its end.
    assert_eq!(out_of_reach.broke(at(22), at(60)), Duration::ZERO);
    assert_eq!(out_of_reach.broke(at(61), at(62)), Duration::from_secs(2));
}
