//! One Kestra as a container, from its creation to its removal.

use std::time::{Duration, Instant};

use reqwest::Url;
use testcontainers::bollard::models::{ContainerCreateBody, HostConfig, PortBinding, PortMap};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::daemon::DockerDaemon;
use super::{Image, infra};
use crate::error::InfraError;
use crate::kestra::{Client, Limits, wait_healthy};
use crate::oracle::environment::MountedFile;
use crate::plan::{Action, Installation};
use crate::provider::forecast::{Next, next};
use crate::provider::{Installed, KestraPod, Pods, Role, RunContext, evidence};
use crate::report::KeptInstallation;
use crate::scenario::Credentials;
use crate::system::ledger::{LedgerError, OwnedResource, ResourceGuard};
use crate::system::process::ChildLog;

/// How long a Kestra may take to end before it is killed; the engine needs one second.
const GRACE: Duration = Duration::from_secs(3);
/// How long the last words of a container that has ended may take to arrive.
const LAST_WORDS: Duration = Duration::from_secs(2);
const LOOPBACK: &str = "127.0.0.1";
const HTTP: &str = "8080/tcp";
const MANAGEMENT: &str = "8081/tcp";

/// A Kestra that runs, and what it runs with.
pub struct DockerKestra {
    daemon: DockerDaemon,
    image: Image,
    release: Installation,
    pods: Pods,
    container: DockerContainer,
    client: Client,
    boot: Option<Duration>,
}

struct DockerContainer {
    daemon: DockerDaemon,
    name: String,
    owned: ResourceGuard,
    log: ChildLog,
    follower: Option<JoinHandle<()>>,
}

impl DockerKestra {
    pub(super) async fn start(
        site: &RunContext,
        daemon: DockerDaemon,
        image: Image,
        installation: &Installation,
        pods: Pods,
    ) -> Result<Self, InfraError> {
        let Pods::Standalone(pod) = &pods else {
            return Err(InfraError::new(
                "start the container",
                "the values deploy Kestra's components apart, and --provider docker runs one container",
            )
            .help("use --provider embedded, or a cluster"));
        };
        let clock = Instant::now();
        let (container, client) = boot(site, &daemon, &image, installation, pod).await?;
        Ok(Self {
            daemon,
            image,
            release: installation.bare(),
            pods,
            container,
            client,
            boot: Some(clock.elapsed()),
        })
    }

    /// The server.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// How long Kestra took from its start to its first answer, once for each start.
    pub fn boot(&mut self) -> Option<Duration> {
        self.boot.take()
    }

    /// The pod as it runs.
    pub fn pods(&self) -> &Pods {
        &self.pods
    }

    /// The lines of the container's log that contain a text, scrubbed.
    pub fn lines(&self, text: &str) -> Vec<String> {
        self.container.log.lines_with(text)
    }

    /// Keeps its environment and its log, and says where.
    pub async fn evidence(&self, site: &RunContext) -> Option<String> {
        let gather = async || {
            let server = (Role::Standalone, self.pods.of_tasks(), &self.container.log);
            evidence::of_servers(site, &self.release, [server])
        };
        evidence::keep(site, &self.release.id, gather).await
    }

    /// Leaves the container to whoever wants to look at it, and tells how.
    ///
    /// # Errors
    /// [`InfraError`] when the ledger cannot be written; `clean` finds the container all the same.
    pub async fn keep(self, site: &RunContext) -> Result<(), InfraError> {
        let DockerContainer {
            name, owned, follower, ..
        } = self.container;
        let mut reach = vec![
            format!("docker logs {name}"),
            format!("docker exec -it {name} sh"),
            format!("docker port {name} 8080  # where its UI is"),
        ];
        let files = self.pods.of_tasks().files.iter().map(|f| &f.path);
        reach
            .extend(files.map(|path| format!("docker exec {name} cat {path}  # its configuration, user and password")));
        site.keeping.add(KeptInstallation {
            installation: self.release.id,
            reach,
        });
        if let Some(follower) = follower {
            follower.abort();
        }
        owned.keep().await.map_err(ledger)
    }

