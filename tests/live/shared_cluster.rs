//! The kind cluster that the trials share, and what is done to it without the program.

use std::fs;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kestra_secrets::internals::kestra::CURRENT_ENGINES;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::on_provider;
use crate::support::requirements;
use crate::support::sandbox::Sandbox;

/// A test on a cluster made of the testbed's images.
pub fn on_kind(module: &str, name: &str, check: fn()) -> Trial {
    let lacking = || requirements::lacking_for_cluster(&CURRENT_ENGINES[0]);
    on_provider("kind", format!("{module}::{name}"), lacking, check)
}

/// The cluster that the trials share: the first that asks makes it, [`close`] deletes it.
static SHARED: Mutex<Option<Shared>> = Mutex::new(None);

struct Shared {
    name: String,
    folder: TempDir,
}

impl Drop for Shared {
    fn drop(&mut self) {
        say(
            "kind",
            &[
                "delete",
                "cluster",
                "--name",
                &self.name,
                "--kubeconfig",
                &self.kubeconfig(),
            ],
        );
    }
}

impl Shared {
    fn kubeconfig(&self) -> String {
        self.folder.path().join("kubeconfig").display().to_string()
    }
}

fn lock() -> MutexGuard<'static, Option<Shared>> {
    SHARED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Deletes the shared cluster, where a trial has asked for it.
pub fn close() {
    drop(lock().take());
}

/// The shared cluster's name and kubeconfig.
pub fn shared() -> (String, String) {
    let mut shared = lock();
    let cluster = shared.get_or_insert_with(|| {
        let cluster = Shared {
            name: format!("kestra-secrets-test-{:08x}", rand::random::<u32>()),
            folder: tempfile::tempdir().unwrap(),
        };
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/kind-config.yaml");
        let image = requirements::NODE;
        let (name, kubeconfig) = (&cluster.name, &cluster.kubeconfig());
        let create = [
            "create", "cluster", "--name", name, "--config", config, "--image", image,
        ];
        say(
            "kind",
            &[&create[..], &["--kubeconfig", kubeconfig, "--wait", "2m"]].concat(),
        );
        let engine = format!("kestra-secrets/kestra:{}", CURRENT_ENGINES[0]);
        say("kind", &["load", "docker-image", "--name", name, &engine]);
        cluster
    });
    (cluster.name.clone(), cluster.kubeconfig())
}

/// What a command that must succeed prints.
#[track_caller]
pub fn say(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Brings an image from the daemon to the nodes.
pub fn load(image: &str) {
    say("kind", &["load", "docker-image", "--name", &shared().0, image]);
}

/// The container that is the shared cluster's only node.
pub fn node() -> String {
    format!("{}-control-plane", shared().0)
}

/// `kubectl` as the node has it, with all rights.
#[track_caller]
pub fn kubectl(args: &[&str]) -> String {
    let node = node();
    let admin = ["exec", &node, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf"];
    say("docker", &[&admin[..], args].concat())
}

/// A file of `deploy/`.
pub fn shipped(file: &str) -> String {
    fs::read_to_string(format!("{}/deploy/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Applies a file of `deploy/` to a namespace, which is made if it is not there.
pub fn apply_to(file: &str, namespace: &str) {
    let create = ["create", "namespace", namespace, "--dry-run=client", "--output", "yaml"];
    apply_text(&kubectl(&create), "default");
    apply_text(&shipped(file), namespace);
}

/// Applies documents to a namespace.
pub fn apply_text(text: &str, namespace: &str) {
    let script =
        format!("kubectl --kubeconfig /etc/kubernetes/admin.conf apply -n {namespace} -f - <<'EOF'\n{text}\nEOF");
    on_node(&script);
}

/// What a shell script that must succeed prints on the node.
#[track_caller]
pub fn on_node(script: &str) -> String {
    say("docker", &["exec", &node(), "sh", "-c", script])
}

/// Installs Kestra by helm alone, as a user would, with these values below `common` and `kestra.server`.
pub fn install(sandbox: &Sandbox, namespace: &str, mut common: Value, server: &Value) {
    common["terminationGracePeriodSeconds"] = 1.into();
    let values = json!({
        "image": {"repository": "kestra-secrets/kestra", "tag": CURRENT_ENGINES[0].to_string()},
        "dind": {"enabled": false},
        "common": common,
        "configurations": {"application": {
            "datasources": {"h2": {"url": "jdbc:h2:mem:public;DB_CLOSE_DELAY=-1", "username": "sa", "password": "",
                                   "driverClassName": "org.h2.Driver"}},
            "kestra": {"queue": {"type": "h2"}, "repository": {"type": "h2"}, "server": server,
                       "storage": {"type": "local", "local": {"base-path": "/tmp/storage"}}},
        }},
    });
    let values = sandbox.file("values.yaml", values.to_string());
    let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/kestra-minimal");
    let install = [
        "install",
        "kestra",
        chart,
        "-n",
        namespace,
        "--wait",
        "--timeout",
        "5m",
        "-f",
    ];
    let mut helm = Command::new(requirements::helm());
    helm.args(install).arg(values).env("KUBECONFIG", shared().1);
    let installed = helm.output().unwrap();
    assert!(
        installed.status.success(),
        "{}",
        String::from_utf8_lossy(&installed.stderr)
    );
}

/// A kubeconfig whose only context has the rights of this service account, and no other.
pub fn named_account(sandbox: &Sandbox, namespace: &str, account: &str) -> String {
    let token = kubectl(&["create", "token", account, "-n", namespace]);
    let admin: Value = serde_saphyr::from_str(&fs::read_to_string(shared().1).unwrap()).unwrap();
    let config = json!({
        "apiVersion": "v1", "kind": "Config",
        "clusters": [{"name": "c", "cluster": admin["clusters"][0]["cluster"]}],
        "users": [{"name": "sa", "user": {"token": token.trim()}}],
        "contexts": [{"name": "narrow", "context": {"cluster": "c", "user": "sa"}}],
    });
    let path = sandbox.file("kubeconfig", config.to_string());
    path.display().to_string()
}
