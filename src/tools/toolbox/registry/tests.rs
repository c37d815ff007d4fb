use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wiremock::matchers::{any, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

const REPOSITORY: &str = "kestra/kestra";

fn at(url: &str) -> Registry {
    Registry::at(Some(url)).unwrap()
}

async fn answering(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    server
}

async fn said(response: ResponseTemplate) -> String {
    let server = answering(response).await;
    let failed = at(&server.uri()).image(REPOSITORY, "v1").await.unwrap_err();
    failed.to_string().replace(&server.address().to_string(), "HOST")
}

async fn serve(server: &MockServer, reference: &str, body: &Value) -> Digest {
    let text = body.to_string();
    let digest = Digest::sha256(text.as_bytes());
    for reference in [reference, digest.as_str()] {
        Mock::given(method("GET"))
            .and(path(format!("/v2/{REPOSITORY}/manifests/{reference}")))
            .respond_with(ResponseTemplate::new(200).set_body_string(text.clone()))
            .mount(server)
            .await;
    }
    digest
}

fn of_layers(sizes: &[u64]) -> Value {
    let part = |size: &u64| json!({"digest": Digest::sha256(&size.to_le_bytes()).as_str(), "size": size});
    json!({"config": part(&7), "layers": sizes.iter().map(part).collect::<Vec<_>>()})
}

#[tokio::test]
async fn an_image_is_as_large_as_the_layers_of_this_architecture() {
    let server = MockServer::start().await;
    let mine = serve(&server, "mine", &of_layers(&[100, 20])).await;
    let other = serve(&server, "other", &of_layers(&[1_000_000])).await;
    let entry = |digest: &Digest, os: &str, architecture: &str| json!({"digest": digest.as_str(), "size": 1, "platform": {"os": os, "architecture": architecture}});
    let index = json!({"manifests": [
        entry(&other, "unknown", "unknown"), entry(&other, "linux", "s390x"), entry(&mine, "linux", architecture()),
    ]});
    let digest = serve(&server, "v1", &index).await;
    let registry = at(&server.uri());
    let offered = registry.image(REPOSITORY, "v1").await.unwrap();
    assert_eq!(
        offered,
        Some(Offered {
            digest: digest.clone(),
            bytes: 127
        })
    );
    assert_eq!(registry.image(REPOSITORY, digest.as_str()).await.unwrap(), offered);
    assert_eq!(registry.image(REPOSITORY, "v2").await.unwrap(), None);
}

#[tokio::test]
async fn an_image_for_other_machines_only_is_said_to_be_one() {
    let server = MockServer::start().await;
    let platform = json!({"os": "linux", "architecture": "s390x"});
    let entry = json!({"digest": Digest::sha256(b"x").as_str(), "size": 1, "platform": platform});
    serve(&server, "v1", &json!({"manifests": [entry]})).await;
    let failed = at(&server.uri()).image(REPOSITORY, "v1").await.unwrap_err().to_string();
    assert!(failed.contains("no image for linux on"), "{failed}");
}

#[tokio::test]
async fn another_image_under_a_digest_is_not_trusted() {
    let wanted = Digest::sha256(b"what was pinned");
    let server = answering(ResponseTemplate::new(200).set_body_json(of_layers(&[1]))).await;
    let failed = at(&server.uri()).image(REPOSITORY, wanted.as_str()).await.unwrap_err();
    assert!(matches!(failed, RegistryError::Digest { .. }), "{failed}");
}

#[tokio::test]
async fn tags_come_page_by_page() {
    let server = MockServer::start().await;
    let list = format!("/v2/{REPOSITORY}/tags/list");
    let more = format!("<{list}?last=b&n=1000>; rel=\"next\"");
    Mock::given(path(list.clone()))
        .and(query_param("last", "b"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"tags": ["c"]})))
        .mount(&server)
        .await;
    let first = ResponseTemplate::new(200)
        .set_body_json(json!({"name": REPOSITORY, "tags": ["a", "b"]}))
        .insert_header("link", more);
    Mock::given(path(list)).respond_with(first).mount(&server).await;
    assert_eq!(at(&server.uri()).tags(REPOSITORY).await.unwrap(), ["a", "b", "c"]);
}

#[tokio::test]
async fn pages_without_an_end_or_on_another_server_are_not_followed() {
    let list = format!("/v2/{REPOSITORY}/tags/list");
    for (link, names) in [
        (format!("<{list}?n=1>; rel=\"next\""), "goes on after 64 pages"),
        ("<http://127.0.0.1:1/>; rel=\"next\"".to_owned(), "another server"),
    ] {
        let page = ResponseTemplate::new(200).set_body_json(json!({"tags": ["a"]}));
        let server = answering(page.insert_header("link", link)).await;
        let failed = at(&server.uri()).tags(REPOSITORY).await.unwrap_err().to_string();
        assert!(failed.contains(names), "{failed}");
    }
}

