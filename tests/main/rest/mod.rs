//! The client against what each generation of Kestra answered.
#![allow(clippy::enum_glob_use, reason = "a step stands in a table or a match of all of them")]

mod pebble;
mod program;
mod replay;
mod sequences;
pub mod standin;

use libtest_mimic::Trial;

use crate::test;
use crate::transcripts::{Authorization, VERSIONS, read};

pub fn trials() -> Vec<Trial> {
    // A sequence is named by its function.
    macro_rules! sequences {
        ($($name:ident),* $(,)?) => { vec![$(test("rest", stringify!($name), sequences::$name)),*] };
    }
    let mut trials = sequences![
        a_flow_is_created,
        a_flow_that_is_there_is_updated,
        a_flow_that_goes_meanwhile_is_created_after_all,
        a_flow_that_is_invalid_is_refused_in_kestras_words,
        a_run_is_waited_for_and_its_outputs_are_read,
        a_run_that_is_not_waited_for_is_followed,
        a_secret_that_is_missing_is_silent_before_0_21_and_an_error_since,
        logs_are_read,
        an_execution_that_a_search_found_is_fetched_by_its_id,
        a_webhook_is_called_and_followed,
        what_was_made_is_deleted_and_what_is_gone_is_as_good_as_deleted,
        wrong_credentials_are_found_at_once,
        a_flow_that_is_not_there_is_not_taken_for_another_tenant,
        a_content_type_that_is_not_taken_is_not_the_flows_fault,
        an_execution_whose_answer_was_lost_is_found_by_its_label,
        an_execution_that_never_was_made_leaves_the_504,
    ];
    trials.push(test("rest", "every_transcript_is_read", every_transcript));
    trials.extend(program::trials());
    trials
}

fn every_transcript() {
    for (version, count) in VERSIONS.into_iter().zip([14, 43, 43]) {
        let all = read(version);
        assert_eq!(all.len(), count, "{version}");
        for one in &all {
            assert!(one.request.path().starts_with("/api/v1/"), "{version} {}", one.name);
            one.answer.json();
        }
        let named = |name: &str| all.iter().find(|one| one.name == name).unwrap();
        let configs = named("01-configs");
        assert_eq!((configs.request.method.as_str(), configs.answer.status), ("GET", 200));
        assert_eq!(configs.answer.json().unwrap()["version"], version);
    }
    let all = read("2.0.0");
    let multipart = all.iter().find(|one| one.name == "17-run-wait-multipart").unwrap();
    assert_eq!(multipart.request.content_type.as_deref(), Some("multipart/form-data"));
    let nobody = all.iter().find(|one| one.name == "04-create-flow-no-auth").unwrap();
    assert_eq!(nobody.request.authorization, Authorization::None);
    assert_eq!(nobody.request.content_type.as_deref(), Some("application/x-yaml"));
    assert_eq!(
        nobody.answer.headers,
        [("www-authenticate".to_owned(), "Basic".to_owned())]
    );
    assert_eq!(nobody.answer.body, "");
    let json = read("0.20.7")
        .into_iter()
        .find(|one| one.name == "18-exec-wait-json")
        .unwrap();
    assert_eq!(json.request.content_type.as_deref(), Some("application/json"));
    assert_eq!(
        (json.answer.status, json.answer.reason.as_str()),
        (415, "Unsupported Media Type")
    );
}
