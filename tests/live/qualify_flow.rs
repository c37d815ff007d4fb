//! The flow of `deploy/`, run by a Kestra in the cluster that qualifies another.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::jobs::{self, ask_until, grant, log, manifest, of_job, until};
use crate::shared_cluster::{apply_to, install, kubectl, node, on_kind, say};
use crate::support::ENGINE;
use crate::support::sandbox::Sandbox;

const NAMESPACE: &str = "flow";
const LOGIN: &str = "admin@example.com:Qualify1234";

pub fn trials() -> Vec<Trial> {
    vec![on_kind(
        "qualify_flow",
        "a_flow_starts_the_job_and_ends_as_the_job_does",
        qualifies,
    )]
}

/// What Kestra answers, asked from the cluster's node.
fn ask(words: &[&str], path: &str) -> Value {
    let address = ["get", "service", "kestra", "-n", NAMESPACE, "--output"];
    let address = kubectl(&[&address[..], &["jsonpath={.spec.clusterIP}"]].concat());
    let url = format!("http://{address}:8080/api/v1/main/{path}");
    let node = node();
    let curl = [
        "exec",
        &node,
        "curl",
        "--silent",
        "--show-error",
        "--fail-with-body",
        "--user",
        LOGIN,
        &url,
    ];
    serde_json::from_str(&say("docker", &[&curl[..], words].concat())).unwrap()
}

/// How an execution of the flow ends, and the log of its Job.
fn execution(kestra: &str) -> (String, String) {
    let input = format!("kestra={kestra}");
    let begun = ask(&["--form", &input], "executions/company.team/qualify_kestra");
    let path = format!("executions/{}", begun["id"].as_str().unwrap());
    let job = format!("qualify-{}-", kestra.replace('.', "-"));
    // The flow looks at the Job once a second, and is paused between.
    let state = || ask(&[], &path)["state"]["current"].as_str().unwrap().to_owned();
    let ended = ask_until("the execution", state, |state| {
        !["CREATED", "RUNNING", "PAUSED"].contains(&state)
    });
    let names = ["--output", "jsonpath={.items[*].metadata.name}"];
    let named = kubectl(&[&["get", "jobs", "-n", jobs::NAMESPACE][..], &names].concat());
    let job = named.split(' ').find(|name| name.starts_with(&job)).unwrap();
    let log = log(&of_job(job));
    kubectl(&["delete", "job", job, "-n", jobs::NAMESPACE]);
    (ended, log)
}

fn qualifies() {
    let sandbox = Sandbox::new();
    grant();
    apply_to("rbac-qualify-flow.yaml", jobs::NAMESPACE);
    let token = [
        "get",
        "secret",
        "qualify-flow",
        "-n",
        jobs::NAMESPACE,
        "--output",
        "jsonpath={.data.token}",
    ];
    let token = until(&token, |token| !token.is_empty());
    kubectl(&["create", "namespace", NAMESPACE]);
    // As docs/qualify.md says it: what Kubernetes shows of the token is the encoding that Kestra wants.
    let literal = format!("--from-literal=SECRET_KUBERNETES_TOKEN={token}");
    kubectl(&[
        "create",
        "secret",
        "generic",
        "qualify-token",
        "-n",
        NAMESPACE,
        &literal,
    ]);
    let (username, password) = LOGIN.split_once(':').unwrap();
    let common = json!({"extraEnvFrom": [{"secretRef": {"name": "qualify-token"}}]});
    let server = json!({"basic-auth": {"username": username, "password": password}});
    install(&sandbox, NAMESPACE, common, &server);

    let image = format!(r#"--image, "{ENGINE}=kestra-secrets/kestra:2.0.0", --parallel, "1", extra-env]"#);
    let flow = manifest(
        "qualify-flow.yaml",
        &[
            ("kestra: \"official{{", "kestra: \"engine{{"),
            ("[--chart, official, ", "["),
            (r#"--require, official, --require, observed, --parallel, "1"]"#, &image),
            ("completions: 3 ", "completions: 1 "),
            ("parallelism: 3 ", "parallelism: 1 "),
            (r#"value: "3""#, r#"value: "1""#),
            ("interval: PT15S", "interval: PT1S"),
        ],
    );
    ask(
        &["--header", "Content-Type: application/x-yaml", "--data-binary", &flow],
        "flows",
    );

    let (state, log) = execution("2.0.0");
    assert!(log.contains(r#""status":"pass""#), "{log}");
    assert_eq!(state, "SUCCESS", "{log}");
    let (state, log) = execution("0.0.1");
    assert!(log.contains("engine@0.0.1"), "{log}");
    assert_eq!(state, "FAILED", "{log}");
    kubectl(&["delete", "namespace", NAMESPACE, "--wait=false"]);
}
