//! An image in a registry that asks for credentials: the kubelet pulls it with those of `--pull-secret`, and not without.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kestra_secrets::internals::kestra::CURRENT_ENGINES;
use libtest_mimic::Trial;
use serde_json::json;

use crate::shared_cluster::{node, on_kind, on_node, say, shared};
use crate::support::ENGINE;
use crate::support::canary::Canaries;
use crate::support::sandbox::{Ended, Sandbox, files, run};

const USER: &str = "robot";
const PASSWORD: &str = "Ca95f0c1d2e7b8a4936f1e0d5c2b7a8946e3";
/// The same as `htpasswd -B` writes it.
const HTPASSWD: &str = "robot:$2b$04$oUC7mj93IVRH/fPsttIshOOIY2zd0oCjPHsye0lZMu5du/Q32JGH6";
/// On the node, whose containerd asks its own loopback by plain HTTP.
const REGISTRY: &str = "127.0.0.1:5077";
/// Where the node has what belongs to the registry.
const FOLDER: &str = "/private-registry";

pub fn trials() -> Vec<Trial> {
    vec![on_kind(
        "private_registry",
        "the_kubelet_pulls_with_the_credentials_of_pull_secret_and_nobody_shows_them",
        pulls,
    )]
}

/// A registry on the shared cluster's node. It ends, and its image goes, with this.
struct PrivateRegistry {
    image: String,
}

impl PrivateRegistry {
    /// With the engine's image, which is nowhere else under this name.
    fn with_engine(folder: &Path) -> Self {
        let version = &CURRENT_ENGINES[0];
        let registry = Self {
            image: format!("{REGISTRY}/private/kestra:{version}"),
        };
        let config = json!({
            "version": "0.1",
            "storage": {"filesystem": {"rootdirectory": format!("{FOLDER}/images")}},
            "http": {"addr": REGISTRY},
            "auth": {"htpasswd": {"realm": "private", "path": format!("{FOLDER}/htpasswd")}},
        });
        fs::write(folder.join("config.json"), config.to_string()).unwrap();
        fs::write(folder.join("htpasswd"), HTPASSWD).unwrap();
        let program = say("sh", &["-c", "command -v registry"]);
        let program = fs::canonicalize(program.trim()).unwrap();
        fs::copy(program, folder.join("registry")).unwrap();
        say(
            "docker",
            &["cp", folder.to_str().unwrap(), &format!("{}:{FOLDER}", node())],
        );
        // It listens before anything else happens, and goes on when this shell has ended.
        on_node(&format!(
            "cd {FOLDER}; OTEL_TRACES_EXPORTER=none ./registry serve config.json >log 2>&1 & echo $! >{FOLDER}/pid; \
             tail --pid=$! -n +1 -F {FOLDER}/log 2>/dev/null | grep -q -m 1 'listening on'"
        ));
        let (image, ctr) = (&registry.image, "ctr -n k8s.io images");
        on_node(&format!(
            "{ctr} tag docker.io/kestra-secrets/kestra:{version} {image} && \
             {ctr} push --plain-http --user {USER}:{PASSWORD} {image} && {ctr} rm {image}"
        ));
        registry
    }
}

impl Drop for PrivateRegistry {
    fn drop(&mut self) {
        on_node(&format!(
            "kill $(cat {FOLDER}/pid); rm -r {FOLDER}; ctr -n k8s.io images rm {}",
            self.image
        ));
    }
}

fn pulls() {
    let sandbox = Sandbox::new();
    let folder = tempfile::tempdir().unwrap();
    let (name, _) = shared();
    let registry = PrivateRegistry::with_engine(folder.path());
    let runs = |more: &[&str]| -> Ended {
        let args = [
            "run",
            "extra-env",
            "--kestra",
            ENGINE,
            "--kind-cluster",
            &name,
            "--image",
            &registry.image,
        ];
        let mut command = sandbox.command(args.iter().chain(more));
        command
            .env("KESTRA_SECRETS_PROVIDER", "auto")
            .env("KESTRA_SECRETS_LOG", "trace");
        run(command)
    };

    let without = runs(&[]).with_code(3);
    assert!(without.stdout.contains("401 Unauthorized"), "{}", without.stdout);

    let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let config = json!({"auths": {REGISTRY: {"auth": auth}}});
    let config = sandbox.file("config.json", config.to_string());
    let with = runs(&["--pull-secret", config.to_str().unwrap(), "--report", "report"]).with_code(0);
    assert!(with.stdout.contains("1 passed"), "{}", with.stdout);

    let mut canaries = Canaries::default();
    canaries.known(PASSWORD);
    // It would be found if it were there.
    assert!(!canaries.find("config", &fs::read(&config).unwrap()).is_empty());
    let mut found = canaries.find("stdout", with.stdout.as_bytes());
    found.extend(canaries.find("stderr", with.stderr.as_bytes()));
    let report = files(&sandbox.work().join("report"));
    assert!(report.iter().any(|file| file.ends_with("report.json")), "{report:?}");
    for file in &report {
        found.extend(canaries.find(&file.display().to_string(), &fs::read(file).unwrap()));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    sandbox.assert_clean();
}
