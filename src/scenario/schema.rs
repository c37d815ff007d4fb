//! The JSON Schema of a scenario file, for editors.

/// The schema, generated from the types that read the file.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(super::file::ScenarioFile).to_value()
}
