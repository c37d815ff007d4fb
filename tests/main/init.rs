//! What `init` writes is what the README tells to write, and it runs.

use std::fs;

use crate::support::sandbox::{Sandbox, files};
use crate::support::schemas;

#[test]
fn what_it_writes_is_a_scenario_and_a_workflow() {
    let sandbox = Sandbox::new();
    let ended = sandbox.run(["init", "repository"]).with_code(0);
    let next = ended.stdout.lines().last().unwrap();
    assert_eq!(next, "next: kestra-secrets run repository/kestra-secrets");
    let listed = sandbox.run(["list", "repository/kestra-secrets"]).with_code(0).stdout;
    assert!(listed.contains("my-password"), "{listed}");

    let folder = sandbox.work().join("repository/kestra-secrets");
    let text = fs::read_to_string(folder.join("my-password.yaml")).unwrap();
    let schema = text
        .lines()
        .next()
        .and_then(|l| l.strip_prefix("# yaml-language-server: $schema="));
    let schema = fs::read_to_string(folder.join(schema.unwrap())).unwrap();
    assert_eq!(schema, sandbox.run(["schema", "scenario"]).stdout);
    schemas::assert_valid("scenario", &serde_saphyr::from_str(&text).unwrap());

    let workflow = sandbox.work().join("repository/.github/workflows/kestra-secrets.yaml");
    let workflow = fs::read_to_string(workflow).unwrap();
    let parsed: serde_json::Value = serde_saphyr::from_str(&workflow).unwrap();
    assert!(parsed["jobs"]["secrets"]["steps"].is_array());
    assert!(!workflow.contains("VERSION"), "{workflow}");
}

#[test]
fn a_file_that_is_there_stays_and_nothing_else_is_written() {
    let sandbox = Sandbox::new();
    sandbox.file(".github/workflows/kestra-secrets.yaml", "mine\n");
    let before = files(&sandbox.work());
    let ended = sandbox.run(["init"]).with_code(2);
    assert!(ended.stderr.contains("is there already"), "{}", ended.stderr);
    assert_eq!(files(&sandbox.work()), before);
    assert_eq!(fs::read(&before[0]).unwrap(), b"mine\n");
}
