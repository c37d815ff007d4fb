use super::Auth;
use crate::error::InfraCause;
use reqwest::StatusCode;
use std::fmt;
use std::time::Duration;

/// Why a call did not do what it was for. The two are kept apart because exit codes are: what
/// the scenario's own flow brings about is judged, what fails around it is not.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error(transparent)]
#[diagnostic(transparent)]
pub enum Error {
    /// Kestra understood the flow and would not have it, or does not offer what was asked for.
    Refused(Box<RequestFailure>),
    /// Anything else: network, credentials, a server that is no Kestra, a deadline.
    Infra(Box<RequestFailure>),
}

impl Error {
    /// What happened, whichever side caused it.
    pub fn failure(&self) -> &RequestFailure {
        match self {
            Self::Refused(failure) | Self::Infra(failure) => failure,
        }
    }

    /// Whether the server does not know what was asked for.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self.failure().cause, RequestCause::Status { status: 404, .. })
    }
}

/// What was tried, with which request, what came of it and what to do about it. All text from
/// the server has been through the caller's [`Scrub`](super::Scrub).
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("failed to {action} ({request}): {cause}")]
pub struct RequestFailure {
    /// Completes "failed to …", such as `create flow company.team/secret_test`.
    pub action: String,
    /// Method and path.
    pub request: String,
    /// What came of it.
    pub cause: RequestCause,
    /// The likely reason, and what to do.
    #[help]
    pub help: Option<String>,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestCause {
    /// The server answered with an error of its own.
    Status {
        /// The HTTP status.
        status: u16,
        /// What it said, shortened; empty where it said nothing.
        message: String,
    },
    /// The server pointed elsewhere. Nobody went there: credentials are for one origin.
    Redirected {
        /// The `Location` it gave.
        to: String,
    },
    /// The server answered, but not what Kestra answers.
    Malformed(String),
    /// The answer grew beyond the limit and was cut off.
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A deadline passed.
    Deadline {
        /// Which one: `connect`, `request`, `execution` or `health`.
        name: &'static str,
        /// How long it was.
        length: Duration,
        /// How far things had come, where that is known.
        last: Option<String>,
    },
    /// Nothing listens there.
    ConnectionRefused,
    /// The other side does not speak TLS, or is not trusted.
    Tls(String),
    /// The connection failed in another way.
    Connection(String),
    /// The process that was to answer ended first.
    Exited(String),
}

impl fmt::Display for RequestCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { status, message } if message.is_empty() => {
                write!(f, "status {status}")?;
                let reason = StatusCode::from_u16(*status)
                    .ok()
                    .and_then(|status| status.canonical_reason());
                reason
                    .iter()
                    .try_for_each(|reason| write!(f, " ({reason}), with an empty body"))
            }
            Self::Status { status, message } => write!(f, "status {status}: {message}"),
            Self::Redirected { to } => write!(f, "the server points elsewhere, to {to}"),
            Self::Malformed(what) => write!(f, "the answer is not Kestra's: {what}"),
            Self::TooLarge { limit } => {
                write!(f, "the answer is larger than the limit of {limit} bytes")
            }
            Self::Deadline { name, length, last } => {
                write!(f, "the {name} deadline of {length:?} passed")?;
                last.iter().try_for_each(|last| write!(f, "; last seen: {last}"))
            }
            Self::ConnectionRefused => f.write_str("connection refused"),
            Self::Tls(what) => write!(f, "no TLS connection: {what}"),
            Self::Connection(what) => write!(f, "no connection: {what}"),
            Self::Exited(how) => write!(f, "the process ended first: {how}"),
        }
    }
}

impl InfraCause for Error {
    fn advice(&self) -> Option<String> {
        self.failure().help.clone()
    }

    fn is_transient(&self) -> bool {
        self.failure().cause.is_transient()
    }
}

