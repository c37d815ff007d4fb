//! One child process of Kestra: its flags, its environment and files, its health, its end.

use std::ffi::OsString;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;
use std::time::Duration;

use fs_err::OpenOptions;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use reqwest::Url;

use super::build::Engine;
use crate::error::{During as _, InfraError};
use crate::kestra::{Client, Limits, wait_healthy};
use crate::provider::{KestraPod, RunContext};
use crate::scenario::Credentials;
use crate::system::ledger::{OwnedResource, ResourceGuard, TempDir};
use crate::system::process::{ChildLog, ChildProcess, Command};
use crate::tools::toolbox::Java;

/// How much of a process's log is told when it ended by itself.
const LAST_WORDS: usize = 12;

/// A child in a group of its own.
pub(super) struct KestraProcess {
    daemon: ChildProcess,
    owned: ResourceGuard,
    /// Configuration, storage and temporary files; gone with the process.
    folder: TempDir,
}

impl KestraProcess {
    /// Starts a child in a folder that is its own; nothing is left when that fails.
    pub(super) async fn spawn(
        site: &RunContext,
        command: Command,
        folder: TempDir,
        program: String,
    ) -> Result<Self, InfraError> {
        let command = command.dir(folder.path()).scrub(site.redactor.scrubber());
        let owned = site
            .ledger
            .register(OwnedResource::Process { program, process: None })
            .await?;
        let daemon = match command.spawn(None).await {
            Ok(daemon) => daemon,
            Err(e) => {
                owned.release().await?;
                folder.remove().await?;
                return Err(e).during("boot Kestra");
            }
        };
        if let Some(identity) = daemon.identity() {
            owned.started(identity.clone()).await?;
        }
        Ok(Self { daemon, owned, folder })
    }

    /// Ends it and waits until it is gone.
    pub(super) async fn stop(self, grace: Duration) -> Result<(), InfraError> {
        self.daemon.stop(grace).await.during("end Kestra")?;
        self.owned.release().await?;
        Ok(self.folder.remove().await?)
    }

    /// What it has said so far.
    pub(super) fn log(&self) -> &ChildLog {
        self.daemon.log()
    }

    /// Resolves when it has ended, with its last words.
    pub(super) fn died(&self) -> impl Future<Output = String> + use<> {
        let log = self.daemon.log().clone();
        let exited = self.daemon.exited();
        async move {
            let status = exited
                .await
                .map_or_else(|| "without a status".to_owned(), |s| s.to_string());
            format!("{status}; it said:\n{}", log.last_words(LAST_WORDS).join("\n"))
        }
    }

    /// Waits until it says that it is up.
    pub(super) async fn healthy(&self, site: &RunContext, ports: Ports) -> Result<(), InfraError> {
        let management = url(ports.management)?;
        tokio::select! {
            up = wait_healthy(&management, site.boot, self.died()) => up.map_err(|e| InfraError::new("boot Kestra", e)),
            () = site.cancel.cancelled() => Err(InfraError::new("boot Kestra", "interrupted")),
        }
    }
}

/// The server behind a port.
pub(super) async fn connect(site: &RunContext, credentials: Credentials, ports: Ports) -> Result<Client, InfraError> {
    let scrub = site.redactor.scrubber();
    Client::connect(url(ports.http)?, credentials, Limits::default(), scrub)
        .await
        .during("reach Kestra")
}

fn url(port: u16) -> Result<Url, InfraError> {
    Url::parse(&format!("http://127.0.0.1:{port}/")).map_err(|e| InfraError::new("boot Kestra", e))
}

