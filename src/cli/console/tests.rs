//! Whole screens, at the width of a terminal and at that of a pipe.

use std::path::Path;

use anstream::adapter::strip_str;
use textwrap::core::display_width;

use super::case_lines::case_lines;
use super::labels::Labels;
use super::layout::Layout;
use super::summary::summary_lines;
use crate::oracle::secret::diagnosis::Code;
use crate::oracle::secret::{DisplayValue, Hop, HopKind, HopValue};
use crate::report::tests::{hostile, public_outputs, report, result};
use crate::report::{CaseResult, Diagnosed, OutcomeView, Report, ServedBy};
use crate::system::terminal::Verbosity;
use crate::verdict::Status;

fn screen(report: &Report, folder: Option<&Path>, width: usize, verbosity: Verbosity) -> String {
    let layout = Layout { width, verbosity };
    let labels = Labels::for_cases(report.results.iter().map(|r| (r.scenario.as_str(), &r.provenance)));
    let cases = report.results.iter();
    let mut lines: Vec<_> = cases
        .flat_map(|r| case_lines(r, &labels.label(&r.provenance), layout))
        .collect();
    lines.extend(summary_lines(report, folder, layout));
    let lines: Vec<_> = lines.iter().map(|line| strip_str(line).to_string()).collect();
    for line in &lines {
        assert!(display_width(line) <= width, "wider than {width}: {line}");
    }
    lines.join("\n")
}

fn at_80(report: &Report) -> String {
    screen(report, None, 80, Verbosity::Normal)
}

/// A value that ends in a newline which its Secret gave it.
fn newline() -> CaseResult {
    let mut wrong = result("our-password", Status::Fail);
    wrong.because = Some("output password holds other bytes than expected".into());
    wrong.expected = Some(public_outputs("password", "hunter2"));
    wrong.predicted = Some(public_outputs("password", "hunter2\n"));
    wrong.observed = Some(public_outputs("password", "hunter2\n"));
    wrong.first_wrong.insert("password".into(), HopKind::ValuesOrManifest);
    let value = |text: &str| Some(HopValue::Is(DisplayValue::Public(text.into())));
    wrong.hops.insert(
        "password".into(),
        vec![Hop {
            at: HopKind::ValuesOrManifest,
            meant: value("aHVudGVyMg=="),
            predicted: value("aHVudGVyMgo="),
            observed: None,
        }],
    );
    wrong.diagnosis = vec![Diagnosed {
        output: "password".into(),
        code: Code::TrailingNewline,
        title: Code::TrailingNewline.title().into(),
        cure: Code::TrailingNewline.cure().into(),
        corrected: Some(DisplayValue::Public("aHVudGVyMg==".into())),
    }];
    wrong
}

