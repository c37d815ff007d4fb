//! JUnit XML, for the viewers of CI systems.

use std::io;
use std::path::Path;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite};

use super::{CaseResult, Report, Seen};
use crate::verdict::Status;

/// Writes `junit.xml`.
///
/// # Errors
/// What the file system says.
pub fn write(report: &Report, path: &Path) -> io::Result<()> {
    let xml = junit(report).to_string().map_err(io::Error::other)?;
    super::json::write_private(path, xml.as_bytes())
}

fn junit(report: &Report) -> Junit {
    let mut junit = Junit::new("kestra-secrets");
    junit.set_time(Duration::from_millis(report.run.wall_ms));
    for kestra in &report.run.kestra {
        let mut suite = TestSuite::new(format!("{} {} {kestra}", report.run.provider, report.run.chart));
        suite.add_test_cases(
            report
                .results
                .iter()
                .filter(|r| &r.provenance.kestra == kestra)
                .map(test_case),
        );
        junit.add_test_suite(suite);
    }
    junit
}

fn test_case(result: &CaseResult) -> TestCase {
    let because = result.because.clone().unwrap_or_default();
    let mut status = match result.status {
        Status::Pass => TestCaseStatus::success(),
        Status::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Status::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
        Status::Skipped => TestCaseStatus::skipped(),
    };
    if result.status != Status::Pass {
        status.set_message(because);
        status.set_description(description(result));
    }
    let mut case = TestCase::new(&result.scenario, status);
    case.set_classname(&result.provenance.kestra);
    case.set_time(Duration::from_millis(result.phases.iter().map(|p| p.ms).sum()));
    case
}

fn description(result: &CaseResult) -> String {
    let seen = |s: &Option<Seen>| s.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
    format!(
        "promised: {}\nexpected: {}\npredicted: {}\nobserved: {}",
        seen(&result.promised),
        seen(&result.expected),
        seen(&result.predicted),
        seen(&result.observed)
    )
}
