//! The Docker daemon: each call with a deadline, and its words scrubbed. What testcontainers has no call for goes to
//! its own client: whether an image is there, without pulling it, and the removal of a container by its name, which
//! may be one of a run that is long dead.

use std::fmt;
use std::time::Duration;

use reqwest::Url;
use testcontainers::bollard;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::query_parameters::{RemoveContainerOptionsBuilder, StopContainerOptionsBuilder};
use testcontainers::core::client::docker_client_instance;
use tokio::time::timeout;

use crate::error::InfraCause;
use crate::system::loopback::is_loopback;
use crate::system::process::{Deadline, Scrub};

const CONNECT: Deadline = Deadline::seconds("the Docker daemon to answer", 5);
const INSPECT: Deadline = Deadline::seconds("Docker to inspect", 10);
const STOP: Deadline = Deadline::seconds("Docker to stop the container", 20);
const REMOVE: Deadline = Deadline::seconds("Docker to remove the container", 30);
const GONE: u16 = 404;

/// A daemon that answered. Clones use one connection.
#[derive(Clone)]
pub struct DockerDaemon {
    api: bollard::Docker,
    scrub: Scrub,
}

/// A call that failed.
#[derive(Debug, thiserror::Error)]
#[error("failed to {what}: {cause}")]
pub struct CallError {
    /// What was asked of the daemon.
    what: &'static str,
    cause: String,
    status: Option<u16>,
}

impl InfraCause for CallError {}

impl CallError {
    /// Whether what was asked about is not there.
    fn is_not_found(&self) -> bool {
        self.status == Some(GONE)
    }
}

impl DockerDaemon {
    /// Finds the daemon by `DOCKER_HOST`, or at its usual socket, and asks it for its version.
    ///
    /// # Errors
    /// Nobody answers there, or it is on another machine.
    pub async fn connect(scrub: Scrub) -> Result<Self, CallError> {
        let what = "reach the Docker daemon";
        if let Some(host) = std::env::var("DOCKER_HOST").ok().filter(|host| is_elsewhere(host)) {
            let cause = format!("DOCKER_HOST={host} is another machine, whose published ports cannot be reached here");
            return Err(CallError {
                what,
                cause,
                status: None,
            });
        }
        let api = within(what, CONNECT, &scrub, docker_client_instance()).await?;
        let api = within(what, CONNECT, &scrub, api.negotiate_version()).await?;
        Ok(Self { api, scrub })
    }

    /// The image's `ENV`, each `NAME=VALUE`; none when the daemon does not have the image.
    ///
    /// # Errors
    /// The daemon fails.
    pub async fn image_env(&self, image: &str) -> Result<Option<Vec<String>>, CallError> {
        let found = self
            .call("inspect the image", INSPECT, self.api.inspect_image(image))
            .await;
        match found {
            Ok(image) => Ok(Some(image.config.and_then(|c| c.env).unwrap_or_default())),
            Err(e) if e.is_not_found() => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Stops a container, allowing it some time, and removes it with its volumes; says whether it was there.
    ///
    /// # Errors
    /// It is still there.
    pub async fn remove(&self, name: &str, grace: Duration) -> Result<bool, CallError> {
        let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(seconds).build();
        let stopped = self.api.stop_container(name, Some(options));
        // One that cannot be stopped is killed by its removal.
        let stopped = self.call("stop the container", STOP, stopped).await;
        if let Err(e) = stopped.as_ref().map_err(|e| e.cause.as_str()) {
            tracing::debug!(name, "not stopped: {e}");
        }
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let removed = self.api.remove_container(name, Some(options));
        match self.call("remove the container", REMOVE, removed).await {
            Ok(()) => Ok(true),
            Err(e) if e.is_not_found() => Ok(false),
            Err(e) => Err(e),
        }
    }

    async fn call<T>(
        &self,
        what: &'static str,
        deadline: Deadline,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, CallError> {
        within(what, deadline, &self.scrub, call).await
    }
}

impl fmt::Debug for DockerDaemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerDaemon").finish_non_exhaustive()
    }
}

/// Whether a daemon's address is not on this machine.
fn is_elsewhere(host: &str) -> bool {
    let Some((scheme, _)) = host.split_once("://") else {
        return false;
    };
    let host = Url::parse(host).ok().and_then(|url| Some(url.host_str()?.to_owned()));
    !matches!(scheme, "unix" | "npipe") && !host.is_some_and(|host| is_loopback(&host))
}

/// A call of the daemon, within its deadline.
pub(super) async fn within<T, E: std::error::Error + 'static>(
    what: &'static str,
    deadline: Deadline,
    scrub: &Scrub,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, CallError> {
    match timeout(deadline.limit, call).await {
        Ok(answer) => answer.map_err(|e| failure(what, &e, scrub)),
        Err(_) => Err(CallError {
            what,
            cause: format!("{deadline} passed"),
            status: None,
        }),
    }
}

fn failure(what: &'static str, error: &(dyn std::error::Error + 'static), scrub: &Scrub) -> CallError {
    let (status, cause) = match error.downcast_ref() {
        Some(Error::DockerResponseServerError { status_code, message }) => (Some(*status_code), message.clone()),
        _ => (None, words(error)),
    };
    CallError {
        what,
        cause: scrub(&cause),
        status,
    }
}

/// An error and what is behind it; bollard's have no words of their own when nobody answers.
fn words(error: &dyn std::error::Error) -> String {
    let mut words = vec![error.to_string()];
    let mut source = error.source();
    while let Some(inner) = source {
        words.push(inner.to_string());
        source = inner.source();
    }
    words.retain(|word| !word.is_empty());
    words.dedup();
    if words.is_empty() {
        "no answer".into()
    } else {
        words.join(": ")
    }
}

#[cfg(test)]
mod tests {
    use super::is_elsewhere;

    #[test]
    fn a_daemon_on_another_machine_is_known_by_its_address() {
        for host in [
            "unix:///var/run/docker.sock",
            "tcp://127.0.0.1:2375",
            "tcp://localhost:2375",
            "tcp://[::1]:2375",
        ] {
            assert!(!is_elsewhere(host), "{host}");
        }
        for host in ["tcp://10.0.0.1:2375", "ssh://me@build", "https://docker:2376"] {
            assert!(is_elsewhere(host), "{host}");
        }
    }
}
