//! What came of a run of somebody's test.

use std::fmt::Write as _;

use crate::report::{CaseResult, OutcomeView, Report};
use crate::verdict::Status;

/// What came of a run.
#[derive(Debug, Clone)]
pub struct TestReport(pub(super) Report);

impl TestReport {
    /// One for each scenario and step on each Kestra.
    pub fn cases(&self) -> impl Iterator<Item = TestCase<'_>> {
        self.0.results.iter().map(TestCase)
    }

    /// Passes when something ran and all of it came out as expected.
    ///
    /// # Panics
    /// With what the console shows of each case that failed. Of a private value it shows the length and a hash.
    #[track_caller]
    pub fn assert_passed(&self) {
        let wrong: Vec<_> = self
            .cases()
            .filter(|case| matches!(case.status(), Status::Fail | Status::Error))
            .map(|case| case.to_string())
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
        assert!(
            self.cases().any(|case| case.status() == Status::Pass),
            "no case ran: every scenario was skipped"
        );
    }

    /// The report as `report.json` holds it. `kestra-secrets schema report` prints its schema.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(&self.0).unwrap_or_default()
    }
}

/// A scenario, or a step of one, on one Kestra. As text, it is what the console shows of a failure.
#[derive(Debug, Clone, Copy)]
pub struct TestCase<'a>(&'a CaseResult);

impl TestCase<'_> {
    /// The scenario's name; a step's name follows after a slash.
    pub fn scenario(&self) -> &str {
        &self.0.scenario
    }

    /// The Kestra it ran on.
    pub fn kestra(&self) -> String {
        self.0.provenance.kestra.to_string()
    }

    /// How it ended.
    pub fn status(&self) -> Status {
        self.0.status
    }

    /// Why it did not pass.
    pub fn reason(&self) -> Option<&str> {
        self.0.because.as_deref()
    }
}

impl std::fmt::Display for TestCase<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&failure(self.0))
    }
}

/// A result that is not as it should be, in full.
#[doc(hidden)]
pub fn failure(result: &CaseResult) -> String {
    let because = result.because.as_deref().unwrap_or("not as expected");
    let mut text = format!("{} on {}: {because}", result.scenario, result.provenance.kestra);
    let seen: [(&str, &Option<OutcomeView>); 4] = [
        ("promised", &result.promised),
        ("expected", &result.expected),
        ("predicted", &result.predicted),
        ("observed", &result.observed),
    ];
    for (what, seen) in seen {
        if let Some(seen) = seen {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n{what}: {seen}");
        }
    }
    text.extend(result.help.iter().map(|help| format!("\nhelp: {help}")));
    text
}
