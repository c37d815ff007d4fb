//! The evidence below a report's folder, read again.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path, PathBuf};

/// The most of a file that is carried from one report to another. A log of a run has some MiB.
pub const WHOLE: u64 = 256 * 1024 * 1024;

/// A file of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceFile {
    /// Its path below the evidence's own.
    pub name: PathBuf,
    /// What was read of it.
    pub bytes: Vec<u8>,
    /// How many bytes were not.
    pub left: u64,
}

/// The files at an evidence path, by name, at most `limit` bytes of each: the end of a log, the beginning of
/// anything else. A report may come from anywhere, so a path that leads out of the folder, or a link, is passed
/// over; so is what cannot be read.
pub fn read(folder: &Path, path: &str, limit: u64) -> Vec<EvidenceFile> {
    let path = Path::new(path);
    let inside = path.components().all(|c| matches!(c, Component::Normal(_)));
    let mut found = Vec::new();
    if inside && !path.as_os_str().is_empty() {
        let mut there = folder.to_owned();
        for part in path.components() {
            there.push(part);
            if there.is_symlink() {
                return found;
            }
        }
        gather(&there, &there, limit, &mut found);
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn gather(root: &Path, at: &Path, limit: u64, found: &mut Vec<EvidenceFile>) {
    let Ok(kind) = at.symlink_metadata() else { return };
    if kind.is_dir() {
        for entry in fs::read_dir(at).into_iter().flatten().flatten() {
            gather(root, &entry.path(), limit, found);
        }
    } else if kind.is_file()
        && let Ok((bytes, left)) = part(at, kind.len(), limit)
    {
        let below = at.strip_prefix(root).ok().filter(|p| !p.as_os_str().is_empty());
        let name = below.or(at.file_name().map(Path::new)).unwrap_or(at).to_owned();
        found.push(EvidenceFile { name, bytes, left });
    }
}

fn part(file: &Path, len: u64, limit: u64) -> std::io::Result<(Vec<u8>, u64)> {
    let mut open = fs::File::open(file)?;
    let left = len.saturating_sub(limit);
    if left > 0 && file.extension().is_some_and(|e| e == "log") {
        open.seek(SeekFrom::Start(left))?;
    }
    let mut bytes = Vec::new();
    open.take(limit).read_to_end(&mut bytes)?;
    Ok((bytes, left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_log_the_end_is_read_and_of_anything_else_the_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let of = folder.path().join("evidence/x/deep");
        fs::create_dir_all(&of).unwrap();
        fs::write(of.join("kestra.log"), "0123456789").unwrap();
        fs::write(of.join("values.json"), "0123456789").unwrap();
        let read = read(folder.path(), "evidence/x", 4);
        let read: Vec<_> = read.iter().map(|e| (e.name.to_str(), &e.bytes[..], e.left)).collect();
        assert_eq!(
            read,
            [
                (Some("deep/kestra.log"), &b"6789"[..], 6),
                (Some("deep/values.json"), b"0123", 6)
            ]
        );
    }

    #[test]
    fn nothing_outside_of_the_folder_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("report");
        fs::create_dir_all(report.join("evidence")).unwrap();
        fs::write(folder.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink(folder.path(), report.join("evidence/out")).unwrap();
        let absolute = folder.path().join("secret");
        for path in [
            "../secret",
            "evidence/../../secret",
            "evidence/out",
            "evidence/out/secret",
            "",
            absolute.to_str().unwrap(),
        ] {
            assert_eq!(read(&report, path, WHOLE), [], "{path}");
        }
        assert_eq!(read(&report, "evidence", WHOLE), []);
        fs::write(report.join("evidence/in"), "i").unwrap();
        assert_eq!(read(&report, "evidence", WHOLE).len(), 1);
    }
}
