//! A Kestra as a container, from its creation to its removal.

use std::time::Duration;

use reqwest::Url;
use testcontainers::bollard::models::{HostConfig, PortBinding};
use testcontainers::core::logs::LogFrame;
use testcontainers::core::logs::consumer::LogConsumer;
use testcontainers::core::{ContainerPort, IntoContainerPort as _};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{
    ContainerAsync, ContainerRequest, CopyTargetOptions, GenericImage, ImageExt as _, ReuseDirective,
    TestcontainersError,
};
use tokio::time::sleep;

use super::daemon::{DockerDaemon, within};
use super::{ImageStarter, PHASE};
use crate::error::{During as _, InfraError};
use crate::kestra::{Client, Limits, wait_healthy};
use crate::oracle::environment::MountedFile;
use crate::plan::Installation;
use crate::provider::running::{Running, Servers, Starter};
use crate::provider::{Installed, KestraPod, Pods, Role, RunContext};
use crate::report::KeptInstallation;
use crate::scenario::Credentials;
use crate::system::ledger::{OwnedResource, ResourceGuard};
use crate::system::process::{ChildLog, Deadline};

/// How long Docker may take to create the container, to copy the files into it and to start it.
const START: Deadline = Deadline::seconds("Docker to start the container", 150);
/// How long a Kestra may take to end before it is killed; the engine needs one second.
const GRACE: Duration = Duration::from_secs(3);
const LOOPBACK: &str = "127.0.0.1";
const HTTP: u16 = 8080;
const MANAGEMENT: u16 = 8081;

/// A Kestra that runs as a container.
pub type DockerKestra = Running<ImageStarter>;

/// A container of ours, which may not have started yet.
pub struct DockerContainer {
    daemon: DockerDaemon,
    name: String,
    owned: ResourceGuard,
    log: ChildLog,
}

impl Starter for ImageStarter {
    type Servers = DockerContainer;

    async fn start(
        &self,
        site: &RunContext,
        installation: &Installation,
        pods: &Pods,
    ) -> Result<(DockerContainer, Client), InfraError> {
        let Pods::Standalone(pod) = pods else {
            return Err(InfraError::new(
                "start the container",
                "the values deploy Kestra's components apart, and --provider docker runs one container",
            )
            .help("use --provider embedded, or a cluster"));
        };
        let container = DockerContainer::own(site, &self.daemon, &installation.id).await?;
        let request = container.request(site, &self.image, installation, pod);
        let started = container
            .start(site, request, installation)
            .await
            .and_then(|client| self.is_the_one(client, installation));
        match started {
            Ok(client) => Ok((container, client)),
            Err(infra) => Err(container.lost(infra).await),
        }
    }

    fn installed(running: Box<Running<Self>>) -> Installed {
        Installed::Docker(running)
    }

    async fn close(self) -> Result<(), InfraError> {
        Ok(())
    }
}

impl ImageStarter {
    /// What is expected depends on the version, and an image may be called anything.
    fn is_the_one(&self, client: Client, installation: &Installation) -> Result<Client, InfraError> {
        let (named, serves) = (&installation.version, &client.server().version);
        if named == serves {
            return Ok(client);
        }
        let cause = format!(
            "the image {} serves Kestra {serves}, not {}",
            self.image, installation.kestra
        );
        Err(InfraError::new("boot Kestra", cause)
            .help(format!("name it: --kestra official@{serves} --image {}", self.image)))
    }
}

impl Running<ImageStarter> {
    /// Leaves the container to whoever wants to look at it, and tells how.
    ///
    /// # Errors
    /// [`InfraError`] when the ledger cannot be written; `clean` finds the container all the same.
    pub async fn keep(self, site: &RunContext) -> Result<(), InfraError> {
        let DockerContainer { name, owned, .. } = self.servers;
        let mut reach = vec![
            format!("docker logs {name}"),
            format!("docker exec -it {name} sh"),
            format!("docker port {name} {HTTP}  # where its UI is"),
        ];
        let files = self.pods.of_tasks().files.iter().map(|f| &f.path);
        reach
            .extend(files.map(|path| format!("docker exec {name} cat {path}  # its configuration, user and password")));
        site.keeping.add(KeptInstallation {
            installation: self.release.id,
            reach,
        });
        Ok(owned.keep().await?)
    }
}

