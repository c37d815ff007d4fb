//! What Kestra answered, request by request: the files of `tests/transcripts`.

#![allow(dead_code, reason = "not every test binary reads all of it")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The versions of which there are transcripts, oldest first.
pub const VERSIONS: [&str; 3] = ["0.20.7", "1.3.31", "2.0.0"];

/// One request and its answer.
#[derive(Debug, Clone)]
pub struct Transcript {
    /// The file's name without its ending, such as `06-create-flow-again`.
    pub name: String,
    pub request: Request,
    pub answer: Answer,
}

/// What was asked. Of the bodies only the kind is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// With its query.
    pub target: String,
    pub content_type: Option<String>,
    pub authorization: Authorization,
}

/// Which credentials a request carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorization {
    /// The server's own; 0.20.7 had none and wanted none.
    Right,
    Wrong,
    None,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Such as `Invalid entity`.
    pub reason: String,
    /// In lower case, without what concerns the connection alone; empty where the file keeps none.
    pub headers: Vec<(String, String)>,
    /// Without the newline that ends the file.
    pub body: String,
}

impl Request {
    /// The path alone.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

impl Answer {
    /// The body as JSON; none where it is empty.
    pub fn json(&self) -> Option<Value> {
        (!self.body.is_empty()).then(|| serde_json::from_str(&self.body).expect("a body is JSON"))
    }
}

/// All transcripts of a version, in the order in which they were asked.
pub fn read(version: &str) -> Vec<Transcript> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/transcripts")
        .join(version);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| parse(file)).collect()
}

fn parse(file: &Path) -> Transcript {
    let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let (request, rest) = text.split_once('\n').expect("a request line");
    let (status, rest) = rest.split_once('\n').expect("a status line");
    let status = status.trim_end().strip_prefix("HTTP/1.1 ").expect("a status line");
    let (status, reason) = status.split_once(' ').unwrap_or((status, ""));
    // The curl lines of 0.20.7 have no headers after them, and so no empty line before the body.
    let (request, head, body) = match request.strip_prefix("curl -s ") {
        Some(curl) => (from_curl(curl), "", rest),
        None => {
            let (head, body) = rest.split_once("\n\n").unwrap_or((rest, ""));
            (from_line(request), head, body)
        }
    };
    let headers = head.lines().filter_map(|line| line.split_once(": "));
    Transcript {
        name: file.file_stem().unwrap().to_string_lossy().into_owned(),
        request,
        answer: Answer {
            status: status.parse().expect("a status"),
            reason: reason.to_owned(),
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.trim_end().to_owned()))
                .filter(|(name, _)| !matches!(name.as_str(), "content-length" | "date" | "connection"))
                .collect(),
            body: body.trim_end_matches('\n').to_owned(),
        },
    }
}

/// `POST /api/v1/main/flows  content-type: application/x-yaml  authorization: none`.
fn from_line(line: &str) -> Request {
    let mut parts = line.split("  ");
    let (method, target) = parts.next().and_then(|first| first.split_once(' ')).expect("a method");
    let mut request = Request {
        method: method.into(),
        target: target.into(),
        content_type: None,
        authorization: Authorization::Right,
    };
    for part in parts {
        match part.split_once(": ") {
            Some(("content-type", kind)) => request.content_type = Some(kind.into()),
            Some(("authorization", "none")) => request.authorization = Authorization::None,
            Some(("authorization", "wrong")) => request.authorization = Authorization::Wrong,
            None if part.starts_with("multipart ") => request.content_type = Some("multipart/form-data".into()),
            _ => panic!("a part of a request that nobody reads: {part}"),
        }
    }
    request
}

/// `-X POST /api/v1/flows -H content-type: application/x-yaml --data-binary @ok.yaml`.
fn from_curl(line: &str) -> Request {
    let words: Vec<&str> = line.split_whitespace().collect();
    let after = |flag: &str| words.iter().position(|word| *word == flag).map(|at| words[at + 1]);
    let target = words.iter().find(|word| word.starts_with('/')).expect("a path");
    let typed = after("content-type:").map(str::to_owned);
    Request {
        method: after("-X").unwrap_or("GET").into(),
        target: (*target).into(),
        content_type: typed.or_else(|| after("-F").map(|_| "multipart/form-data".into())),
        authorization: Authorization::Right,
    }
}
