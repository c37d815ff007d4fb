//! Containers that a dead run has left behind.

use std::time::Duration;

use futures::future::BoxFuture;

use super::daemon::Daemon;
use crate::ledger::{CleanError, Cleaned, Cleaner, RunId, Thing};
use crate::redact::Redactor;

/// The cleaner of containers. The daemon is asked only when there is one to remove.
#[derive(Clone, Copy, Debug, Default)]
pub struct Containers;

impl Cleaner for Containers {
    fn clean<'a>(&'a self, run: &'a RunId, thing: &'a Thing) -> Option<BoxFuture<'a, Result<Cleaned, CleanError>>> {
        let Thing::Container { name } = thing else {
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
            let daemon = Daemon::connect(Redactor::default().scrubber()).await.map_err(failed)?;
            // Nobody waits for what it would still have to say.
            let was_there = daemon.remove(name, Duration::ZERO).await.map_err(failed)?;
            Ok(if was_there { Cleaned::Removed } else { Cleaned::WasGone })
        }))
    }
}
