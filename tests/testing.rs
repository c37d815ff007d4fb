//! The library as somebody uses it in a test of their own.

// What a test unwraps is the failure it reports.
#![allow(clippy::unwrap_used)]

#[path = "support/requirements.rs"]
mod requirements;

use kestra_secrets::provider::{ENGINES, KestraRef};
use kestra_secrets::scenario::Strategy;
use kestra_secrets::testing::{self, RunError, TestRun};

/// The newest engine; none, with the reason told, on a machine that cannot run it and need not.
async fn lab() -> Option<TestRun> {
    let [newest, ..] = ENGINES;
    let asked = newest.clone();
    let lacking = tokio::task::spawn_blocking(move || requirements::lacking_for_engine(&asked));
    if let Some(lacking) = lacking.await.unwrap() {
        assert!(!requirements::is_required("embedded"), "{lacking}");
        eprintln!("ignored: {lacking}");
        return None;
    }
    Some(TestRun::embedded().kestra(KestraRef::Engine(newest)))
}

#[tokio::test]
async fn a_secret_of_a_test_reaches_a_flow_beside_a_bundled_scenario() {
    let Some(lab) = lab().await else { return };
    let mut all = testing::scenarios(&["plaintext-is-not-base64"]).unwrap();
    all.push(testing::intent(
        "ours",
        Strategy::SecretKeyRef,
        [("DB_PASSWORD", "correct horse")],
    ));
    let report = lab.run(all).await.unwrap();
    testing::assert_as_expected(&report);
    assert_eq!(report.results.len(), 2);
    assert!(!serde_json::to_string(&report).unwrap().contains("correct horse"));
}

#[tokio::test]
async fn what_cannot_be_run_is_no_wrong_value() {
    let nowhere = KestraRef::Exec("/nowhere/kestra".into());
    let ours = testing::intent("ours", Strategy::ExtraEnv, [("A", "b")]);
    let broken = TestRun::embedded().kestra(nowhere).run([ours]).await.unwrap_err();
    assert!(matches!(broken, RunError::Infra(_)), "{broken}");
}
