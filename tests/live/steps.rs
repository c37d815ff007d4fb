//! Steps: what changes while Kestra runs is told by what it changed, and when.

use std::fs;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::live;
use crate::support::ENGINE;
use crate::support::sandbox::Sandbox;

pub fn trials() -> Vec<Trial> {
    vec![live(
        "steps",
        "a_secret_that_changed_is_named_until_the_pod_restarts",
        changed,
    )]
}

const SCENARIO: &str = "\
schema: 1
name: changing
about: A Secret that changes while Kestra runs.
strategy: secret-key-ref
secrets: {DB_PASSWORD: {plain: first, public: true}}
reads: {password: DB_PASSWORD}
steps:
  - rotate: {DB_PASSWORD: {plain: second, public: true}}
    expect: {outputs: {password: second}}
  - restart: {}
    expect: {outputs: {password: second}}
";

fn changed() {
    let sandbox = Sandbox::new();
    sandbox.file("changing.yaml", SCENARIO);
    let args = ["run", "changing.yaml", "--kestra", ENGINE, "--report", "report"];
    let ended = sandbox.run(args).with_code(1);
    for words in [
        "2.0.0  changing/1-rotate\n",
        r#"expected  "second"   6 bytes"#,
        r#"got       "first"    5 bytes"#,
        "first wrong: environment",
        "KS025 the pod started before the Secret changed",
        "cure  restart the pods",
    ] {
        assert!(ended.stdout.contains(words), "no {words}:\n{}", ended.stdout);
    }
    assert_eq!(ended.stdout.matches("KS025").count(), 1, "{}", ended.stdout);

    let report = fs::read_to_string(sandbox.work().join("report/report.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    let results = report["results"].as_array().unwrap();
    let told = |result: &Value| format!("{} {}", result["scenario"], result["status"]).replace('"', "");
    assert_eq!(
        results.iter().map(told).collect::<Vec<_>>(),
        ["changing pass", "changing/1-rotate fail", "changing/2-restart pass"]
    );
    // The way starts at the manifest that was applied last.
    let at = |result: &Value, at: &str| {
        let hops = result["hops"]["password"].as_array().unwrap();
        hops.iter().find(|h| h["at"] == at).unwrap()["predicted"]["is"]["text"].clone()
    };
    for (result, object, environment) in [
        (&results[0], "Zmlyc3Q=", "Zmlyc3Q="),
        (&results[1], "c2Vjb25k", "Zmlyc3Q="),
        (&results[2], "c2Vjb25k", "c2Vjb25k"),
    ] {
        assert_eq!(at(result, "api-server"), object, "{result}");
        assert_eq!(at(result, "environment"), environment, "{result}");
    }
    sandbox.assert_clean();
}
