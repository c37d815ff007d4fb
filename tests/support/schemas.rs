//! The committed JSON Schemas, and what must be as they say.

use std::fs;
use std::path::Path;

use jsonschema::Validator;
use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

pub fn committed(format: &str) -> String {
    fs::read_to_string(format!("{ROOT}/schemas/{format}.schema.json")).unwrap()
}

pub fn validator(format: &str) -> Validator {
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
