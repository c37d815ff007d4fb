//! What Kestra lists itself, beside what its containers should have.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::super::Gathered;
use super::super::judge::audit_containers;
use super::super::key_list::ExpectedKeys;
use super::super::report::KeyListAnswer;
use super::{cluster_with, key_ref, pod};
use crate::audit::Unread;
use crate::oracle::secret::RunKey;

fn expected(gathered: &Gathered) -> ExpectedKeys {
    ExpectedKeys::of(&audit_containers(gathered, &RunKey::random()))
}

/// What is missing, what is unexpected, and the findings.
fn compared(expected: &ExpectedKeys, keys: &[&str]) -> (Vec<String>, Vec<String>, Vec<String>) {
    let own: BTreeSet<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    let above = BTreeMap::from([("company".to_owned(), BTreeSet::from(["STORED".to_owned()]))]);
    let lists = above.into_iter().chain([("company.team".to_owned(), own)]).collect();
    let (answer, findings) = expected.compare(lists, "company.team");
    let KeyListAnswer::Listed {
        missing,
        unexpected,
        inherited,
        ..
    } = answer
    else {
        panic!("{answer:?}")
    };
    assert_eq!(inherited, 1);
    let said = findings
        .iter()
        .map(|found| format!("{}[{}] {}", found.severity, found.rule, found.subject));
    (missing, unexpected, said.collect())
}

fn standalone(env: &Json) -> Gathered {
    cluster_with(vec![pod("p", "standalone", env, &json!([]))], Vec::new())
}

#[test]
fn keys_agree_in_either_case_and_each_difference_is_told() {
    let env = json!([
        {"name": "SECRET_DB_PASSWORD", "value": "YWRtaW4="}, {"name": "SECRET_lower", "value": "YWRtaW4="},
        {"name": "SECRET_EMPTY", "value": ""}, {"name": "SECRET_RAW", "value": "hunter2!"},
    ]);
    let expected = expected(&standalone(&env));
    let none: [String; 0] = [];
    let (missing, unexpected, said) = compared(&expected, &["DB_PASSWORD", "Lower", "EMPTY"]);
    assert_eq!(
        (&missing[..], &unexpected[..], &said[..]),
        (&none[..], &none[..], &none[..])
    );
    let (missing, unexpected, said) = compared(&expected, &["db_password", "RAW", "\u{1b}[2J", "IMAGE"]);
    assert_eq!(missing, ["EMPTY", "LOWER"]);
    assert_eq!(unexpected, ["RAW", "[no name, 4 bytes]", "IMAGE"]);
    assert_eq!(
        said,
        [
            "error[drift] EMPTY, LOWER",
            "error[drift] RAW",
            "warning[drift] [no name, 4 bytes], IMAGE"
        ]
    );
}

#[test]
fn only_who_serves_the_api_is_asked_and_any_replica_may_answer() {
    let key = |name: &str| json!([{"name": name, "value": "YWRtaW4="}, {"name": "SECRET_BOTH", "value": "YWRtaW4="}]);
    let pods = vec![
        pod("w", "webserver", &key("SECRET_OLD"), &json!([])),
        pod("x", "webserver", &key("SECRET_NEW"), &json!([])),
        pod("e", "worker", &key("SECRET_WORKER"), &json!([])),
    ];
    let expected = expected(&cluster_with(pods, Vec::new()));
    for keys in [["BOTH", "OLD"], ["BOTH", "NEW"]] {
        assert_eq!(compared(&expected, &keys).2, [""; 0]);
    }
    let (missing, unexpected, _) = compared(&expected, &["WORKER"]);
    assert_eq!(
        (&missing[..], &unexpected[..]),
        (&["BOTH".to_owned()][..], &["WORKER".to_owned()][..])
    );
}

#[test]
fn of_what_could_not_be_read_nothing_is_expected() {
    let unread = Unread {
        object: "Secret creds".into(),
        says: "forbidden".into(),
    };
    let mut gathered = standalone(&json!([key_ref("SECRET_A", "creds", "a")]));
    gathered.unread.push(unread.clone());
    let expected_of_key = expected(&gathered);
    for keys in [&["A"][..], &[]] {
        assert_eq!(compared(&expected_of_key, keys).2, [""; 0]);
    }
    assert_eq!(compared(&expected_of_key, &["B"]).2, ["warning[drift] B"]);
    let from = json!([{"secretRef": {"name": "creds"}}]);
    let mut gathered = cluster_with(vec![pod("p", "standalone", &json!([]), &from)], Vec::new());
    gathered.unread.push(unread);
    assert_eq!(compared(&expected(&gathered), &["ANY"]).2, [""; 0]);
}