/// The pod's environment, with its mounted files laid into `folder` and the configuration's paths
/// rewritten to them.
pub(super) fn environment(pod: &KestraPod, folder: &Path) -> std::io::Result<Vec<(String, OsString)>> {
    let mut laid = Vec::new();
    for (n, file) in pod.files.iter().enumerate() {
        // One folder each: two paths in the container may end in the same name.
        let name = Path::new(&file.path).file_name().unwrap_or_default();
        let path = folder.join(format!("mount-{n}")).join(name);
        fs_err::create_dir_all(path.parent().unwrap_or(folder))?;
        let mut only_ours = OpenOptions::new();
        only_ours.write(true).create_new(true).mode(0o600);
        only_ours.open(&path)?.write_all(file.bytes.as_bytes())?;
        laid.push((file.path.clone(), path));
    }
    let rewritten = |value: &[u8]| {
        let text = String::from_utf8_lossy(value);
        let paths = text.split(',').map(|p| {
            laid.iter()
                .find(|(was, _)| was == p.trim())
                .map_or(p.to_owned(), |(_, is)| is.display().to_string())
        });
        OsString::from(paths.collect::<Vec<_>>().join(","))
    };
    Ok(pod
        .environment
        .variables
        .iter()
        .map(|v| {
            let value = v.value.as_bytes();
            let value = if v.name == "MICRONAUT_CONFIG_FILES" {
                rewritten(value)
            } else {
                OsString::from_vec(value.to_vec())
            };
            (v.name.clone(), value)
        })
        .collect())
}

pub(super) fn add_java_options(environment: &mut Vec<(String, OsString)>, options: &str) {
    const NAME: &str = "JAVA_TOOL_OPTIONS";
    match environment.iter_mut().find(|(n, _)| n == NAME) {
        Some((_, value)) => {
            value.push(" ");
            value.push(options);
        }
        None => environment.push((NAME.into(), options.into())),
    }
}

/// The flags that boot the engine fastest on few cores; an AOT cache holds for just these.
pub(super) fn java_command(engine: &Engine, java: &Java) -> Command {
    Command::new(java.executable())
        .args([
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
            "-Xmx512m",
        ])
        .arg("-cp")
        .arg(engine.jar())
        .env_clear()
}

/// Our own settings, which beat what the environment and the configuration say.
pub(super) fn properties(ports: Ports, folder: &Path) -> Vec<String> {
    let Ports { http, management, grpc } = ports;
    let (folder, storage) = (folder.display(), folder.join("storage"));
    let storage = storage.display();
    let endpoint = "kestra.worker.controllers.static.endpoints[0]";
    // The engine's own properties, and Kestra's for any other executable.
    let engine = [
        format!("-Dengine.grpc.port={grpc}"),
        format!("-Dengine.storage={storage}"),
    ];
    let kestra = [
        format!("-Dmicronaut.server.port={http}"),
        format!("-Dendpoints.all.port={management}"),
        format!("-Dkestra.controller.port={grpc}"),
        format!("-D{endpoint}.host=localhost"),
        format!("-D{endpoint}.port={grpc}"),
        format!("-Dkestra.storage.local.base-path={storage}"),
        format!("-Dkestra.tasks.tmp-dir.path={folder}"),
        format!("-Djava.io.tmpdir={folder}"),
        // Kestra takes ~/.kestra/config.yml for a `-c`; a pod has none.
        format!("-Duser.home={folder}"),
    ];
    engine.into_iter().chain(kestra).collect()
}

/// Where a Kestra listens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    http: u16,
    management: u16,
    /// Where a controller is: this server's own, or for a worker the one it talks to.
    pub grpc: u16,
}

impl Ports {
    /// For each of several servers ports that nobody listened on a moment ago.
    pub fn free(servers: usize) -> std::io::Result<Vec<Self>> {
        // Bound together, so that they differ.
        let bound = (0..3 * servers)
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .collect::<std::io::Result<Vec<_>>>()?;
        let ports = bound
            .iter()
            .map(|listener| Ok(listener.local_addr()?.port()))
            .collect::<std::io::Result<Vec<_>>>()?;
        let (of_each, _) = ports.as_chunks();
        Ok(of_each
            .iter()
            .map(|&[http, management, grpc]| Self { http, management, grpc })
            .collect())
    }
}
