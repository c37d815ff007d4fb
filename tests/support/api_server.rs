//! An API server that is none: it has one pod of Kestra in the namespace `n`, and nothing that can be changed.

use std::path::PathBuf;

use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::sandbox::{Ended, Sandbox, run};

/// The Secret that nobody may read.
pub const FORBIDDEN: &str = "forbidden";

pub struct ApiServer {
    server: MockServer,
    /// Answers as long as this is here.
    _runtime: Runtime,
}

/// A server that gives one answer to all, and a runtime that it answers on: as long as both are here.
pub fn serve(answer: impl Respond + 'static) -> (MockServer, Runtime) {
    let builder = &mut Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build().unwrap();
    let server = runtime.block_on(async {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(answer).mount(&server).await;
        server
    });
    (server, runtime)
}

impl ApiServer {
    /// A pod whose Kestra has these variables, as its spec lists them.
    pub fn with(env: &Value) -> Self {
        let pod = json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "kestra-standalone-0", "namespace": "n", "labels": {
                "app.kubernetes.io/name": "kestra", "app.kubernetes.io/instance": "kestra",
                "app.kubernetes.io/component": "standalone"}},
            "spec": {"containers": [{"name": "kestra", "image": "kestra/kestra:v2.0.0", "env": env}]},
            "status": {"phase": "Running"}});
        let (server, runtime) = serve(Cluster(pod));
        Self {
            server,
            _runtime: runtime,
        }
    }

    /// A kubeconfig of which this is the only context.
    pub fn kubeconfig(&self, sandbox: &Sandbox, context: &str) -> PathBuf {
        let kubeconfig = json!({"apiVersion": "v1", "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": self.server.uri()}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": context, "context": {"cluster": "c", "user": "u"}}]});
        sandbox.file("kubeconfig", kubeconfig.to_string())
    }

    /// Audits it.
    pub fn audit(&self, sandbox: &Sandbox, context: &str, args: &[&str]) -> Ended {
        let place = ["audit", "--context", context, "--namespace", "n"];
        let mut command = sandbox.command([&place, args].concat());
        command.env("KUBECONFIG", self.kubeconfig(sandbox, context));
        run(command)
    }
}

struct Cluster(Value);

impl Respond for Cluster {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let list = |kind: &str, items: Value| json!({"kind": kind, "apiVersion": "v1", "metadata": {}, "items": items});
        let refused = |code: u16, reason: &str| {
            ResponseTemplate::new(code).set_body_json(json!({"kind": "Status", "apiVersion": "v1", "metadata": {},
                "status": "Failure", "reason": reason, "code": code, "message": reason}))
        };
        let body = match (request.method.as_str(), request.url.path()) {
            ("GET", "/version") => json!({"major": "1", "minor": "34", "gitVersion": "v1.34.4", "gitCommit": "",
                "gitTreeState": "clean", "buildDate": "", "goVersion": "", "compiler": "gc", "platform": "linux/amd64"}),
            ("GET", "/api/v1/namespaces/n/pods") => list("PodList", json!([self.0])),
            ("GET", "/api/v1/namespaces/n/services") => list("ServiceList", json!([])),
            (_, path) if path.ends_with(FORBIDDEN) => return refused(403, "Forbidden"),
            _ => return refused(404, "NotFound"),
        };
        ResponseTemplate::new(200).set_body_json(body)
    }
}
