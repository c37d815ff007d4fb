use super::*;
use crate::kestra::RequestCause;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::header;

#[tokio::test]
async fn a_401_explains_that_kestra_may_ignore_its_credentials() {
    let server = MockServer::start().await;
    let refused = Mock::given(path("/api/v1/configs")).respond_with(ResponseTemplate::new(401));
    refused.mount(&server).await;
    let error = connect(&server, limits()).await.unwrap_err();
    assert!(is_infra(&error));
    assert!(help(&error).contains("e-mail address"), "{}", help(&error));

    let says = json!(["Invalid username: hunter2"]);
    answer(&server, "GET", "/api/v1/basicAuthValidationErrors", 200, says).await;
    let error = connect(&server, limits()).await.unwrap_err();
    let told = "the server says: Invalid username: [secret]. either kestra-secrets@example.com";
    assert!(help(&error).starts_with(told), "{}", help(&error));
}

#[tokio::test]
async fn a_path_the_server_does_not_have_points_at_its_generation() {
    let server = server("1.3.31").await;
    answer(&server, "POST", "/api/v1/main/flows", 404, refusal("Not Found: x", &[])).await;
    let error = client(&server).await.put_flow(FLOW).await.unwrap_err();
    assert!(is_infra(&error));
    assert!(help(&error).contains("no tenant in its paths"), "{}", help(&error));
    // By what was asked, and not by the words: of a flow that is not there Kestra may say no more.
    let at = "/api/v1/main/executions/company.team/secret_test";
    answer(&server, "POST", at, 404, refusal("Not Found", &[])).await;
    let error = client(&server).await.run(&flow()).await.unwrap_err();
    assert!(is_infra(&error));
    assert!(help(&error).contains("deleted meanwhile"), "{}", help(&error));
}

#[tokio::test]
async fn a_content_type_the_server_does_not_take_is_not_the_flows_fault() {
    let server = server("0.20.7").await;
    let says = refusal("Unsupported Media Type: Content Type not allowed", &[]);
    answer(&server, "POST", "/api/v1/flows", 415, says).await;
    let error = client(&server).await.put_flow(FLOW).await.unwrap_err();
    assert!(is_infra(&error));
    assert!(help(&error).contains("content type"), "{}", help(&error));
}

#[tokio::test]
async fn a_web_page_is_not_taken_for_an_answer() {
    let page = "<!DOCTYPE html>\u{1b}[2J<title>hunter2</title>";
    for status in [200, 502] {
        let server = MockServer::start().await;
        let response = ResponseTemplate::new(status).set_body_raw(page, "text/html");
        Mock::given(path("/api/v1/configs"))
            .respond_with(response)
            .mount(&server)
            .await;
        let error = connect(&server, limits()).await.unwrap_err();
        let text = error.to_string();
        assert!(is_infra(&error));
        assert!(text.contains("<!DOCTYPE html> [2J<title>[secret]</title>"), "{text}");
        assert!(!help(&error).is_empty());
    }
}

#[tokio::test]
async fn a_compressed_answer_is_not_made_larger() {
    // A kilobyte that would become a megabyte, and says so or not.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut gzip, &vec![b' '; 1 << 20]).unwrap();
    let bomb = gzip.finish().unwrap();
    assert!(bomb.len() < 2 << 10);
    for status in [200, 500] {
        let server = MockServer::start().await;
        let response = ResponseTemplate::new(status).set_body_raw(bomb.clone(), "application/json");
        let named = response.clone().insert_header("content-encoding", "gzip");
        let asked = || Mock::given(header("accept-encoding", "identity"));
        asked().respond_with(named).up_to_n_times(1).mount(&server).await;
        let error = connect(&server, limits()).await.unwrap_err();
        let says = "it is compressed (gzip), which was not asked for";
        assert_eq!(error.failure().cause, RequestCause::Malformed(says.into()));
        // Without the header it is some bytes that are no JSON.
        asked().respond_with(response).mount(&server).await;
        let text = connect(&server, limits()).await.unwrap_err().to_string();
        assert!(text.len() < 16 << 10, "{}", text.len());
    }
}

