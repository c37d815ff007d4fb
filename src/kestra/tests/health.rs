use super::*;
use crate::kestra::{RequestCause, wait_healthy};
use std::future::pending;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_server_that_comes_up_is_waited_for() {
    let server = MockServer::start().await;
    let down = ResponseTemplate::new(503).set_body_json(json!({"status": "DOWN"}));
    let first = Mock::given(path("/health")).respond_with(down);
    first.up_to_n_times(2).expect(2).mount(&server).await;
    let up = json!({"name": "kestra", "status": "UP", "details": {}});
    answer(&server, "GET", "/health", 200, up).await;
    let url = server.uri().parse().unwrap();
    wait_healthy(&url, MINUTE, pending()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_stays_down_meets_the_health_deadline() {
    let server = MockServer::start().await;
    answer(&server, "GET", "/health", 503, json!({"status": "DOWN"})).await;
    let url = server.uri().parse().unwrap();
    let short = Duration::from_millis(300);
    let error = wait_healthy(&url, short, pending()).await.unwrap_err();
    assert!(is_infra(&error));
    let text = error.to_string();
    assert!(text.contains("the health deadline of 300ms passed"), "{text}");
    assert!(help(&error).contains("did not become healthy"), "{}", help(&error));
}

#[tokio::test]
async fn the_end_of_the_process_ends_the_wait_at_once() {
    let url = "http://127.0.0.1:9".parse().unwrap();
    let ended = std::future::ready("exit status 1".to_owned());
    let error = wait_healthy(&url, MINUTE, ended).await.unwrap_err();
    assert_eq!(error.failure().cause, RequestCause::Exited("exit status 1".into()));
}
