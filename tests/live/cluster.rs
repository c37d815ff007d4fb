//! A cluster that is there, with which every trial of this module works at the same time; and a kind cluster
//! of a run's own that is killed.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::shared_cluster::{apply_text, apply_to, kubectl, named_account, on_kind, say, shared, shipped};
use crate::support::sandbox::{Ended, Sandbox, run};
use crate::support::watched::Watched;
use crate::support::{ENGINE, requirements};

pub fn trials() -> Vec<Trial> {
    vec![
        kind("reuse_takes_a_cluster_that_is_there_past_any_proxy", reuse),
        kind("check_says_of_the_pages_own_documents_what_comes_out_and_why", check),
        kind("a_missing_secret_is_an_outcome_in_the_kubelets_words", missing),
        kind("an_image_that_is_nowhere_exits_3_in_the_kubelets_words", image),
        kind("the_rbac_for_namespaces_is_all_a_run_needs", namespaces),
        kind("without_the_right_to_end_pods_a_run_waits_for_the_namespace", slow),
        kind("the_rbac_for_one_namespace_is_all_a_run_needs", one_namespace),
        kind("what_is_kept_stays_until_clean", keep),
        kind("clean_deletes_the_namespaces_of_a_context_whose_time_is_over", expired),
        kind("after_sigkill_clean_leaves_containers_and_clusters_as_before", killed),
        kind("after_sigkill_clean_removes_a_container", killed_container),
        kind("interrupted_it_deletes_its_own_cluster", interrupted),
    ]
}

fn kind(name: &str, check: fn()) -> Trial {
    on_kind("cluster", name, check)
}

/// The program on the shared cluster.
fn on_shared(sandbox: &Sandbox, args: &[&str]) -> Ended {
    let (name, _) = shared();
    let rest = ["--kestra", ENGINE, "--kind-cluster", &name];
    let mut command = sandbox.command(args.iter().chain(&rest));
    command.env("KESTRA_SECRETS_PROVIDER", "auto");
    // Nothing listens there: whoever asks a proxy for this machine fails.
    command
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .env("HTTP_PROXY", "http://127.0.0.1:9");
    run(command)
}

fn reuse() {
    let sandbox = Sandbox::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ended = on_shared(&sandbox, &["run", "extra-env", "--local-port", &port.to_string()]).with_code(0);
    assert!(ended.stdout.contains("1 passed"), "{}", ended.stdout);
    // Nothing but REST is modelled.
    let provenance = "\nModelled REST (our adapter on Kestra's engine)\n";
    assert!(ended.stdout.contains(provenance), "{}", ended.stdout);
    sandbox.assert_clean();
}

fn check() {
    let sandbox = Sandbox::new();
    let page = |name: &str| format!("{}/scenarios/docs-2024/{name}", env!("CARGO_MANIFEST_DIR"));
    let (values, secret) = (page("extra-secret-env-from.yaml"), page("db-creds-env-from.yaml"));
    let files = ["check", "-f", &values, "-f", &secret, "--public", "DB_USERNAME=admin"];
    let ended = on_shared(&sandbox, &files).with_code(1);
    for words in [
        r#""admin\n""#,
        "KS001 the plaintext ends in a newline",
        "first wrong: values or manifest",
    ] {
        assert!(ended.stdout.contains(words), "no {words}:\n{}", ended.stdout);
    }
    sandbox.assert_clean();
}

fn missing() {
    let sandbox = Sandbox::new();
    let values = format!(
        "{}/scenarios/docs-2024/extra-secret-env-from.yaml",
        env!("CARGO_MANIFEST_DIR")
    );
    let args = ["check", "-f", &values, "--expect-present", "DB_USERNAME"];
    let ended = on_shared(&sandbox, &args).with_code(1);
    for words in ["CreateContainerConfigError", r#"secret "db-creds" not found"#] {
        assert!(ended.stdout.contains(words), "no {words}:\n{}", ended.stdout);
    }
    sandbox.assert_clean();
}

fn image() {
    let sandbox = Sandbox::new();
    let args = [
        "run",
        "extra-env",
        "--image",
        "kestra-secrets/nowhere:1",
        "--report",
        "report",
    ];
    let ended = on_shared(&sandbox, &args).with_code(3);
    assert!(ended.stdout.contains("kestra-secrets/nowhere:1"), "{}", ended.stdout);
    let evidence = sandbox.work().join("report/evidence/extra-env-engine-2-0-0");
    let values = fs::read_to_string(evidence.join("values.json")).unwrap();
    assert!(values.contains("kestra-secrets/nowhere"), "{values}");
    let events = fs::read_to_string(evidence.join("events.txt")).unwrap();
    assert!(events.contains("Failed"), "{events}");
    sandbox.assert_clean();
}

/// A kubeconfig whose only context has the rights of the service account of `deploy/`, and no other.
fn service_account(sandbox: &Sandbox, namespace: &str) -> String {
    named_account(sandbox, namespace, "kestra-secrets")
}

