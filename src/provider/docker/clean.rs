//! Containers that a dead run has left behind.

use std::time::Duration;

use futures::future::BoxFuture;

use super::daemon::DockerDaemon;
use crate::system::ledger::{CleanError, Cleaned, Cleaner, OwnedResource, RunId};
use crate::system::redact::Redactor;

/// The cleaner of containers. The daemon is asked only when there is one to remove.
#[derive(Clone, Copy, Debug, Default)]
pub struct Containers;

impl Cleaner for Containers {
    fn clean<'a>(
        &'a self,
        run: &'a RunId,
        thing: &'a OwnedResource,
    ) -> Option<BoxFuture<'a, Result<Cleaned, CleanError>>> {
        let OwnedResource::Container { name } = thing else {
            return None;
        };
        Some(Box::pin(async move {
            let prefix = run.prefix();
            if !name.starts_with(&prefix) {
                return Err(CleanError::NotOurs {
                    thing: thing.clone(),
                    prefix,
                });
            }
            let failed = |e: super::daemon::CallError| CleanError::Failed {
                thing: thing.clone(),
                source: e.into(),
            };
            let daemon = DockerDaemon::connect(Redactor::default().scrubber())
                .await
                .map_err(failed)?;
            // Nobody waits for what it would still have to say.
            let was_there = daemon.remove(name, Duration::ZERO).await.map_err(failed)?;
            Ok(if was_there { Cleaned::Removed } else { Cleaned::WasGone })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_container_that_is_not_named_as_ours_is_left_alone() {
        let run = RunId::random();
        let name = "somebodys-database".to_owned();
        let cleaned = Containers
            .clean(&run, &OwnedResource::Container { name })
            .unwrap()
            .await;
        assert!(matches!(cleaned, Err(CleanError::NotOurs { .. })), "{cleaned:?}");
        let name = "kind".to_owned();
        assert!(Containers.clean(&run, &OwnedResource::Cluster { name }).is_none());
    }
}
