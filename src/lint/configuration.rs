//! Chart 1.x requires a configuration of Kestra in one of three places of the values.

use crate::release::scalar;
use crate::release::tree::{Content, Id, Style, Tree};

/// Where a configuration is given; the chart refuses values in which all three are empty.
const PLACES: [&str; 3] = ["application", "configmaps", "secrets"];

/// Whether values hold no configuration of Kestra.
pub fn lacks(tree: &Tree, values: Id) -> bool {
    tree.get(values, "configurations").is_none_or(|configurations| {
        let mut places = PLACES.iter().filter_map(|place| tree.get(configurations, place));
        // What is no mapping somebody else fills in, such as a template.
        places.all(|place| is_empty(tree, place)) && (tree.is_map(configurations) || is_empty(tree, configurations))
    })
}

/// Whether helm takes it for nothing.
fn is_empty(tree: &Tree, id: Id) -> bool {
    match &tree.node(tree.resolve(id)).content {
        Content::Map(entries) => entries.is_empty(),
        Content::Seq(items) => items.is_empty(),
        _ => tree.scalar(id).is_none_or(|scalar| {
            scalar.text.is_empty() || scalar.style == Style::Plain && scalar::is_null(&scalar.text)
        }),
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::{LintOptions, LintRule, lint};
    use crate::oracle::secret::diagnosis::{Code, Example};
    use crate::release::input::{FileForm, SourceFile};

    /// The codes that values alone show.
    const OF_VALUES: [Code; 5] = [
        Code::NoConfiguration,
        Code::UnknownKey,
        Code::ReplacedList,
        Code::MalformedEntry,
        Code::ComponentLacks,
    ];

    #[test]
    fn the_examples_of_codes_about_values_show_them_and_are_clean_when_cured() {
        for code in OF_VALUES {
            let Example::Documents { wrong, right } = code.example() else {
                panic!("a value alone does not show {code}");
            };
            let shows = |text: &str| {
                let source = SourceFile::new("values.yaml", Some("values.yaml".into()), text, FileForm::Yaml);
                let options = LintOptions {
                    assume_kestra: true,
                    ..LintOptions::default()
                };
                let linted = lint(&[source], options);
                linted.located.iter().any(|l| l.finding.rule == LintRule::Fault(code))
            };
            assert!(shows(wrong), "{code}: {wrong}");
            assert!(!shows(right), "{code}: {right}");
        }
    }
}
