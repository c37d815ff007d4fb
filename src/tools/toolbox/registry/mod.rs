//! A registry of images, by the OCI distribution API: which tags there are, and how large an image is. It pulls
//! nothing; that is the daemon's to do.
//!
//! Of the crates there, oci-client reads answers of any length, follows no `Link` and drops `Retry-After`; the four
//! requests that are asked here are fewer lines than what it would bring along.

mod auth;
mod error;
#[cfg(test)]
mod tests;

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, LINK, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Client, Method, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::pins::{Digest, architecture};
use crate::system::http::client_builder;
use crate::system::process::Deadline;

pub use error::RegistryError;
use error::innermost;

/// The publisher's registry.
const PUBLISHER: &str = "https://registry-1.docker.io";
/// The variable that names a mirror of it.
pub const MIRROR: &str = "KESTRA_SECRETS_IMAGE_MIRROR";

/// How long one question may take, with the token that it needs.
const ASK: Deadline = Deadline::seconds("an answer of the registry", 5);
const CONNECT: Duration = Duration::from_secs(3);
/// The most that an answer may be, in bytes.
const LIMIT: usize = 4 << 20;
/// The most pages of tags that are asked for.
const PAGES: usize = 64;
/// How many tags a page is to have; a registry may give fewer.
const PAGE: &str = "1000";

const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.docker.distribution.manifest.v2+json";

/// A registry that can be asked.
#[derive(Debug, Clone)]
pub struct Registry {
    base: Url,
    is_mirror: bool,
    client: Client,
    ask: Deadline,
}

/// An image as a registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// The digest that its tag leads to.
    pub digest: Digest,
    /// What is downloaded for this machine's architecture, in bytes.
    pub bytes: u64,
}

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct ImageManifest {
    #[serde(default)]
    manifests: Vec<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    config: Option<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: Digest,
    size: u64,
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    os: String,
    architecture: String,
}

