//! `report.json`.

use std::io;
use std::path::{Component, Path, PathBuf};

use super::{Report, lines};
use crate::error::InputError;
use crate::system::bounded;

const HELP: &str = "a report is the report.json that `run --report DIR` writes (`kestra-secrets schema report`)";

/// The longest that anything takes, in milliseconds: ten years. However many of them a report holds, their sum is a
/// number.
const LONGEST_MS: u64 = 10 * 365 * 24 * 3600 * 1000;

/// The reports in a file, each with the folder of its evidence: one, or all whose lines stand in a log. `-` is
/// standard input.
///
/// # Errors
/// [`InputError`] with the place when there is none, or one is not whole.
pub fn read_all(path: &Path) -> Result<Vec<(Report, PathBuf)>, InputError> {
    if path.is_dir() {
        return Ok(vec![read(path)?]);
    }
    let (file, text) = load(path)?;
    let folder = folder_of(path);
    match parse(&file, &text) {
        Ok(report) => Ok(vec![(report, folder)]),
        Err(error) => match lines::parse(&file, &text)? {
            reports if reports.is_empty() => Err(error),
            reports => Ok(reports.into_iter().map(|report| (report, folder.clone())).collect()),
        },
    }
}

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
    let (file, text) = load(&path)?;
    Ok((parse(&file, &text)?, folder_of(&path)))
}

/// The name of a file, for errors, and its bytes.
fn load(path: &Path) -> Result<(String, Vec<u8>), InputError> {
    let (file, read) = if path == Path::new("-") {
        let mut text = Vec::new();
        let read = bounded::read(io::stdin(), bounded::REPORT, &mut text);
        ("standard input".to_owned(), read.map(|()| text))
    } else {
        (path.display().to_string(), bounded::file(path, bounded::REPORT))
    };
    match read {
        Ok(text) => Ok((file, text)),
        Err(e) => Err(InputError::whole(
            &file,
            format!("failed to read: {e}"),
            Some(HELP.into()),
        )),
    }
}

fn folder_of(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_owned()
}

/// Reads the text of a report, which may come from anywhere.
///
/// # Errors
/// [`InputError`] with the place when it is no report of this version.
pub fn parse(file: &str, text: &[u8]) -> Result<Report, InputError> {
    let report: Report = serde_json::from_slice(text).map_err(|e| InputError {
        line: e.line() as u64,
        column: e.column() as u64,
        help: Some(HELP.into()),
        ..InputError::whole(file, format!("is no report: {}", without_place(&e)), None)
    })?;
    sound(file, report)
}

/// A report as a run writes it: of this version, and without what no run writes.
///
/// # Errors
/// [`InputError`] when it is none.
pub(super) fn sound(file: &str, report: Report) -> Result<Report, InputError> {
    if report.schema != 1 {
        let message = format!("is a report of schema {}, which is not known", report.schema);
        return Err(InputError::whole(
            file,
            message,
            Some("use a newer kestra-secrets".into()),
        ));
    }
    match unsound(&report) {
        Some(why) => Err(InputError::whole(
            file,
            format!("is no report: {why}"),
            Some(HELP.into()),
        )),
        None => Ok(report),
    }
}

/// What no run writes: the id of a run is the name of a folder of evidence, and times are added up.
fn unsound(report: &Report) -> Option<&'static str> {
    let is_name = |id: &str| {
        let mut parts = Path::new(id).components();
        matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) && !id.contains(['/', '\0'])
    };
    let runs = report.run.runs();
    let mut times = runs.iter().chain([&report.run]).map(|run| run.wall_ms);
    let mut phases = report
        .results
        .iter()
        .flat_map(|result| &result.phases)
        .map(|phase| phase.ms);
    if !runs.iter().all(|run| is_name(&run.id)) {
        Some("the id of a run cannot be the name of a folder")
    } else if runs.iter().any(|run| !run.parts.is_empty()) {
        Some("a part of its run has parts itself")
    } else if times.any(|ms| ms > LONGEST_MS) || phases.any(|ms| ms > LONGEST_MS) {
        Some("something takes more than ten years")
    } else {
        None
    }
}

/// The parser's words; the place stands in front already.
pub(super) fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

/// The JSON Schema of `report.json`, generated from the types.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Report).to_value()
}
