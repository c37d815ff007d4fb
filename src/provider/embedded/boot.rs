//! One Kestra as a child process, from its environment to its end.

use std::ffi::OsString;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Url;

use super::Launcher;
use super::build::Engine;
use crate::kestra::{Client, Limits, wait_healthy};
use crate::ledger::{LedgerError, Owned, TempDir, Thing};
use crate::plan::{Action, Installation};
use crate::process::{Command, Daemon};
use crate::provider::forecast::{Next, Node, Pod, next};
use crate::provider::{Installed, Site, evidence};
use crate::toolbox::Java;
use crate::verdict::Infra;

/// How long a Kestra may take to end before it is killed. All it holds is in memory and in a folder that
/// goes with it, so there is nothing to wait for.
const GRACE: Duration = Duration::from_millis(100);
/// The engine's main class and what it is asked to be.
pub(super) const STANDALONE: [&str; 3] = ["engine.Engine", "server", "standalone"];
/// A port that was free may be taken meanwhile: then the engine says so and is started again.
const TRIES: usize = 3;

/// A Kestra that runs, and what it runs with.
pub struct Running {
    node: Node,
    launcher: Launcher,
    release: Installation,
    pod: Pod,
    process: Process,
    client: Client,
    boot: Option<Duration>,
}

pub(super) struct Process {
    daemon: Daemon,
    owned: Owned,
    /// Configuration, storage and temporary files; gone with the process.
    folder: TempDir,
}

