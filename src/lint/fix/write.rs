//! Replaces a file as a whole.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

/// Whether the file can be replaced. One with several names (hard links) cannot: only one of them would lead to the
/// new file, and to write into the old one is to change what may be somebody's backup.
///
/// # Errors
/// What the file system says, or how many names there are.
pub fn replaceable(path: &Path) -> io::Result<()> {
    match fs::metadata(path)?.nlink() {
        0 | 1 => Ok(()),
        names => Err(io::Error::other(format!(
            "it has {names} names (hard links), and only one of them would lead to the corrected file"
        ))),
    }
}

/// Puts `text` in the place of the file, which keeps its mode and, where this user may give it away, its owner.
/// A symbolic link stays one: what it leads to is replaced. When anything fails the file is as it was.
///
/// # Errors
/// What the file system says; a file that is not [`replaceable`].
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    replaceable(&path)?;
    let metadata = fs::metadata(&path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    let own = file.as_file().metadata()?;
    if (own.uid(), own.gid()) != (metadata.uid(), metadata.gid()) {
        // Without the right to, the file becomes this user's, as with any editor that writes so.
        let _ = std::os::unix::fs::chown(file.path(), Some(metadata.uid()), Some(metadata.gid()));
    }
    file.as_file().set_permissions(metadata.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|e| e.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_with_several_names_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["one", "other"].map(|name| folder.path().join(name));
        fs::write(&names[0], "old").unwrap();
        replaceable(&names[0]).unwrap();
        fs::hard_link(&names[0], &names[1]).unwrap();
        for name in &names {
            let error = replace(name, "new").unwrap_err();
            assert!(error.to_string().contains("2 names"), "{error}");
            assert_eq!(fs::read_to_string(name).unwrap(), "old");
        }
    }

    #[test]
    fn the_mode_stays_and_a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        replace(&link, "new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