fn in_context(sandbox: &Sandbox, kubeconfig: &str, args: &[&str]) -> Command {
    let context = ["--context", "narrow", "--kestra", ENGINE];
    let mut command = sandbox.command(args.iter().chain(&context));
    command
        .env("KUBECONFIG", kubeconfig)
        .env("KESTRA_SECRETS_PROVIDER", "auto");
    command
}

fn namespaces() {
    let sandbox = Sandbox::new();
    apply_to("rbac-namespaces.yaml", "kestra-secrets");
    let kubeconfig = service_account(&sandbox, "kestra-secrets");
    let ended = run(in_context(&sandbox, &kubeconfig, &["run", "secret-key-ref"])).with_code(0);
    assert!(ended.stderr.contains("on context"), "{}", ended.stderr);
    for namespace in namespaces_of(&ended) {
        // Kubernetes may still have to delete it, but nothing in it.
        let kinds = "pods,deployments,statefulsets,services,secrets,configmaps,serviceaccounts";
        let left = kubectl(&["get", kinds, "-n", &namespace, "-o", "name"]);
        assert_eq!(left, "", "{namespace}");
        wait_until_gone(&namespace);
    }
    sandbox.assert_clean();
}

/// Waits until Kubernetes has deleted a namespace.
fn wait_until_gone(namespace: &str) {
    let namespace = format!("namespace/{namespace}");
    kubectl(&["wait", "--for=delete", &namespace, "--timeout=60s"]);
}

/// The namespaces of a run that are there after its end.
fn namespaces_of(ended: &Ended) -> Vec<String> {
    let mut words = ended.stderr.split_whitespace();
    let id = words.find(|w| *w == "run").and_then(|_| words.next()).unwrap();
    let of_run = format!("kestra-secrets/run={}", id.trim_end_matches(':'));
    let names = ["-o", "custom-columns=:metadata.name", "--no-headers"];
    let listed = kubectl(&[&["get", "namespaces", "-l", &of_run][..], &names].concat());
    listed.lines().map(str::to_owned).collect()
}

fn slow() {
    let sandbox = Sandbox::new();
    let rights = shipped("rbac-namespaces.yaml");
    let fewer = rights.replace(", deletecollection]", "]");
    assert_ne!(fewer, rights);
    let fewer = fewer.replace("kestra-secrets", "slow");
    kubectl(&["create", "namespace", "slow"]);
    apply_text(&fewer, "slow");
    let kubeconfig = named_account(&sandbox, "slow", "slow");
    let ended = run(in_context(&sandbox, &kubeconfig, &["run", "extra-env"])).with_code(0);
    assert_eq!(namespaces_of(&ended), Vec::<String>::new());
    sandbox.assert_clean();
}

fn one_namespace() {
    let sandbox = Sandbox::new();
    apply_to("rbac-one-namespace.yaml", "given");
    let kubeconfig = service_account(&sandbox, "given");
    let before = kubectl(&["get", "all,secrets,configmaps", "-n", "given", "-o", "name"]);
    let doctor = run(in_context(&sandbox, &kubeconfig, &["doctor", "--namespace", "given"])).with_code(0);
    assert!(
        doctor.stdout.contains("of deploy/rbac-one-namespace.yaml"),
        "{}",
        doctor.stdout
    );
    let doctor = run(in_context(&sandbox, &kubeconfig, &["doctor"])).with_code(3);
    assert!(doctor.stdout.contains("create namespaces"), "{}", doctor.stdout);
    let args = ["run", "secret-key-ref", "extra-env-from", "--namespace", "given"];
    run(in_context(&sandbox, &kubeconfig, &args)).with_code(0);
    kubectl(&["wait", "--for=delete", "pods", "--all", "-n", "given", "--timeout=60s"]);
    assert_eq!(
        kubectl(&["get", "all,secrets,configmaps", "-n", "given", "-o", "name"]),
        before
    );
    sandbox.assert_clean();
}

fn keep() {
    let sandbox = Sandbox::new();
    let scenario = "schema: 1\nname: wrong\nabout: Wrong.\nstrategy: extra-env\nsecrets: {A: {plain: hidden-plain}}\n\
                    reads: {a: A}\nexpect: {outputs: {a: other}}\n";
    sandbox.file("wrong.yaml", scenario);
    let (name, kubeconfig) = shared();
    let context = format!("kind-{name}");
    let args = [
        "run",
        "wrong.yaml",
        "--keep",
        "failed",
        "--kestra",
        ENGINE,
        "--context",
        &context,
    ];
    let mut command = sandbox.command(args);
    command
        .env("KUBECONFIG", &kubeconfig)
        .env("KESTRA_SECRETS_PROVIDER", "auto");
    let ended = run(command).with_code(1);
    let kept = ended.stdout.lines().find(|l| l.contains("get pods")).unwrap();
    let namespace = kept
        .split(" -n ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .unwrap();
    let pods = kubectl(&["get", "pods", "-n", namespace]);
    assert!(pods.contains("Running"), "{pods}");
    let clean = sandbox.run(["clean"]).with_code(0);
    assert!(
        clean.stdout.contains(&format!("removed namespace {namespace}")),
        "{}",
        clean.stdout
    );
    wait_until_gone(namespace);
    sandbox.assert_clean();
}

/// A namespace as a run on another machine would have left it.
fn left(name: &str, expires: &str, finalizers: &Value) -> Value {
    let labels = json!({"app.kubernetes.io/managed-by": "kestra-secrets", "kestra-secrets/owner": "somebody",
        "kestra-secrets/expires": expires});
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels, "finalizers": finalizers}})
}