impl Running {
    pub(super) async fn start(
        site: &Site,
        node: Node,
        launcher: Launcher,
        installation: &Installation,
        pod: Pod,
    ) -> Result<Self, Infra> {
        let clock = Instant::now();
        let (process, client) = boot(site, &launcher, &installation.id, &pod).await?;
        Ok(Self {
            node,
            launcher,
            release: installation.bare(),
            pod,
            process,
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
    pub fn pod(&self) -> &Pod {
        &self.pod
    }

    /// The lines of the process's output that contain a text, scrubbed.
    pub fn lines(&self, text: &str) -> Vec<String> {
        self.process.daemon.log().lines_with(text)
    }

    /// Keeps its environment and its log, and says where.
    pub async fn evidence(&self, site: &Site) -> Option<String> {
        let gather = async || evidence::of_process(site, &self.release, &self.pod, self.process.daemon.log());
        evidence::keep(site, &self.release.id, gather).await
    }

    /// Does to the release what a cluster would: an upgrade restarts it when the
    /// pod's template changes, a changed Secret alone restarts nothing.
    ///
    /// # Errors
    /// [`Infra`] when the new process does not become healthy.
    pub async fn change(mut self: Box<Self>, site: &Site, action: &Action) -> Result<Installed, Infra> {
        match next(site, &self.node, &mut self.release, action, &self.pod).await {
            Ok(Next::Same) => Ok(Installed::Embedded(self)),
            Ok(Next::Never(outcome)) => {
                self.stop().await?;
                Ok(Installed::Never(outcome))
            }
            Ok(Next::Pod(pod)) => {
                self.process.stop(GRACE).await?;
                let started = Self::start(site, self.node, self.launcher, &self.release, *pod).await?;
                Ok(Installed::Embedded(Box::new(started)))
            }
            Err(infra) => {
                self.stop().await?;
                Err(infra)
            }
        }
    }

    /// Ends the process and waits until it is gone.
    ///
    /// # Errors
    /// [`Infra`] when it cannot be ended.
    pub async fn stop(self) -> Result<(), Infra> {
        self.process.stop(GRACE).await
    }
}

impl Process {
    /// Starts a child in a folder that is its own; nothing is left when that fails.
    pub(super) async fn spawn(site: &Site, command: Command, folder: TempDir, id: &str) -> Result<Self, Infra> {
        let command = command.dir(folder.path()).scrub(site.redactor.scrubber());
        let owned = site
            .ledger
            .own(Thing::Process {
                program: format!("Kestra of {id}"),
                process: None,
            })
            .await
            .map_err(ledger)?;
        let daemon = match command.spawn(None).await {
            Ok(daemon) => daemon,
            Err(e) => {
                owned.release().await.map_err(ledger)?;
                folder.remove().await.map_err(ledger)?;
                return Err(Infra::new("boot Kestra", e));
            }
        };
        if let Some(identity) = daemon.identity() {
            owned.started(identity.clone()).await.map_err(ledger)?;
        }
        Ok(Self { daemon, owned, folder })
    }

    /// Ends it and waits until it is gone.
    pub(super) async fn stop(self, grace: Duration) -> Result<(), Infra> {
        let infra = |e: &dyn std::fmt::Display| Infra::new("end Kestra", e);
        self.daemon.stop(grace).await.map_err(|e| infra(&e))?;
        self.owned.release().await.map_err(|e| infra(&e))?;
        self.folder.remove().await.map_err(|e| infra(&e))
    }
}

async fn boot(site: &Site, launcher: &Launcher, id: &str, pod: &Pod) -> Result<(Process, Client), Infra> {
    let mut tries = 1;
    loop {
        match once(site, launcher, id, pod).await {
            Err(infra) if infra.cause.contains("Address already in use") && tries < TRIES => tries += 1,
            other => return other,
        }
    }
}

async fn once(site: &Site, launcher: &Launcher, id: &str, pod: &Pod) -> Result<(Process, Client), Infra> {
    let io = |e: std::io::Error| Infra::new("prepare Kestra's files", e);
    let folder = site.ledger.temp_dir().await.map_err(ledger)?;
    let ports = Ports::free().map_err(io)?;
    let properties = properties(&ports, folder.path());
    let mut environment = environment(pod, folder.path()).map_err(io)?;
    let command = match launcher {
        Launcher::Engine { engine, java, aot } => {
            let aot = aot.as_ref().map(|f| format!("-XX:AOTCache={}", f.display()));
            java_command(engine, java)
                .map_err(io)?
                .args(aot)
                .args(&properties)
                .args(STANDALONE)
        }
        Launcher::Exec(path) => {
            add_java_options(&mut environment, &properties.join(" "));
            let config = environment
                .iter()
                .find(|(n, _)| n == "MICRONAUT_CONFIG_FILES")
                .map(|(_, v)| v.clone())
                .unwrap_or_default();
            Command::new(path)
                .args(["server", "standalone", "-c"])
                .arg(config)
                .env_clear()
        }
    };
    let process = Process::spawn(site, command.envs(environment), folder, id).await?;
    match healthy(site, &process, &ports).await {
        Ok(client) => Ok((process, client)),
        Err(infra) => {
            process.stop(GRACE).await?;
            Err(infra)
        }
    }
}

pub(super) async fn healthy(site: &Site, process: &Process, ports: &Ports) -> Result<Client, Infra> {
    let url = |port: u16| Url::parse(&format!("http://127.0.0.1:{port}/")).map_err(|e| Infra::new("boot Kestra", e));
    let log = process.daemon.log().clone();
    let exited = process.daemon.exited();
    let died = async move {
        let status = exited
            .await
            .map_or_else(|| "without a status".to_owned(), |s| s.to_string());
        format!("{status}; it said:\n{}", log.tail(12).join("\n"))
    };
    let management = url(ports.management)?;
    tokio::select! {
        up = wait_healthy(&management, site.boot, died) => up.map_err(|e| Infra::new("boot Kestra", e))?,
        () = site.cancel.cancelled() => return Err(Infra::new("boot Kestra", "interrupted")),
    }
    let scrub = site.redactor.scrubber();
    Client::connect(url(ports.http)?, site.credentials.clone(), Limits::default(), scrub)
        .await
        .map_err(|e| Infra {
            phase: "reach Kestra".into(),
            cause: e.to_string(),
            help: e.failure().help.clone(),
        })
}

/// The pod's environment, with its mounted files laid into `folder` and the configuration's paths
/// rewritten to them.
fn environment(pod: &Pod, folder: &Path) -> std::io::Result<Vec<(String, OsString)>> {
    let mut laid = Vec::new();
    for (n, file) in pod.files.iter().enumerate() {
        // One folder each: two paths in the container may end in the same name.
        let name = Path::new(&file.path).file_name().unwrap_or_default();
        let path = folder.join(format!("mount-{n}")).join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
        let mut out = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
        std::io::Write::write_all(&mut out, file.bytes.as_bytes())?;
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

fn add_java_options(environment: &mut Vec<(String, OsString)>, options: &str) {
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
pub(super) fn java_command(engine: &Engine, java: &Java) -> std::io::Result<Command> {
    Ok(Command::new(java.executable())
        .args([
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
            "-Xmx512m",
        ])
        .args(["-cp", &engine.class_path()?])
        .env_clear())
}

/// Our own settings, which beat what the environment and the configuration say.
pub(super) fn properties(ports: &Ports, folder: &Path) -> [String; 6] {
    let storage = folder.join("storage");
    [
        format!("-Dmicronaut.server.port={}", ports.http),
        format!("-Dendpoints.all.port={}", ports.management),
        format!("-Dengine.grpc.port={}", ports.grpc),
        // The engine's own property, and Kestra's for any other executable.
        format!("-Dengine.storage={}", storage.display()),
        format!("-Dkestra.storage.local.base-path={}", storage.display()),
        format!("-Djava.io.tmpdir={}", folder.display()),
    ]
}

/// Where a Kestra listens.
pub(super) struct Ports {
    http: u16,
    management: u16,
    grpc: u16,
}

impl Ports {
    /// Three ports that nobody listened on a moment ago.
    pub fn free() -> std::io::Result<Self> {
        // Bound together, so that they differ.
        let bound =
            [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| Ok((l.local_addr()?.port(), l))));
        let [http, management, grpc] = bound;
        let (http, management, grpc) = (http?, management?, grpc?);
        Ok(Self {
            http: http.0,
            management: management.0,
            grpc: grpc.0,
        })
    }
}

fn ledger(error: LedgerError) -> Infra {
    Infra::new("keep the ledger", error)
}
