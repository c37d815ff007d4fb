//! What people really have: each folder of tests/field is a case, with `case.json` and the files of one person.
//!
//! `case.json` says what the person had (`about`), what is right (`right`), and what the program must do (`steps`). Each
//! step runs it with `args` in a copy of the folder. `exit` is its code, where it is known. Each of `says`, and none of `never`, must match
//! what it prints. Files that are `unchanged` keep every byte; those in `becomes` then hold a text. `stdin` is a file.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};
use regex::RegexBuilder;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldCase {
    about: String,
    right: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    args: Vec<String>,
    exit: Option<i32>,
    stdin: Option<String>,
    #[serde(default)]
    says: Vec<String>,
    #[serde(default)]
    never: Vec<String>,
    #[serde(default)]
    unchanged: Vec<String>,
    #[serde(default)]
    becomes: BTreeMap<String, String>,
}

fn main() -> ExitCode {
    let args = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/field");
    let mut folders: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(folders.len() > 30, "the cases are missing");
    let trials = folders.into_iter().map(|folder| {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        Trial::test(name, move || run(&folder))
    });
    libtest_mimic::run(&args, trials.collect()).exit_code()
}

fn run(folder: &Path) -> Result<(), Failed> {
    let case: FieldCase = serde_json::from_slice(&fs::read(folder.join("case.json"))?)?;
    assert!(!case.steps.is_empty());
    let work = tempfile::tempdir()?;
    copy(folder, work.path());
    fs::remove_file(work.path().join("case.json"))?;
    let mut faults = Vec::new();
    for step in &case.steps {
        faults.extend(step.faults(folder, work.path()));
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(format!("{}\nright: {}\n{}", case.about, case.right, faults.join("\n")).into())
}

impl Step {
    fn faults(&self, given: &Path, work: &Path) -> Vec<String> {
        let stdin = self
            .stdin
            .as_ref()
            .map_or_else(Stdio::null, |file| fs::File::open(work.join(file)).unwrap().into());
        let ended = Command::new(env!("CARGO_BIN_EXE_kestra-secrets"))
            .args(&self.args)
            .current_dir(work)
            .env("NO_COLOR", "1")
            .stdin(stdin)
            .output()
            .unwrap();
        let bytes = [ended.stdout, ended.stderr].concat();
        let text = String::from_utf8_lossy(&bytes);
        let matches = |pattern: &&String| {
            let regex = RegexBuilder::new(pattern).case_insensitive(true).build().unwrap();
            regex.is_match(&text)
        };
        let mut faults = Vec::new();
        let code = ended.status.code();
        if code.is_none_or(|code| self.exit.is_some_and(|exit| exit != code)) || text.contains("panicked") {
            faults.push(format!("exits with {code:?} instead of {:?}", self.exit));
        }
        faults.extend(
            self.says
                .iter()
                .filter(|p| !matches(p))
                .map(|p| format!("does not say /{p}/")),
        );
        faults.extend(self.never.iter().filter(matches).map(|p| format!("says /{p}/")));
        for name in &self.unchanged {
            if fs::read(work.join(name)).unwrap() != fs::read(given.join(name)).unwrap() {
                faults.push(format!("changed {name}"));
            }
        }
        for (name, part) in &self.becomes {
            if !String::from_utf8_lossy(&fs::read(work.join(name)).unwrap()).contains(part.as_str()) {
                faults.push(format!("does not leave `{part}` in {name}"));
            }
        }
        if !faults.is_empty() {
            faults.insert(0, format!("`kestra-secrets {}` printed:\n{text}", self.args.join(" ")));
        }
        faults
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
