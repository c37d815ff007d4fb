//! The processes of one installation: one that is all of Kestra, or one for each role and the database that
//! they share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::{join_all, try_join_all};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::Launcher;
use super::process::{KestraProcess, Ports, add_java_options, connect, environment, java_command, properties};
use crate::error::{During as _, InfraError};
use crate::kestra::Client;
use crate::plan::Installation;
use crate::provider::running::Servers;
use crate::provider::{KestraPod, Pods, Role, RunContext};
use crate::system::process::{ChildLog, Command};

/// How long a Kestra may take to end before it is killed. All it holds is in memory and in a folder that
/// goes with it, so there is nothing to wait for.
const GRACE: Duration = Duration::from_millis(100);
/// The same of a Kestra whose database another one opens afterwards: a few seconds on a quiet machine.
const GRACE_TO_CLOSE: Duration = Duration::from_secs(30);
/// H2's own server says where it listens within a second on a quiet machine.
const DATABASE: Duration = Duration::from_secs(60);

/// What is done before a server starts.
const FILES: &str = "prepare Kestra's files";

/// A distributed Kestra takes the room of several: only one at a time.
static APART: Semaphore = Semaphore::const_new(1);

/// Servers that run; [`stop`](Self::stop) them, whether they all came up or not.
#[derive(Default)]
pub struct ServerProcesses {
    each: BTreeMap<Role, KestraProcess>,
    database: Option<KestraProcess>,
    turn: Option<SemaphorePermit<'static>>,
    /// Where the database and the internal storage are that outlive them.
    kept: Option<PathBuf>,
}

impl ServerProcesses {
    /// Those that leave their database and their internal storage in a folder.
    pub(super) fn keeping(folder: Option<&Path>) -> Self {
        Self {
            kept: folder.map(Path::to_owned),
            ..Self::default()
        }
    }

    /// Starts them all, waits until each is healthy, and reaches the one that answers.
    pub(super) async fn start(
        &mut self,
        site: &RunContext,
        launcher: &Launcher,
        release: &Installation,
        pods: &Pods,
    ) -> Result<Client, InfraError> {
        let id = release.id.as_str();
        let each = pods.each();
        let shared = match pods {
            Pods::Standalone(_) => self.kept.as_deref().map(kept_properties).unwrap_or_default(),
            Pods::Distributed { .. } => self.share(site, launcher, id).await?,
        };
        let free = Ports::free(each.len()).during(FILES)?;
        let mut ports: BTreeMap<Role, Ports> = each.keys().copied().zip(free).collect();
        // A worker has no controller of its own; since 2.0 the web server brings one.
        let controller = ports
            .get(&Role::Controller)
            .or(ports.get(&Role::Webserver))
            .map(|p| p.grpc);
        if let (Some(worker), Some(controller)) = (ports.get_mut(&Role::Worker), controller) {
            worker.grpc = controller;
        }
        for (role, pod) in each {
            let process = spawn(site, launcher, id, (role, pod), ports[&role], &shared).await?;
            self.each.insert(role, process);
        }
        site.observer.waiting(id, "Kestra to become healthy");
        try_join_all(self.each.iter().map(async |(role, process)| {
            process.healthy(site, ports[role]).await.map_err(|infra| match role {
                Role::Standalone => infra,
                role => infra.reworded(|cause| format!("the {role}: {cause}")),
            })
        }))
        .await?;
        let answers = ports.get(&Role::Standalone).or(ports.get(&Role::Webserver));
        match answers {
            Some(ports) => connect(site, site.credentials(release), *ports).await,
            None => Err(InfraError::new("reach Kestra", "no server answers REST")),
        }
    }

