//! JUnit XML, for the viewers of CI systems: the common ground of what Surefire, Jenkins and GitLab take.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report as Junit, TestCase, TestCaseStatus, TestSuite};

use super::{CaseResult, Combination, OutcomeView, Report, Run};
use crate::verdict::Status;

/// A suite for each combination of Kestra, chart and provider.
///
/// # Errors
/// None that is known: XML cannot hold control characters, and they are left out.
pub fn junit(report: &Report) -> io::Result<String> {
    let mut junit = Junit::new("kestra-secrets");
    junit.set_time(Duration::from_millis(report.run.wall_ms));
    let mut suites: BTreeMap<Combination, Vec<&CaseResult>> = BTreeMap::new();
    for result in &report.results {
        suites.entry(result.combination()).or_default().push(result);
    }
    let all = suites.keys().cloned().collect();
    for (of, results) in &suites {
        junit.add_test_suite(suite(&report.run, of, of.distinction(&all), results));
    }
    junit.to_string().map_err(io::Error::other)
}

fn suite(run: &Run, of: &Combination, distinction: Option<String>, results: &[&CaseResult]) -> TestSuite {
    let more = of.image.clone().into_iter().chain(distinction);
    let more: String = more.map(|more| format!(" ({more})")).collect();
    let name = format!("{} {} {}{more}", of.provider, of.chart, of.kestra);
    let mut suite = TestSuite::new(&name);
    suite.set_time(results.iter().map(|r| time(r)).sum());
    // Without a zone, as the older of the viewers want it.
    let started = run.started.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    suite.extra.insert("timestamp".into(), started.into());
    for (property, value) in [
        ("provider", of.provider.as_str()),
        ("chart", &of.chart),
        ("kestra", &of.kestra.to_string()),
        ("run", &run.id),
        ("tool", &run.tool),
    ] {
        suite.add_property(Property::new(property, value));
    }
    // A dot would begin a package.
    let class = format!("kestra-secrets.{}", name.replace('.', "_"));
    suite.add_test_cases(results.iter().map(|result| test_case(result, &class)));
    suite
}

fn test_case(result: &CaseResult, class: &str) -> TestCase {
    let because = result.because.clone().unwrap_or_default();
    let mut status = match result.status {
        Status::Pass => TestCaseStatus::success(),
        Status::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Status::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
        Status::Skipped => TestCaseStatus::skipped(),
    };
    match result.status {
        Status::Pass => {}
        Status::Skipped => {
            status.set_message(because);
        }
        Status::Fail | Status::Error => {
            // Surefire wants a type: what an exception's class is to Java.
            let kind = match (result.status, result.model_drift) {
                (Status::Error, _) => "environment",
                (_, true) => "model-drift",
                _ => "wrong-value",
            };
            status.set_type(kind);
            status.set_message(because);
            status.set_description(description(result));
        }
    }
    let mut case = TestCase::new(&result.scenario, status);
    case.set_classname(class);
    case.set_time(time(result));
    case
}

fn time(result: &CaseResult) -> Duration {
    Duration::from_millis(result.phases.iter().map(|p| p.ms).sum())
}

fn description(result: &CaseResult) -> String {
    let seen = |s: &Option<OutcomeView>| s.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
    let mut lines = vec![
        format!("promised: {}", seen(&result.promised)),
        format!("expected: {}", seen(&result.expected)),
        format!("predicted: {}", seen(&result.predicted)),
        format!("observed: {}", seen(&result.observed)),
    ];
    for finding in &result.diagnosis {
        let (code, title, output, cure) = (finding.code, &finding.title, &finding.output, &finding.cure);
        lines.push(format!("{code} {title} ({output}): {cure}"));
    }
    lines.extend(result.help.iter().map(|help| format!("help: {help}")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use quick_junit::{NonSuccessKind, Report as Junit, TestCaseStatus};

    use super::*;
    use crate::report::tests::{hostile, report, result};

    /// What the XSDs of Surefire and of Jenkins' JUnit plugin ask for, and what their viewers count by.
    #[track_caller]
    fn assert_accepted(xml: &str) -> Junit {
        // Jenkins' pattern has no zone, the crate's own reader wants one.
        let stamp = regex::Regex::new(r#" timestamp="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d""#).unwrap();
        let junit = Junit::deserialize_from_str(&stamp.replace_all(xml, "")).unwrap();
        assert_eq!(stamp.find_iter(xml).count(), junit.test_suites.len());
        let mut names = std::collections::BTreeSet::new();
        let mut all = 0;
        for suite in &junit.test_suites {
            let count =
                |wanted: fn(&TestCaseStatus) -> bool| suite.test_cases.iter().filter(|c| wanted(&c.status)).count();
            let of = |kind: NonSuccessKind| move |s: &TestCaseStatus| matches!(s, TestCaseStatus::NonSuccess { kind: k, .. } if *k == kind);
            assert_eq!(suite.tests, suite.test_cases.len());
            assert_eq!(
                suite.failures,
                suite
                    .test_cases
                    .iter()
                    .filter(|c| of(NonSuccessKind::Failure)(&c.status))
                    .count()
            );
            assert_eq!(
                suite.errors,
                suite
                    .test_cases
                    .iter()
                    .filter(|c| of(NonSuccessKind::Error)(&c.status))
                    .count()
            );
            assert_eq!(suite.skipped, count(|s| matches!(s, TestCaseStatus::Skipped { .. })));
            assert!(suite.time.is_some() && !suite.name.is_empty());
            all += suite.tests;
            for case in &suite.test_cases {
                let class = case.classname.as_ref().expect("Jenkins wants a classname").to_string();
                assert!(
                    names.insert((class, case.name.to_string())),
                    "a test twice: {}",
                    case.name.as_str()
                );
                assert!(case.time.is_some());
                if let TestCaseStatus::NonSuccess { ty, message, .. } = &case.status {
                    assert!(
                        ty.is_some() && message.is_some(),
                        "Surefire wants a type: {}",
                        case.name.as_str()
                    );
                }
            }
        }
        assert_eq!(junit.tests, all);
        // No attribute that one of the XSDs does not know, and times without an exponent.
        let known = "name tests failures errors skipped time timestamp classname value message type version encoding";
        let attributes = regex::Regex::new(r#" ([a-z]+)=""#).unwrap();
        for (_, [attribute]) in attributes.captures_iter(xml).map(|c| c.extract()) {
            assert!(known.split(' ').any(|k| k == attribute), "{attribute}");
        }
        let times = regex::Regex::new(r#" time="([^"]*)""#).unwrap();
        for (_, [time]) in times.captures_iter(xml).map(|c| c.extract()) {
            assert!(time.chars().all(|c| c.is_ascii_digit() || c == '.'), "{time}");
        }
        junit
    }

    #[test]
    fn every_case_is_counted_once_in_the_suite_of_its_combination() {
        let statuses = [Status::Pass, Status::Fail, Status::Error, Status::Skipped];
        let mut results: Vec<_> = statuses.iter().map(|s| result(&format!("{s:?}"), *s)).collect();
        let mut elsewhere = result("Pass", Status::Pass);
        elsewhere.provenance.provider = "kind".into();
        results.push(elsewhere);
        let junit = assert_accepted(&super::junit(&report(results)).unwrap());
        assert_eq!(
            (junit.test_suites.len(), junit.tests, junit.failures, junit.errors),
            (2, 5, 1, 1)
        );
    }

    #[test]
    fn hostile_texts_stay_within_their_attribute() {
        let junit = assert_accepted(&super::junit(&report(hostile())).unwrap());
        assert_eq!(junit.tests, hostile().len());
    }
}
