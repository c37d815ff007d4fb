//! A Kestra that was installed by helm alone is looked at, with the rights of `deploy/rbac-audit.yaml` and no other.

use std::process::Command;

use insta::{assert_snapshot, with_settings};
use kestra_secrets::internals::kestra::CURRENT_ENGINES;
use kestra_secrets::internals::oracle::secret::{Location, Plaintext};
use kestra_secrets::internals::system::http::client_builder;
use kestra_secrets::internals::system::redact::Redactor;
use kestra_secrets::internals::tools::cluster::forward::Forward;
use kestra_secrets::internals::tools::cluster::{Access, Cluster};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::shared_cluster::{apply_text, apply_to, install, kubectl, named_account, on_kind, shared};
use crate::support::console::FILTERS;
use crate::support::requirements::helm;
use crate::support::sandbox::{Ended, Sandbox, run};
use crate::support::schemas::assert_valid;

const NAMESPACE: &str = "audited";
const USER: &str = "audit@example.com";
const PASSWORD: &str = "Audit1234";

pub fn trials() -> Vec<Trial> {
    vec![
        on_kind(
            "audit",
            "it_tells_all_of_an_installed_kestra_and_changes_nothing",
            installed,
        ),
        on_kind(
            "audit",
            "components_apart_on_the_older_engine_are_told_one_by_one_and_asked_at_a_url",
            apart,
        ),
    ]
}

/// The text as Kestra wants it.
fn encoded(text: &str) -> String {
    String::from_utf8(Location::Env.encode(&Plaintext::from(text)).bytes().to_vec()).unwrap()
}

/// Everything in the namespace with its version, but what the cluster itself goes on writing: events and leases.
fn state() -> String {
    let kinds = kubectl(&["api-resources", "--namespaced", "--verbs=list", "-o", "name"]);
    let kinds: Vec<&str> = kinds
        .lines()
        .filter(|kind| !kind.starts_with("events") && !kind.starts_with("leases"))
        .collect();
    let line = "{range .items[*]}{.kind}/{.metadata.name} {.metadata.uid} {.metadata.resourceVersion}{\"\\n\"}{end}";
    kubectl(&[
        "get",
        &kinds.join(","),
        "-n",
        NAMESPACE,
        "-o",
        &format!("jsonpath={line}"),
    ])
}

struct Audited<'a> {
    sandbox: &'a Sandbox,
    kubeconfig: String,
    redactor: Redactor,
}

impl Audited<'_> {
    /// Audits; no format shows a value.
    fn run(&self, args: &[&str]) -> Ended {
        let all = ["audit", "--context", "narrow", "--namespace", NAMESPACE];
        let mut command = self.sandbox.command(all.iter().chain(args));
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KESTRA_SECRETS_LOG", "trace");
        let ended = run(command);
        for text in [&ended.stdout, &ended.stderr] {
            assert_eq!(self.redactor.find(text.as_bytes()), [], "{args:?}");
        }
        ended
    }

    fn json(&self, args: &[&str], code: i32) -> Value {
        let ended = self.run(&[args, &["--format", "json"]].concat()).with_code(code);
        let report = serde_json::from_str(&ended.stdout).unwrap();
        assert_valid("audit", &report);
        report
    }
}

fn found(report: &Value) -> Vec<String> {
    let all = report["findings"].as_array().unwrap().iter();
    all.map(|f| format!("{} {}", f["rule"].as_str().unwrap(), f["subject"].as_str().unwrap()))
        .collect()
}

fn variable<'a>(report: &'a Value, name: &str) -> &'a Value {
    let mut all = report["containers"][0]["variables"].as_array().unwrap().iter();
    all.find(|variable| variable["name"] == name)
        .unwrap_or_else(|| panic!("no {name}: {report:#}"))
}

