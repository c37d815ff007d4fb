//! A Kestra as child processes, from its pods to its end.

use std::time::{Duration, Instant};

use super::Launcher;
use super::servers::Servers;
use crate::error::InfraError;
use crate::kestra::Client;
use crate::plan::{Action, Installation};
use crate::provider::forecast::{Next, NodeFacts, next};
use crate::provider::{Installed, Pods, RunContext, evidence};

/// A port that was free may be taken meanwhile: then the engine says so and is started again.
const TRIES: usize = 3;

/// A Kestra that runs, and what it runs with.
pub struct EmbeddedKestra {
    node: NodeFacts,
    launcher: Launcher,
    release: Installation,
    pods: Pods,
    servers: Servers,
    client: Client,
    boot: Option<Duration>,
}

impl EmbeddedKestra {
    pub(super) async fn start(
        site: &RunContext,
        node: NodeFacts,
        launcher: Launcher,
        installation: &Installation,
        pods: Pods,
    ) -> Result<Self, InfraError> {
        let clock = Instant::now();
        let (servers, client) = boot(site, &launcher, installation, &pods).await?;
        Ok(Self {
            node,
            launcher,
            release: installation.bare(),
            pods,
            servers,
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

    /// The pods as they run.
    pub fn pods(&self) -> &Pods {
        &self.pods
    }

    /// The lines of the processes' output that contain a text, scrubbed.
    pub fn lines(&self, text: &str) -> Vec<String> {
        self.servers.logs().flat_map(|(_, log)| log.lines_with(text)).collect()
    }

    /// Keeps the environments and the logs, and says where.
    pub async fn evidence(&self, site: &RunContext) -> Option<String> {
        let gather = async || {
            let pods = self.pods.each();
            let logs = self.servers.logs();
            let servers = logs.filter_map(|(role, log)| Some((role, *pods.get(&role)?, log)));
            evidence::of_servers(site, &self.release, servers)
        };
        evidence::keep(site, &self.release.id, gather).await
    }

    /// Does to the release what a cluster would: an upgrade restarts it when the
    /// pods' templates change, a changed Secret alone restarts nothing.
    ///
    /// # Errors
    /// [`InfraError`] when the new processes do not become healthy.
    pub async fn change(mut self: Box<Self>, site: &RunContext, action: &Action) -> Result<Installed, InfraError> {
        match next(site, &self.node, &mut self.release, action, &self.pods).await {
            Ok(Next::Same) => Ok(Installed::Embedded(self)),
            Ok(Next::Never(outcome)) => {
                self.stop().await?;
                Ok(Installed::Never(outcome))
            }
            Ok(Next::Pods(pods)) => {
                self.servers.stop().await?;
                let started = Self::start(site, self.node, self.launcher, &self.release, *pods).await?;
                Ok(Installed::Embedded(Box::new(started)))
            }
            Err(infra) => {
                self.stop().await?;
                Err(infra)
            }
        }
    }

    /// Ends the processes and waits until they are gone.
    ///
    /// # Errors
    /// [`InfraError`] when one cannot be ended.
    pub async fn stop(self) -> Result<(), InfraError> {
        self.servers.stop().await
    }
}

async fn boot(
    site: &RunContext,
    launcher: &Launcher,
    release: &Installation,
    pods: &Pods,
) -> Result<(Servers, Client), InfraError> {
    let mut tries = 1;
    loop {
        let mut servers = Servers::default();
        match servers.start(site, launcher, release, pods).await {
            Ok(client) => return Ok((servers, client)),
            Err(infra) => {
                servers.stop().await?;
                if !infra.cause.contains("Address already in use") || tries == TRIES {
                    return Err(infra);
                }
                tries += 1;
            }
        }
    }
}
