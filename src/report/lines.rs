//! A report as JSON lines, for where no file can be kept: a pod prints them, and its log is the report.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CaseResult, Report, Run, json};
use crate::error::InputError;

/// How each line begins. In a log other lines stand between, and something may stand in front: a pod's name, a time.
const BEGINS: &str = r#"{"kestra-secrets":"#;

/// One line of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kestra-secrets", rename_all = "lowercase")]
#[schemars(title = "kestra-secrets report as JSON lines, schema 1")]
pub enum ReportLine {
    /// What was run; the first line.
    Run {
        /// The version of this format: 1.
        schema: u32,
        /// How many lines with results belong to it.
        results: usize,
        /// What was run.
        run: Box<Run>,
    },
    /// One case, judged.
    Result {
        /// The id of its run.
        of: String,
        /// Which of the run's results it is, from 1.
        number: usize,
        /// The result.
        result: Box<CaseResult>,
    },
}

/// The lines of a report. Evidence is left out: it is files.
///
/// # Errors
/// None that is known: all of it can be written.
pub fn lines(report: &Report) -> std::io::Result<String> {
    let first = ReportLine::Run {
        schema: report.schema,
        results: report.results.len(),
        run: Box::new(report.run.clone()),
    };
    let results = report.results.iter().enumerate().map(|(n, result)| ReportLine::Result {
        of: report.run.id.clone(),
        number: n + 1,
        result: Box::new(CaseResult {
            evidence: Vec::new(),
            ..result.clone()
        }),
    });
    let mut text = String::new();
    for line in std::iter::once(first).chain(results) {
        text.push_str(&serde_json::to_string(&line)?);
        text.push('\n');
    }
    Ok(text)
}

/// The reports whose lines are in a log, whatever else is in it; none where it holds no such line.
///
/// # Errors
/// [`InputError`] when a line is none of ours though it begins like one, or a report is not whole.
pub fn parse(file: &str, text: &[u8]) -> Result<Vec<Report>, InputError> {
    let mut runs: BTreeMap<String, (usize, u32, Run)> = BTreeMap::new();
    let mut results: BTreeMap<String, BTreeMap<usize, CaseResult>> = BTreeMap::new();
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let Some(record) = record(line) else { continue };
        let parsed = serde_json::from_slice(record).map_err(|e| InputError {
            line: number as u64 + 1,
            column: (line.len() - record.len() + e.column()) as u64,
            help: Some("take the whole log, without a limit: `kubectl logs --tail=-1`".into()),
            ..InputError::whole(
                file,
                format!("is no line of a report: {}", json::without_place(&e)),
                None,
            )
        })?;
        match parsed {
            ReportLine::Run { schema, results, run } => drop(runs.insert(run.id.clone(), (results, schema, *run))),
            ReportLine::Result { of, number, result } => {
                results.entry(of).or_default().insert(number, *result);
            }
        }
    }
    if let Some(id) = results.keys().find(|id| !runs.contains_key(*id)) {
        return Err(cut(file, id, "its first line is missing"));
    }
    let mut reports = Vec::new();
    for (id, (wanted, schema, run)) in runs {
        let results = results.remove(&id).unwrap_or_default();
        if !results.keys().copied().eq(1..=wanted) {
            return Err(cut(
                file,
                &id,
                &format!("{} of {wanted} results are there", results.len()),
            ));
        }
        let results = results.into_values().collect();
        reports.push(json::sound(file, Report { schema, run, results })?);
    }
    Ok(reports)
}

fn cut(file: &str, run: &str, why: &str) -> InputError {
    InputError::whole(
        file,
        format!("holds the report of run {run} in part: {why}"),
        Some("take the whole log, without a limit: `kubectl logs --tail=-1`".into()),
    )
}

/// The part of a log's line that is one of ours.
fn record(line: &[u8]) -> Option<&[u8]> {
    let begins = BEGINS.as_bytes();
    let start = line.windows(begins.len()).position(|window| window == begins)?;
    // Whoever quotes such a line is not us.
    let is_ours = start == 0 || matches!(line[start - 1], b' ' | b'\t');
    is_ours.then(|| line[start..].trim_ascii_end())
}

/// The JSON Schema of a line, generated from the types.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(ReportLine).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{report, result};
    use crate::verdict::Status;

    fn run(id: &str, cases: &[&str]) -> Report {
        let mut report = report(cases.iter().map(|case| result(case, Status::Pass)));
        report.run.id = id.into();
        report
    }

    #[test]
    fn two_pods_logs_in_one_are_the_two_reports() {
        let (a, b) = (run("a", &["x", "y"]), run("b", &["z"]));
        let of = |report: &Report, prefix: &str| -> Vec<String> {
            let text = lines(report).unwrap();
            text.lines().map(|line| format!("{prefix}{line}\r\n")).collect()
        };
        let (first, second) = (of(&a, "[pod/q-0-x/kestra-secrets] "), of(&b, "2026-11-28T21:00:00.0Z "));
        let log = [
            "  PASS [  1.00s] 2.0.0   x\n",
            &second[0],
            &first[2],
            "error: \"{\"kestra-secrets\":\"run\"\n",
            &first[0],
            &second[1],
            &first[1],
        ];
        let read = parse("log", log.concat().as_bytes()).unwrap();
        assert_eq!(read.len(), 2);
        for (read, written) in read.iter().zip([&a, &b]) {
            assert_eq!((&read.run, &read.results), (&written.run, &written.results));
        }
    }

    #[test]
    fn a_log_that_is_cut_is_an_error() {
        let whole = lines(&run("a", &["x", "y"])).unwrap();
        let all: Vec<&str> = whole.lines().collect();
        let says = |lines: &[&str]| parse("log", lines.join("\n").as_bytes()).unwrap_err().to_string();
        assert!(
            says(&all[1..]).contains("its first line is missing"),
            "{}",
            says(&all[1..])
        );
        assert!(
            says(&all[..2]).contains("1 of 2 results are there"),
            "{}",
            says(&all[..2])
        );
        let half = &all[2][..40];
        assert!(says(&[all[0], all[1], half]).contains("is no line of a report"));
    }

    #[test]
    fn a_log_without_a_report_has_none() {
        for text in ["", "hello\n", "{}\n", "{\"kestra-secrets\" : 1}"] {
            assert!(parse("log", text.as_bytes()).unwrap().is_empty(), "{text}");
        }
        assert_eq!(
            parse("log", lines(&run("a", &[])).unwrap().as_bytes()).unwrap().len(),
            1
        );
    }

    #[test]
    fn evidence_is_left_out() {
        let mut with = run("a", &["x"]);
        with.results[0].evidence = vec!["evidence/x".into()];
        let text = lines(&with).unwrap();
        assert!(parse("log", text.as_bytes()).unwrap()[0].results[0].evidence.is_empty());
    }
}