impl Servers for DockerContainer {
    fn logs(&self) -> impl Iterator<Item = (Role, &ChildLog)> {
        [(Role::Standalone, &self.log)].into_iter()
    }

    /// By the name in the ledger and not by testcontainers' handle: that has no grace and no deadline, and there is
    /// no handle of a container that was created but could not be started.
    async fn stop(self) -> Result<(), InfraError> {
        self.daemon.remove(&self.name, GRACE).await.during(PHASE)?;
        Ok(self.owned.release().await?)
    }
}

impl DockerContainer {
    /// Writes a container's name down before there is one.
    async fn own(site: &RunContext, daemon: &DockerDaemon, id: &str) -> Result<Self, InfraError> {
        let name = format!("{}{id}", site.ledger.run().prefix());
        let owned = site
            .ledger
            .register(OwnedResource::Container { name: name.clone() })
            .await;
        Ok(Self {
            daemon: daemon.clone(),
            log: ChildLog::new(site.redactor.scrubber(), None),
            name,
            owned: owned?,
        })
    }

    /// What runs: the image with the pod's environment, files and command.
    fn request(
        &self,
        site: &RunContext,
        image: &str,
        installation: &Installation,
        pod: &KestraPod,
    ) -> ContainerRequest<GenericImage> {
        // As text, for the daemon's API is JSON; what a kubelet would not have handed on is not here.
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut command = pod.command.iter().map(|word| text(word.as_bytes()));
        // testcontainers puts the two together again, whatever they are; a digest's colon does as well as a tag's.
        let (name, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
        let mut request = GenericImage::new(name, tag)
            .with_exposed_port(HTTP.tcp())
            .with_exposed_port(MANAGEMENT.tcp())
            // It takes one word for the entrypoint. Docker appends the command to it, which is the same.
            .with_entrypoint(&command.next().unwrap_or_default())
            .with_cmd(command)
            .with_container_name(&self.name)
            .with_label("kestra-secrets.run", &site.run)
            .with_label("kestra-secrets.installation", &installation.id)
            // It would publish the ports on every network of this machine, and the password is in the values.
            .with_host_config_modifier(publish_on_loopback)
            // Its handle removes the container when it is dropped, without anybody waiting for it. Ours goes when the
            // ledger says so, or stays. A run's names are its own, so that none is really used again.
            .with_reuse(ReuseDirective::Always)
            .with_log_consumer(LogSink(self.log.clone()))
            .with_startup_timeout(START.limit);
        for variable in &pod.environment.variables {
            request = request.with_env_var(&variable.name, text(variable.value.as_bytes()));
        }
        with_files(request, &pod.files)
    }

    /// Starts it and waits until Kestra answers.
    async fn start(
        &self,
        site: &RunContext,
        request: ContainerRequest<GenericImage>,
        installation: &Installation,
    ) -> Result<Client, InfraError> {
        // Not to be interrupted: the daemon may still create what nobody waits for, after it was removed.
        let scrub = site.redactor.scrubber();
        let container = within("run the image", START, &scrub, request.start())
            .await
            .during(PHASE)?;
        site.observer.waiting(&installation.id, "Kestra to become healthy");
        tokio::select! {
            client = self.connect(site, &container, site.credentials(installation)) => client,
            () = site.cancel.cancelled() => Err(InfraError::new("boot Kestra", "interrupted")),
        }
    }

    async fn connect(
        &self,
        site: &RunContext,
        container: &ContainerAsync<GenericImage>,
        credentials: Credentials,
    ) -> Result<Client, InfraError> {
        let (http, management) = match (url(container, HTTP).await, url(container, MANAGEMENT).await) {
            (Ok(http), Ok(management)) => (http, management),
            // A container that has ended has no ports: then how it ended says more.
            (Err(e), _) | (_, Err(e)) => {
                let cause = if matches!(container.exit_code().await, Ok(Some(_))) {
                    self.died(container).await
                } else {
                    e.to_string()
                };
                return Err(InfraError::new("boot Kestra", cause));
            }
        };
        // Not by testcontainers' conditions: this one ends with the container, tells its last words, and can be
        // interrupted.
        wait_healthy(&management, site.boot, self.died(container))
            .await
            .map_err(|e| InfraError::new("boot Kestra", e))?;
        Client::connect(http, credentials, Limits::default(), site.redactor.scrubber())
            .await
            .during("reach Kestra")
    }

    /// Resolves when the container has ended, with its last words.
    async fn died(&self, container: &ContainerAsync<GenericImage>) -> String {
        self.log.ended().await;
        loop {
            match container.exit_code().await {
                Ok(Some(code)) => {
                    let words = self.log.last_words(12).join("\n");
                    return format!("exit status: {code}; it said:\n{words}");
                }
                // The log ends a moment before the container, and at once where the daemon's log driver keeps none.
                Ok(None) | Err(_) => sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// Removes it because of a failure, which goes before what its removal may fail with.
    async fn lost(self, why: InfraError) -> InfraError {
        if let Err(e) = self.stop().await {
            tracing::warn!("{e}");
        }
        why
    }
}

/// Brings what a container says into a log, which ends with it: testcontainers drops a consumer when there is no more.
struct LogSink(ChildLog);

impl LogConsumer for LogSink {
    fn accept<'a>(&'a self, frame: &'a LogFrame) -> futures::future::BoxFuture<'a, ()> {
        String::from_utf8_lossy(frame.bytes())
            .lines()
            .for_each(|line| self.0.push(line));
        Box::pin(std::future::ready(()))
    }
}

impl Drop for LogSink {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The mounted files at their paths; owned by root and readable by all, as in a pod.
fn with_files(request: ContainerRequest<GenericImage>, files: &[MountedFile]) -> ContainerRequest<GenericImage> {
    files.iter().fold(request, |request, file| {
        let target = CopyTargetOptions::new(&file.path).with_mode(0o644);
        request.with_copy_to(target, file.bytes.as_bytes().to_vec())
    })
}

/// On ports of the loopback interface that are free, and on no other.
fn publish_on_loopback(host: &mut HostConfig) {
    let binding = PortBinding {
        host_ip: Some(LOOPBACK.into()),
        host_port: None,
    };
    let ports = [HTTP, MANAGEMENT].map(|port| (format!("{port}/tcp"), Some(vec![binding.clone()])));
    host.publish_all_ports = Some(false);
    host.port_bindings = Some(ports.into());
}

async fn url(container: &ContainerAsync<GenericImage>, port: u16) -> Result<Url, TestcontainersError> {
    let bound = container.get_host_port_ipv4(ContainerPort::Tcp(port)).await?;
    Url::parse(&format!("http://{LOOPBACK}:{bound}/")).map_err(TestcontainersError::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::environment::{ObjectKind, ObjectRef};

    #[test]
    fn mounted_files_are_copied_to_their_paths_for_everybody_to_read() {
        let long = format!("/app/{}/x.yml", "long".repeat(50));
        let paths = ["/app/confs/_default.yml", &long];
        let files = paths.map(|path| MountedFile {
            path: path.to_owned(),
            bytes: b"a: 1".to_vec().into(),
            object: ObjectRef {
                kind: ObjectKind::ConfigMap,
                name: "kestra".into(),
            },
            key: "x".into(),
        });
        let request = with_files(GenericImage::new("kestra", "latest").into(), &files);
        let copied: Vec<_> = request.copy_to_sources().map(|copy| format!("{copy:?}")).collect();
        assert_eq!(copied.len(), 2);
        for (copy, path) in copied.iter().zip(paths) {
            assert!(copy.contains(&format!("{path:?}, mode: Some(420)")), "{copy}");
            assert!(copy.contains(&format!("{:?}", b"a: 1")), "{copy}");
        }
    }

    #[test]
    fn ports_are_published_on_the_loopback_interface_alone() {
        let mut host = HostConfig {
            publish_all_ports: Some(true),
            ..HostConfig::default()
        };
        publish_on_loopback(&mut host);
        assert_eq!(host.publish_all_ports, Some(false));
        let ports = host.port_bindings.unwrap();
        assert_eq!(ports.len(), 2);
        for binding in ports.values().flatten().flatten() {
            assert_eq!(binding.host_ip.as_deref(), Some("127.0.0.1"));
        }
    }
}
