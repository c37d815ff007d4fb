//! The committed JSON Schemas, and other documents that are made from the code.

use std::fs;
use std::path::Path;

use jsonschema::Validator;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::sandbox::Sandbox;
use crate::test;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

pub fn trials() -> Vec<Trial> {
    vec![
        test("schemas", "the_committed_schemas_are_fresh", fresh),
        test("schemas", "the_pages_of_the_codes_are_fresh", pages),
        test("schemas", "every_bundled_scenario_is_valid", bundled),
        test("schemas", "what_is_no_scenario_is_invalid", invalid),
    ]
}

fn committed(format: &str) -> String {
    fs::read_to_string(format!("{ROOT}/schemas/{format}.schema.json")).unwrap()
}

fn validator(format: &str) -> Validator {
    let schema: Value = serde_json::from_str(&committed(format)).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

/// Fails the test with every place where an instance is not as its schema says.
pub fn assert_valid(format: &str, instance: &Value) {
    let faults: Vec<_> = validator(format)
        .iter_errors(instance)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Fails the test when a report is not as its schema says.
pub fn assert_report(path: &Path) {
    assert_valid("report", &serde_json::from_slice(&fs::read(path).unwrap()).unwrap());
}

/// The same of a proof; gives it.
pub fn assert_proof(path: &Path) -> Value {
    let proof = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert_valid("prove", &proof);
    proof
}

fn fresh() {
    let help = Sandbox::new().run(["schema", "--help"]).with_code(0).stdout;
    let printed = help
        .lines()
        .filter_map(|l| l.trim().strip_prefix("- ")?.split_once(':').map(|(name, _)| name));
    let mut printed: Vec<_> = printed
        .filter(|name| !["auto", "always", "never"].contains(name))
        .collect();
    printed.sort_unstable();
    let mut kept: Vec<_> = fs::read_dir(format!("{ROOT}/schemas"))
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .file_name()
                .into_string()
                .unwrap()
                .replace(".schema.json", "")
        })
        .collect();
    kept.sort_unstable();
    assert_eq!(printed, kept, "each schema that is printed is committed, and no other");
    for format in printed {
        let now = Sandbox::new().run(["schema", format]).with_code(0).stdout;
        assert!(
            committed(format) == now,
            "schemas/{format}.schema.json is stale: kestra-secrets schema {format} > schemas/{format}.schema.json"
        );
    }
}

fn pages() {
    let list = Sandbox::new().run(["explain", "--list"]).with_code(0).stdout;
    let codes: Vec<&str> = list.lines().filter_map(|line| line.split(' ').next()).collect();
    for code in &codes {
        let now = Sandbox::new().run(["explain", code]).with_code(0).stdout;
        let committed = fs::read_to_string(format!("{ROOT}/docs/codes/{code}.md")).unwrap_or_default();
        assert!(
            committed == now,
            "docs/codes/{code}.md is stale: kestra-secrets codes {code} > docs/codes/{code}.md"
        );
    }
    let now = Sandbox::new().run(["list", "--markdown"]).with_code(0).stdout;
    let committed = fs::read_to_string(format!("{ROOT}/docs/catalogue.md")).unwrap_or_default();
    assert!(
        committed == now,
        "docs/catalogue.md is stale: kestra-secrets list --markdown > docs/catalogue.md"
    );
    let files = fs::read_dir(format!("{ROOT}/docs/codes")).unwrap().count();
    assert_eq!(files, codes.len(), "a page has no code");
}

fn bundled() {
    let mut count = 0;
    for entry in fs::read_dir(format!("{ROOT}/scenarios")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "yaml") {
            let text = fs::read_to_string(&path).unwrap();
            // Editors find the schema by it.
            let line = "# yaml-language-server: $schema=../schemas/scenario.schema.json\n";
            assert!(text.starts_with(line), "{} does not begin with {line}", path.display());
            assert_valid("scenario", &serde_saphyr::from_str(&text).unwrap());
            count += 1;
        }
    }
    assert!(count > 0);
}

fn invalid() {
    let text = fs::read_to_string(format!("{ROOT}/scenarios/extra-env.yaml")).unwrap();
    let scenario: Value = serde_saphyr::from_str(&text).unwrap();
    assert_valid("scenario", &scenario);
    for (key, value) in [
        ("expcet", Value::Null),
        ("schema", 2.into()),
        ("name", "Not A Name".into()),
        ("strategy", "by-hand".into()),
        ("reads", 1.into()),
    ] {
        let mut broken = scenario.clone();
        broken[key] = value;
        assert!(!validator("scenario").is_valid(&broken), "{key}");
    }
}
