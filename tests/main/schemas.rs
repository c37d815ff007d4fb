//! The committed JSON Schemas, and other documents that are made from the code.

use std::fs;

use serde_json::Value;

use crate::support::sandbox::Sandbox;
use crate::support::schemas::{assert_valid, committed, validator};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn the_committed_schemas_are_fresh() {
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

#[test]
fn the_pages_of_the_codes_are_fresh() {
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

#[test]
fn every_bundled_scenario_is_valid() {
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

#[test]
fn what_is_no_scenario_is_invalid() {
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