fn installed() {
    let sandbox = Sandbox::new();
    let canary = |what: &str| format!("{what}-{:032x}", rand::random::<u128>());
    let [env, key, from, newline, raw, new] = ["env", "key", "from", "newline", "raw!", "new"].map(canary);
    // 36 bytes of text end in no padding; 37 do.
    let padded = format!("p{}", canary("pad"));
    let unpadded = encoded(&padded).trim_end_matches('=').to_owned();
    assert_ne!(unpadded, encoded(&padded));

    apply_to("rbac-audit.yaml", NAMESPACE);
    let creds = |one: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "creds"},
               "stringData": {"one": encoded(one), "FROM": encoded(&from)}})
    };
    apply_text(&creds(&key).to_string(), NAMESPACE);
    let common = json!({
        "extraEnv": [
            {"name": "SECRET_ENV", "value": encoded(&env)},
            {"name": "SECRET_KEY", "valueFrom": {"secretKeyRef": {"name": "creds", "key": "one"}}},
            {"name": "SECRET_UNPADDED", "value": unpadded},
            {"name": "SECRET_NEWLINE", "value": encoded(&format!("{newline}\n"))},
            {"name": "SECRET_RAW", "value": raw},
        ],
        "extraEnvFrom": [{"prefix": "SECRET_ALL_", "secretRef": {"name": "creds"}}],
    });
    let auth = json!({"basic-auth": {"enabled": true, "username": USER, "password": PASSWORD}});
    install(&sandbox, NAMESPACE, common, &auth);

    let mut audited = Audited {
        sandbox: &sandbox,
        kubeconfig: named_account(&sandbox, NAMESPACE, "kestra-secrets-audit"),
        redactor: Redactor::new([&env, &key, &from, &newline, &raw, &padded, &new, PASSWORD]),
    };
    let before = state();
    assert!(before.contains("Pod/kestra-standalone"), "{before}");

    // What is wrong, and no more.
    let wrong = ["KS001 SECRET_NEWLINE", "KS004 SECRET_RAW"];
    let report = audited.json(&[], 1);
    assert_eq!(found(&report), wrong);
    let origin = |name: &str| variable(&report, name)["origin"].clone();
    assert_eq!(origin("SECRET_ENV")["kind"], "value");
    assert_eq!(
        (&origin("SECRET_KEY")["object"], &origin("SECRET_KEY")["key"]),
        (&json!("creds"), &json!("one"))
    );
    assert_eq!(origin("SECRET_ALL_FROM")["prefix"], "SECRET_ALL_");
    assert_eq!(variable(&report, "SECRET_UNPADDED")["gives"]["is"]["len"], padded.len());
    assert!(variable(&report, "SECRET_RAW")["gives"]["nothing"].is_string());

    // The process agrees with the model.
    let report = audited.json(&["--exec"], 1);
    assert_eq!(found(&report), wrong);
    assert_eq!(report["containers"][0]["observed"], true);
    let hops = variable(&report, "SECRET_KEY")["hops"].as_array().unwrap();
    let environment = hops.iter().find(|hop| hop["at"] == "environment").unwrap();
    assert_eq!(environment["observed"], environment["predicted"]);
    for format in ["sarif", "github", "prometheus"] {
        audited.run(&["--exec", "--format", format]).with_code(1);
    }
    let human = audited.run(&["--exec"]).with_code(1).stdout;
    let own = [
        (r"kestra-standalone-[a-z0-9-]+", "[pod]"),
        (r"v1\.\d+\.\d+", "[kubernetes]"),
    ];
    with_settings!({filters => [&FILTERS[..], &own].concat()}, { assert_snapshot!("human", human) });
    assert_eq!(state(), before);

    // Kestra itself agrees, and keeps nothing.
    sandbox.file("password", format!("{PASSWORD}\n"));
    let flow = ["--run-flow", "--username", USER, "--password-file", "password"];
    let report = audited.json(&flow, 1);
    assert_eq!(found(&report), wrong);
    assert_eq!(
        (&report["flow"]["asked"], &report["flow"]["agreed"]),
        (&json!(7), &json!(7))
    );
    assert_eq!(variable(&report, "SECRET_NEWLINE")["flow"], "agrees");
    // The adapter around the engine has no list, and says so.
    let list = &report["key_list"];
    assert_eq!(list["engine_adapter"], true);
    assert_eq!(list["answer"]["not-offered"], "status 404: Not Found");
    assert!(variable(&report, "SECRET_RAW")["flow"]["missing"].is_string());
    gone(&report["flow"]);
    assert_eq!(state(), before);

    // Who may not come in is told why.
    sandbox.file("password", "Other1234");
    let ended = audited.run(&flow).with_code(1);
    assert!(ended.stderr.contains("kestra.server.basic-auth"), "{}", ended.stderr);

    // A Secret that changes is stale: perhaps, and with a look at the process for certain.
    apply_text(&creds(&new).to_string(), NAMESPACE);
    assert_eq!(
        found(&audited.json(&[], 1)),
        [&wrong[..], &["KS025 Secret creds"]].concat()
    );
    let report = audited.json(&["--exec"], 1);
    assert_eq!(found(&report), [&wrong[..], &["KS025 Secret creds"]].concat());
    assert_eq!(variable(&report, "SECRET_KEY")["stale"], "certainly");
    assert_eq!(variable(&report, "SECRET_ALL_FROM")["stale"], Value::Null);

    // Without a right the rest goes on.
    let role = json!([{"op": "replace", "path": "/rules/1/resources", "value": ["configmaps"]}]);
    kubectl(&[
        "patch",
        "role",
        "kestra-secrets-audit",
        "-n",
        NAMESPACE,
        "--type=json",
        "-p",
        &role.to_string(),
    ]);
    kubectl(&["delete", "role", "kestra-secrets-audit-exec", "-n", NAMESPACE]);
    let report = audited.json(&["--exec"], 1);
    let object = report["unread"]
        .as_array()
        .unwrap()
        .iter()
        .find(|u| u["object"] == "Secret creds")
        .unwrap();
    assert!(
        object["says"]
            .as_str()
            .unwrap()
            .contains("secrets \"creds\" is forbidden"),
        "{object}"
    );
    assert_eq!(report["unread"].as_array().unwrap().len(), 2, "{report:#}");
    assert!(variable(&report, "SECRET_KEY")["gives"].is_null());
    assert!(found(&report).contains(&"KS001 SECRET_NEWLINE".to_owned()));

    // Without the first of them there is nothing to be said.
    kubectl(&["delete", "role", "kestra-secrets-audit", "-n", NAMESPACE]);
    audited.kubeconfig = named_account(&sandbox, NAMESPACE, "kestra-secrets-audit");
    let ended = audited.run(&[]).with_code(3);
    assert!(ended.stderr.contains("deploy/rbac-audit.yaml"), "{}", ended.stderr);

    kubectl(&["delete", "namespace", NAMESPACE, "--wait=false"]);
    sandbox.assert_clean();
}

