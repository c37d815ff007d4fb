//! A Kestra that was installed by helm alone is looked at, with the rights of `deploy/rbac-audit.yaml` and no other.

use crate::support::sandbox::{Sandbox, run};

#[test]
fn a_context_that_is_not_there_exits_3_and_says_how_to_find_one() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["audit", "--context", "nowhere", "--namespace", "n"]);
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
    let args = [
        "audit",
        "--context",
        "c",
        "--namespace",
        "n",
        "--run-flow",
        "--username",
        "audit@example.com",
    ];
    let ended = sandbox.run(args).with_code(2);
    assert!(ended.stderr.contains("--password-file"), "{}", ended.stderr);
}
