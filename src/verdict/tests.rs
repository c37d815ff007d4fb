use super::*;

fn outputs(value: &str) -> BTreeMap<String, Plaintext> {
    BTreeMap::from([("username".to_owned(), Plaintext::new(value, true))])
}

#[allow(clippy::unnecessary_wraps, reason = "it is what `judge` takes")]
fn ran(state: &str, value: &str, errors: &[&str]) -> CaseOutcome {
    Ok(Outcome::Ran(Ran {
        state: state.into(),
        outputs: outputs(value),
        errors: errors.iter().map(ToString::to_string).collect(),
        unsaid: Vec::new(),
    }))
}

#[test]
fn a_trailing_newline_is_a_wrong_value() {
    let verdict = judge(
        &Expect::Outputs(outputs("admin")),
        &Prediction::Outputs(outputs("admin\n")),
        &ran("SUCCESS", "admin\n", &[]),
    );
    assert_eq!(verdict.status, Status::Fail);
    assert!(!verdict.model_drift);
}

#[test]
fn right_value_against_the_prediction_is_model_drift_and_fails() {
    let verdict = judge(
        &Expect::Outputs(outputs("admin")),
        &Prediction::Outputs(outputs("other")),
        &ran("SUCCESS", "admin", &[]),
    );
    assert_eq!((verdict.status, verdict.model_drift), (Status::Fail, true));
}

#[test]
fn a_result_as_expected_and_predicted_passes() {
    let verdict = judge(
        &Expect::Outputs(outputs("admin")),
        &Prediction::Outputs(outputs("admin")),
        &ran("SUCCESS", "admin", &[]),
    );
    assert_eq!(
        verdict,
        Verdict {
            status: Status::Pass,
            model_drift: false,
            because: None
        }
    );
}

#[test]
fn a_broken_environment_is_never_a_wrong_value() {
    let verdict = judge(
        &Expect::Outputs(outputs("admin")),
        &Prediction::Unknown,
        &Err(InfraError::new("boot Kestra", "out of memory")),
    );
    assert_eq!(verdict.status, Status::Error);
}

#[test]
fn a_missing_key_needs_the_failure_and_the_log_line() {
    let expect = Expect::Missing { key: "X".into() };
    let prediction = Prediction::Missing(vec!["X".into()]);
    let failed = ran("FAILED", "", &["Cannot find secret for key 'X'."]);
    assert_eq!(judge(&expect, &prediction, &failed).status, Status::Pass);
    let Ok(Outcome::Ran(mut silent)) = failed else {
        unreachable!()
    };
    silent
        .unsaid
        .push("the server's log does not hold `Could not decode`".into());
    assert_eq!(
        judge(&expect, &prediction, &Ok(Outcome::Ran(silent))).status,
        Status::Fail
    );
    assert_eq!(
        judge(
            &expect,
            &prediction,
            &ran("SUCCESS", "", &["Cannot find secret for key 'X'."])
        )
        .status,
        Status::Fail
    );
}

#[test]
fn a_missing_log_line_is_a_failure_and_a_wrong_value_takes_precedence() {
    let expect = Expect::Outputs(outputs("admin"));
    let Ok(Outcome::Ran(mut ran)) = ran("SUCCESS", "admin", &[]) else {
        unreachable!()
    };
    ran.unsaid.push("the execution's log does not hold `******`".into());
    let verdict = judge(&expect, &Prediction::Unknown, &Ok(Outcome::Ran(ran.clone())));
    assert_eq!(verdict.status, Status::Fail);
    assert_eq!(
        verdict.because.as_deref(),
        Some("the execution's log does not hold `******`")
    );
    ran.outputs = outputs("other");
    let verdict = judge(&expect, &Prediction::Unknown, &Ok(Outcome::Ran(ran)));
    assert!(verdict.because.unwrap().contains("username"));
}

#[test]
fn silence_means_a_trigger_that_makes_no_execution() {
    let silent = Ok(Outcome::Silent);
    let of = |expect: &Expect, attempt: &CaseOutcome| judge(expect, &Prediction::Unknown, attempt).status;
    assert_eq!(of(&Expect::Silent, &silent), Status::Pass);
    assert_eq!(of(&Expect::Silent, &ran("SUCCESS", "x", &[])), Status::Fail);
    assert_eq!(of(&Expect::Outputs(outputs("admin")), &silent), Status::Fail);
}

#[test]
fn a_failure_for_another_reason_needs_its_words() {
    let expect = Expect::Failed { says: "no JSON".into() };
    let of = |attempt: &CaseOutcome| judge(&expect, &Prediction::Unknown, attempt).status;
    assert_eq!(of(&ran("FAILED", "", &["it is no JSON at all"])), Status::Pass);
    assert_eq!(of(&ran("FAILED", "", &["other"])), Status::Fail);
    assert_eq!(of(&ran("SUCCESS", "", &["it is no JSON at all"])), Status::Fail);
}

#[test]
fn a_blocked_pod_where_outputs_were_due_is_a_wrong_value() {
    let blocked = Ok(Outcome::Blocked {
        reason: "CreateContainerConfigError".into(),
        message: "secret \"db-creds\" not found".into(),
    });
    assert_eq!(
        judge(
            &Expect::Outputs(outputs("admin")),
            &Prediction::Blocked("CreateContainerConfigError".into()),
            &blocked
        )
        .status,
        Status::Fail
    );
    let expect = Expect::Blocked {
        reason: "CreateContainerConfigError".into(),
        says: Some("db-creds".into()),
    };
    assert_eq!(
        judge(
            &expect,
            &Prediction::Blocked("CreateContainerConfigError".into()),
            &blocked
        )
        .status,
        Status::Pass
    );
}

#[test]
fn a_wrong_value_outweighs_a_broken_environment_and_an_empty_run_is_no_success() {
    use Status::{Error, Fail, Pass, Skipped};
    assert_eq!(exit_code([Pass, Skipped, Pass]), ExitCode::Success);
    assert_eq!(exit_code([Pass, Error, Skipped]), ExitCode::Infra);
    assert_eq!(exit_code([Error, Fail, Pass]), ExitCode::Failure);
    assert_eq!(exit_code([Skipped]), ExitCode::Infra);
    assert_eq!(exit_code([]), ExitCode::Infra);
}
