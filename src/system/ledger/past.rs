//! What earlier runs left behind.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::BoxFuture;

use super::{Header, LedgerError, OwnedResource, Record, RunId, append, blocking, host, io_error, runs_dir};

/// Another run that has a file: one that goes on, or one that was killed.
#[derive(Debug)]
pub struct PastRun {
    /// Which run.
    pub run: RunId,
    /// Whether that process still lives.
    pub owner: Owner,
    path: PathBuf,
    pub(super) things: BTreeMap<u64, OwnedResource>,
}

/// What has become of the process that owns a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// It runs: what it owns is in use.
    Alive,
    /// It is gone: what it owned is stale.
    Gone,
    /// It ran on another machine, or in a container, of this name, where we cannot look.
    Elsewhere(String),
}

/// How a thing was got rid of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleaned {
    /// It was there and was removed.
    Removed,
    /// It was not there any more.
    WasGone,
}

/// Why a stale thing is still there.
#[derive(Debug, thiserror::Error)]
pub enum CleanError {
    /// No cleaner knows its kind.
    #[error("failed to clean up {0}: nothing here knows how")]
    NoCleaner(OwnedResource),
    /// It should not be removed, as it is not named as a run names its things.
    #[error("failed to clean up {thing}: its name does not begin with {prefix}, so it may not be ours")]
    NotOurs {
        /// What it is.
        thing: OwnedResource,
        /// What its name should begin with.
        prefix: String,
    },
    /// Removing it failed.
    #[error("failed to clean up {thing}: {source}")]
    Failed {
        /// What it is.
        thing: OwnedResource,
        /// Why it is still there.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Removes things of some kinds that a dead run has left behind.
pub trait Cleaner: Send + Sync {
    /// Removes the thing; `None` if its kind is not this cleaner's. A thing that is not there any
    /// more is no error.
    fn clean<'a>(
        &'a self,
        run: &'a RunId,
        thing: &'a OwnedResource,
    ) -> Option<BoxFuture<'a, Result<Cleaned, CleanError>>>;
}

/// How long the kernel may take to end what was killed.
const DYING: Duration = Duration::from_secs(10);

/// The cleaner of processes and directories of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Local;

impl Cleaner for Local {
    fn clean<'a>(
        &'a self,
        run: &'a RunId,
        thing: &'a OwnedResource,
    ) -> Option<BoxFuture<'a, Result<Cleaned, CleanError>>> {
        let failed = |source: io::Error| CleanError::Failed {
            thing: thing.clone(),
            source: source.into(),
        };
        let cleaned = |was_there| {
            if was_there { Cleaned::Removed } else { Cleaned::WasGone }
        };
        match thing {
            OwnedResource::Process { process, .. } => Some(Box::pin(async move {
                // One that was never written down was killed by the kernel with its parent.
                let Some(process) = process else {
                    return Ok(Cleaned::WasGone);
                };
                let killed = process.kill_group().map_err(failed)?;
                if !process.gone_within(DYING).await {
                    return Err(failed(io::Error::other("it was killed and does not end")));
                }
                Ok(cleaned(killed))
            })),
            OwnedResource::Directory { path } => Some(Box::pin(async move {
                let prefix = run.prefix();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if !path.is_absolute() || !name.starts_with(&prefix) {
                    return Err(CleanError::NotOurs {
                        thing: thing.clone(),
                        prefix,
                    });
                }
                remove_dir(path).map(cleaned).map_err(failed)
            })),
            _ => None,
        }
    }
}

/// Removes a directory with all it holds, and says whether it was there.
pub(super) fn remove_dir(path: &Path) -> io::Result<bool> {
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// All runs that have a file in the user's state directory, this one among them.
///
/// # Errors
/// There is no state directory, or it cannot be read.
pub async fn past_runs() -> Result<Vec<PastRun>, LedgerError> {
    past_runs_in(runs_dir()?).await
}

/// All runs that have a file in a directory, which need not be there.
///
/// # Errors
/// The directory cannot be read. A file that cannot be is skipped with a warning.
pub async fn past_runs_in(dir: impl Into<PathBuf>) -> Result<Vec<PastRun>, LedgerError> {
    let dir = dir.into();
    blocking(move || {
        let files = match fs::read_dir(&dir) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            files => files.map_err(io_error("read", &dir))?,
        };
        let mut runs = Vec::new();
        for file in files {
            let path = file.map_err(io_error("read", &dir))?.path();
            if path.extension().is_none_or(|extension| extension != "jsonl") {
                continue;
            }
            match PastRun::read(&path) {
                Ok(run) => runs.push(run),
                // It ended since the directory was listed.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => tracing::warn!(path = %path.display(), "not a ledger: {e}"),
            }
        }
        runs.sort_by(|a, b| a.run.cmp(&b.run));
        Ok(runs)
    })
    .await
}

impl PastRun {
    /// Whether its owner is known to be gone.
    pub fn is_stale(&self) -> bool {
        self.owner == Owner::Gone
    }

    /// Removes what it owned, the last made first, and its file when nothing is left.
    ///
    /// Each thing is struck out as it goes, so that cleaning may be interrupted and repeated.
    ///
    /// # Errors
    /// The file cannot be written. That a thing could not be removed is told beside it.
    pub async fn clean(
        self,
        cleaners: &[&dyn Cleaner],
    ) -> Result<Vec<(OwnedResource, Result<Cleaned, CleanError>)>, LedgerError> {
        let mut results = Vec::new();
        for (entry, thing) in self.things.into_iter().rev() {
            let result = clean(&self.run, &thing, cleaners).await;
            if result.is_ok() {
                let path = self.path.clone();
                blocking(move || strike_out(&path, entry).map_err(io_error("write", &path))).await?;
            }
            results.push((thing, result));
        }
        if results.iter().all(|(_, result)| result.is_ok()) {
            match fs::remove_file(&self.path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(io_error("remove", &self.path)(e));
                }
                _ => {}
            }
        }
        Ok(results)
    }

    fn read(path: &Path) -> io::Result<Self> {
        let bytes = fs::read(path)?;
        let mut lines = bytes.split(|byte| *byte == b'\n');
        let header: Header = serde_json::from_slice(lines.next().unwrap_or_default())?;
        let mut things = BTreeMap::new();
        for line in lines {
            // A torn line is the last of what a killed process wrote, and may be skipped.
            match serde_json::from_slice(line) {
                Ok(Record::Own { entry, thing }) => drop(things.insert(entry, thing)),
                Ok(Record::Release { entry }) => drop(things.remove(&entry)),
                Err(_) => {}
            }
        }
        let owner = if header.host != host() {
            Owner::Elsewhere(header.host)
        } else if header.owner.is_alive() {
            Owner::Alive
        } else {
            Owner::Gone
        };
        let path = path.to_owned();
        Ok(Self {
            run: header.run,
            owner,
            path,
            things,
        })
    }
}

async fn clean(run: &RunId, thing: &OwnedResource, cleaners: &[&dyn Cleaner]) -> Result<Cleaned, CleanError> {
    match cleaners.iter().find_map(|cleaner| cleaner.clean(run, thing)) {
        Some(cleaning) => cleaning.await,
        None => Err(CleanError::NoCleaner(thing.clone())),
    }
}

fn strike_out(path: &Path, entry: u64) -> io::Result<()> {
    match OpenOptions::new().append(true).open(path) {
        Ok(file) => append(&file, &Record::Release { entry }),
        // Somebody else cleaned it up beside us.
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}
