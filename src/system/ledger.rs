//! What this process owns, written down before it is made.
//!
//! Each run has a file of its own in the user's state directory,
//! `$XDG_STATE_HOME/kestra-secrets/runs/RUN.jsonl` (mode 0600). Its first line says which process
//! owns it; an entry is on the disk before the thing it names is made, and is struck out when the
//! thing is gone; the file goes when the run ends well. What a killed run leaves behind is
//! therefore always found: [`past_runs`] lists it, [`PastRun::clean`] removes it.
//!
//! Each record begins a new line, so that one torn by a kill spoils no other: a torn entry names
//! what was not made yet, a torn strike-out what is found gone when it is cleaned.

mod past;
mod resource;
mod run_id;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use etcetera::BaseStrategy as _;
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

pub use past::{CleanError, Cleaned, Cleaner, Local, PastRun, past_runs};
pub use resource::OwnedResource;
pub use run_id::RunId;

use crate::system::process::ProcessId;

/// Why something could not be written down.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// There is no home directory to keep the ledger in.
    #[error("failed to find the user's state directory: {0}; set HOME or XDG_STATE_HOME")]
    NoHome(#[from] etcetera::HomeDirError),
    /// The process table cannot be read.
    #[error("failed to learn which process this is: {0}; is /proc mounted?")]
    NoIdentity(io::Error),
    /// A file or directory could not be written, read or removed.
    #[error("failed to {doing} {path}: {source}")]
    Io {
        /// What was being done, such as `write`.
        doing: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The run ends, yet some of what it made is not gone.
    #[error("{}", left(.things))]
    StillOwned {
        /// The run.
        run: RunId,
        /// What it still owns.
        things: Vec<OwnedResource>,
    },
}

fn left(things: &[OwnedResource]) -> String {
    let listed = things.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let (are, them) = if things.len() == 1 {
        ("is", "it")
    } else {
        ("are", "them")
    };
    format!("{listed} {are} left; `kestra-secrets clean` removes {them}")
}

/// The first line of a run's file.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    run: RunId,
    owner: ProcessId,
    host: String,
}

/// Every other line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Record {
    /// The thing is about to be made, or is now better known.
    Own { entry: u64, thing: OwnedResource },
    /// The thing is gone.
    Release { entry: u64 },
}

/// The ledger of this run. Clones write to the same file.
#[derive(Clone, Debug)]
pub struct Ledger(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    run: RunId,
    path: PathBuf,
    book: Mutex<Book>,
}

#[derive(Debug)]
struct Book {
    file: File,
    next: u64,
    owned: BTreeMap<u64, OwnedResource>,
    /// Something stays beyond the run, for `clean` to remove.
    kept: bool,
}

impl Ledger {
    /// Opens the ledger of a new run in the user's state directory.
    ///
    /// # Errors
    /// There is no state directory, or it cannot be written.
    pub async fn open(run: RunId) -> Result<Self, LedgerError> {
        Self::open_in(runs_dir()?, run).await
    }

    /// Opens the ledger of a new run in a directory, which is made if it is not there.
    ///
    /// # Errors
    /// The directory cannot be written, or a run of that id is there.
    pub async fn open_in(dir: impl Into<PathBuf>, run: RunId) -> Result<Self, LedgerError> {
        let dir = dir.into();
        blocking(move || {
            let header = Header {
                run: run.clone(),
                owner: ProcessId::current().map_err(LedgerError::NoIdentity)?,
                host: host(),
            };
            let path = dir.join(format!("{run}.jsonl"));
            let file = create(&dir, &path, &header).map_err(io_error("create", &path))?;
            let book = Mutex::new(Book {
                file,
                next: 0,
                owned: BTreeMap::new(),
                kept: false,
            });
            Ok(Self(Arc::new(Inner { run, path, book })))
        })
        .await
    }

    /// The run.
    pub fn run(&self) -> &RunId {
        &self.0.run
    }

    /// Writes down a thing that is about to be made; when this returns, it is on the disk.
    ///
    /// # Errors
    /// It could not be written: do not make the thing.
    pub async fn register(&self, thing: OwnedResource) -> Result<ResourceGuard, LedgerError> {
        let ledger = self.clone();
        blocking(move || {
            let mut book = ledger.0.book();
            let entry = book.next;
            book.next += 1;
            ledger.0.own(&mut book, entry, thing)?;
            drop(book);
            Ok(ResourceGuard {
                ledger,
                entry,
                released: false,
            })
        })
        .await
    }

    /// Makes an empty directory that only this user may enter, in the system's temporary
    /// directory, and owns it.
    ///
    /// # Errors
    /// It could not be written down or made.
    pub async fn temp_dir(&self) -> Result<TempDir, LedgerError> {
        let name = format!("{}{:08x}", self.run().prefix(), rand::random::<u32>());
        let path = std::path::absolute(std::env::temp_dir().join(name))
            .map_err(io_error("find", Path::new("the temporary directory")))?;
        let owned = self.register(OwnedResource::Directory { path: path.clone() }).await?;
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => Ok(TempDir { path, owned }),
            Err(source) => {
                owned.release().await?;
                Err(LedgerError::Io {
                    doing: "make",
                    path,
                    source,
                })
            }
        }
    }

    /// Ends the run: its file goes, unless something was kept.
    ///
    /// # Errors
    /// [`LedgerError::StillOwned`]: something was not released. The file stays, for `clean`.
    pub async fn close(self) -> Result<(), LedgerError> {
        blocking(move || {
            let (things, kept) = {
                let book = self.0.book();
                (book.owned.values().cloned().collect::<Vec<_>>(), book.kept)
            };
            if !things.is_empty() {
                return Err(LedgerError::StillOwned {
                    run: self.0.run.clone(),
                    things,
                });
            }
            if kept {
                return Ok(());
            }
            match fs::remove_file(&self.0.path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(io_error("remove", &self.0.path)(e)),
                _ => Ok(()),
            }
        })
        .await
    }
}