/// A scrub that counts what passes through it: each copy of a body is as long or longer.
#[tokio::test]
async fn of_a_large_body_no_copy_is_made_to_be_shown() {
    static LONGEST: AtomicUsize = AtomicUsize::new(0);
    for (status, says) in [
        (200, "line 1, column 1 is not as expected"),
        (500, "its body of 4194304 bytes is not shown"),
    ] {
        let server = MockServer::start().await;
        // Each of these bytes would become three.
        let response = ResponseTemplate::new(status).set_body_bytes(vec![0xff; 4 << 20]);
        Mock::given(method("GET")).respond_with(response).mount(&server).await;
        let scrub = Arc::new(|text: &str| {
            LONGEST.fetch_max(text.len(), Ordering::Relaxed);
            text.to_owned()
        });
        let base = server.uri().parse().unwrap();
        let error = Client::connect(base, Credentials::generate(), Limits::default(), scrub).await;
        let text = error.unwrap_err().to_string();
        assert!(text.contains(says), "{text}");
    }
    assert!(LONGEST.load(Ordering::Relaxed) < 1 << 10);
}

#[tokio::test]
async fn errors_of_either_shape_are_told_as_sentences() {
    let problem = |errors: Value| {
        json!({"type": "about:blank", "title": "Invalid entity", "status": 422, "detail": "The flow is invalid.",
            "instance": "/api/v1/main/flows", "errors": errors})
    };
    for (body, says) in [
        (
            refusal("Invalid entity: tasks: must not be empty\n", &["must not be empty"]),
            "status 422: Invalid entity: tasks: must not be empty",
        ),
        (
            problem(
                json!([{"detail": "must not be empty", "pointer": "#/tasks"}, {"message": "no id"}, "no such type"]),
            ),
            "status 422: Invalid entity: The flow is invalid.; must not be empty; no id; no such type",
        ),
        (
            problem(json!({"tasks": ["must not be empty"]})),
            "status 422: Invalid entity: The flow is invalid.; must not be empty",
        ),
        (json!({"title": "Conflict", "status": 409}), "status 422: Conflict"),
        (json!({"detail": "x\u{1b}[2Jy", "errors": 7}), "status 422: x [2Jy"),
        (json!({"code": 7}), "status 422: {\"code\":7}"),
    ] {
        let server = server("2.0.0").await;
        answer(&server, "POST", "/api/v1/main/flows", 422, body).await;
        let error = client(&server).await.put_flow(FLOW).await.unwrap_err();
        assert!(matches!(error, Error::Refused(_)));
        assert_eq!(error.failure().cause.to_string(), says);
    }
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(503))
        .mount(&server)
        .await;
    let error = connect(&server, limits()).await.unwrap_err();
    assert_eq!(
        error.failure().cause.to_string(),
        "status 503 (Service Unavailable), with an empty body"
    );
}

#[tokio::test]
async fn no_name_of_the_servers_moves_the_cursor() {
    let server = server("2.0.0").await;
    let run = "/api/v1/main/executions/company.team/secret_test";
    let mut odd = execution("CREATED\u{1b}[2J", &Value::Null);
    answer(&server, "POST", run, 200, odd.clone()).await;
    let follow = "/api/v1/main/executions/2jtG3A0iPvnIiBxAoZgmbA";
    answer(&server, "GET", follow, 200, odd.clone()).await;
    let client = connect(&server, soon()).await.unwrap();
    let text = client.run(&flow()).await.unwrap_err().to_string();
    assert!(text.contains("in state CREATED??"), "{text}");
    // An id of other characters is none.
    for at in ["/id", "/taskRunList/0/id", "/taskRunList/0/taskId"] {
        *odd.pointer_mut(at).unwrap() = json!("a\u{1b}b");
        assert!(serde_json::from_value::<Execution>(odd.clone()).is_err(), "{at}");
        *odd.pointer_mut(at).unwrap() = json!("ab");
    }
    let mut odd = stored(1);
    odd["id"] = json!("\u{202e}x");
    assert!(serde_json::from_value::<FlowRef>(odd).is_err());
}

