//! What `init` writes is what the README tells to write, and it runs.

use std::fs;

use libtest_mimic::Trial;

use crate::live;
use crate::support::ENGINE;
use crate::support::sandbox::{Sandbox, run};

pub fn trials() -> Vec<Trial> {
    vec![live("init", "the_scenario_it_writes_runs_as_its_workflow_says", runs)]
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