impl Inner {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock()
    }

    fn own(&self, book: &mut Book, entry: u64, thing: OwnedResource) -> Result<(), LedgerError> {
        let record = Record::Own { entry, thing };
        self.write(&book.file, &record)?;
        if let Record::Own { thing, .. } = record {
            book.owned.insert(entry, thing);
        }
        Ok(())
    }

    fn write(&self, file: &File, record: &Record) -> Result<(), LedgerError> {
        append(file, record).map_err(io_error("write", &self.path))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A run that failed before it owned anything leaves no trace.
        let book = self.book();
        if book.owned.is_empty() && !book.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// One thing that this run owns. When it is gone, [`release`](Self::release) it; dropped before,
/// it stays in the ledger for `clean`.
#[derive(Debug)]
#[must_use = "what is not released is left for `clean`"]
pub struct ResourceGuard {
    ledger: Ledger,
    entry: u64,
    released: bool,
}

impl ResourceGuard {
    /// Writes down which process it became, right after it was started.
    ///
    /// # Errors
    /// It could not be written: stop the process.
    pub async fn started(&self, id: ProcessId) -> Result<(), LedgerError> {
        let (ledger, entry) = (self.ledger.clone(), self.entry);
        blocking(move || {
            let mut book = ledger.0.book();
            let Some(OwnedResource::Process { program, .. }) = book.owned.get(&entry) else {
                return Ok(());
            };
            let thing = OwnedResource::Process {
                program: program.clone(),
                process: Some(id),
            };
            ledger.0.own(&mut book, entry, thing)
        })
        .await
    }

    /// Leaves the thing where it is: it stays in the ledger beyond the end of the run, for `clean`.
    ///
    /// # Errors
    /// None so far: the entry is on the disk since the thing was made.
    pub async fn keep(mut self) -> Result<(), LedgerError> {
        self.released = true;
        let (ledger, entry) = (self.ledger.clone(), self.entry);
        blocking(move || {
            let mut book = ledger.0.book();
            book.owned.remove(&entry);
            book.kept = true;
            Ok(())
        })
        .await
    }

    /// Strikes the thing out: it is gone.
    ///
    /// # Errors
    /// It could not be written; `clean` will find the thing gone.
    pub async fn release(mut self) -> Result<(), LedgerError> {
        self.released = true;
        let (ledger, entry) = (self.ledger.clone(), self.entry);
        blocking(move || {
            let mut book = ledger.0.book();
            ledger.0.write(&book.file, &Record::Release { entry })?;
            book.owned.remove(&entry);
            Ok(())
        })
        .await
    }
}

impl Drop for ResourceGuard {
    fn drop(&mut self) {
        if !self.released {
            let thing = self.ledger.0.book().owned.get(&self.entry).map(ToString::to_string);
            tracing::warn!(thing, "not released: `kestra-secrets clean` removes it");
        }
    }
}

/// A directory of this run's. [`remove`](Self::remove) it; dropped, it is left for `clean`.
#[derive(Debug)]
pub struct TempDir {
    path: PathBuf,
    owned: ResourceGuard,
}

impl TempDir {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it with all it holds.
    ///
    /// # Errors
    /// It could not be removed; it stays in the ledger.
    pub async fn remove(self) -> Result<(), LedgerError> {
        let path = self.path;
        blocking(move || past::remove_dir(&path).map(drop).map_err(io_error("remove", &path))).await?;
        self.owned.release().await
    }
}

/// Where the files of all runs are.
fn runs_dir() -> Result<PathBuf, LedgerError> {
    let dirs = etcetera::choose_base_strategy()?;
    let state = dirs.state_dir().unwrap_or_else(|| dirs.data_dir());
    Ok(state.join("kestra-secrets").join("runs"))
}

/// Makes a run's file whole: it has its name only once its first line is on the disk, as a file
/// without one could be taken for a dead run's.
fn create(dir: &Path, path: &Path, header: &Header) -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mut new = tempfile::Builder::new().prefix(".new-").tempfile_in(dir)?;
    serde_json::to_writer(&mut new, header)?;
    new.as_file().sync_all()?;
    new.persist_noclobber(path).map_err(|e| e.error)?;
    File::open(dir)?.sync_all()?;
    OpenOptions::new().append(true).open(path)
}

/// Adds a record and waits until it is on the disk.
fn append(mut file: &File, record: &Record) -> io::Result<()> {
    let mut line = vec![b'\n'];
    serde_json::to_writer(&mut line, record)?;
    // In one write: others may append too, when they clean up.
    file.write_all(&line)?;
    file.sync_data()
}

/// The machine, as a process id means nothing on another that shares the home directory.
fn host() -> String {
    let name = if cfg!(target_os = "linux") {
        fs::read_to_string("/proc/sys/kernel/hostname").ok()
    } else {
        let uname = std::process::Command::new("uname").arg("-n").output();
        uname.ok().map(|out| String::from_utf8_lossy(&out.stdout).into_owned())
    };
    name.unwrap_or_default().trim().to_owned()
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LedgerError + use<> {
    let path = path.to_owned();
    move |source| LedgerError::Io { doing, path, source }
}

/// Runs what waits for the disk where that holds up nobody.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, LedgerError> {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(join) => Err(io_error("reach", Path::new("the ledger"))(io::Error::other(join))),
    }
}
