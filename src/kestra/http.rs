//! One request and its bounded answer: what the client and its generations are built on.

use super::body;
use super::connection::{CallDeadline, Pauses, chain, classify, client_for};
use super::error::{Error, RequestCause, RequestFailure};
use super::{Auth, Limits, Scrub};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use reqwest::{Method, Response, StatusCode, Url};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use tokio::time::timeout_at;

/// How often a request is made again whose connection was lost: within a second and a half.
const AGAIN: usize = 6;

/// One request: what it is for, and what goes over the wire.
pub(super) struct Call {
    /// Completes "failed to …".
    pub(super) action: String,
    pub(super) method: Method,
    pub(super) url: Url,
    /// What its path names.
    pub(super) names: PathKind,
    /// The source of a flow, for requests that carry one.
    pub(super) yaml: Option<String>,
    /// The statuses by which Kestra refuses the flow, or says that it has no such thing to offer.
    pub(super) refusals: &'static [u16],
    /// Done twice it does no harm, so that it may be asked for again when its answer was lost.
    pub(super) repeatable: bool,
}

/// What a path names, which is what a 404 is about: Kestra says no more than `Not Found` of either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathKind {
    /// A part of the API that every Kestra of this generation has.
    Api,
    /// A flow, an execution or what belongs to one.
    Object,
}

/// An answer, whatever its status.
struct HttpAnswer {
    status: StatusCode,
    location: Option<String>,
    body: Vec<u8>,
}

/// Sends requests to one server, with credentials each time: no cookies are kept, because
/// Kestra's CSRF check concerns sessions only.
#[derive(Clone)]
pub(super) struct Transport {
    http: reqwest::Client,
    base: Url,
    auth: Auth,
    limits: Limits,
    scrub: Scrub,
}

