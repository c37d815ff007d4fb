//! Downloading.

use std::time::Duration;

use futures::future::BoxFuture;

use crate::system::http::client_builder;
use crate::system::process::Deadline;

/// The most that a download may be, in bytes.
const LIMIT: usize = 512 * 1024 * 1024;
/// How long a whole download may take.
const DEADLINE: Deadline = Deadline::seconds("the download", 900);
/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(15);

/// How long a server may take to say whether it has something.
const GLANCE: Deadline = Deadline::seconds("an answer of the server", 5);

/// How long a page may take, such as a chart repository's index.
const PAGE: Deadline = Deadline::seconds("the server's answer", 8);
/// The most that a page may be, in bytes.
const PAGE_LIMIT: usize = 32 * 1024 * 1024;

/// Gets what is at a URL.
pub trait Fetch: Send + Sync {
    /// The whole of it.
    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, FetchError>>;

    /// The whole of what is short and must come soon.
    fn page<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
        Box::pin(async move { within(PAGE, url, get(url, PAGE_LIMIT)).await })
    }

    /// Whether it is there.
    fn head<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<(), FetchError>> {
        Box::pin(async move { within(GLANCE, url, head(url)).await })
    }
}

/// Why a download failed.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No answer, or it broke off.
    #[error("failed to download {url}: {}; is there a proxy to name in HTTPS_PROXY, or a CA bundle in SSL_CERT_FILE?", chain(.source))]
    Transport {
        /// What was asked for.
        url: String,
        /// What went wrong.
        source: reqwest::Error,
    },
    /// The server has nothing for us.
    #[error("failed to download {url}: the server answered {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// It is longer than any tool is.
    #[error("failed to download {url}: it is longer than {limit} bytes")]
    TooLong {
        /// What was asked for.
        url: String,
        /// How long it may be.
        limit: usize,
    },
    /// It took too long.
    #[error("failed to download {url}: {deadline} passed")]
    Deadline {
        /// What was asked for.
        url: String,
        /// Which deadline.
        deadline: Deadline,
    },
}

impl FetchError {
    /// The innermost cause alone, for who has named the address.
    pub fn brief(&self) -> String {
        match self {
            Self::Transport { source, .. } => {
                let mut cause: &dyn std::error::Error = source;
                while let Some(inner) = cause.source() {
                    cause = inner;
                }
                cause.to_string()
            }
            Self::Status { status, .. } => format!("the server answered {status}"),
            Self::Deadline { deadline, .. } => format!("no answer within {} s", deadline.limit.as_secs()),
            Self::TooLong { limit, .. } => format!("it is longer than {limit} bytes"),
        }
    }
}