#[tokio::test]
async fn a_token_is_fetched_where_the_registry_wants_one() {
    let server = MockServer::start().await;
    let challenge = format!(
        "Bearer realm=\"{}/token\",service=\"registry.example\",scope=\"repository:{REPOSITORY}:pull,push\"",
        server.uri()
    );
    Mock::given(path("/token"))
        .and(query_param("service", "registry.example"))
        .and(query_param("scope", format!("repository:{REPOSITORY}:pull,push")))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"access_token": "pass"})))
        .mount(&server)
        .await;
    Mock::given(path(format!("/v2/{REPOSITORY}/manifests/v1")))
        .and(header("authorization", "Bearer pass"))
        .respond_with(ResponseTemplate::new(200).set_body_json(of_layers(&[1])))
        .mount(&server)
        .await;
    let refused = ResponseTemplate::new(401).insert_header("www-authenticate", challenge);
    Mock::given(any()).respond_with(refused).mount(&server).await;
    assert!(at(&server.uri()).image(REPOSITORY, "v1").await.unwrap().is_some());
    // The token is for this repository alone.
    let failed = at(&server.uri()).image(REPOSITORY, "v2").await.unwrap_err();
    assert!(
        matches!(failed, RegistryError::Unauthorized { status: 401, .. }),
        "{failed}"
    );
}

#[test]
fn a_token_is_asked_in_the_clear_for_a_plain_registry_alone() {
    let challenge = |realm: &str| auth::challenge(Some(&format!("Bearer realm=\"{realm}\""))).unwrap();
    let (plain, tls) = ("http://127.0.0.1:5000", "https://registry.example");
    let url = |realm: &str, registry: &str| challenge(realm).url(&registry.parse().unwrap());
    assert!(url("http://127.0.0.1:5001/token", plain).is_some());
    assert!(url("https://auth.example/token", tls).is_some());
    assert!(url("http://auth.example/token", tls).is_none());
    assert!(url("file:///etc/passwd", plain).is_none());
    assert_eq!(auth::challenge(Some("Basic realm=\"r\"")), None);
    assert_eq!(auth::challenge(Some("Bearer")), None);
    assert_eq!(auth::challenge(Some("Bearer realm=\"open")), None);
}

#[tokio::test]
async fn registry_refusals_are_reported_with_their_status() {
    assert_eq!(
        said(ResponseTemplate::new(401)).await,
        "failed to ask HOST: it answered 401 and wants credentials for kestra/kestra:v1"
    );
    assert_eq!(
        said(ResponseTemplate::new(429).insert_header("retry-after", "3600")).await,
        "failed to ask HOST: it answered 429, too many requests; it says to try again after 3600 s"
    );
    assert_eq!(
        said(ResponseTemplate::new(503)).await,
        "failed to ask HOST: it answered 503 for kestra/kestra:v1"
    );
    let text = said(ResponseTemplate::new(200).set_body_string("<html>")).await;
    assert!(
        text.contains("its answer for kestra/kestra:v1 is not what the API says"),
        "{text}"
    );
}

#[tokio::test]
async fn an_answer_that_breaks_off_has_no_end_or_never_comes_is_an_error() {
    for (head, then) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{", "break off"),
        ("HTTP/1.1 200 OK\r\n\r\n", "go on"),
        ("", "wait"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut registry = at(&format!("http://{}", listener.local_addr().unwrap()));
        if then == "wait" {
            registry.ask = Deadline::seconds("an answer of the registry", 0);
        }
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_u8().await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            if then == "break off" {
                drop(stream);
            } else {
                while then == "go on" && stream.write_all(&[b' '; 8192]).await.is_ok() {}
            }
            std::future::pending::<()>().await;
        };
        let failed = tokio::select! {
            answer = registry.image(REPOSITORY, "v1") => answer.unwrap_err(),
            () = serve => unreachable!("it never ends"),
        };
        match then {
            "break off" => assert!(matches!(failed, RegistryError::Transport { .. }), "{failed}"),
            "go on" => assert!(failed.to_string().contains("is longer than 4194304 bytes"), "{failed}"),
            _ => assert!(
                failed.to_string().ends_with("an answer of the registry passed")
                    || matches!(failed, RegistryError::Deadline { .. }),
                "{failed}"
            ),
        }
    }
}

#[test]
fn a_mirrors_password_is_in_no_name_of_it() {
    let registry = at("http://robot:hunter2@127.0.0.1:5055/");
    assert_eq!(registry.mirror().as_deref(), Some("http://127.0.0.1:5055"));
    assert_eq!(Registry::at(None).unwrap().mirror(), None);
    for wrong in ["127.0.0.1:5055", "file:///etc", "http://"] {
        let said = Registry::at(Some(wrong)).unwrap_err().to_string();
        assert!(said.contains(MIRROR), "{said}");
    }
}
