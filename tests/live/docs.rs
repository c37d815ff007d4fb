//! `docs`: what documentation promises, what comes out, and the patch that makes it true.

use std::fs;

use insta::assert_snapshot;
use libtest_mimic::Trial;

use crate::live;
use crate::support::sandbox::{Ended, Sandbox};
use crate::support::{ENGINE, schemas};

pub fn trials() -> Vec<Trial> {
    vec![
        live(
            "docs",
            "the_edition_of_2024_shows_its_newlines_and_its_patch_makes_it_true",
            edition_2024,
        ),
        live(
            "docs",
            "the_edition_of_2025_is_refused_as_printed_and_its_patch_makes_it_install_and_true",
            edition_2025,
        ),
        live(
            "docs",
            "without_defaults_a_refused_page_is_a_finding_and_no_broken_environment",
            no_defaults,
        ),
        live("docs", "the_bundled_editions_are_as_the_catalogue_knows_them", bundled),
    ]
}

/// The rows of the table and what stands below it, without the lines that only draw.
fn summary(ended: &Ended) -> String {
    let drawn = |line: &&str| !line.starts_with(['─', '═']);
    ended
        .stdout
        .lines()
        .filter(drawn)
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

fn page(sandbox: &Sandbox, edition: &str) -> String {
    let file = format!("{}/tests/pages/edition-{edition}.md", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(file).unwrap();
    sandbox.file("page.md", &text);
    text
}

const PATCHED: [&str; 7] = ["docs", "--page", "page.md", "--patch", "page.patch", "--kestra", ENGINE];

fn edition_2024() {
    let sandbox = Sandbox::new();
    let text = page(&sandbox, "2024");
    assert_snapshot!("docs_2024", summary(&sandbox.run(PATCHED).with_code(1)));
    let patch = fs::read_to_string(sandbox.work().join("page.patch")).unwrap();
    let patched = diffy::apply(&text, &diffy::Patch::from_str(&patch).unwrap()).unwrap();
    sandbox.file("page.md", &patched);
    let ended = sandbox.run(PATCHED).with_code(0);
    assert_true(&sandbox, &ended);
    sandbox.assert_clean();
}

/// That a page of three ways installs as it is printed, keeps its promise and needs no patch.
fn assert_true(sandbox: &Sandbox, ended: &Ended) {
    let said = "as printed, 3 of 3 install; 3 promises kept, 0 broken, 0 not run";
    assert!(ended.stdout.contains(said), "{}", ended.stdout);
    assert_eq!(fs::read_to_string(sandbox.work().join("page.patch")).unwrap(), "");
}

fn edition_2025() {
    let sandbox = Sandbox::new();
    let text = page(&sandbox, "2025");
    assert_snapshot!("docs_2025", summary(&sandbox.run(PATCHED).with_code(1)));
    let patch = fs::read_to_string(sandbox.work().join("page.patch")).unwrap();
    let patched = diffy::apply(&text, &diffy::Patch::from_str(&patch).unwrap()).unwrap();
    sandbox.file("page.md", &patched);
    let ended = sandbox.run(PATCHED).with_code(0);
    assert_true(&sandbox, &ended);
    sandbox.assert_clean();
}

/// Chart 1.x refuses values without a configuration, by whichever command they come.
fn no_defaults() {
    let sandbox = Sandbox::new();
    let words = "At least one of .Values.configurations.application";
    for command in [
        &["run", "docs-2025-extra-env", "--no-defaults", "--kestra", ENGINE][..],
        &["run", "extra-env", "--no-defaults", "--kestra", ENGINE],
    ] {
        let ended = sandbox.run(command).with_code(1);
        // The console wraps it.
        let said = ended.stdout_words();
        assert!(said.contains(words), "{}", ended.stdout);
    }
    page(&sandbox, "2025");
    let ended = sandbox.run(PATCHED.iter().chain(&["--no-defaults"])).with_code(1);
    assert!(ended.stdout.contains(words), "{}", ended.stdout);
    assert!(ended.stdout.contains("as printed, 1 of 3 install"), "{}", ended.stdout);
    sandbox.assert_clean();
}

fn bundled() {
    let sandbox = Sandbox::new();
    let flags = [
        "docs",
        "--strict",
        "--report",
        "report",
        "--patch",
        "all.patch",
        "--kestra",
        ENGINE,
    ];
    assert_snapshot!("docs_bundled", summary(&sandbox.run(flags).with_code(1)));
    schemas::assert_report(&sandbox.work().join("report/report.json"));
    let patch = fs::read_to_string(sandbox.work().join("report/corrections.patch")).unwrap();
    assert_eq!(patch, fs::read_to_string(sandbox.work().join("all.patch")).unwrap());
    assert_snapshot!("docs_bundled_patch", patch);
    sandbox.assert_clean();
}
