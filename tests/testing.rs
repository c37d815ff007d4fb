//! The library as somebody uses it in a test of their own.

// What a test unwraps is the failure it reports.
#![allow(clippy::unwrap_used)]

mod support;

use kestra_secrets::internals::kestra::CURRENT_ENGINES;
use kestra_secrets::testing::{self, Status, Strategy, TestRun};
use support::{ENGINE, requirements};

/// The newest engine; none, with the reason, on a machine that cannot run it and need not.
async fn newest_engine() -> Option<TestRun> {
    let [newest, ..] = CURRENT_ENGINES;
    let lacking = tokio::task::spawn_blocking(move || requirements::lacking_for_engine(&newest));
    if let Some(lacking) = lacking.await.unwrap() {
        assert!(!requirements::is_required("embedded"), "{lacking}");
        eprintln!("ignored: {lacking}");
        return None;
    }
    Some(TestRun::embedded().kestra(ENGINE))
}

#[tokio::test]
async fn a_secret_of_a_test_reaches_a_flow_beside_a_bundled_scenario() {
    let Some(run) = newest_engine().await else { return };
    let mut all = testing::scenarios(&["plaintext-is-not-base64"]).unwrap();
    all.push(testing::secrets(
        "ours",
        Strategy::SecretKeyRef,
        [("DB_PASSWORD", "correct horse")],
    ));
    let report = run.run(all).await.unwrap();
    report.assert_passed();
    assert_eq!(report.cases().count(), 2);
    let ours = report.cases().find(|case| case.scenario() == "ours").unwrap();
    assert_eq!(
        (ours.kestra().as_str(), ours.status(), ours.reason()),
        (ENGINE, Status::Pass, None)
    );
    assert!(!report.to_json().to_string().contains("correct horse"));
}

#[tokio::test]
async fn what_cannot_be_run_is_no_wrong_value() {
    let ours = testing::secrets("ours", Strategy::ExtraEnv, [("A", "b")]);
    let run = TestRun::embedded().kestra("exec:/nowhere/kestra");
    let broken = run.run([ours]).await.unwrap_err();
    assert!(broken.is_infra(), "{broken}");
}

#[tokio::test]
async fn an_option_that_cannot_be_used_is_named_and_nothing_runs() {
    for (run, says) in [
        (
            TestRun::embedded().kestra("engine@two"),
            "cannot read kestra \"engine@two\"",
        ),
        (
            TestRun::embedded().namespace("n"),
            "a namespace is an option of a context",
        ),
        (TestRun::context("c").kind_cluster("k"), "options of kind"),
    ] {
        let ours = testing::secrets("ours", Strategy::ExtraEnv, [("A", "b")]);
        let mistake = run.run([ours]).await.unwrap_err();
        assert!(!mistake.is_infra());
        assert!(mistake.to_string().contains(says), "{mistake}");
    }
}