/// The causes in one line: reqwest's own message leaves out what went wrong.
fn chain(error: &reqwest::Error) -> String {
    let first: &dyn std::error::Error = error;
    std::iter::successors(Some(first), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// An address without the user and password that a mirror's may hold, for messages. What is no URL is left out.
pub fn without_credentials(url: &str) -> String {
    let Ok(mut bare) = reqwest::Url::parse(url) else {
        return "(no URL)".into();
    };
    if bare.username().is_empty() && bare.password().is_none() {
        return url.to_owned();
    }
    match (bare.set_username(""), bare.set_password(None)) {
        (Ok(()), Ok(())) => bare.into(),
        _ => "(no URL)".into(),
    }
}

/// Downloads by HTTP.
///
/// On Linux it trusts the system's certificates, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR`
/// name; on macOS the keychain. `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are honoured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Http;

impl Fetch for Http {
    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
        Box::pin(async move { within(DEADLINE, url, get(url, LIMIT)).await })
    }
}

async fn within<T>(
    deadline: Deadline,
    url: &str,
    asked: impl Future<Output = Result<T, FetchError>>,
) -> Result<T, FetchError> {
    tokio::time::timeout(deadline.limit, asked).await.unwrap_or_else(|_| {
        Err(FetchError::Deadline {
            url: without_credentials(url),
            deadline,
        })
    })
}

fn client() -> reqwest::Result<reqwest::Client> {
    client_builder()
        .connect_timeout(CONNECT)
        .user_agent(concat!("kestra-secrets/", env!("CARGO_PKG_VERSION")))
        .build()
}

fn succeeded(url: &str, answer: &reqwest::Response) -> Result<(), FetchError> {
    if answer.status().is_success() {
        return Ok(());
    }
    Err(FetchError::Status {
        url: without_credentials(url),
        status: answer.status().as_u16(),
    })
}

async fn head(url: &str) -> Result<(), FetchError> {
    let asked = async { client()?.head(url).send().await };
    let answer = asked.await.map_err(|source| FetchError::Transport {
        url: without_credentials(url),
        source,
    })?;
    succeeded(url, &answer)
}

async fn get(url: &str, limit: usize) -> Result<Vec<u8>, FetchError> {
    let transport = |source| FetchError::Transport {
        url: without_credentials(url),
        source,
    };
    let mut response = client().map_err(transport)?.get(url).send().await.map_err(transport)?;
    succeeded(url, &response)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(transport)? {
        if body.len() + chunk.len() > limit {
            return Err(FetchError::TooLong {
                url: without_credentials(url),
                limit,
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use wiremock::matchers::any;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    const MOST: usize = 64 * 1024;

    async fn answering(response: ResponseTemplate) -> MockServer {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(response).mount(&server).await;
        server
    }

    #[tokio::test]
    async fn long_or_endless_downloads_are_not_kept() {
        let long = answering(ResponseTemplate::new(200).set_body_bytes(vec![0; MOST + 1])).await;
        assert!(matches!(get(&long.uri(), MOST).await, Err(FetchError::TooLong { .. })));

        let endless = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", endless.local_addr().unwrap());
        let serve = async {
            let (mut stream, _) = endless.accept().await.unwrap();
            // An answer before the request would be an error of its own.
            stream.read_u8().await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            while stream.write_all(&[0; 4096]).await.is_ok() {}
            std::future::pending::<()>().await;
        };
        let got = tokio::select! {
            got = get(&url, MOST) => got,
            () = serve => unreachable!("it never ends"),
        };
        let text = got.unwrap_err().to_string();
        assert_eq!(text, format!("failed to download {url}: it is longer than 65536 bytes"));
    }

    #[tokio::test]
    async fn credentials_of_a_mirror_do_not_follow_a_redirect_to_another_server() {
        let elsewhere = answering(ResponseTemplate::new(200).set_body_string("tool")).await;
        let there = ResponseTemplate::new(302).insert_header("location", elsewhere.uri());
        let mirror = answering(there).await;
        let url = mirror.uri().replace("http://", "http://user:hunter2@");
        assert_eq!(get(&url, MOST).await.unwrap(), b"tool");
        let sent = |requests: Vec<wiremock::Request>| requests[0].headers.contains_key("authorization");
        assert!(sent(mirror.received_requests().await.unwrap()));
        assert!(!sent(elsewhere.received_requests().await.unwrap()));
    }

    #[tokio::test]
    async fn a_mirrors_password_is_in_no_message() {
        let mirror = answering(ResponseTemplate::new(404)).await;
        let url = mirror.uri().replace("http://", "http://user:hunter2@");
        for text in [get(&url, MOST).await.unwrap_err(), head(&url).await.unwrap_err()].map(|e| e.to_string()) {
            assert!(text.contains("127.0.0.1") && text.contains("404"), "{text}");
            assert!(!text.contains("hunter2") && !text.contains("user"), "{text}");
        }
    }

    #[tokio::test]
    async fn a_redirect_to_itself_comes_to_an_end() {
        let server = MockServer::start().await;
        let again = ResponseTemplate::new(302).insert_header("location", server.uri());
        Mock::given(any()).respond_with(again).mount(&server).await;
        let text = get(&server.uri(), MOST).await.unwrap_err().to_string();
        assert!(text.contains("too many redirects"), "{text}");
    }
}
