//! The client against what each generation of Kestra answered.
#![allow(clippy::enum_glob_use, reason = "a step stands in a table or a match of all of them")]

mod pebble;
mod program;
mod replay;
mod sequences;
pub mod standin;

use crate::support::transcripts::{Authorization, VERSIONS, read};

#[test]
fn every_transcript_is_read() {
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