#[test]
fn a_run_as_expected_is_a_line_a_case_and_a_summary() {
    let mut skipped = result("consume-flow-trigger-1", Status::Skipped);
    skipped.because = Some("it expects nothing of Kestra 2.0.0 with chart 1.x, and that is a long reason".into());
    let mut known = result("secret-key-ref", Status::Pass);
    known.diagnosis = newline().diagnosis;
    known.promised = Some(public_outputs("password", "admin"));
    known.warnings = vec!["the chart ignores a key".into()];
    known.at = Some(crate::report::ScenarioPosition {
        file: "bundled:secret-key-ref".into(),
        line: 1,
        column: 1,
    });
    let report = report([result("extra-env", Status::Pass), known, skipped]);
    assert_eq!(
        at_80(&report),
        "  PASS [  1.35s] 2.0.0  extra-env
  PASS [  1.35s] 2.0.0  secret-key-ref
  SKIP [       ] 2.0.0  consume-flow-trigger-1: it expects nothing of Kestra 2.…
Summary  2 passed, 0 failed, 1 skipped in 1.5s
Modelled REST (our adapter on Kestra's engine)"
    );
    let quiet = screen(&report, None, 80, Verbosity::Quiet);
    assert!(quiet.starts_with("Summary"), "{quiet}");
}

#[test]
fn a_wrong_value_shows_bytes_hop_code_and_cure() {
    assert_eq!(
        at_80(&report([newline()])),
        r#"  FAIL [  1.35s] 2.0.0  our-password
       password  expected  "hunter2"     7 bytes
                 got       "hunter2\n"   8 bytes
                 first wrong: values or manifest
       KS001 the plaintext ends in a newline
       cure  encode with `printf %s 'secret' | base64 -w0`
             write "aHVudGVyMg=="
Summary  0 passed, 1 failed in 1.5s  (report: add --report DIR)
Modelled REST (our adapter on Kestra's engine)"#
    );
    let screen = screen(&report([newline()]), Some(Path::new("out")), 120, Verbosity::Verbose);
    for words in [
        "password on engine@2.0.0, hop by hop:",
        "wrong from here on",
        "cause:",
        "out/report.html",
    ] {
        assert!(screen.contains(words), "no {words}:\n{screen}");
    }
}

#[test]
fn a_secret_that_never_arrives_is_nothing() {
    let mut wrong = result("DB_PASSWORD", Status::Fail);
    wrong.because = Some("the execution ended FAILED: …".into());
    wrong.expected = Some(OutcomeView::Outputs(
        [("DB_PASSWORD".to_owned(), DisplayValue::Private { len: 7, hmac: [0; 8] })].into(),
    ));
    wrong.observed = Some(OutcomeView::Failed {
        state: "FAILED".into(),
        errors: vec![
            "io.pebbletemplates.pebble.error.PebbleException: Cannot find secret for key 'DB_PASSWORD'. ({{ secret('DB_PASSWORD') }}:1)".into(),
        ],
    });
    let screen = at_80(&report([wrong]));
    assert!(
        screen.contains(
            "
       expected  DB_PASSWORD [private, 7 bytes, #0000000000000000]
       got       nothing: Cannot find secret for key 'DB_PASSWORD'
"
        ),
        "{screen}"
    );
}

#[test]
fn what_the_environment_failed_at_is_told_once_with_the_count() {
    let broken = |name: &str, because: &str| CaseResult {
        because: Some(because.into()),
        help: Some(format!("mend {because}")),
        ..result(name, Status::Error)
    };
    let mut results: Vec<_> = ["a", "b", "c", "d"]
        .map(|name| broken(name, "failed to pull the image: ErrImagePull"))
        .into();
    results.push(broken("e", "failed to reach it: refused"));
    let screen = at_80(&report(results));
    assert_eq!(
        screen.matches("ErrImagePull").count(),
        2,
        "the error and its help:\n{screen}"
    );
    assert!(
        screen.contains("error: failed to pull the image: ErrImagePull; 4 cases were not judged\nhelp: mend"),
        "{screen}"
    );
    assert!(
        screen.contains("Summary  0 passed, 0 failed, 5 not judged in"),
        "{screen}"
    );
}

#[test]
fn what_was_real_is_named_and_that_nobody_was_asked_too() {
    let mut real = result("a", Status::Pass);
    real.provenance.rest = ServedBy::Kestra;
    let mut all = report([real.clone()]);
    all.run.kubernetes = Some("1.34.4".into());
    let screen = at_80(&all);
    assert!(
        screen.contains("\nReal     Kubernetes 1.34.4, helm 3.22.0 on PATH, chart "),
        "{screen}"
    );
    real.provenance.rest = ServedBy::Nobody;
    real.provenance.modelled = vec!["the image: its ENV is PATH".into()];
    let screen = at_80(&report([real]));
    assert!(screen.contains("\nModelled the image; no server was asked"), "{screen}");
}

#[test]
fn the_warnings_about_own_files_are_told_once() {
    let warned = |name: &str| CaseResult {
        warnings: vec!["the chart ignores extraEnv".into()],
        ..result(name, Status::Pass)
    };
    let screen = at_80(&report([warned("a"), warned("b")]));
    assert_eq!(
        screen.matches("warning: the chart ignores extraEnv").count(),
        1,
        "{screen}"
    );
}

#[test]
fn words_of_others_do_no_harm_and_fit() {
    for width in [80, 120] {
        for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
            let screen = screen(&report(hostile()), None, width, verbosity);
            assert!(!screen.contains(|c: char| c.is_control() && c != '\n'), "{screen:?}");
        }
    }
}

#[test]
fn a_wrong_expectation_is_called_wrong_by_its_own_words() {
    let mut wrong = newline();
    wrong.first_wrong.clear();
    wrong.diagnosis.clear();
    wrong.help = Some("only the expectation ends in a newline, nothing else differs: remove it from pw.txt".into());
    let screen = at_80(&report([wrong]));
    assert!(
        screen.contains("help  only the expectation ends in a newline"),
        "{screen}"
    );
    assert!(!screen.contains("first wrong") && !screen.contains("cure"), "{screen}");
}
