//! `report.json`.

use std::io;
use std::path::{Path, PathBuf};

use super::Report;
use crate::scenario::InputError;

/// The report as it is written down.
///
/// # Errors
/// None that is known: all of it can be written.
pub fn json(report: &Report) -> io::Result<String> {
    Ok(serde_json::to_string_pretty(report)?)
}

/// Reads a report that was written down; gives the folder with its evidence too. A folder stands for the
/// `report.json` in it.
///
/// # Errors
/// [`InputError`] with the place when it is no report of this version.
pub fn read(path: &Path) -> Result<(Report, PathBuf), InputError> {
    let path = if path.is_dir() {
        path.join("report.json")
    } else {
        path.to_owned()
    };
    let file = path.display().to_string();
    let help = "a report is the report.json that `run --report DIR` writes (`kestra-secrets schema report`)";
    let text = std::fs::read(&path)
        .map_err(|e| InputError::whole(&file, format!("failed to read: {e}"), Some(help.into())))?;
    let report: Report = serde_json::from_slice(&text).map_err(|e| InputError {
        line: e.line() as u64,
        column: e.column() as u64,
        help: Some(help.into()),
        ..InputError::whole(&file, format!("is no report: {}", without_place(&e)), None)
    })?;
    if report.schema != 1 {
        let message = format!("is a report of schema {}, which is not known", report.schema);
        return Err(InputError::whole(
            &file,
            message,
            Some("use a newer kestra-secrets".into()),
        ));
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    Ok((report, folder.unwrap_or(Path::new(".")).to_owned()))
}

/// The parser's words; the place stands in front already.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
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
