//! The Docker daemon: each call with a deadline, and its words scrubbed.

use std::fmt;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use testcontainers::bollard;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::models::{ContainerCreateBody, PortMap};
use testcontainers::bollard::query_parameters::{
    CreateContainerOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder, StopContainerOptionsBuilder,
    UploadToContainerOptionsBuilder,
};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::system::process::{ChildLog, Deadline, Scrub};

const CONNECT: Deadline = Deadline::seconds("the Docker daemon to answer", 5);
const INSPECT: Deadline = Deadline::seconds("Docker to inspect", 10);
const CREATE: Deadline = Deadline::seconds("Docker to create the container", 60);
const COPY: Deadline = Deadline::seconds("Docker to copy files into the container", 30);
const START: Deadline = Deadline::seconds("Docker to start the container", 60);
const STOP: Deadline = Deadline::seconds("Docker to stop the container", 20);
const REMOVE: Deadline = Deadline::seconds("Docker to remove the container", 30);
const GONE: u16 = 404;

/// A daemon that answered. Clones use one connection.
#[derive(Clone)]
pub struct DockerDaemon {
    api: bollard::Docker,
    scrub: Scrub,
}

/// A call that failed. It finishes "failed to …: ".
#[derive(Debug, thiserror::Error)]
#[error("{what}: {cause}")]
pub struct CallError {
    /// What was asked of the daemon.
    what: &'static str,
    cause: String,
    status: Option<u16>,
}

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
        let api = bollard::Docker::connect_with_defaults().map_err(|e| failure(what, &e, &scrub))?;
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

    /// Makes a container, without starting it.
    ///
    /// # Errors
    /// The daemon refuses it.
    pub async fn create(&self, name: &str, body: ContainerCreateBody) -> Result<(), CallError> {
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        let created = self.api.create_container(Some(options), body);
        self.call("create the container", CREATE, created).await.map(drop)
    }

    /// Unpacks a tar archive at a container's root.
    ///
    /// # Errors
    /// The daemon refuses it.
    pub async fn unpack(&self, name: &str, archive: Vec<u8>) -> Result<(), CallError> {
        let options = UploadToContainerOptionsBuilder::new().path("/").build();
        let body = bollard::body_full(archive.into());
        let copied = self.api.upload_to_container(name, Some(options), body);
        self.call("copy files into the container", COPY, copied).await
    }

    /// Starts a container.
    ///
    /// # Errors
    /// The daemon cannot, for example for want of the command in the image.
    pub async fn start(&self, name: &str) -> Result<(), CallError> {
        let started = self.api.start_container(name, None);
        self.call("start the container", START, started).await
    }

    /// Where a running container's ports are published.
    ///
    /// # Errors
    /// The container is gone.
    pub async fn ports(&self, name: &str) -> Result<PortMap, CallError> {
        let asked = self.api.inspect_container(name, None);
        let found = self.call("inspect the container", INSPECT, asked).await?;
        Ok(found.network_settings.and_then(|n| n.ports).unwrap_or_default())
    }

    /// Resolves when a container has ended, with a word on how. The future borrows nothing.
    pub fn exited(&self, name: &str) -> impl Future<Output = String> + Send + use<> {
        let (api, scrub, name) = (self.api.clone(), self.scrub.clone(), name.to_owned());
        async move {
            let mut waits = std::pin::pin!(api.wait_container(&name, None));
            match waits.next().await {
                Some(Ok(ended)) => format!("exit status: {}", ended.status_code),
                Some(Err(Error::DockerContainerWaitError { code, .. })) => format!("exit status: {code}"),
                Some(Err(e)) => scrub(&e.to_string()),
                None => "without a status".into(),
            }
        }
    }

    /// Brings what a container says into a log, until it ends.
    pub fn follow(&self, name: &str, log: ChildLog) -> JoinHandle<()> {
        let options = LogsOptionsBuilder::new().follow(true).stdout(true).stderr(true).build();
        let (api, name) = (self.api.clone(), name.to_owned());
        tokio::spawn(async move {
            let mut said = std::pin::pin!(api.logs(&name, Some(options)));
            while let Ok(Some(line)) = said.try_next().await {
                String::from_utf8_lossy(line.as_ref())
                    .lines()
                    .for_each(|line| log.push(line));
            }
            log.end();
        })
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
        f.debug_struct("Daemon").finish_non_exhaustive()
    }
}

/// Whether a daemon's address is not on this machine.
fn is_elsewhere(host: &str) -> bool {
    let Some((scheme, rest)) = host.split_once("://") else {
        return false;
    };
    let local = ["localhost", "127.", "[::1]"].iter().any(|name| rest.starts_with(name));
    !matches!(scheme, "unix" | "npipe") && !local
}

async fn within<T>(
    what: &'static str,
    deadline: Deadline,
    scrub: &Scrub,
    call: impl Future<Output = Result<T, Error>>,
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

fn failure(what: &'static str, error: &Error, scrub: &Scrub) -> CallError {
    let (status, cause) = match error {
        Error::DockerResponseServerError { status_code, message } => (Some(*status_code), message.clone()),
        other => {
            let mut words = vec![other.to_string()];
            let mut source = std::error::Error::source(other);
            while let Some(inner) = source {
                words.push(inner.to_string());
                source = inner.source();
            }
            words.retain(|word| !word.is_empty());
            words.dedup();
            let said = if words.is_empty() {
                "no answer".into()
            } else {
                words.join(": ")
            };
            (None, said)
        }
    };
    CallError {
        what,
        cause: scrub(&cause),
        status,
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
        ] {
            assert!(!is_elsewhere(host), "{host}");
        }
        for host in ["tcp://10.0.0.1:2375", "ssh://me@build", "https://docker:2376"] {
            assert!(is_elsewhere(host), "{host}");
        }
    }
}
