//! `report`: conversion and merging of reports that were written down.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::support::reports::written;
use crate::support::sandbox::{Sandbox, run};
use crate::support::schemas;

#[test]
fn every_format_is_written_from_a_report() {
    let sandbox = Sandbox::new();
    sandbox.file("report/report.json", written("r1", "one", "fail").to_string());
    for (format, holds) in [
        ("markdown", "1 of 1 case went wrong"),
        (
            "junit",
            "<failure message=\"output a holds other bytes\" type=\"wrong-value\">",
        ),
        (
            "github",
            "::error file=my.yaml,line=2,col=7,title=one on engine@2.0.0%2C embedded::",
        ),
        ("json", "\"schema\": 1"),
    ] {
        let said = sandbox
            .run(["report", "convert", "report", "--to", format])
            .with_code(0);
        assert!(said.stdout.contains(holds), "{format}: {}", said.stdout);
        let file = sandbox.work().join("out");
        let args = [
            "report",
            "convert",
            "report/report.json",
            "--to",
            format,
            "--output",
            "out",
        ];
        assert_eq!(sandbox.run(args).with_code(0).stdout, "");
        assert_eq!(fs::read_to_string(&file).unwrap(), said.stdout);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn what_is_no_report_exits_2_and_says_where() {
    let sandbox = Sandbox::new();
    sandbox.file("broken.json", "{\n  \"schema\": ");
    let mut of_tomorrow = written("r1", "one", "pass");
    of_tomorrow["schema"] = 2.into();
    sandbox.file("tomorrow.json", of_tomorrow.to_string());
    for (file, says) in [
        ("nowhere.json", "nowhere.json: failed to read"),
        ("broken.json", "broken.json:2:"),
        ("tomorrow.json", "schema 2, which is not known"),
    ] {
        let said = sandbox.run(["report", "convert", file, "--to", "json"]).with_code(2);
        assert!(said.stderr.contains(says), "{}", said.stderr);
    }
}

#[test]
fn a_merge_names_its_runs_and_takes_their_evidence() {
    let sandbox = Sandbox::new();
    sandbox.file("a/report.json", written("ra", "one", "pass").to_string());
    sandbox.file("b/report.json", written("rb", "two", "fail").to_string());
    sandbox.file("b/evidence/two/kestra.log", "line\n");
    let args = ["report", "merge", "a", "b/report.json", "--output", "all"];
    let said = sandbox.run(args).with_code(1);
    assert!(said.stdout.contains("1 passed, 1 failed"), "{}", said.stdout);
    let all = sandbox.work().join("all");
    schemas::assert_report(&all.join("report.json"));
    let report: Value = serde_json::from_slice(&fs::read(all.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["run"]["parts"][0]["id"], "ra");
    assert_eq!(report["run"]["parts"][1]["id"], "rb");
    assert_eq!(report["results"][1]["evidence"][0], "evidence/rb/two");
    assert_eq!(
        fs::read_to_string(all.join("evidence/rb/two/kestra.log")).unwrap(),
        "line\n"
    );
    for file in ["junit.xml", "summary.md"] {
        assert!(all.join(file).is_file(), "{file}");
    }

    // In GitHub's workflows the reviewer is told where he looks.
    let summary = sandbox.work().join("step-summary");
    let mut command = sandbox.command(["report", "merge", "a", "b", "--output", "again"]);
    command
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", &summary);
    let said = run(command).with_code(1);
    assert!(said.stdout.contains("::error file=my.yaml,line=2"), "{}", said.stdout);
    assert!(
        fs::read_to_string(&summary)
            .unwrap()
            .contains("1 of 2 cases went wrong")
    );
}

#[test]
fn two_results_of_a_case_and_a_missing_shard_exit_2() {
    let sandbox = Sandbox::new();
    sandbox.file("a.json", written("ra", "one", "pass").to_string());
    sandbox.file("b.json", written("rb", "one", "fail").to_string());
    let said = sandbox
        .run(["report", "merge", "a.json", "b.json", "--output", "all"])
        .with_code(2);
    assert!(
        said.stderr.contains("has two results: in ra and in rb"),
        "{}",
        said.stderr
    );
    let mut shard = written("rs", "one", "pass");
    shard["run"]["shard"] = json!({"index": 2, "of": 2, "whole": "w", "left_out": 1});
    sandbox.file("shard.json", shard.to_string());
    let said = sandbox
        .run(["report", "merge", "shard.json", "--output", "all"])
        .with_code(2);
    assert!(said.stderr.contains("shard 1/2 is missing"), "{}", said.stderr);
    assert!(!sandbox.work().join("all").exists());
    sandbox
        .run(["report", "merge", "shard.json", "--partial", "--output", "all"])
        .with_code(0);
}
