//! Which secret each output of a flow reads.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::system::yaml;

/// The outputs of a flow's `OutputValues` tasks that are a `secret()` and nothing else; what is computed
/// from a secret cannot be predicted and is left out.
pub fn reads_of(flow: &str) -> BTreeMap<String, String> {
    static ONLY_A_SECRET: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"^\{\{\s*secret\(\s*(?:'([^']*)'|"([^"]*)")\s*\)\s*\}\}$"#).ok());
    let (Ok(flow), Some(pattern)) = (yaml::from_str::<Value>(flow), ONLY_A_SECRET.as_ref()) else {
        return BTreeMap::new();
    };
    let tasks = flow.get("tasks").and_then(Value::as_array).into_iter().flatten();
    tasks
        .filter(|t| t.get("type").and_then(Value::as_str) == Some("io.kestra.plugin.core.output.OutputValues"))
        .filter_map(|t| t.get("values").and_then(Value::as_object))
        .flatten()
        .filter_map(|(output, template)| {
            let found = pattern.captures(template.as_str()?)?;
            let key = found.get(1).or_else(|| found.get(2))?;
            Some((output.clone(), key.as_str().to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::reads_of;

    #[test]
    fn only_a_bare_secret_is_a_read() {
        let flow = r#"
id: secret_test
namespace: company.team
tasks:
  - id: hello
    type: io.kestra.plugin.core.output.OutputValues
    values:
      username: "{{ secret('DB_USERNAME') }}"
      password: '{{secret("DB_PASSWORD")}}'
      shouted: "{{ secret('DB_USERNAME') | upper }}"
"#;
        let reads = reads_of(flow);
        assert_eq!(reads.len(), 2);
        assert_eq!(reads["username"], "DB_USERNAME");
        assert_eq!(reads["password"], "DB_PASSWORD");
    }

    #[test]
    fn what_is_no_flow_reads_nothing() {
        assert!(reads_of(": : :").is_empty());
        assert!(reads_of("- 1").is_empty());
    }
}
