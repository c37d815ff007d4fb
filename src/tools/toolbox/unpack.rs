//! Putting a provided tool in its place in the cache.
//!
//! It is written beside its place and then renamed, so that whoever looks sees all of it or
//! nothing, and two that provide it at once do not disturb each other.

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// The most that an executable may be, in bytes, when it is unpacked.
const LIMIT: u64 = 512 * 1024 * 1024;

/// Why a download is not in its place.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnpackError {
    #[error("failed to trust {url}")]
    Checksum {
        url: String,
        expected: String,
        actual: String,
    },
    #[error("failed to unpack {url}: {why}")]
    Archive { url: String, why: String },
    #[error("failed to write {path}: {source}")]
    Write { path: PathBuf, source: io::Error },
}

/// Checks a download and puts its executable in its place: the named member of the archive, or
/// all of it.
pub(super) fn install(
    url: &str,
    bytes: &[u8],
    sha256: String,
    member: Option<&str>,
    to: &Path,
) -> Result<(), UnpackError> {
    trusted(url, bytes, sha256)?;
    let failed = |source| UnpackError::Write {
        path: to.to_owned(),
        source,
    };
    match member {
        None => write(bytes, to).map_err(failed),
        Some(member) => {
            let executable = unpack(bytes, member).map_err(|why| UnpackError::Archive {
                url: url.to_owned(),
                why,
            })?;
            write(&executable, to).map_err(failed)
        }
    }
}

/// That a download has the checksum which it must have.
pub(super) fn trusted(url: &str, bytes: &[u8], sha256: String) -> Result<(), UnpackError> {
    let actual = hex::encode(Sha256::digest(bytes));
    if actual == sha256 {
        return Ok(());
    }
    Err(UnpackError::Checksum {
        url: url.to_owned(),
        expected: sha256,
        actual,
    })
}

/// The bytes of one member. No other is looked into and no path of the archive's is used, so it
/// does not matter what else it holds or where that wants to go.
fn unpack(archive: &[u8], member: &str) -> Result<Vec<u8>, String> {
    let mut archive = tar::Archive::new(GzDecoder::new(archive).take(LIMIT));
    for entry in archive.entries().map_err(|e| e.to_string())? {
        let mut entry = entry.map_err(|e| e.to_string())?;
        if *entry.path_bytes() != *member.as_bytes() {
            continue;
        }
        if !entry.header().entry_type().is_file() {
            return Err(format!("{member} is not a file in it"));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        if bytes.len() as u64 != entry.size() {
            return Err(format!("{member} is cut short, or longer than {LIMIT} bytes"));
        }
        return Ok(bytes);
    }
    Err(format!("it holds no {member}"))
}

/// Writes an executable and moves it into its place.
pub(super) fn write(executable: &[u8], to: &Path) -> io::Result<()> {
    let dir = temp_dir(to)?;
    let file = dir.path().join("executable");
    File::create_new(&file)?.write_all(executable)?;
    move_to(&file, to)
}

/// A directory of one's own, beside the place where the file is to go.
pub(super) fn temp_dir(to: &Path) -> io::Result<TempDir> {
    let beside = to.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(beside)?;
    tempfile::Builder::new().prefix(".new-").tempdir_in(beside)
}

/// Moves an executable into its place.
pub(super) fn move_to(file: &Path, to: &Path) -> io::Result<()> {
    fs::set_permissions(file, Permissions::from_mode(0o755))?;
    // A rename may reach the disk before what was written, and leave an empty file after a crash.
    File::open(file)?.sync_all()?;
    fs::rename(file, to)
}