#[tokio::test]
async fn text_of_the_server_is_scrubbed_before_it_is_cut() {
    let server = server("2.0.0").await;
    let long = format!("{}hunter2", "x".repeat(1_996));
    answer(&server, "POST", "/api/v1/main/flows", 422, refusal(&long, &[])).await;
    let text = client(&server).await.put_flow(FLOW).await.unwrap_err().to_string();
    assert!(text.ends_with("xx[sec…"), "{text}");
}

#[tokio::test]
async fn an_answer_of_another_shape_is_reported_without_its_values() {
    for (body, says) in [
        (r#""pin""#, "expected struct Configs at line 1 column 5"),
        (r#"{"version": {"pin": 1}}"#, "expected a string at line 1 column 12"),
        (r#"{"pin": 1}"#, "missing field `version` at line 1 column 10"),
        (r#"{"version": "pin"#, "line 1, column 16 is not as expected"),
        ("", "line 1, column 0 is not as expected"),
    ] {
        let server = MockServer::start().await;
        let response = ResponseTemplate::new(200).set_body_raw(body, "application/json");
        Mock::given(method("GET")).respond_with(response).mount(&server).await;
        let error = connect(&server, limits()).await.unwrap_err();
        assert_eq!(error.failure().cause, RequestCause::Malformed(says.into()));
    }
    let server = MockServer::start().await;
    answer(&server, "GET", "/api/v1/configs", 200, json!({"version": "latest"})).await;
    let error = connect(&server, limits()).await.unwrap_err();
    assert!(matches!(error.failure().cause, RequestCause::Malformed(_)), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_nested_without_end_is_not_followed() {
    let server = MockServer::start().await;
    let deep = format!("{{\"version\": {}", "[".repeat(10_000));
    let response = ResponseTemplate::new(200).set_body_raw(deep, "application/json");
    Mock::given(method("GET")).respond_with(response).mount(&server).await;
    let error = connect(&server, limits()).await.unwrap_err();
    assert!(matches!(error.failure().cause, RequestCause::Malformed(_)), "{error}");
    // Where any value is taken, too.
    let server = self::server("1.3.31").await;
    let deep = execution("SUCCESS", &Value::Null)
        .to_string()
        .replace("null", &"[".repeat(10_000));
    let response = ResponseTemplate::new(200).set_body_raw(deep, "application/json");
    Mock::given(method("POST")).respond_with(response).mount(&server).await;
    let error = client(&server).await.run(&flow()).await.unwrap_err();
    assert!(matches!(error.failure().cause, RequestCause::Malformed(_)), "{error}");
}

#[tokio::test]
async fn outputs_that_are_no_object_are_not_shown() {
    for (version, root, generation) in GENERATIONS {
        let server = server(version).await;
        let inline = if generation == ApiGeneration::V2 {
            let at = format!("{root}/outputs/tasks/2jtG3A0iPvnIiBxAoZgmbA/7HfHdB5wyXURqcwJ28D3LR");
            answer(&server, "GET", &at, 200, json!(["pin"])).await;
            Value::Null
        } else {
            json!(["pin"])
        };
        let execution = serde_json::from_value(execution("SUCCESS", &inline)).unwrap();
        let error = client(&server).await.outputs(&execution, "hello").await.unwrap_err();
        let says = "the outputs of a task are no JSON object";
        assert_eq!(error.failure().cause, RequestCause::Malformed(says.into()));
    }
}

#[tokio::test]
async fn ids_that_would_leave_their_path_do_not() {
    let server = server("2.0.0").await;
    let climbing = FlowRef {
        namespace: "..".into(),
        id: "a/../b?c".into(),
        revision: 1,
    };
    client(&server).await.delete_flow(&climbing).await.unwrap();
    let asked = server.received_requests().await.unwrap();
    let url = &asked.last().unwrap().url;
    assert_eq!(url.path(), "/api/v1/main/flows/_/a%2F..%2Fb%3Fc");
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect() {
    let elsewhere = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"version": "2.0.0"})))
        .expect(0)
        .mount(&elsewhere)
        .await;
    let server = MockServer::start().await;
    let to = format!("{}/?token=hunter2", elsewhere.uri());
    let response = ResponseTemplate::new(302).insert_header("location", to.as_str());
    Mock::given(method("GET")).respond_with(response).mount(&server).await;
    let error = connect(&server, limits()).await.unwrap_err();
    let to = to.replace("hunter2", "[secret]");
    assert_eq!(error.failure().cause, RequestCause::Redirected { to });
}

#[tokio::test]
async fn an_answer_that_announces_too_much_is_not_read() {
    let server = MockServer::start().await;
    let response = ResponseTemplate::new(200).set_body_bytes(vec![b' '; (64 << 10) + 1]);
    Mock::given(method("GET")).respond_with(response).mount(&server).await;
    let error = connect(&server, limits()).await.unwrap_err();
    assert_eq!(error.failure().cause, RequestCause::TooLarge { limit: 64 << 10 });
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    let error = against(head, Some(" "), limits()).await;
    assert_eq!(error.failure().cause, RequestCause::TooLarge { limit: 64 << 10 });
}

#[tokio::test]
async fn a_server_that_never_answers_meets_the_request_deadline() {
    for silent in ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"] {
        let error = against(silent, None, soon()).await;
        assert!(is_infra(&error));
        let text = error.to_string();
        assert!(text.contains("the request deadline of 50ms passed"), "{text}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_each_time_is_a_failed_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let mut asked = 0;
    let serve = async {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            // An answer before the request would be an error of its own.
            stream.read_u8().await.unwrap();
            asked += 1;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{")
                .await
                .unwrap();
        }
    };
    let result = tokio::select! {
        result = at(&base, limits()) => result,
        () = serve => unreachable!("it never ends"),
    };
    let cause = result.unwrap_err().failure().cause.clone();
    assert!(matches!(cause, RequestCause::Connection(_)), "{cause}");
    assert_eq!(asked, 7);
}

#[tokio::test]
async fn nobody_listening_is_told_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = at(&base, limits()).await.unwrap_err();
    assert_eq!(error.failure().cause, RequestCause::ConnectionRefused);
    assert!(help(&error).contains(&base), "{}", help(&error));
}

#[tokio::test]
async fn a_server_without_tls_is_told_as_such() {
    let server = MockServer::start().await;
    let base = server.uri().replace("http:", "https:");
    let error = at(&base, limits()).await.unwrap_err();
    assert!(matches!(error.failure().cause, RequestCause::Tls(_)), "{error}");
}

#[tokio::test]
async fn a_url_that_is_not_http_is_turned_away() {
    for base in ["ftp://localhost", "mailto:a@b"] {
        let error = at(base, limits()).await.unwrap_err();
        assert!(help(&error).contains("http://HOST:PORT"), "{error}");
    }
}

async fn at(base: &str, limits: Limits) -> Result<Client, Error> {
    let scrub = Arc::new(str::to_owned);
    Client::connect(base.parse().unwrap(), Credentials::generate(), limits, scrub).await
}

/// What comes of a server that sends `head`, then `again` without end, or holds its peace.
async fn against(head: &str, again: Option<&str>, limits: Limits) -> Error {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        // An answer before the request would be an error of its own.
        stream.read_u8().await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let chunk = again.map(|text| text.repeat(4096));
        while let Some(chunk) = &chunk {
            if stream.write_all(chunk.as_bytes()).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        result = at(&base, limits) => result.unwrap_err(),
        () = serve => unreachable!("it never ends"),
    }
}
