//! What a machine lacks, on machines made of scripts.

use std::process::Command;

use insta::{assert_snapshot, with_settings};
use serde_json::Value;

use crate::support::sandbox::{NOWHERE, Sandbox, files, run};
use crate::support::schemas;

/// The program on a machine whose `PATH` is the sandbox's own, and from which nothing can be reached.
pub fn doctor(sandbox: &Sandbox, args: &[&str]) -> Command {
    let mut command = sandbox.command([&["doctor"], args].concat());
    for variable in ["HELM", "KIND", "MAVEN", "JAVA_HOME", "PROVIDER"] {
        command.env_remove(format!("KESTRA_SECRETS_{variable}"));
    }
    for variable in [
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "MAVEN_HOME",
    ] {
        command.env_remove(variable).env_remove(variable.to_lowercase());
    }
    command
        .env("PATH", sandbox.work().join("bin"))
        .env("HOME", sandbox.work())
        .env("KUBECONFIG", sandbox.work().join("kubeconfig"))
        .env("XDG_CACHE_HOME", sandbox.work().join("cache"))
        .env("KESTRA_SECRETS_JAVA_HOME", sandbox.work().join("jdk"))
        .env("KESTRA_SECRETS_HELM_MIRROR", NOWHERE)
        .env("KESTRA_SECRETS_KIND_MIRROR", NOWHERE);
    command
}

/// A machine that has all.
pub fn complete() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.script("bin/helm", "echo v3.22.0");
    sandbox.script("bin/kind", "echo kind v0.30.0 go1.24.6 linux/amd64");
    sandbox.script("bin/mvn", "echo Apache Maven 3.9.9");
    sandbox.script("jdk/bin/java", "exit 1");
    sandbox.script("jdk/bin/javac", "exit 1");
    sandbox.file("jdk/release", "JAVA_VERSION=\"25.0.1\"\n");
    sandbox.script(
        "bin/docker",
        r#"case $1 in
info) echo '{"ServerVersion": "28.1.0", "CgroupVersion": "2", "NCPU": 4, "MemTotal": 17179869184}' ;;
version) echo 28.1.0 ;;
image) if [ "$2" = ls ]; then echo kestra-secrets/node:v1.34.4; else echo sha256:0; fi ;;
*) exit 1 ;;
esac"#,
    );
    let context = "{name: staging, context: {cluster: c, user: u}}";
    let cluster = "{name: c, cluster: {server: 'http://127.0.0.1:1'}}";
    sandbox.file(
        "kubeconfig",
        format!("apiVersion: v1\nkind: Config\nclusters: [{cluster}]\ncontexts: [{context}]\nusers: [{{name: u, user: {{}}}}]\n"),
    );
    sandbox
}

/// A snapshot without what differs between machines and runs.
macro_rules! assert_said {
    ($name:expr, $sandbox:expr, $said:expr) => {
        let root = $sandbox.work().parent().unwrap().display().to_string();
        let said = $said.replace(&root, "[root]");
        with_settings!({filters => vec![
            (r"\d+\.\d GiB free", "[n] GiB free"),
            (r"(?m)^\S+ +memory .*$", "[memory]"),
            (r" \(os error \d+\)", ""),
            (r"/[a-z]+-[a-z0-9]+/(helm|kind) is", "/[platform]/$1 is"),
        ]}, { assert_snapshot!($name, said) });
    };
}

#[test]
fn a_machine_that_has_all_can_run_all_but_a_context() {
    let sandbox = complete();
    let ended = run(doctor(&sandbox, &[])).with_code(0);
    assert_said!("doctor_all", sandbox, ended.stdout);

    let ended = run(doctor(&sandbox, &["--json"])).with_code(0);
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    schemas::assert_valid("doctor", &json);
    assert_eq!((&json["chosen"], &json["can_run"]), (&"kind".into(), &true.into()));
}

#[test]
fn a_machine_that_has_nothing_exits_3_with_a_cure_for_each() {
    let sandbox = Sandbox::new();
    let ended = run(doctor(&sandbox, &[])).with_code(3);
    assert_said!("doctor_nothing", sandbox, ended.stdout);

    let ended = run(doctor(&sandbox, &["--json"])).with_code(3);
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    schemas::assert_valid("doctor", &json);
    let missing: Vec<&Value> = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["status"] == "missing")
        .collect();
    assert!(missing.len() >= 4, "{missing:?}");
    for finding in missing {
        assert!(finding["cure"].is_string() && finding["stops"].is_array(), "{finding}");
    }
}

#[test]
fn a_provider_that_is_named_decides_the_exit() {
    let sandbox = complete();
    std::fs::remove_file(sandbox.work().join("bin/docker")).unwrap();
    run(doctor(&sandbox, &[])).with_code(0);
    run(doctor(&sandbox, &["--provider", "embedded"])).with_code(0);
    let ended = run(doctor(&sandbox, &["--provider", "kind"])).with_code(3);
    assert!(
        ended
            .stdout
            .contains("a run would use kind (it is named), and cannot run there"),
        "{}",
        ended.stdout
    );
}

#[test]
fn it_leaves_nothing_and_provides_nothing() {
    let sandbox = complete();
    let log = sandbox.work().join("docker.log");
    let script = std::fs::read_to_string(sandbox.work().join("bin/docker")).unwrap();
    let body = script.split_once("set -eu\n").unwrap().1;
    sandbox.script("bin/docker", &format!("echo \"$@\" >>{}\n{body}", log.display()));
    let before = files(&sandbox.work()).len();
    run(doctor(&sandbox, &[])).with_code(0);
    let asked = std::fs::read_to_string(&log).unwrap();
    for line in asked.lines() {
        let reads = ["info ", "version ", "image inspect ", "image ls ", "manifest inspect "];
        assert!(reads.iter().any(|verb| line.starts_with(verb)), "{line}");
    }
    assert_eq!(files(&sandbox.work()).len(), before + 1, "only the log is new");
    sandbox.assert_clean();
}

#[test]
fn a_context_that_is_not_there_exits_3() {
    let sandbox = complete();
    let ended = run(doctor(&sandbox, &["--context", "production"])).with_code(3);
    assert!(ended.stdout.contains("context production"), "{}", ended.stdout);
    let ended = run(doctor(&sandbox, &["--context", "staging"])).with_code(3);
    assert!(
        ended.stdout.contains("failed to reach the cluster of context staging"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_password_of_a_proxy_is_not_shown() {
    let sandbox = complete();
    let mut command = doctor(&sandbox, &[]);
    command.env("HTTPS_PROXY", "http://robot:hunter2@127.0.0.1:1");
    let ended = run(command).with_code(0);
    assert!(
        ended.stdout.contains("HTTPS_PROXY=http://127.0.0.1:1"),
        "{}",
        ended.stdout
    );
    assert!(!ended.stdout.contains("hunter2") && !ended.stderr.contains("hunter2"));
}
