//! What came of one version, so that it can be compared with what came of another.

use std::fmt::Write as _;

use super::{CaseResult, OutcomeView};
use crate::oracle::secret::DisplayValue;

/// An outcome in words, the same words for the same outcome: a private value is told by its length and by whether it is
/// what was expected, since its hash is another in every run.
pub fn words(view: Option<&OutcomeView>, expected: Option<&OutcomeView>) -> String {
    match view {
        Some(OutcomeView::Outputs(outputs)) => {
            let expected = match expected {
                Some(OutcomeView::Outputs(expected)) => Some(expected),
                _ => None,
            };
            let mut lines = String::new();
            for (output, value) in outputs {
                let value = match value {
                    DisplayValue::Public(_) => value.brief(),
                    DisplayValue::Private { len, .. } => {
                        let is_expected = expected.and_then(|expected| expected.get(output)) == Some(value);
                        format!(
                            "{len} bytes, {}",
                            if is_expected {
                                "as expected"
                            } else {
                                "and others are expected"
                            }
                        )
                    }
                };
                // Writing to a string does not fail.
                let _ = writeln!(lines, "{output} {value}");
            }
            lines.trim_end().to_owned()
        }
        Some(OutcomeView::Failed { state, errors }) => {
            let errors: Vec<&str> = errors.iter().map(|error| reason(error)).collect();
            format!("{state}: {}", errors.join("; "))
        }
        Some(view) => view.to_string(),
        None => "nothing".to_owned(),
    }
}

/// An error of Kestra's without the class of its exception and without the expression, of which several may fail first.
fn reason(error: &str) -> &str {
    let class = error
        .split_once(": ")
        .filter(|(class, _)| class.ends_with("Exception") && !class.contains(' '));
    let error = class.map_or(error, |(_, rest)| rest);
    error.split_once(" ({{").map_or(error, |(reason, _)| reason)
}

/// What came out of a case, of its steps too, in words.
pub fn of_results(results: &[CaseResult]) -> String {
    let one = |result: &CaseResult| {
        let said = words(result.observed.as_ref(), result.expected.as_ref());
        match result.scenario.split_once('/') {
            Some((_, step)) => format!("after {step}: {said}"),
            None => said,
        }
    };
    results.iter().map(one).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::oracle::secret::{Plaintext, RunKey};

    #[test]
    fn an_error_is_told_by_its_reason() {
        let error =
            "io.pebbletemplates.pebble.error.PebbleException: Cannot find secret for key 'A'. ({{ secret('A') }}:1)";
        let view = OutcomeView::Failed {
            state: "FAILED".into(),
            errors: vec![error.into()],
        };
        assert_eq!(words(Some(&view), None), "FAILED: Cannot find secret for key 'A'.");
        assert_eq!(reason("No such task: x y"), "No such task: x y");
    }

    #[test]
    fn a_private_value_is_told_by_its_length_and_by_whether_it_is_the_expected_one() {
        let key = RunKey::random();
        let view = |text: &str| {
            let shown = key.show(&Plaintext::new(text, false));
            OutcomeView::Outputs(BTreeMap::from([("a".to_owned(), shown)]))
        };
        assert_eq!(
            words(Some(&view("hunter2")), Some(&view("hunter2"))),
            "a 7 bytes, as expected"
        );
        assert_eq!(
            words(Some(&view("hunter3")), Some(&view("hunter2"))),
            "a 7 bytes, and others are expected"
        );
    }
}