    /// Does to the release what a cluster would: an upgrade restarts it when the
    /// pod's template changes, a changed Secret alone restarts nothing.
    ///
    /// # Errors
    /// [`InfraError`] when the new container does not become healthy.
    pub async fn change(mut self: Box<Self>, site: &RunContext, action: &Action) -> Result<Installed, InfraError> {
        match next(site, &self.image.node, &mut self.release, action, &self.pods).await {
            Ok(Next::Same) => Ok(Installed::Docker(self)),
            Ok(Next::Never(outcome)) => {
                self.stop().await?;
                Ok(Installed::Never(outcome))
            }
            Ok(Next::Pods(pods)) => {
                self.container.remove().await?;
                let started = Self::start(site, self.daemon, self.image, &self.release, *pods).await?;
                Ok(Installed::Docker(Box::new(started)))
            }
            Err(infra) => {
                self.stop().await?;
                Err(infra)
            }
        }
    }

    /// Stops and removes the container and waits until it is gone.
    ///
    /// # Errors
    /// [`InfraError`] when it cannot be removed.
    pub async fn stop(self) -> Result<(), InfraError> {
        self.container.remove().await
    }
}

impl DockerContainer {
    /// Makes a container that does not run yet; nothing is left when that fails.
    async fn create(
        site: &RunContext,
        daemon: &DockerDaemon,
        id: &str,
        body: ContainerCreateBody,
    ) -> Result<Self, InfraError> {
        let name = format!("{}{id}", site.ledger.run().prefix());
        let owned = site
            .ledger
            .own(OwnedResource::Container { name: name.clone() })
            .await
            .map_err(ledger)?;
        let container = Self {
            daemon: daemon.clone(),
            log: ChildLog::new(site.redactor.scrubber(), None),
            follower: None,
            name,
            owned,
        };
        match daemon.create(&container.name, body).await {
            Ok(()) => Ok(container),
            Err(e) => Err(container.lost(infra(e)).await),
        }
    }

    /// Removes it and waits until it is gone.
    async fn remove(self) -> Result<(), InfraError> {
        self.daemon.remove(&self.name, GRACE).await.map_err(infra)?;
        if let Some(follower) = self.follower {
            follower.abort();
        }
        self.owned.release().await.map_err(ledger)
    }

    /// Removes it because of a failure, which goes before what its removal may fail with.
    async fn lost(self, why: InfraError) -> InfraError {
        if let Err(e) = self.remove().await {
            tracing::warn!("{e}");
        }
        why
    }

    /// Brings it up.
    async fn start(
        &mut self,
        site: &RunContext,
        credentials: Credentials,
        files: &[MountedFile],
    ) -> Result<Client, InfraError> {
        if !files.is_empty() {
            let archive = archive(files).map_err(|e| InfraError::new("prepare Kestra's files", e))?;
            self.daemon.unpack(&self.name, archive).await.map_err(infra)?;
        }
        self.daemon.start(&self.name).await.map_err(infra)?;
        let follower = self.follower.insert(self.daemon.follow(&self.name, self.log.clone()));
        let exited = self.daemon.exited(&self.name);
        let log = &self.log;
        let died = async move {
            let status = exited.await;
            // The log ends by itself, right after the container.
            let _ = timeout(LAST_WORDS, follower).await;
            format!("{status}; it said:\n{}", log.last_words(12).join("\n"))
        };
        let ports = self.daemon.ports(&self.name).await.map_err(infra)?;
        let (Some(http), Some(management)) = (url(&ports, HTTP), url(&ports, MANAGEMENT)) else {
            // A container that has ended has none: then how it ended says more.
            let why = timeout(site.boot, died).await;
            return Err(InfraError::new(
                "boot Kestra",
                why.unwrap_or_else(|_| "its ports are not published".into()),
            ));
        };
        wait_healthy(&management, site.boot, died)
            .await
            .map_err(|e| InfraError::new("boot Kestra", e))?;
        Client::connect(http, credentials, Limits::default(), site.redactor.scrubber())
            .await
            .map_err(|e| crate::kestra::infra("reach Kestra", &e))
    }
}