impl Registry {
    /// The mirror at a URL, else the publisher's.
    ///
    /// # Errors
    /// It is no URL of a registry, or TLS cannot be had.
    pub(super) fn at(mirror: Option<&str>) -> Result<Self, RegistryError> {
        let mirror = mirror.filter(|url| !url.is_empty());
        let base = Url::parse(mirror.unwrap_or(PUBLISHER)).map_err(|e| RegistryError::Named(e.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(RegistryError::Named("it is no http:// or https:// URL".into()));
        }
        let client = client_builder()
            .connect_timeout(CONNECT)
            .user_agent(concat!("kestra-secrets/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| RegistryError::Named(innermost(&e)))?;
        Ok(Self {
            base,
            is_mirror: mirror.is_some(),
            client,
            ask: ASK,
        })
    }

    /// Its host and port, as an image's name begins with them.
    pub fn host(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        match self.base.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// Its address without credentials, where it is a mirror.
    pub fn mirror(&self) -> Option<String> {
        self.is_mirror
            .then(|| format!("{}://{}", self.base.scheme(), self.host()))
    }

    /// Every tag of a repository.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn tags(&self, repository: &str) -> Result<Vec<String>, RegistryError> {
        let mut url = self.url(&[repository, "tags", "list"]);
        url.query_pairs_mut().append_pair("n", PAGE);
        let mut all = Vec::new();
        for _ in 0..PAGES {
            let (headers, body) = self.get(url.clone(), repository).await?;
            let page: Tags = self.parse(repository, &body)?;
            all.extend(page.tags.unwrap_or_default());
            match next(&headers).and_then(|next| url.join(&next).ok()) {
                // Credentials go to nobody else.
                Some(next) if next.origin() == self.base.origin() => url = next,
                Some(_) => return Err(self.malformed(repository, "leads to another server")),
                None => return Ok(all),
            }
        }
        Err(self.malformed(repository, format!("goes on after {PAGES} pages")))
    }

    /// An image by its tag or digest; none where there is none.
    ///
    /// # Errors
    /// [`RegistryError`]; one is that another image comes under a digest.
    pub async fn image(&self, repository: &str, reference: &str) -> Result<Option<Offered>, RegistryError> {
        let before = if reference.contains(':') { '@' } else { ':' };
        let what = format!("{repository}{before}{reference}");
        let Some((digest, manifest)) = self.manifest(repository, reference, &what).await? else {
            return Ok(None);
        };
        let manifest = if manifest.manifests.is_empty() {
            manifest
        } else {
            let mine = self.of_this_machine(manifest.manifests, &what)?;
            let found = self.manifest(repository, mine.digest.as_str(), &what).await?;
            found
                .ok_or_else(|| self.malformed(&what, "names a manifest that is not there"))?
                .1
        };
        let parts = manifest.layers.iter().chain(&manifest.config);
        Ok(Some(Offered {
            digest,
            bytes: parts.fold(0, |sum: u64, part| sum.saturating_add(part.size)),
        }))
    }

    fn of_this_machine(&self, images: Vec<Descriptor>, what: &str) -> Result<Descriptor, RegistryError> {
        let fits = |platform: &Platform| platform.os == "linux" && platform.architecture == architecture();
        let mine = images
            .into_iter()
            .find(|image| image.platform.as_ref().is_some_and(fits));
        mine.ok_or_else(|| self.malformed(what, format!("has no image for linux on {}", architecture())))
    }

    async fn manifest(
        &self,
        repository: &str,
        reference: &str,
        what: &str,
    ) -> Result<Option<(Digest, ImageManifest)>, RegistryError> {
        let url = self.url(&[repository, "manifests", reference]);
        let body = match self.get(url, what).await {
            Ok((_, body)) => body,
            Err(RegistryError::Status { status: 404, .. }) => return Ok(None),
            Err(e) => return Err(e),
        };
        let actual = Digest::sha256(&body);
        if let Ok(asked) = Digest::try_from(reference.to_owned())
            && asked != actual
        {
            return Err(RegistryError::Digest {
                host: self.host(),
                asked,
                actual,
            });
        }
        Ok(Some((actual, self.parse(what, &body)?)))
    }

    fn url(&self, parts: &[&str]) -> Url {
        let mut url = self.base.clone();
        // An http URL always has a path to append to.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("v2");
            path.extend(parts.iter().flat_map(|part| part.split('/')));
        }
        url
    }

    /// An answer's headers and body, after asking for a token where the registry wants one.
    async fn get(&self, url: Url, what: &str) -> Result<(HeaderMap, Vec<u8>), RegistryError> {
        let answer = async {
            let answer = self.send(url.clone(), None).await?;
            let answer = match (answer.status(), auth::challenge(header(&answer, WWW_AUTHENTICATE))) {
                (StatusCode::UNAUTHORIZED, Some(challenge)) => {
                    let token = self.token(&challenge, what).await?;
                    self.send(url, Some(&token)).await?
                }
                _ => answer,
            };
            let answer = self.succeeded(answer, what)?;
            Ok((answer.headers().clone(), self.body(answer, what).await?))
        };
        match tokio::time::timeout(self.ask.limit, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(RegistryError::Deadline {
                host: self.host(),
                deadline: self.ask,
            }),
        }
    }

    async fn token(&self, challenge: &auth::Challenge, what: &str) -> Result<String, RegistryError> {
        let url = challenge
            .url(&self.base)
            .ok_or_else(|| self.malformed(what, "asks for a token from no address that can be trusted"))?;
        let answer = self.succeeded(self.send(url, None).await?, what)?;
        let body = self.body(answer, what).await?;
        let token: auth::Token = self.parse(what, &body)?;
        token
            .into_text()
            .ok_or_else(|| self.malformed(what, "brought no token"))
    }

    async fn send(&self, url: Url, token: Option<&str>) -> Result<Response, RegistryError> {
        let mut request = self.client.request(Method::GET, url).header(ACCEPT, MANIFESTS);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        request.send().await.map_err(|source| self.transport(source))
    }

    fn succeeded(&self, answer: Response, what: &str) -> Result<Response, RegistryError> {
        let (host, what) = (self.host(), what.to_owned());
        Err(match answer.status() {
            status if status.is_success() => return Ok(answer),
            StatusCode::TOO_MANY_REQUESTS => RegistryError::Busy {
                host,
                after: header(&answer, RETRY_AFTER).map(auth::in_words),
            },
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => RegistryError::Unauthorized {
                host,
                status: status.as_u16(),
                what,
            },
            status => RegistryError::Status {
                host,
                status: status.as_u16(),
                what,
            },
        })
    }

    async fn body(&self, mut answer: Response, what: &str) -> Result<Vec<u8>, RegistryError> {
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|source| self.transport(source))? {
            if body.len() + chunk.len() > LIMIT {
                return Err(self.malformed(what, format!("is longer than {LIMIT} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn parse<T: DeserializeOwned>(&self, what: &str, body: &[u8]) -> Result<T, RegistryError> {
        serde_json::from_slice(body).map_err(|e| self.malformed(what, format!("is not what the API says: {e}")))
    }

    fn malformed(&self, what: &str, why: impl Into<String>) -> RegistryError {
        RegistryError::Malformed {
            host: self.host(),
            what: what.to_owned(),
            why: why.into(),
        }
    }

    fn transport(&self, source: reqwest::Error) -> RegistryError {
        RegistryError::Transport {
            host: self.host(),
            source: source.without_url(),
        }
    }
}

fn header(answer: &Response, name: reqwest::header::HeaderName) -> Option<&str> {
    answer.headers().get(name)?.to_str().ok()
}

/// Where the next page is, by the `Link` header: `<URL>; rel="next"`.
fn next(headers: &HeaderMap) -> Option<String> {
    let link = headers.get(LINK)?.to_str().ok()?;
    let (url, rest) = link.strip_prefix('<')?.split_once('>')?;
    rest.contains("next").then(|| url.to_owned())
}
