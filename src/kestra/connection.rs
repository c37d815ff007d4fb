//! A connection to one origin, and why it failed: what requests and health checks share.

use super::error::RequestCause;
use crate::system::http::client_builder;
use crate::system::loopback::is_loopback;
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use reqwest::{Url, redirect};
use std::error::Error as StdError;
use std::io;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// A point in time that a call must be done by, the name it goes by when it passes, and how far
/// things had come by then.
pub(super) struct CallDeadline {
    name: &'static str,
    length: Duration,
    at: Instant,
    last: Option<String>,
}

impl CallDeadline {
    pub(super) fn start(name: &'static str, length: Duration) -> Self {
        Self {
            name,
            length,
            at: Instant::now() + length,
            last: None,
        }
    }

    pub(super) fn at(&self) -> Instant {
        self.at
    }

    pub(super) fn seen(&mut self, last: String) {
        self.last = Some(last);
    }

    pub(super) fn passed(&self) -> RequestCause {
        RequestCause::Deadline {
            name: self.name,
            length: self.length,
            last: self.last.clone(),
        }
    }
}

/// The pauses between two looks at a server, growing to half a second.
pub(super) struct Pauses(ExponentialBackoff);

impl Pauses {
    pub(super) fn new() -> Self {
        Self(
            ExponentialBuilder::default()
                .with_min_delay(Duration::from_millis(25))
                .with_max_delay(Duration::from_millis(500))
                .without_max_times()
                .build(),
        )
    }

    /// Waits for the next look; false when there is no time left for one.
    pub(super) async fn next_before(&mut self, deadline: Instant) -> bool {
        match self.0.next() {
            Some(pause) => timeout_at(deadline, sleep(pause)).await.is_ok(),
            None => false,
        }
    }
}

/// An HTTP client for one origin: redirects are not followed.
pub(super) fn client_for(url: &Url, connect: Duration) -> reqwest::Result<reqwest::Client> {
    let mut builder = client_builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(connect);
    if url.host_str().is_some_and(is_loopback) {
        builder = builder.no_proxy();
    }
    if url.scheme() == "http" {
        // Without redirects there will be no TLS, and loading the system's authorities takes
        // time, or fails where a machine has none.
        builder = builder.tls_certs_only([]);
    }
    builder.build()
}

/// What a request that got no answer failed of.
pub(super) fn classify(error: &reqwest::Error, connect: Duration, shown: impl Fn(&str) -> String) -> RequestCause {
    let text = shown(&chain(error));
    match sources(error).find_map(io_kind) {
        _ if error.is_timeout() => RequestCause::Deadline {
            name: "connect",
            length: connect,
            last: None,
        },
        Some(io::ErrorKind::ConnectionRefused) => RequestCause::ConnectionRefused,
        // What rustls finds wrong with the other side comes as invalid data.
        Some(io::ErrorKind::InvalidData) if error.is_connect() => RequestCause::Tls(text),
        _ => RequestCause::Connection(text),
    }
}

/// The kind of an I/O error, or of the one it wraps: a failed handshake comes wrapped.
fn io_kind(source: &(dyn StdError + 'static)) -> Option<io::ErrorKind> {
    let error = source.downcast_ref::<io::Error>()?;
    let inner = error.get_ref().and_then(|inner| io_kind(inner));
    Some(inner.unwrap_or_else(|| error.kind()))
}

/// The error's sources in one line. Its own first line only repeats the URL.
pub(super) fn chain(error: &reqwest::Error) -> String {
    let parts: Vec<String> = sources(error).map(ToString::to_string).collect();
    if parts.is_empty() {
        error.to_string()
    } else {
        parts.join(": ")
    }
}

fn sources<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(error.source(), |source| {
        let source: &'a (dyn StdError + 'static) = *source;
        source.source()
    })
}