/// A container with a healthy Kestra in it; nothing is left when there is none.
async fn boot(
    site: &RunContext,
    daemon: &DockerDaemon,
    image: &Image,
    installation: &Installation,
    pod: &KestraPod,
) -> Result<(DockerContainer, Client), InfraError> {
    let body = body(site, image, installation, pod);
    let mut container = DockerContainer::create(site, daemon, &installation.id, body).await?;
    site.observer.waiting(&installation.id, "Kestra to become healthy");
    let started = tokio::select! {
        started = container.start(site, site.credentials(installation), &pod.files) => started,
        () = site.cancel.cancelled() => Err(InfraError::new("boot Kestra", "interrupted")),
    };
    let started = started.and_then(|client| is_the_one(client, image, installation));
    match started {
        Ok(client) => Ok((container, client)),
        Err(infra) => Err(container.lost(infra).await),
    }
}

/// What is expected depends on the version, and an image may be called anything.
fn is_the_one(client: Client, image: &Image, installation: &Installation) -> Result<Client, InfraError> {
    let (named, serves) = (&installation.version, &client.server().version);
    if named == serves {
        return Ok(client);
    }
    let cause = format!(
        "the image {} serves Kestra {serves}, not {}",
        image.name, installation.kestra
    );
    Err(InfraError::new("boot Kestra", cause)
        .help(format!("name it: --kestra official@{serves} --image {}", image.name)))
}

fn body(site: &RunContext, image: &Image, installation: &Installation, pod: &KestraPod) -> ContainerCreateBody {
    // As text, for the daemon's API is JSON; what a kubelet would not have handed on is not here.
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let environment = &pod.environment.variables;
    let binding = || {
        Some(vec![PortBinding {
            host_ip: Some(LOOPBACK.into()),
            // One that is free.
            host_port: None,
        }])
    };
    let labels = [
        ("kestra-secrets.run", site.run.clone()),
        ("kestra-secrets.installation", installation.id.clone()),
    ];
    ContainerCreateBody {
        image: Some(image.name.clone()),
        env: Some(
            environment
                .iter()
                .map(|v| format!("{}={}", v.name, text(v.value.as_bytes())))
                .collect(),
        ),
        entrypoint: Some(pod.command.iter().map(|word| text(word.as_bytes())).collect()),
        exposed_ports: Some(vec![HTTP.into(), MANAGEMENT.into()]),
        labels: Some(labels.map(|(k, v)| (k.to_owned(), v)).into()),
        host_config: Some(HostConfig {
            port_bindings: Some([HTTP, MANAGEMENT].map(|port| (port.to_owned(), binding())).into()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

/// The mounted files at their paths; owned by root and readable by all, as in a pod.
fn archive(files: &[MountedFile]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for file in files {
        let bytes = file.bytes.as_bytes();
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, file.path.trim_start_matches('/'), bytes)?;
    }
    archive.into_inner()
}

fn url(ports: &PortMap, port: &str) -> Option<Url> {
    let bound = ports.get(port)?.as_ref()?.first()?.host_port.as_ref()?;
    Url::parse(&format!("http://{LOOPBACK}:{bound}/")).ok()
}

// Taken by value to serve as a function for `map_err`.
#[allow(clippy::needless_pass_by_value)]
fn ledger(error: LedgerError) -> InfraError {
    InfraError::new("keep the ledger", error)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::oracle::environment::{ObjectKind, ObjectRef};

    #[test]
    fn mounted_files_lie_at_their_paths_for_everybody_to_read() {
        let long = format!("/app/{}/x.yml", "long".repeat(50));
        let files: Vec<_> = ["/app/confs/_default.yml", &long]
            .map(|path| MountedFile {
                path: path.to_owned(),
                bytes: b"a: 1".to_vec().into(),
                object: ObjectRef {
                    kind: ObjectKind::ConfigMap,
                    name: "kestra".into(),
                },
                key: "x".into(),
            })
            .into();
        let archive = archive(&files).unwrap();
        let mut archive = tar::Archive::new(&*archive);
        let found: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let mut text = String::new();
                entry.read_to_string(&mut text).unwrap();
                let path = entry.path().unwrap().display().to_string();
                (format!("/{path}"), entry.header().mode().unwrap(), text)
            })
            .collect();
        let wanted: Vec<_> = files
            .iter()
            .map(|f| (f.path.clone(), 0o644, "a: 1".to_owned()))
            .collect();
        assert_eq!(found, wanted);
    }
}
