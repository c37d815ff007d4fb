//! A Kestra as child processes.

use super::Launcher;
use super::servers::ServerProcesses;
use crate::error::InfraError;
use crate::kestra::Client;
use crate::plan::Installation;
use crate::provider::running::{Running, Servers as _, Starter};
use crate::provider::{Installed, Pods, RunContext};

/// A port that was free may be taken meanwhile: then the engine says so and is started again.
const TRIES: usize = 3;

/// A Kestra that runs as child processes.
pub type EmbeddedKestra = Running<Launcher>;

impl Starter for Launcher {
    type Servers = ServerProcesses;

    async fn start(
        &self,
        site: &RunContext,
        installation: &Installation,
        pods: &Pods,
    ) -> Result<(ServerProcesses, Client), InfraError> {
        let mut tries = 1;
        loop {
            let mut servers = ServerProcesses::default();
            match servers.start(site, self, installation, pods).await {
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
}
