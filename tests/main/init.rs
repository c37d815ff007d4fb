//! What `init` writes is what the README tells to write, and it runs.

use std::fs;

use libtest_mimic::Trial;

use crate::sandbox::{Sandbox, files, run};
use crate::{ENGINE, live, schemas, test};

pub fn trials() -> Vec<Trial> {
    vec![
        test("init", "what_it_writes_is_a_scenario_and_a_workflow", written),
        test("init", "a_file_that_is_there_stays_and_nothing_else_is_written", there),
        live("init", "the_scenario_it_writes_runs_as_its_workflow_says", runs),
    ]
}

fn written() {
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

fn there() {
    let sandbox = Sandbox::new();
    sandbox.file(".github/workflows/kestra-secrets.yaml", "mine\n");
    let before = files(&sandbox.work());
    let ended = sandbox.run(["init"]).with_code(2);
    assert!(ended.stderr.contains("is there already"), "{}", ended.stderr);
    assert_eq!(files(&sandbox.work()), before);
    assert_eq!(fs::read(&before[0]).unwrap(), b"mine\n");
}

fn runs() {
    let sandbox = Sandbox::new();
    sandbox.run(["init"]).with_code(0);
    let workflow = fs::read_to_string(sandbox.work().join(".github/workflows/kestra-secrets.yaml")).unwrap();
    let line = workflow
        .lines()
        .find_map(|l| l.trim().strip_prefix("run: kestra-secrets "))
        .unwrap();
    let mut command = sandbox.command(line.split_whitespace());
    command.args(["--kestra", ENGINE]);
    let ended = run(command).with_code(0);
    assert!(ended.stdout.contains("1 passed"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("p@ss"), "{}", ended.stdout);
    sandbox.assert_clean();
}
