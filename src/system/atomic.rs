//! Files that appear as a whole: a full disk, or an end in the middle, leaves the one before.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
#[cfg(not(target_family = "wasm"))]
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// The mode of a file that holds no secret; the umask takes away from it.
const PUBLIC: u32 = 0o666;

/// Puts a file in its place at once. What a link leads to is replaced; a device or a pipe is written to.
///
/// # Errors
/// What the file system says; that the folder does not exist.
#[cfg(not(target_family = "wasm"))]
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::metadata(path) {
        // A rename would replace the device itself.
        Ok(there) if !there.is_file() => OpenOptions::new().write(true).open(path)?.write_all(bytes),
        Ok(_) => replace(&fs::canonicalize(path)?, bytes, PUBLIC),
        Err(_) => replace(path, bytes, PUBLIC),
    }
}

/// The same for what only this user may read, with the folder made.
///
/// # Errors
/// What the file system says.
#[cfg(not(target_family = "wasm"))]
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder(path))?;
    replace(path, bytes, 0o600)
}

/// The folder that a file is in, or is to be in.
pub fn folder(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

#[cfg(not(target_family = "wasm"))]
fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mode = Permissions::from_mode(mode);
    let mut file = tempfile::Builder::new().permissions(mode).tempfile_in(folder(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        write(&file, b"one").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, b"other").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"other");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert!(write(&folder.path().join("nowhere/file"), b"").is_err());
    }

    #[test]
    fn a_device_is_written_to_and_not_replaced() {
        use std::os::unix::fs::FileTypeExt as _;
        write(Path::new("/dev/null"), b"gone").unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    }
}