/// A release whose worker lacks what the others have, made by a run that keeps it.
fn apart() {
    let sandbox = Sandbox::new();
    let (name, kubeconfig) = shared();
    let engine = format!("engine@{}", CURRENT_ENGINES[1]);
    let scenario = ["run", "distributed-all-but-the-worker", "--keep", "always"];
    let place = ["--kind-cluster", &name, "--kestra", &engine];
    let mut kept = sandbox.command([scenario, place].concat());
    kept.env("KESTRA_SECRETS_PROVIDER", "auto");
    let kept = run(kept).with_code(0).stdout;
    let namespace = kept
        .split(" -n ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .unwrap();
    let mut helm = Command::new(helm());
    helm.args(["get", "values", "kestra", "--output", "json", "-n", namespace]);
    let values = helm.env("KUBECONFIG", &kubeconfig).output().unwrap().stdout;
    let values: Value = serde_json::from_slice(&values).unwrap();
    let auth = &values["configurations"]["application"]["kestra"]["server"]["basic-auth"];
    sandbox.file("password", auth["password"].as_str().unwrap());

    let context = format!("kind-{name}");
    let audit = |more: &[&str]| {
        let place = ["audit", "--context", &context, "--namespace", namespace];
        let mut command = sandbox.command([&place[..], more].concat());
        command.env("KUBECONFIG", &kubeconfig);
        run(command)
    };
    // A runtime of its own carries the port-forward while the program runs.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let access = Access {
        kubeconfig: Some(kubeconfig.clone().into()),
        context: context.clone(),
    };
    let forward = runtime.block_on(async {
        let cluster = Cluster::connect(access).await.unwrap();
        Forward::open(&cluster, namespace, "kestra", None).await.unwrap()
    });
    let url = format!("http://127.0.0.1:{}", forward.port());
    let user = auth["username"].as_str().unwrap();
    let flow = [
        "--run-flow",
        "--url",
        &url,
        "--username",
        user,
        "--password-file",
        "password",
    ];
    let json = ["--exec", "--format", "json"];
    let ended = audit(&[&flow[..], &json].concat()).with_code(0);
    runtime.block_on(forward.close());
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_valid("audit", &report);
    let containers = report["containers"].as_array().unwrap();
    let components: Vec<_> = containers.iter().map(|c| c["component"].as_str().unwrap()).collect();
    assert_eq!(components, ["executor", "indexer", "scheduler", "webserver", "worker"]);
    assert!(
        containers
            .iter()
            .all(|c| c["observed"] == true && c["kestra"] == CURRENT_ENGINES[1].to_string())
    );
    assert!(
        found(&report).contains(&"uneven DB_PASSWORD, FOR_FLOWABLES, FOR_INPUTS".to_owned()),
        "{report:#}"
    );
    // A task is the worker's, so the flow is asked for what the worker has.
    assert_eq!(
        (&report["flow"]["asked"], &report["flow"]["agreed"]),
        (&json!(1), &json!(1))
    );
    audit(&["--deny", "warnings"]).with_code(1);

    let ended = audit(&["--selector", "a=b=c"]).with_code(2);
    assert!(
        ended.stderr.contains("write --selector as for kubectl"),
        "{}",
        ended.stderr
    );
    // The kubeconfig that the run exported of the kind cluster is no more; the namespace is.
    let clean = sandbox.run(["clean"]).with_code(0);
    assert!(
        clean.stdout.contains(&format!("removed namespace {namespace}")),
        "{}",
        clean.stdout
    );
    sandbox.assert_clean();
}

