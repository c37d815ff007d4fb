//! Holds the house to its floors: a module imports what stands below it, and nothing above.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// The entries of `src/` from the top floor down; CONTRIBUTING.md says what each is for.
const FLOORS: [&str; 21] = [
    "main",
    "testing",
    "cli",
    "audit",
    "doctor",
    "prove",
    "docs_page",
    "run",
    "provider",
    "lint",
    "values",
    "tools",
    "report",
    "plan",
    "kestra",
    "verdict",
    "scenario",
    "oracle",
    "error",
    "system",
    "lib",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The entries of `src/` that a text imports, in whichever way it writes the path.
fn imports(text: &str) -> BTreeSet<String> {
    let one = Regex::new(r"\bcrate::([a-z_]+)").unwrap();
    let several = Regex::new(r"\bcrate::\{([^}]*)\}").unwrap();
    let several = several.captures_iter(text).flat_map(|c| {
        c[1].split(',')
            .map(|path| path.trim().split("::").next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    });
    one.captures_iter(text)
        .map(|c| c[1].to_owned())
        .chain(several)
        .collect()
}

#[test]
fn imports_point_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let floor = |entry: &str| FLOORS.iter().position(|known| *known == entry);
    let mut climbing = Vec::new();
    let mut seen = BTreeSet::new();
    for file in files {
        let inside = file.strip_prefix(&src).unwrap();
        let entry = inside
            .iter()
            .next()
            .unwrap()
            .to_str()
            .unwrap()
            .trim_end_matches(".rs")
            .to_owned();
        let from = floor(&entry)
            .unwrap_or_else(|| panic!("src/{entry} has no floor: give it one here and in CONTRIBUTING.md"));
        for import in imports(&fs::read_to_string(&file).unwrap()) {
            if import != entry && floor(&import).is_some_and(|to| to <= from) {
                climbing.push(format!("src/{}: crate::{import}", inside.display()));
            }
        }
        seen.insert(entry);
    }
    assert!(climbing.is_empty(), "these imports climb:\n{}", climbing.join("\n"));
    let empty: Vec<_> = FLOORS.iter().filter(|entry| !seen.contains(**entry)).collect();
    assert!(empty.is_empty(), "nothing of src/ stands on {empty:?}");
}

#[test]
fn every_way_to_write_an_import_is_read() {
    let text = "use crate::{audit, lint::fix};\nfn f() -> crate::oracle::Hop {}\n";
    assert_eq!(imports(text), ["audit", "lint", "oracle"].map(str::to_owned).into());
}
