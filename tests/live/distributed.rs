//! Kestra's components deployed apart: a process for each, and none that stays.

use std::collections::BTreeSet;
use std::path::Path;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use crate::live;
use crate::support::ENGINE;
use crate::support::processes::{self, Process};
use crate::support::sandbox::Sandbox;
use crate::support::watched::Watched;

pub fn trials() -> Vec<Trial> {
    vec![
        live("distributed", "each_role_is_a_process_beside_one_database", apart),
        live(
            "distributed",
            "nothing_is_left_of_a_boot_that_is_interrupted",
            interrupted,
        ),
    ]
}

const SCENARIO: &str = "\
schema: 1
name: apart
about: Components deployed apart
literal: {chart: 1.x, values: values.yaml, manifests: [], flow: flow.yaml}
public: true
expect: {chart: 1.x, outputs: {input: input, gate: opened, password: password}}
";

/// The catalogue's deployment, with the controller that only 2.x has.
fn sandbox() -> Sandbox {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/distributed");
    let read = |name: &str| std::fs::read_to_string(scenarios.join(name)).unwrap();
    let sandbox = Sandbox::new();
    let values = read("own-secrets.yaml").replacen("deployments:", "deployments:\n  controller: {enabled: true}", 1);
    sandbox.file("values.yaml", values);
    sandbox.file("flow.yaml", read("three-uses.yaml"));
    sandbox.file("apart.yaml", SCENARIO);
    sandbox
}

/// The word that tells what a child of the program runs.
fn role(process: &Process) -> Option<String> {
    let mut arguments = process.arguments.iter();
    if process.arguments.iter().any(|a| a == "org.h2.tools.Server") {
        return Some("database".into());
    }
    arguments.find(|a| *a == "engine.Engine")?;
    arguments.nth(1).cloned()
}

fn apart() {
    let sandbox = sandbox();
    let mut run = Watched::start(sandbox.command(["run", "apart.yaml", "--kestra", ENGINE]));
    run.wait_for(": apart");
    let below = processes::below(run.pid());
    let roles: BTreeSet<String> = below.iter().filter_map(role).collect();
    let expected = [
        "controller",
        "database",
        "executor",
        "indexer",
        "scheduler",
        "webserver",
        "worker",
    ];
    assert_eq!(roles, expected.map(str::to_owned).into());
    run.end().with_code(0);
    assert!(below.iter().all(|p| !p.is_alive()));
    sandbox.assert_clean();
}

fn interrupted() {
    let sandbox = sandbox();
    let mut run = Watched::start(sandbox.command(["run", "apart.yaml", "--kestra", ENGINE]));
    run.wait_for(": install");
    let mut below = Vec::new();
    // The worker is the last of them to be started.
    while !below.iter().filter_map(role).any(|r| r == "worker") {
        below = processes::below(run.pid());
        assert!(!below.is_empty() || processes::all().iter().any(|p| p.pid == run.pid()));
    }
    run.signal(Signal::SIGINT);
    run.end().with_code(130);
    assert!(below.iter().all(|p| !p.is_alive()));
    sandbox.assert_clean();
}
