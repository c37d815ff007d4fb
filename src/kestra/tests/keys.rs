use super::*;
use crate::kestra::RequestCause;
use std::collections::{BTreeMap, BTreeSet};

async fn listed(
    version: &str,
    root: &str,
    status: u16,
    body: Value,
) -> Result<BTreeMap<String, BTreeSet<String>>, Error> {
    let server = server(version).await;
    let at = format!("{root}/namespaces/company.team/inherited-secrets");
    answer(&server, "GET", &at, status, body).await;
    client(&server).await.secret_keys("company.team").await
}

#[tokio::test]
async fn the_list_is_found_in_each_generation() {
    for (version, root, _) in GENERATIONS {
        let body = json!({"company.team": ["DB_PASSWORD", "A"], "company": ["B"]});
        let lists = listed(version, root, 200, body).await.unwrap();
        assert_eq!(
            lists["company.team"],
            BTreeSet::from(["A".to_owned(), "DB_PASSWORD".into()])
        );
        assert_eq!(lists["company"].len(), 1);
    }
}

#[tokio::test]
async fn a_server_without_the_list_or_a_user_who_may_not_read_it_is_no_failure() {
    for status in [401, 403, 404] {
        let error = listed("2.0.0", "/api/v1/main", status, refusal("Not Found", &[]))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{error}");
        assert_eq!(error.failure().cause.to_string(), format!("status {status}: Not Found"));
    }
    let error = listed("2.0.0", "/api/v1/main", 500, refusal("hunter2", &[]))
        .await
        .unwrap_err();
    assert!(is_infra(&error) && !error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn what_is_no_list_of_keys_is_told_and_not_taken() {
    for body in [
        json!(null),
        json!([]),
        json!("A"),
        json!(["A"]),
        json!({"company.team": "A"}),
        json!({"company.team": [1]}),
        json!({"company.team": {"A": "hunter2"}}),
        json!({"company.team": null}),
    ] {
        let error = listed("2.0.0", "/api/v1/main", 200, body.clone()).await.unwrap_err();
        assert!(
            matches!(error.failure().cause, RequestCause::Malformed(_)),
            "{body}: {error}"
        );
        assert!(is_infra(&error) && !error.to_string().contains("hunter2"), "{error}");
    }
    let huge = json!({"company.team": vec!["A".repeat(100); 1000]});
    let error = listed("2.0.0", "/api/v1/main", 200, huge).await.unwrap_err();
    assert_eq!(error.failure().cause, RequestCause::TooLarge { limit: 64 << 10 });
}

#[tokio::test]
async fn a_namespace_stays_one_segment_of_the_path() {
    let server = server("2.0.0").await;
    let at = "/api/v1/main/namespaces/a%2F..%2Fflows/inherited-secrets";
    answer(&server, "GET", at, 200, json!({"a/../flows": []})).await;
    let lists = client(&server).await.secret_keys("a/../flows").await.unwrap();
    assert!(lists["a/../flows"].is_empty());
}