impl Transport {
    pub(super) fn new(mut base: Url, auth: Auth, limits: Limits, scrub: Scrub) -> Result<Self, Error> {
        // Credentials in the URL would be sent beside ours, and shown in errors.
        let stripped = base.set_username("").and_then(|()| base.set_password(None));
        base.set_query(None);
        base.set_fragment(None);
        let usable = stripped.is_ok() && matches!(base.scheme(), "http" | "https");
        let built = client_for(&base, limits.connect);
        let action = || "prepare for requests".into();
        match built {
            _ if !usable => Err(Error::Infra(Box::new(RequestFailure {
                action: action(),
                request: base.scheme().into(),
                cause: RequestCause::Malformed("its URL is not one of http or https".into()),
                help: Some("give Kestra's URL as http://HOST:PORT or https://HOST".into()),
            }))),
            Err(error) => Err(Error::Infra(Box::new(RequestFailure {
                action: action(),
                request: base.origin().ascii_serialization(),
                cause: RequestCause::Tls(scrub(&chain(&error))),
                help: Some("check the certificate authorities that this machine trusts".into()),
            }))),
            Ok(http) => Ok(Self {
                http,
                base,
                auth,
                limits,
                scrub,
            }),
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn request_deadline(&self) -> CallDeadline {
        CallDeadline::start("request", self.limits.request)
    }

    pub(super) fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// The base with these segments after it. Ids come from files and servers; one that would
    /// change the path's shape becomes a segment no server knows.
    pub(super) fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        // Cannot fail: `new` lets in http and https only, which have paths.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            for segment in segments {
                path.push(match *segment {
                    "" | "." | ".." => "_",
                    plain => plain,
                });
            }
        }
        url
    }

    /// Sends the request and reads a JSON answer of the expected shape.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: &Call, deadline: &CallDeadline) -> Result<T, Error> {
        let answer = self.accepted(call, deadline).await?;
        serde_json::from_slice(&answer.body).map_err(|error| {
            let what = body::misfit(&error, &answer.body, |text| self.scrubbed(text));
            self.infra(call, RequestCause::Malformed(what))
        })
    }

    /// Sends the request and reads an answer whose content does not matter.
    pub(super) async fn done(&self, call: &Call, deadline: &CallDeadline) -> Result<(), Error> {
        self.accepted(call, deadline).await.map(drop)
    }

    pub(super) fn infra(&self, call: &Call, cause: RequestCause) -> Error {
        Error::Infra(Box::new(self.failure(call, cause, None)))
    }

    async fn accepted(&self, call: &Call, deadline: &CallDeadline) -> Result<HttpAnswer, Error> {
        let answer = self.patiently(call, deadline).await;
        let answer = answer.map_err(|cause| self.infra(call, cause))?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        if let (true, Some(to)) = (answer.status.is_redirection(), &answer.location) {
            return Err(self.infra(call, RequestCause::Redirected { to: self.scrubbed(to) }));
        }
        let status = answer.status.as_u16();
        let cause = RequestCause::Status {
            status,
            message: body::message(&answer.body, |text| self.scrubbed(text)),
        };
        let complaints = match status {
            401 => self.complaints().await,
            _ => None,
        };
        let failure = Box::new(self.failure(call, cause, complaints.as_deref()));
        Err(if call.refusals.contains(&status) {
            Error::Refused(failure)
        } else {
            Error::Infra(failure)
        })
    }

    /// The answer; a connection that is lost, as by a tunnel that is cut, is made anew a few times.
    async fn patiently(&self, call: &Call, deadline: &CallDeadline) -> Result<HttpAnswer, RequestCause> {
        let mut pauses = Pauses::new();
        let mut answer = self.exchange(call, deadline, true).await;
        for _ in 0..AGAIN {
            let lost = matches!(
                answer,
                Err(RequestCause::Connection(_) | RequestCause::ConnectionRefused)
            );
            if !lost || !call.repeatable || !pauses.next_before(deadline.at()).await {
                break;
            }
            answer = self.exchange(call, deadline, true).await;
        }
        answer
    }

    async fn exchange(
        &self,
        call: &Call,
        deadline: &CallDeadline,
        authenticated: bool,
    ) -> Result<HttpAnswer, RequestCause> {
        let mut request = self
            .http
            .request(call.method.clone(), call.url.clone())
            .header(ACCEPT, "application/json")
            .header(ACCEPT_ENCODING, "identity");
        if authenticated {
            request = match &self.auth {
                Auth::None => request,
                Auth::Basic(known) => request.basic_auth(known.username(), Some(known.password().expose_secret())),
                Auth::Token(token) => request.bearer_auth(token.expose_secret()),
            };
        }
        if let Some(yaml) = &call.yaml {
            request = request.header(CONTENT_TYPE, "application/x-yaml").body(yaml.clone());
        }
        let exchange = async {
            let response = request.send().await.map_err(|error| self.cause(&error))?;
            let status = response.status();
            let location = response.headers().get(LOCATION);
            let location = location.map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned());
            let body = self.bounded(response).await?;
            Ok(HttpAnswer { status, location, body })
        };
        let result = timeout_at(deadline.at(), exchange).await;
        let result = result.unwrap_or_else(|_| Err(deadline.passed()));
        tracing::debug!(
            method = %call.method,
            path = call.url.path(),
            status = result.as_ref().ok().map(|answer| answer.status.as_u16()),
            "kestra"
        );
        result
    }

    async fn bounded(&self, mut response: Response) -> Result<Vec<u8>, RequestCause> {
        let limit = self.limits.body;
        // Nobody asked for it, and a small answer could become one of any size.
        let coding = response.headers().get(CONTENT_ENCODING);
        if let Some(coding) = coding.filter(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            let coding = self.scrubbed(&String::from_utf8_lossy(coding.as_bytes()));
            return Err(RequestCause::Malformed(format!(
                "it is compressed ({coding}), which was not asked for"
            )));
        }
        let announced = response.content_length().unwrap_or(0);
        if usize::try_from(announced).unwrap_or(usize::MAX) > limit {
            return Err(RequestCause::TooLarge { limit });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.cause(&error))? {
            if body.len() + chunk.len() > limit {
                return Err(RequestCause::TooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// What the server holds against the credentials it was configured with. It tells only
    /// while it has none that are valid, and then to everybody.
    async fn complaints(&self) -> Option<String> {
        let call = Call {
            action: String::new(),
            method: Method::GET,
            url: self.url(&["api", "v1", "basicAuthValidationErrors"]),
            names: PathKind::Api,
            yaml: None,
            refusals: &[],
            repeatable: true,
        };
        let answer = self.exchange(&call, &self.request_deadline(), false).await.ok()?;
        if !answer.status.is_success() {
            return None;
        }
        let complaints: Vec<String> = serde_json::from_slice(&answer.body).ok()?;
        (!complaints.is_empty()).then(|| self.scrubbed(&complaints.join("; ")))
    }

    fn scrubbed(&self, text: &str) -> String {
        body::shortened(&(self.scrub)(text))
    }

    fn failure(&self, call: &Call, cause: RequestCause, complaints: Option<&str>) -> RequestFailure {
        let help = match cause {
            RequestCause::Status { status: 404, .. } => Some(not_found(call.names, &self.origin())),
            _ => cause.help(&self.origin(), &self.auth, complaints),
        };
        RequestFailure {
            action: self.scrubbed(&call.action),
            request: format!("{} {}", call.method, call.url.path()),
            help,
            cause,
        }
    }

    fn cause(&self, error: &reqwest::Error) -> RequestCause {
        classify(error, self.limits.connect, |text| self.scrubbed(text))
    }
}

fn not_found(names: PathKind, origin: &str) -> String {
    match names {
        PathKind::Api => format!(
            "{origin} has no such path: Kestra up to 0.22 has no tenant in its paths (no /api/v1/main), from 0.23 it \
             must be there; a server with a context path needs it in its URL; or it is not Kestra's API that answers \
             there"
        ),
        PathKind::Object => format!(
            "Kestra at {origin} knows no such thing (any more): it was deleted meanwhile, or the server was started \
             anew with an empty database"
        ),
    }
}
