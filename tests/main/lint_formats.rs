//! `lint --format`: several formats in one run, each as its schema says. `tests/live/formats.rs` has Azure's.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use jsonschema::Validator;
use serde_json::Value;

use crate::lint::{copy, corpus};
use crate::support::sandbox::Sandbox;
use crate::support::schemas;

const BAD: &str = "common:\n  extraEnv:\n    - {name: SECRET_A, value: \"tern-77!\"}\n";

fn schema(name: &str) -> Validator {
    let path = format!("{}/tests/formats/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    // OASIS has a bracket too many in two patterns, so that they are none.
    let text = fs::read_to_string(path).unwrap().replace("{2}]?$", "{2}$");
    let schema: Value = serde_json::from_str(&text).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

#[track_caller]
fn assert_valid(schema: &Validator, instance: &Value) {
    let faults: Vec<_> = schema
        .iter_errors(instance)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn read(sandbox: &Sandbox, file: &str) -> Value {
    serde_json::from_slice(&fs::read(sandbox.work().join(file)).unwrap()).unwrap()
}

#[test]
fn one_run_writes_every_format_and_each_is_valid() {
    let sandbox = Sandbox::new();
    copy(&sandbox, &corpus("bad"), "bad");
    sandbox.file("broken.yaml", "a: [");
    fs::create_dir(sandbox.work().join("out")).unwrap();
    let formats = ["json", "sarif", "gitlab", "github", "azure", "human"];
    let mut args = vec!["lint".to_owned(), "bad".into(), "broken.yaml".into()];
    args.extend(formats.iter().map(|format| format!("--format={format}=out/{format}")));
    args.push("--format=text".into());
    let ended = sandbox.run(&args).with_code(2);
    let human = fs::read_to_string(sandbox.work().join("out/human")).unwrap();
    assert_eq!(ended.stdout, human);
    let json = read(&sandbox, "out/json");
    schemas::assert_valid("lint", &json);
    let findings = json["findings"].as_array().unwrap();
    assert!(findings.len() > 30, "{}", findings.len());
    let sarif = read(&sandbox, "out/sarif");
    assert_valid(&schema("sarif-2.1.0"), &sarif);
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), findings.len());
    let gitlab = read(&sandbox, "out/gitlab");
    assert_valid(&schema("gitlab-code-quality"), &gitlab);
    let issues = gitlab.as_array().unwrap();
    assert_eq!(issues.len(), findings.len() + 1, "the file that cannot be read is one");
    let fingerprints: BTreeSet<_> = issues.iter().map(|issue| issue["fingerprint"].as_str()).collect();
    assert_eq!(
        fingerprints.len(),
        issues.len(),
        "GitLab shows one of those that are alike"
    );
    for text in ["github", "azure"] {
        let text = fs::read_to_string(sandbox.work().join("out").join(text)).unwrap();
        assert!(text.lines().count() > findings.len(), "{text}");
    }
    let mode = fs::metadata(sandbox.work().join("out/json"))
        .unwrap()
        .permissions()
        .mode();
    assert_ne!(mode & 0o044, 0, "another step of the job may read it");
}

#[test]
fn what_gitlab_shows_is_the_finding_at_its_line() {
    let sandbox = Sandbox::new();
    sandbox.file("deploy/values.yaml", BAD);
    let ended = sandbox
        .run(["lint", "./deploy/values.yaml", "--format", "gitlab"])
        .with_code(1);
    let issues: Value = serde_json::from_str(&ended.stdout).unwrap();
    let issue = &issues[0];
    assert_eq!(issue["check_name"], "KS004");
    assert_eq!(issue["severity"], "major");
    assert_eq!(issue["location"]["path"], "deploy/values.yaml");
    assert_eq!(issue["location"]["lines"]["begin"], 3);
    assert!(!ended.stdout.contains("tern-77"));
}

#[test]
fn files_alone_leave_standard_output_empty_and_say_how_it_ended() {
    let sandbox = Sandbox::new();
    sandbox.file("values.yaml", BAD);
    let ended = sandbox
        .run(["lint", "values.yaml", "--format", "json=a.json"])
        .with_code(1);
    assert_eq!(ended.stdout, "");
    assert_eq!(ended.stderr, "1 error, 0 warnings, 0 notes; written to a.json\n");
}

#[test]
fn a_place_that_cannot_be_written_to_is_told_and_nothing_is_written() {
    let sandbox = Sandbox::new();
    let values = sandbox.file("values.yaml", BAD);
    let before = fs::read(&values).unwrap();
    for (formats, said) in [
        (["json", "text"], "two formats go to standard output"),
        (["json=a", "sarif=./a"], "two formats go to ./a"),
        (["json=no/a", "text"], "there is no folder no to write no/a to"),
        (["json=.", "text"], ". is a folder"),
        (["json=", "text"], "name a file after `=`"),
        (["jso=a", "text"], "possible values"),
        (
            ["json=values.yaml", "text"],
            "values.yaml is read, and a report would be written over it",
        ),
    ] {
        let args = [
            "lint",
            "values.yaml",
            "--fix",
            "--format",
            formats[0],
            "--format",
            formats[1],
        ];
        let ended = sandbox.run(args).with_code(2);
        assert!(ended.stderr_words().contains(said), "{said}: {}", ended.stderr);
        assert_eq!(fs::read(&values).unwrap(), before, "{formats:?}");
        assert_eq!(fs::read_dir(sandbox.work()).unwrap().count(), 1, "{formats:?}");
    }
}

#[test]
fn a_fix_reports_what_is_left_in_every_format() {
    let sandbox = Sandbox::new();
    sandbox.file("values.yaml", BAD);
    let args = [
        "lint",
        "--fix",
        "values.yaml",
        "--format",
        "json=left.json",
        "--format",
        "gitlab",
    ];
    let ended = sandbox.run(args).with_code(0);
    assert_eq!(ended.stdout, "[]\n");
    assert_eq!(ended.stderr, "values.yaml: corrected 1 value or name\n");
    assert_eq!(read(&sandbox, "left.json")["counts"]["errors"], 0);
}

#[test]
fn the_settings_file_may_name_several_formats() {
    let sandbox = Sandbox::new();
    sandbox.file("values.yaml", BAD);
    sandbox.file(
        "kestra-secrets.toml",
        "[lint]\nformat = [\"json=a.json\", \"github\"]\n",
    );
    let ended = sandbox.run(["lint", "values.yaml"]).with_code(1);
    assert!(ended.stdout.starts_with("::error "), "{}", ended.stdout);
    assert_eq!(read(&sandbox, "a.json")["counts"]["errors"], 1);
}

#[test]
fn a_second_run_replaces_the_reports_of_the_first() {
    let sandbox = Sandbox::new();
    sandbox.file("values.yaml", BAD);
    sandbox.file("values.json", r#"{"common": {}}"#);
    let args = [
        "lint",
        ".",
        "--format",
        "json=a.json",
        "--format",
        "gitlab=b.json",
        "--format",
        "sarif=c.json",
    ];
    for errors in [1, 1] {
        sandbox.run(args).with_code(1);
        assert_eq!(read(&sandbox, "a.json")["counts"]["errors"], errors);
    }
    sandbox.file("values.yaml", "a: 1\n");
    for _ in 0..2 {
        sandbox.run(args).with_code(0);
        assert_eq!(read(&sandbox, "b.json"), Value::Array(Vec::new()));
    }
    let ended = sandbox.run(["lint", ".", "--format", "json=values.json"]).with_code(2);
    assert!(ended.stderr.contains("values.json is read"), "{}", ended.stderr);
}
