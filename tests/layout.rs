//! Holds the house to its floors: a module imports what stands below it, and nothing above. One name is one thing.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// The entries of `src/` from the top floor down; CONTRIBUTING.md says what each is for.
const FLOORS: [&str; 24] = [
    "main",
    "internals",
    "testing",
    "cli",
    "browser",
    "audit",
    "doctor",
    "prove",
    "docs_page",
    "run",
    "provider",
    "lint",
    "release",
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

/// Type names that may stand more than once, and why.
const REPEATED: [(&str, &str); 1] = [(
    "Args",
    "the arguments of a subcommand, one a file in src/cli; each is only ever named with its module, as in `run::Args`",
)];

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

/// Every Rust file of `src/` by its path in there, with its text.
fn texts() -> BTreeMap<String, String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    files
        .into_iter()
        .map(|file| {
            let inside = file.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
            (inside, fs::read_to_string(&file).unwrap())
        })
        .collect()
}

/// The types that a text declares. An indented alias belongs to the trait that names it, such as `FromStr::Err`.
fn types(text: &str) -> Vec<String> {
    let declaration =
        Regex::new(r"(?m)^(?:\s*(?:pub(?:\([a-z: ]+\))? )?(?:struct|enum|trait)|(?:pub(?:\([a-z: ]+\))? )?type) (\w+)")
            .unwrap();
    declaration.captures_iter(text).map(|c| c[1].to_owned()).collect()
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
    let floor = |entry: &str| FLOORS.iter().position(|known| *known == entry);
    let mut climbing = Vec::new();
    let mut seen = BTreeSet::new();
    for (file, text) in texts() {
        let entry = file.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        let from = floor(&entry)
            .unwrap_or_else(|| panic!("src/{entry} has no floor: give it one here and in CONTRIBUTING.md"));
        for import in imports(&text) {
            if import != entry && floor(&import).is_some_and(|to| to <= from) {
                climbing.push(format!("src/{file}: crate::{import}"));
            }
        }
        seen.insert(entry);
    }
    assert!(climbing.is_empty(), "these imports climb:\n{}", climbing.join("\n"));
    let empty: Vec<_> = FLOORS.iter().filter(|entry| !seen.contains(**entry)).collect();
    assert!(empty.is_empty(), "nothing of src/ stands on {empty:?}");
}

#[test]
fn no_type_name_stands_for_two_things() {
    let mut declared: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, text) in texts() {
        for name in types(&text) {
            declared.entry(name).or_default().push(file.clone());
        }
    }
    for (name, _) in REPEATED {
        let files = declared.remove(name).unwrap_or_default();
        assert!(files.len() > 1, "{name} need not be in REPEATED any more");
    }
    let twice: Vec<_> = declared.into_iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(twice.is_empty(), "give each of these a name of its own: {twice:#?}");
}

/// Errors of another door might quote a text that holds a plaintext.
#[test]
fn yaml_is_read_through_one_door() {
    let others = |file: &str| !file.ends_with("system/yaml.rs") && !file.ends_with("tree.rs");
    for (file, text) in texts().into_iter().filter(|(file, _)| others(file)) {
        let direct = ["serde_saphyr::", "granit_parser::"]
            .iter()
            .any(|door| text.contains(door));
        assert!(!direct, "src/{file} reads YAML past crate::system::yaml");
    }
}

#[test]
fn every_way_to_declare_a_type_is_read() {
    let text =
        "struct A;\npub struct B<T>(T);\npub(super) enum C {}\n    trait D {}\ntype E = u8;\n    type Err = F;\n";
    assert_eq!(types(text), ["A", "B", "C", "D", "E"]);
}

#[test]
fn every_way_to_write_an_import_is_read() {
    let text = "use crate::{audit, lint::fix};\nfn f() -> crate::oracle::Hop {}\n";
    assert_eq!(imports(text), ["audit", "lint", "oracle"].map(str::to_owned).into());
}
