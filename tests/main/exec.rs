//! `--kestra exec:PATH` takes any executable that is called like Kestra's own.

use std::fs;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::sandbox::Sandbox;
use crate::watched::Watched;
use crate::{ENGINE, live, processes, test};

pub fn trials() -> Vec<Trial> {
    vec![
        live(
            "exec",
            "an_executable_by_a_relative_path_is_asked_and_run",
            wrapped_engine,
        ),
        test("exec", "an_executable_without_a_version_exits_3", no_version),
    ]
}

fn wrapped_engine() {
    let sandbox = Sandbox::new();
    // A run of the engine itself shows how it is started, and builds it where it was not.
    let mut run = Watched::start(sandbox.command(["run", "extra-env", "--kestra", ENGINE]));
    run.wait_for(": extra-env");
    let java = processes::below(run.pid())
        .into_iter()
        .find(|p| p.arguments.iter().any(|a| a == "engine.Engine"))
        .unwrap();
    run.end().with_code(0);
    let engine = java
        .arguments
        .iter()
        // Ports and folders come anew by JAVA_TOOL_OPTIONS.
        .filter(|a| !a.starts_with("-D"))
        .take_while(|a| *a != "server")
        .map(|a| format!("'{a}'"))
        .collect::<Vec<_>>()
        .join(" ");
    sandbox.script(
        "kestra",
        &format!("if [ \"$1\" = --version ]; then echo 'Kestra 2.0.0'; exit; fi\nexec {engine} \"$@\""),
    );

    let args = [
        "run",
        "extra-env",
        "docs-2024-extra-secret-env-from",
        "--kestra",
        "exec:./kestra",
    ];
    let ended = sandbox.run(args.into_iter().chain(["--report", "report"])).with_code(0);
    assert!(ended.stdout.contains("2 passed"), "{}", ended.stdout);
    let report = fs::read(sandbox.work().join("report/report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["results"][0]["provenance"]["kestra"], "exec:./kestra");
    sandbox.assert_clean();
}

fn no_version() {
    let sandbox = Sandbox::new();
    sandbox.script("kestra", "echo no version");
    for kestra in ["exec:./kestra", "exec:./nowhere"] {
        let ended = sandbox.run(["run", "extra-env", "--kestra", kestra]).with_code(3);
        assert!(ended.stderr.contains("for its version"), "{}", ended.stderr);
    }
    sandbox.assert_clean();
}
