//! What Kestra answers, the lines of `decode --jsonl`, and a report.json from anywhere.

#![no_main]

use std::path::Path;

use kestra_secrets::internals::kestra::{Execution, FlowRef, LogLine};
use kestra_secrets::internals::report::{Report, ReportFormat, json, merge};
use kestra_secrets::internals::values::decode;
use libfuzzer_sys::fuzz_target;

const FORMATS: [ReportFormat; 5] = [
    ReportFormat::Html,
    ReportFormat::Markdown,
    ReportFormat::Junit,
    ReportFormat::Github,
    ReportFormat::Json,
];

fuzz_target!(|bytes: &[u8]| {
    answers(bytes);
    lines(bytes);
    if let Ok(report) = json::parse("report.json", bytes) {
        reported(&report);
    }
});

/// `Debug` of an execution and of a log's line shows nothing that a flow has made.
fn answers(bytes: &[u8]) {
    if let Ok(execution) = serde_json::from_slice::<Execution>(bytes) {
        let shown = format!("{execution:?}");
        for run in &execution.task_runs {
            if let Some(serde_json::Value::Object(outputs)) = &run.outputs {
                let private = outputs
                    .values()
                    .filter_map(|value| value.as_str())
                    .filter(|text| text.len() > 64);
                let named =
                    |text: &str| run.id.contains(text) || run.task_id.contains(text) || execution.id.contains(text);
                private
                    .filter(|text| !named(text))
                    .for_each(|text| assert!(!shown.contains(text)));
            }
        }
    }
    let _ = serde_json::from_slice::<FlowRef>(bytes);
    let _ = serde_json::from_slice::<Vec<LogLine>>(bytes);
}

/// Each line that is not blank has an answer, which is a JSON object and a line of its own.
fn lines(bytes: &[u8]) {
    let mut answers = Vec::new();
    let decoded = decode::lines(bytes, &mut answers).expect("memory takes all that is written");
    let asked = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .count();
    let answers = std::str::from_utf8(&answers).expect("what is written is UTF-8");
    assert_eq!(answers.lines().count(), asked);
    let mut unread = 0;
    for answer in answers.lines() {
        let answer: serde_json::Value = serde_json::from_str(answer).expect("an answer is JSON");
        let error = answer["error"].as_str();
        assert!(error.is_some() != answer["plain"].is_string());
        unread += u64::from(error.is_some_and(|text| text.starts_with("line ")));
    }
    assert_eq!(unread, decoded.unread);
}

/// A report is the same when it was written and read again, is one with itself, and can be told in every format.
fn reported(report: &Report) {
    let nowhere = Path::new("/nonexistent");
    for format in FORMATS {
        let _ = format
            .write(report, nowhere)
            .expect("a report without evidence is written without a file");
    }
    let text = serde_json::to_string(report).expect("a report is JSON");
    let again = json::parse("report.json", text.as_bytes()).expect("what was written can be read");
    assert_eq!(serde_json::to_string(&again).expect("a report is JSON"), text);
    if let Ok(once) = merge::merge(vec![report.clone()], true) {
        let twice = merge::merge(vec![report.clone(), report.clone()], true).expect("a report is one with itself");
        assert_eq!(once.results, twice.results);
        assert!(once.run.parts.iter().all(|part| part.parts.is_empty()));
    }
}