/// Asks Kestra for what an audit made: it is not there, while something else is.
fn gone(flow: &Value) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (name, kubeconfig) = shared();
        let access = Access {
            kubeconfig: Some(kubeconfig.into()),
            context: format!("kind-{name}"),
        };
        let cluster = Cluster::connect(access).await.unwrap();
        let forward = Forward::open(&cluster, NAMESPACE, "kestra", None).await.unwrap();
        let base = format!("http://127.0.0.1:{}/api/v1/main", forward.port());
        let http = client_builder().no_proxy().build().unwrap();
        let status = async |path: String| {
            let asked = http.get(format!("{base}/{path}")).basic_auth(USER, Some(PASSWORD));
            asked.send().await.unwrap().status().as_u16()
        };
        let control =
            "{id: control, namespace: company.team, tasks: [{id: t, type: io.kestra.plugin.core.log.Log, message: x}]}";
        let put = http.post(format!("{base}/flows")).basic_auth(USER, Some(PASSWORD));
        let put = put
            .header("Content-Type", "application/x-yaml")
            .body(control)
            .send()
            .await
            .unwrap();
        assert!(put.status().is_success());
        assert_eq!(status("flows/company.team/control".into()).await, 200);
        let flows = flow["flows"].as_array().unwrap();
        let executions = flow["executions"].as_array().unwrap();
        assert!(!flows.is_empty() && !executions.is_empty());
        for flow in flows {
            assert_eq!(status(format!("flows/{}", flow.as_str().unwrap())).await, 404);
        }
        for execution in executions {
            assert_eq!(status(format!("executions/{}", execution.as_str().unwrap())).await, 404);
        }
        forward.close().await;
    });
}
