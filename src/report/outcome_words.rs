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
        Some(view) => view.to_string(),
        None => "nothing".to_owned(),
    }
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
