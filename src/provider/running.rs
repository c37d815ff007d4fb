//! A Kestra that runs without a cluster, as processes or as a container: asked, changed and ended.

use std::time::{Duration, Instant};

use super::forecast::{NodeFacts, PodChange, predict_change};
use super::{Installed, Pods, Role, RunContext, evidence};
use crate::error::InfraError;
use crate::kestra::Client;
use crate::plan::{Action, Installation};
use crate::system::process::ChildLog;

/// Brings up the servers of one Kestra.
pub trait Starter: Sized {
    /// What then runs.
    type Servers: Servers;

    /// Starts an installation's pods and waits until Kestra answers; nothing is left when that fails.
    fn start(
        &self,
        site: &RunContext,
        installation: &Installation,
        pods: &Pods,
    ) -> impl Future<Output = Result<(Self::Servers, Client), InfraError>> + Send;

    /// What was started, as what every provider hands out.
    fn installed(running: Box<Running<Self>>) -> Installed;

    /// Removes what outlives the servers, once the last of them has ended.
    fn close(self) -> impl Future<Output = Result<(), InfraError>> + Send;
}

/// The servers of one Kestra, as they run.
pub trait Servers: Sized {
    /// The log of each.
    fn logs(&self) -> impl Iterator<Item = (Role, &ChildLog)>;

    /// Ends them all and waits until they are gone.
    fn stop(self) -> impl Future<Output = Result<(), InfraError>> + Send;
}

/// A Kestra that runs, and what it runs with.
pub struct Running<S: Starter> {
    node: NodeFacts,
    starter: S,
    pub(super) release: Installation,
    pub(super) pods: Pods,
    pub(super) servers: S::Servers,
    client: Client,
    boot: Option<Duration>,
}

impl<S: Starter> Running<S> {
    pub(super) async fn start(
        site: &RunContext,
        node: NodeFacts,
        starter: S,
        installation: &Installation,
        pods: Pods,
    ) -> Result<Self, InfraError> {
        let clock = Instant::now();
        let (servers, client) = match starter.start(site, installation, &pods).await {
            Ok(started) => started,
            Err(infra) => {
                starter.close().await?;
                return Err(infra);
            }
        };
        Ok(Self {
            node,
            starter,
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

    /// The lines of the servers' logs that contain a text, scrubbed.
    pub fn lines(&self, text: &str) -> Vec<String> {
        self.servers.logs().flat_map(|(_, log)| log.lines_with(text)).collect()
    }

    /// Keeps the environments and the logs, and says where.
    pub async fn evidence(&self, site: &RunContext) -> Option<String> {
        let gather = async || {
            let pods = self.pods.each();
            let servers = self.servers.logs();
            let servers = servers.filter_map(|(role, log)| Some((role, *pods.get(&role)?, log)));
            evidence::of_servers(site, &self.release, servers)
        };
        evidence::keep(site, &self.release.id, gather).await
    }

    /// Does to the release what a cluster would: an upgrade restarts it when the
    /// pods' templates change, a changed Secret alone restarts nothing.
    ///
    /// # Errors
    /// [`InfraError`] when the new servers do not become healthy.
    pub async fn change(mut self: Box<Self>, site: &RunContext, action: &Action) -> Result<Installed, InfraError> {
        match predict_change(site, &self.node, &mut self.release, action, &self.pods).await {
            Ok(PodChange::Same) => Ok(S::installed(self)),
            Ok(PodChange::WontStart(outcome)) => {
                self.stop().await?;
                Ok(Installed::WontStart(outcome))
            }
            Ok(PodChange::Pods(pods)) => {
                // Two at once would need twice the memory, and a container's name is taken until it is gone.
                self.servers.stop().await?;
                let started = Self::start(site, self.node, self.starter, &self.release, *pods).await?;
                Ok(S::installed(Box::new(started)))
            }
            Err(infra) => {
                self.stop().await?;
                Err(infra)
            }
        }
    }

    /// Ends the servers and waits until they are gone.
    ///
    /// # Errors
    /// [`InfraError`] when one cannot be ended.
    pub async fn stop(self) -> Result<(), InfraError> {
        self.servers.stop().await?;
        self.starter.close().await
    }
}
