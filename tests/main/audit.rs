//! A Kestra that was installed by helm alone is looked at, with the rights of `deploy/rbac-audit.yaml` and no other.

use serde_json::{Value, json};

use crate::support::api_server::ApiServer;
use crate::support::sandbox::{Sandbox, run};
use crate::support::schemas::assert_valid;

/// An audit of the namespace `n`.
fn audit<'a>(context: &'a str, args: &[&'a str]) -> Vec<&'a str> {
    [&["audit", "--context", context, "--namespace", "n"], args].concat()
}

#[test]
fn a_context_that_is_not_there_exits_3_and_says_how_to_find_one() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(audit("nowhere", &[]));
    command.env(
        "KUBECONFIG",
        sandbox.file("kubeconfig", "{apiVersion: v1, kind: Config}"),
    );
    let ended = run(command).with_code(3);
    for words in ["reach the cluster of context nowhere", "kubectl config get-contexts"] {
        assert!(ended.stderr.contains(words), "no {words}: {}", ended.stderr);
    }
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_user_name_without_a_password_is_bad_input() {
    let sandbox = Sandbox::new();
    let ended = sandbox.run(audit("c", &["--run-flow", "--username", "audit@example.com"]));
    let ended = ended.with_code(2);
    assert!(ended.stderr.contains("--password-file"), "{}", ended.stderr);
}

#[test]
fn a_url_needs_a_question() {
    for flag in ["--url=http://127.0.0.1:1", "--flow-namespace=a"] {
        let ended = Sandbox::new().run(audit("c", &[flag])).with_code(2);
        let says = "<--ask-kestra|--run-flow>";
        assert!(ended.stderr_words().contains(says), "{}", ended.stderr);
    }
}

#[test]
fn one_audit_writes_several_formats_each_to_its_file() {
    let sandbox = Sandbox::new();
    let cluster = ApiServer::with(&json!([{"name": "SECRET_A", "value": "hunter2!"}]));
    let formats = [
        "prometheus=a.prom",
        "sarif=a.sarif",
        "github=a.txt",
        "human=a.human",
        "json",
    ];
    let args: Vec<&str> = formats.iter().flat_map(|format| ["--format", format]).collect();
    let ended = cluster.audit(&sandbox, "stub", &args).with_code(1);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_valid("audit", &report);
    let file = |name: &str| std::fs::read_to_string(sandbox.work().join(name)).unwrap();
    let errors = "kestra_secrets_audit_findings\
                  {context=\"stub\",kestra_namespace=\"n\",selector=\"app.kubernetes.io/name=kestra\",severity=\"error\"} 1\n";
    assert!(file("a.prom").contains(errors), "{}", file("a.prom"));
    assert!(file("a.sarif").contains("KS004") && file("a.txt").starts_with("::error "));
    assert!(file("a.human").contains("1 error, 0 warnings, 0 notes in 1 container"));
    for name in ["a.prom", "a.sarif", "a.txt", "a.human"] {
        assert!(!file(name).contains("hunter2"), "{name}");
    }

    let ended = cluster
        .audit(&sandbox, "stub", &["--format", "prometheus=a.prom"])
        .with_code(1);
    assert_eq!(ended.stdout, "");
    assert_eq!(ended.stderr, "1 error, 0 warnings, 0 notes; written to a.prom\n");
}

#[test]
fn an_audit_that_reaches_no_cluster_leaves_the_metrics_of_the_one_before() {
    let sandbox = Sandbox::new();
    sandbox.file("a.prom", "before");
    let mut command = sandbox.command(audit("c", &["--format", "prometheus=a.prom"]));
    command.env(
        "KUBECONFIG",
        sandbox.file("kubeconfig", "{apiVersion: v1, kind: Config}"),
    );
    run(command).with_code(3);
    assert_eq!(
        std::fs::read_to_string(sandbox.work().join("a.prom")).unwrap(),
        "before"
    );
}

#[test]
fn a_place_that_cannot_be_written_to_ends_an_audit_before_it_begins() {
    let sandbox = Sandbox::new();
    sandbox.file("password", "Audit1234");
    for (format, said) in [
        ("prometheus=nowhere/a.prom", "there is no folder nowhere"),
        (
            "prometheus=password",
            "password is read, and a report would be written over it",
        ),
        ("promethius", "possible values: human, json, sarif, github, prometheus"),
    ] {
        let login = ["--username", "a@example.com", "--password-file", "password"];
        let args = [&["--run-flow", "--format", format], &login[..]].concat();
        let ended = sandbox.run(audit("c", &args)).with_code(2);
        assert!(ended.stderr_words().contains(said), "{said}: {}", ended.stderr);
    }
    assert_eq!(
        std::fs::read_to_string(sandbox.work().join("password")).unwrap(),
        "Audit1234"
    );
}
