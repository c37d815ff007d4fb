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

/// How an engine is started, without the ports and folders of that start and without its arguments. A run of it shows
/// that, and builds it where it was not.
pub fn engine_command(sandbox: &Sandbox, kestra: &str) -> Vec<String> {
    let mut run = Watched::start(sandbox.command(["run", "extra-env", "--kestra", kestra]));
    run.wait_for(": extra-env");
    let java = processes::below(run.pid())
        .into_iter()
        .find(|p| p.arguments.iter().any(|a| a == "engine.Engine"))
        .unwrap();
    run.end().with_code(0);
    let given = java.arguments.into_iter().filter(|a| !a.starts_with("-D"));
    given.take_while(|a| a != "server").collect()
}

fn wrapped_engine() {
    let sandbox = Sandbox::new();
    let engine = engine_command(&sandbox, ENGINE);
    let engine = engine.iter().map(|a| format!("'{a}'")).collect::<Vec<_>>().join(" ");
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
    // It is called like Kestra, and says itself that it is not Kestra's web server.
    let rest = &report["results"][0]["provenance"]["rest"];
    assert_eq!(rest, "our adapter around Kestra's engine, under Kestra's own paths");
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