fn expired() {
    let sandbox = Sandbox::new();
    let (name, kubeconfig) = shared();
    let context = format!("kind-{name}");
    let (over, to_come) = ("20200101T000000Z", "29990101T000000Z");
    for namespace in [
        left("left-expired", over, &json!([])),
        left("left-in-use", to_come, &json!([])),
        left("left-going", to_come, &json!(["kestra-secrets.test/held"])),
    ] {
        apply_text(&namespace.to_string(), "default");
    }
    kubectl(&["create", "configmap", "some", "-n", "left-expired"]);
    kubectl(&["delete", "namespace", "left-going", "--wait=false"]);
    let mut command = sandbox.command(["clean", "--context", &context]);
    command.env("KUBECONFIG", &kubeconfig);
    let clean = run(command).with_code(0);
    for line in [
        format!("removed namespace left-expired in context {context} (of somebody, expires {over})\n"),
        format!("left alone namespace left-in-use in context {context} (of somebody, expires {to_come})\n"),
    ] {
        assert!(clean.stdout.contains(&line), "no {line}:\n{}", clean.stdout);
    }
    assert!(!clean.stdout.contains("left-going"), "{}", clean.stdout);
    wait_until_gone("left-expired");
    kubectl(&["delete", "namespace", "left-in-use"]);
    let released = r#"[{"op": "remove", "path": "/metadata/finalizers"}]"#;
    kubectl(&["patch", "namespace", "left-going", "--type=json", "-p", released]);
    wait_until_gone("left-going");
    sandbox.assert_clean();
}

/// The containers there are and the clusters, of those that no other trial makes or ends meanwhile.
fn mine(prefix: &str) -> (Vec<String>, Vec<String>) {
    let lines = |text: String| {
        let named = text.lines().filter(|l| l.starts_with(prefix));
        named.map(str::to_owned).collect::<Vec<_>>()
    };
    (
        lines(say("docker", &["ps", "-a", "--format", "{{.Names}}"])),
        lines(say("kind", &["get", "clusters"])),
    )
}

/// Kills a run that has said `line`, and what it says of its id.
fn kill_at(sandbox: &Sandbox, args: &[&str], line: &str) -> String {
    let mut watched = Watched::start(sandbox.command(args));
    let first = watched.wait_for("run ");
    let id = first
        .split_whitespace()
        .nth(1)
        .unwrap()
        .trim_end_matches(':')
        .to_owned();
    watched.wait_for(line);
    watched.signal(Signal::SIGKILL);
    assert_eq!(watched.end().code, None);
    id
}

fn killed() {
    let sandbox = Sandbox::new();
    // With the shape and the node named as a user would name his own.
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/kind-config.yaml");
    let own = ["--kind-config", config, "--node-image", requirements::NODE];
    let args = [
        &["run", "extra-env", "--provider", "kind", "--kestra", ENGINE][..],
        &own,
    ]
    .concat();
    let id = kill_at(&sandbox, &args, "waiting for Kestra to be ready");
    let prefix = format!("kestra-secrets-{id}");
    let (containers, clusters) = mine(&prefix);
    assert_eq!(
        (containers.len(), clusters.len()),
        (1, 1),
        "{containers:?} {clusters:?}"
    );
    let clean = sandbox.run(["clean"]).with_code(0);
    assert!(
        clean.stdout.contains(&format!("removed kind cluster {prefix}")),
        "{}",
        clean.stdout
    );
    assert_eq!(mine(&prefix), (Vec::new(), Vec::new()));
    sandbox.assert_clean();
}

fn interrupted() {
    let sandbox = Sandbox::new();
    let args = ["run", "extra-env", "--provider", "kind", "--kestra", ENGINE];
    let mut watched = Watched::start(sandbox.command(args));
    watched.wait_for("waiting for Kestra to be ready");
    watched.signal(Signal::SIGINT);
    let ended = watched.end().with_code(130);
    let id = ended.stderr.split_whitespace().nth(1).unwrap().trim_end_matches(':');
    assert_eq!(mine(&format!("kestra-secrets-{id}")), (Vec::new(), Vec::new()));
    sandbox.assert_clean();
}

fn killed_container() {
    let sandbox = Sandbox::new();
    let args = ["run", "extra-env", "--provider", "docker", "--kestra", ENGINE];
    let id = kill_at(&sandbox, &args, ": extra-env");
    let prefix = format!("kestra-secrets-{id}");
    assert_eq!(mine(&prefix).0.len(), 1);
    let clean = sandbox.run(["clean"]).with_code(0);
    assert!(
        clean.stdout.contains(&format!("removed container {prefix}")),
        "{}",
        clean.stdout
    );
    assert_eq!(mine(&prefix).0, Vec::<String>::new());
    sandbox.assert_clean();
}
