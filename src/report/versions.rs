//! What each version of Kestra does, as a Markdown page: a row for each scenario, and where it changes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use semver::Version;

use super::{CaseResult, Report, outcome_words};
use crate::kestra::{KestraRef, OfficialRef};
use crate::scenario::{self, Generation, Scenario};
use crate::verdict::Status;

/// Versions one after the other that do the same.
struct VersionRange {
    first: Version,
    last: Version,
    does: Vec<String>,
}

/// The page of a report.
pub fn versions(report: &Report) -> String {
    let mut page = String::from("# What each Kestra does\n\n");
    let runs: Vec<String> = report
        .run
        .runs()
        .iter()
        .map(|run| format!("`{}`, chart {}", run.provider, run.chart))
        .collect();
    // Writing to a string does not fail.
    let _ = writeln!(
        page,
        "This page is `kestra-secrets report convert REPORT --to versions` of a live run on {}. Every line came out as \
         expected there.\n",
        runs.join(" and ")
    );
    let modelled = report.modelled();
    if !modelled.is_empty() {
        let modelled: Vec<_> = modelled.into_iter().collect();
        let _ = writeln!(page, "Modelled, not real: {}.\n", modelled.join("; "));
    }
    page.push_str("| scenario | Kestra | comes out | changes at |\n|---|---|---|---|\n");
    let bundled = bundled();
    for (name, results) in rows(report) {
        let ranges = ranges(&results, &bundled);
        let changes: Vec<String> = ranges
            .iter()
            .skip(1)
            .map(|range| format!("**{}**", range.first))
            .collect();
        for (number, range) in ranges.iter().enumerate() {
            let (name, changes) = match number {
                0 => (format!("`{name}`"), changes.join(", ")),
                _ => Default::default(),
            };
            let versions = if range.first == range.last {
                range.first.to_string()
            } else {
                format!("{} – {}", range.first, range.last)
            };
            let does: Vec<String> = range.does.iter().map(|line| cell(line)).collect();
            let _ = writeln!(page, "| {name} | {versions} | {} | {changes} |", does.join("<br>"));
        }
    }
    page
}

/// The results that passed, by scenario and then by version. What failed is no truth yet.
fn rows(report: &Report) -> BTreeMap<String, BTreeMap<Version, &CaseResult>> {
    let mut rows: BTreeMap<String, BTreeMap<Version, &CaseResult>> = BTreeMap::new();
    for result in report.results.iter().filter(|result| result.status == Status::Pass) {
        let version = match &result.provenance.kestra {
            KestraRef::Engine(version) | KestraRef::Official(OfficialRef::Exact(version)) => version.clone(),
            _ => continue,
        };
        rows.entry(result.scenario.clone()).or_default().insert(version, result);
    }
    rows
}

/// The bundled scenarios by name, for what they say of logs.
fn bundled() -> BTreeMap<String, Scenario> {
    let all = scenario::load(&[]).unwrap_or_default();
    all.into_iter()
        .map(|scenario| (scenario.name.clone(), scenario))
        .collect()
}

fn ranges(results: &BTreeMap<Version, &CaseResult>, bundled: &BTreeMap<String, Scenario>) -> Vec<VersionRange> {
    let mut ranges: Vec<VersionRange> = Vec::new();
    for (version, result) in results {
        let does = does(result, version, bundled);
        match ranges.last_mut().filter(|last| last.does == does) {
            Some(last) => last.last = version.clone(),
            None => ranges.push(VersionRange {
                first: version.clone(),
                last: version.clone(),
                does,
            }),
        }
    }
    ranges
}

/// What came out, and what the logs hold and do not hold.
fn does(result: &CaseResult, version: &Version, bundled: &BTreeMap<String, Scenario>) -> Vec<String> {
    let words = outcome_words::words(result.observed.as_ref(), result.expected.as_ref());
    let mut lines: Vec<String> = words.lines().map(ToOwned::to_owned).collect();
    let is_bundled = result.at.as_ref().is_some_and(|at| at.file.starts_with("bundled:"));
    let scenario = bundled.get(&result.scenario).filter(|_| is_bundled);
    lines.extend(scenario.map(|scenario| logs(scenario, version)).unwrap_or_default());
    lines
}

fn logs(scenario: &Scenario, version: &Version) -> Vec<String> {
    let Some(expectation) = scenario.expectation(version, Generation::V1) else {
        return Vec::new();
    };
    let wanted = &expectation.wanted;
    let both = [
        ("the execution's log", &wanted.logs),
        ("the server's log", &wanted.server_log),
    ];
    let lines = both.into_iter().flat_map(|(log, check)| {
        let has = check.has.iter().map(move |text| format!("{log} holds {text:?}"));
        has.chain(
            check
                .lacks
                .iter()
                .map(move |text| format!("{log} does not hold {text:?}")),
        )
    });
    lines.collect()
}

/// A text in a cell of a table.
fn cell(text: &str) -> String {
    let text: String = text.chars().take(160).collect();
    format!("`{}`", text.replace('`', "'").replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::oracle::secret::DisplayValue;
    use crate::report::{OutcomeView, Provenance};

    #[test]
    fn versions_that_do_the_same_stand_in_one_row_and_a_change_is_named() {
        let result = |version: Version, view: OutcomeView| {
            let provenance = Provenance::new("embedded", "kestra-minimal", KestraRef::Engine(version));
            let mut result = CaseResult::new("missing", Status::Pass, provenance);
            result.observed = Some(view);
            result
        };
        let empty = OutcomeView::Outputs(BTreeMap::from([("a".into(), DisplayValue::Public(Vec::new()))]));
        let missing = OutcomeView::Missing(vec!["A".into()]);
        let all = [
            result(Version::new(2, 0, 0), missing.clone()),
            result(Version::new(0, 20, 27), empty),
            result(Version::new(0, 21, 20), missing),
        ];
        let by_version = all.iter().map(|result| match &result.provenance.kestra {
            KestraRef::Engine(version) => (version.clone(), result),
            _ => unreachable!(),
        });
        let ranges = ranges(&by_version.collect(), &BTreeMap::new());
        let told: Vec<_> = ranges
            .iter()
            .map(|r| (r.first.to_string(), r.last.to_string(), r.does.join("\n")))
            .collect();
        let row = |first: &str, last: &str, does: &str| (first.to_owned(), last.to_owned(), does.to_owned());
        assert_eq!(
            told,
            [
                row("0.20.27", "0.20.27", "a \"\""),
                row("0.21.20", "2.0.0", "no secret A")
            ]
        );
    }
}
