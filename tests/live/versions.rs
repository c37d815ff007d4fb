//! docs/versions.md is what the newest two minors do today.

use std::fs;

use kestra_secrets::internals::kestra::CURRENT_ENGINES;
use libtest_mimic::Trial;

use crate::live;
use crate::support::sandbox::Sandbox;

pub fn trials() -> Vec<Trial> {
    vec![live("versions", "the_page_says_what_the_newest_two_minors_do", fresh)]
}

/// What comes out, by scenario: the last row of each is that of the newest Kestra.
fn last_rows(page: &str) -> Vec<(String, String, String)> {
    let mut rows: Vec<(String, String, String)> = Vec::new();
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [scenario, versions, does, ..] = cells[..] else {
            panic!("{line}")
        };
        let row = (scenario.to_owned(), versions.to_owned(), does.to_owned());
        match rows.last_mut() {
            Some(last) if scenario.is_empty() => *last = (last.0.clone(), row.1, row.2),
            _ => rows.push(row),
        }
    }
    rows.retain(|(scenario, ..)| scenario.starts_with('`'));
    rows
}

fn fresh() {
    let sandbox = Sandbox::new();
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/versions.md");
    let committed = last_rows(&fs::read_to_string(committed).unwrap());
    let scenarios = committed.iter().map(|(scenario, ..)| scenario.trim_matches('`'));
    let kestras = CURRENT_ENGINES.map(|version| format!("--kestra=engine@{version}"));
    let args = ["run", "--provider", "embedded", "--report", "report"].into_iter();
    let args = args.chain(scenarios).chain(kestras.iter().map(String::as_str));
    sandbox.run(args).with_code(0);
    let page = sandbox
        .run(["report", "convert", "report", "--to", "versions"])
        .with_code(0);
    let live = last_rows(&page.stdout);
    assert_eq!(committed.len(), live.len(), "{}", page.stdout);
    assert!(committed.len() > 15);
    for (row, now) in committed.iter().zip(&live) {
        assert_eq!(
            (&row.0, &row.2),
            (&now.0, &now.2),
            "`just versions` makes docs/versions.md anew"
        );
        let newest = &CURRENT_ENGINES[0].to_string();
        assert!(row.1.ends_with(newest) && now.1.ends_with(newest), "{row:?}");
        // A turn between the two shows as a row of its own on both sides.
        let starts_with_newest = |versions: &str| versions.starts_with(newest);
        assert_eq!(
            starts_with_newest(&row.1),
            starts_with_newest(&now.1),
            "{row:?} {now:?}"
        );
    }
    sandbox.assert_clean();
}
