//! A Kestra as child processes.

use std::sync::Arc;

use super::launcher::Launchers;
use super::servers::ServerProcesses;
use crate::error::InfraError;
use crate::kestra::Client;
use crate::plan::Installation;
use crate::provider::running::{Running, Servers as _, Starter};
use crate::provider::{Installed, Pods, RunContext};
use crate::system::ledger::TempDir;

/// A port that was free may be taken meanwhile: then the engine says so and is started again.
const TRIES: usize = 3;

/// A Kestra that runs as child processes.
pub type EmbeddedKestra = Running<ProcessStarter>;

/// Starts the processes of one installation, of whichever Kestra it has come to.
pub struct ProcessStarter {
    pub(super) launchers: Arc<Launchers>,
    /// The database and the internal storage, where they outlive the servers.
    pub(super) kept: Option<TempDir>,
}

impl Starter for ProcessStarter {
    type Servers = ServerProcesses;

    async fn start(
        &self,
        site: &RunContext,
        installation: &Installation,
        pods: &Pods,
    ) -> Result<(ServerProcesses, Client), InfraError> {
        let launcher = self.launchers.get(site, &installation.kestra).await?;
        let mut tries = 1;
        loop {
            let mut servers = ServerProcesses::keeping(self.kept.as_ref().map(TempDir::path));
            match servers.start(site, launcher, installation, pods).await {
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

    fn installed(running: Box<Running<Self>>) -> Installed {
        Installed::Embedded(running)
    }

    async fn close(self) -> Result<(), InfraError> {
        match self.kept {
            Some(folder) => Ok(folder.remove().await?),
            None => Ok(()),
        }
    }
}