impl RequestCause {
    /// Whether it may be over by now: the server or the way to it broke in the middle.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Status { status, .. } => *status == 429 || *status >= 500,
            Self::Deadline { name, .. } => *name == "request",
            Self::ConnectionRefused | Self::Connection(_) => true,
            // A tunnel that was cut in the middle of an answer, too, but as likely not Kestra at all.
            Self::Malformed(_) | Self::Redirected { .. } | Self::TooLarge { .. } | Self::Tls(_) | Self::Exited(_) => {
                false
            }
        }
    }

    /// The likely reason and the cure. `origin` is scheme, host and port; `auth` is what was sent;
    /// `complaints` is what the server itself says against the credentials it
    /// was configured with.
    pub(super) fn help(&self, origin: &str, auth: &Auth, complaints: Option<&str>) -> Option<String> {
        let help = match self {
            Self::Status { status: 401, .. } => return Some(unauthorized(auth, complaints)),
            Self::Status { status: 403, .. } => format!(
                "the server knows {} but does not allow this; the Enterprise edition \
                 wants an API token or a session instead of basic authentication",
                auth.who()
            ),
            Self::Status { status: 415, .. } => {
                "this Kestra takes another content type here; is its version the one that its \
                 /api/v1/configs tells?"
                    .into()
            }
            Self::Status { status: 422, .. } => {
                "the server understood the flow and found it invalid; mend what its message \
                 names (a task type that is unknown there needs its plugin)"
                    .into()
            }
            Self::Status { status: 504, .. } => format!(
                "Kestra's executor, or a proxy before {origin}, did not answer in time: is the executor up, and is the \
                 server overloaded? see its log"
            ),
            Self::Status { status: 500.., .. } => {
                format!("the fault is on the side of {origin}: see its log")
            }
            Self::Redirected { .. } => {
                "redirects are not followed, since credentials are for one server; name the URL \
                 that Kestra itself answers at"
                    .into()
            }
            Self::Malformed(_) | Self::TooLarge { .. } => format!(
                "something other than Kestra's API may answer at {origin}, such as a proxy, a \
                 log-in page or another service on that port"
            ),
            Self::Deadline { name: "connect", .. } => {
                format!("{origin} does not answer at all: a firewall, a wrong address, a stopped host")
            }
            Self::Deadline { name: "execution", .. } => {
                "the execution has not ended: no worker takes it, a task waits or runs long; see \
                 the server's log, or allow more time"
                    .into()
            }
            Self::Deadline { .. } => {
                format!("{origin} is slow or overloaded; see its log, or allow more time")
            }
            Self::ConnectionRefused => format!(
                "nothing listens at {origin}: is Kestra up, the port right and the port-forward \
                 still open?"
            ),
            Self::Tls(_) => format!(
                "check that {origin} really speaks TLS and that its certificate is issued for \
                 that name by an authority this machine trusts"
            ),
            Self::Exited(_) => "the end of its log says why".into(),
            Self::Status { .. } | Self::Connection(_) => return None,
        };
        Some(help)
    }
}

/// The advice where none were sent; a command with flags for credentials adds them.
pub const ASKS_FOR_CREDENTIALS: &str = "this Kestra asks for a user name and a password, or an API token";

/// Kestra starts with credentials that break its rules and then ignores them, which looks like
/// a wrong password but is none.
fn unauthorized(auth: &Auth, complaints: Option<&str>) -> String {
    let says = complaints.map_or_else(String::new, |says| format!("the server says: {says}. "));
    let username = match auth {
        Auth::None => return format!("{says}{ASKS_FOR_CREDENTIALS}"),
        Auth::Token(_) => {
            return format!(
                "{says}the API token is not one of the server's, or has expired; the open-source server knows none and \
                 wants a user name and a password"
            );
        }
        Auth::Basic(credentials) => credentials.username(),
    };
    format!(
        "{says}either {username} and its password are not the configured ones \
         (kestra.server.basic-auth), or Kestra ignores those it was configured with, silently: \
         the user name must be an e-mail address, the password at least 8 characters with an \
         upper-case letter, a lower-case letter and a digit, each at most 256 characters"
    )
}
