//! `report.json`.

use std::io;
use std::path::Path;

use super::Report;

/// Writes the report whole, or not at all, readable by this user alone.
///
/// # Errors
/// What the file system says.
pub fn write(report: &Report, path: &Path) -> io::Result<()> {
    write_private(path, &serde_json::to_vec_pretty(report)?)
}

/// Puts a file in its place at once, with mode 0600: a full disk leaves the one before.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    io::Write::write_all(&mut file, bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// The JSON Schema of `report.json`, generated from the types.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Report).to_value()
}
