//! The configuration without which chart 1.x refuses values, added where a page leaves it out.

use serde_json::Value;

use crate::lint::configuration::lacks;
use crate::release::input::SourceFile;
use crate::scenario::Generation;
use crate::system::yaml;

/// The least with which a standalone Kestra starts. What it says is what the harness's own defaults say, so that a page
/// with it can be run beside them.
const LEAST: &str = "\
configurations:
  application:
    # H2 in memory is enough to try this; what is to be kept needs a database of its own
    datasources:
      h2:
        url: jdbc:h2:mem:public;TIME ZONE=UTC;DB_CLOSE_DELAY=-1;DB_CLOSE_ON_EXIT=FALSE
        username: sa
        password: \"\"
        driverClassName: org.h2.Driver
    kestra:
      queue:
        type: h2
      repository:
        type: h2
      storage:
        type: local
        local:
          base-path: /tmp/kestra-storage
";

/// Whether the values among these documents are all that a release is given, and have no configuration.
pub fn is_due(sources: &[SourceFile], generation: Generation) -> bool {
    let lacking = |source: &SourceFile| {
        let Ok(tree) = source.tree() else { return false };
        tree.roots.iter().all(|root| {
            let is_manifest = tree.get(*root, "apiVersion").is_some() && tree.get(*root, "kind").is_some();
            is_manifest || lacks(&tree, *root)
        })
    };
    generation != Generation::V0 && sources.iter().all(lacking)
}

/// The values with a configuration below all else; none where it cannot stand there.
pub fn given(source: &SourceFile) -> Option<String> {
    let tree = source.tree().ok()?;
    let [root] = tree.roots[..] else { return None };
    let text = source.text.as_str();
    let before = text.get(..tree.node(root).span.start)?;
    let indent = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
    if !indent.bytes().all(|byte| byte == b' ') || tree.get(root, "configurations").is_some() {
        return None;
    }
    let ended = if text.ends_with('\n') { "" } else { "\n" };
    let least = LEAST.lines().map(|line| format!("{indent}{line}\n"));
    let whole = format!("{text}{ended}{}", least.collect::<String>());
    says_the_same(text, &whole).then_some(whole)
}

/// Whether the second text says what the first does, and has a configuration.
fn says_the_same(text: &str, whole: &str) -> bool {
    let read = |text| yaml::from_str::<Value>(text).ok();
    let (Some(before), Some(mut after)) = (read(text), read(whole)) else {
        return false;
    };
    let added = after.as_object_mut().and_then(|values| values.remove("configurations"));
    added.is_some() && before == after
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docs_page::document::source;
    use crate::plan::Defaults;
    use crate::scenario::Credentials;

    fn is_within(part: &Value, whole: &Value) -> bool {
        match (part, whole) {
            (Value::Object(part), Value::Object(whole)) => part
                .iter()
                .all(|(key, value)| whole.get(key).is_some_and(|there| is_within(value, there))),
            _ => part == whole,
        }
    }

    #[test]
    fn it_says_nothing_else_than_the_harness_does() {
        let defaults = Defaults {
            credentials: Credentials::generate(),
            images: std::collections::BTreeMap::new(),
            pull_secret: None,
        };
        let least: Value = yaml::from_str(LEAST).unwrap();
        assert!(is_within(&least, &defaults.values(Generation::V1)));
    }

    #[test]
    fn it_stands_below_all_else_in_the_indentation_of_the_values() {
        for (values, expected) in [
            ("common:\n  extraEnv: []\n", format!("common:\n  extraEnv: []\n{LEAST}")),
            ("common: {}", format!("common: {{}}\n{LEAST}")),
            ("# a\ncommon: {} # b\n", format!("# a\ncommon: {{}} # b\n{LEAST}")),
        ] {
            assert_eq!(given(&source("", values)).unwrap(), expected);
        }
        let indented = given(&source("", "  common:\n    extraEnv: []\n")).unwrap();
        assert!(
            indented.ends_with("            base-path: /tmp/kestra-storage\n"),
            "{indented}"
        );
        let read: Value = yaml::from_str(&indented).unwrap();
        assert_eq!(read["configurations"]["application"]["kestra"]["queue"]["type"], "h2");
    }

    #[test]
    fn it_is_due_where_no_part_of_the_values_has_one_and_never_in_0_x() {
        let manifest = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n";
        let values = |text: &str| vec![source("", text), source("", manifest)];
        assert!(is_due(&values("common: {}"), Generation::V1));
        assert!(is_due(
            &values("configurations: {application: {}, secrets: []}"),
            Generation::V1
        ));
        assert!(!is_due(&values("common: {}"), Generation::V0));
        assert!(!is_due(
            &values("configurations: {secrets: [{name: a, key: b}]}"),
            Generation::V1
        ));
        let mut parts = values("common: {}");
        parts.push(source("", "configurations: {application: {kestra: {}}}"));
        assert!(!is_due(&parts, Generation::V1));
    }

    #[test]
    fn where_it_cannot_stand_nothing_is_written() {
        for values in [
            "{common: {}}",
            "common: {}\nconfigurations: {}\n",
            "a: {}\n---\nb: {}\n",
            "a: {}\n...\n",
            "- a\n",
        ] {
            assert_eq!(given(&source("", values)), None, "{values}");
        }
    }
}