    /// Starts H2's own server; what every other one is to be started with, so that it uses this.
    async fn share(&mut self, site: &RunContext, launcher: &Launcher, id: &str) -> Result<Vec<String>, InfraError> {
        const PHASE: &str = "start the database";
        let Launcher::Engine { engine, java, aot } = launcher else {
            return Err(InfraError::new(
                "boot Kestra",
                "the values deploy Kestra's components apart, and a Kestra that is a file runs as one server here",
            )
            .help("take an engine, such as --kestra engine@2.0.0, or a cluster"));
        };
        self.turn = APART.acquire().await.ok();
        let folder = site.ledger.temp_dir().await?;
        let storage = folder.path().join("storage");
        let command = java_command(engine, java)
            .args(aot.as_ref().map(|f| format!("-XX:AOTCache={}", f.display())))
            .arg("-Dh2.bindAddress=127.0.0.1")
            .args(["org.h2.tools.Server", "-tcp", "-tcpPort", "0", "-ifNotExists"]);
        let process = KestraProcess::spawn(site, command, folder, format!("the database of {id}")).await?;
        let database = self.database.insert(process);
        let listens = database.log().wait_for(|line| {
            let (_, address) = line.split_once("tcp://")?;
            Some(address.split_whitespace().next()?.to_owned())
        });
        let address = tokio::select! {
            address = timeout(DATABASE, listens) => address,
            () = site.cancel.cancelled() => return Err(InfraError::new(PHASE, "interrupted")),
        };
        let address = match address {
            Ok(Some(address)) => address,
            Ok(None) => return Err(InfraError::new(PHASE, database.died().await)),
            Err(_) => {
                let cause = format!("it did not listen within {} s", DATABASE.as_secs());
                return Err(InfraError::new(PHASE, cause));
            }
        };
        Ok(vec![
            format!(
                "-Ddatasources.h2.url=jdbc:h2:tcp://{address}/mem:public;TIME ZONE=UTC;DB_CLOSE_DELAY=-1;DB_CLOSE_ON_EXIT=FALSE"
            ),
            format!("-Dengine.storage={}", storage.display()),
        ])
    }
}

impl Servers for ServerProcesses {
    fn logs(&self) -> impl Iterator<Item = (Role, &ChildLog)> {
        self.each.iter().map(|(role, process)| (*role, process.log()))
    }

    async fn stop(self) -> Result<(), InfraError> {
        let all = self.each.into_values().chain(self.database);
        let grace = if self.kept.is_some() { GRACE_TO_CLOSE } else { GRACE };
        let ended = join_all(all.map(|process| process.stop(grace))).await;
        ended.into_iter().collect()
    }
}

/// What has a server use a database and a storage that are there before and after it.
fn kept_properties(folder: &Path) -> Vec<String> {
    let (database, storage) = (folder.join("h2"), folder.join("storage"));
    let (database, storage) = (database.display(), storage.display());
    vec![
        format!("-Ddatasources.h2.url=jdbc:h2:file:{database};TIME ZONE=UTC"),
        format!("-Dengine.storage={storage}"),
        format!("-Dkestra.storage.local.base-path={storage}"),
    ]
}

async fn spawn(
    site: &RunContext,
    launcher: &Launcher,
    id: &str,
    (role, pod): (Role, &KestraPod),
    ports: Ports,
    shared: &[String],
) -> Result<KestraProcess, InfraError> {
    let folder = site.ledger.temp_dir().await?;
    let mut properties = properties(ports, folder.path());
    // Of two that are the same Java takes the later one.
    properties.extend_from_slice(shared);
    let mut environment = environment(pod, folder.path()).during(FILES)?;
    let command = match launcher {
        Launcher::Engine { engine, java, aot } => java_command(engine, java)
            .args(aot.as_ref().map(|f| format!("-XX:AOTCache={}", f.display())))
            .args(&properties)
            .args(["engine.Engine", "server", role.name()]),
        Launcher::Exec(path) => {
            add_java_options(&mut environment, &properties.join(" "));
            // As the pod: MICRONAUT_CONFIG_FILES alone. A `-c` would beat the properties.
            Command::new(path).args(["server", role.name()]).env_clear()
        }
    };
    let program = match role {
        Role::Standalone => format!("Kestra of {id}"),
        role => format!("Kestra's {role} of {id}"),
    };
    KestraProcess::spawn(site, command.envs(environment), folder, program).await
}
