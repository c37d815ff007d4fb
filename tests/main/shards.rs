//! `run --matrix` and `run --shard`: parts that together are the whole.

use std::fs;

use crate::support::matrix::{MATRIX, with_matrix};
use crate::support::sandbox::Sandbox;
use crate::support::schemas;

#[test]
fn a_mistake_in_a_matrix_exits_2_with_its_place() {
    let sandbox = Sandbox::new();
    sandbox.file("matrix.yaml", MATRIX.replace("rotation], why", "rotatoin], why"));
    let said = with_matrix(&sandbox, &["run", "--matrix", "matrix.yaml"]).with_code(2);
    assert!(said.stderr.contains("matrix.yaml:7:"), "{}", said.stderr);
    assert!(said.stderr.contains("no scenario rotatoin"), "{}", said.stderr);
    let said = with_matrix(&sandbox, &["run", "--matrix", "matrix.yaml", "--chart", "official"]).with_code(2);
    assert!(said.stderr.contains("cannot be used with"), "{}", said.stderr);
    for shard in ["0/2", "3/2", "1"] {
        let said = sandbox.run(["run", "--shard", shard]).with_code(2);
        assert!(said.stderr.contains("I/N"), "{}", said.stderr);
    }
    sandbox.assert_clean();
}

#[test]
fn an_estimate_says_when_the_last_machine_ends_and_runs_nothing() {
    let sandbox = Sandbox::new();
    let run = [
        "run",
        "extra-env",
        "secret-key-ref",
        "rotation",
        "--isolate",
        "--parallel",
        "1",
    ];
    let estimate = ["--kestra", "engine@2.0.0", "--estimate", "1,3,4"];
    let said = sandbox.run(run.iter().chain(&estimate)).with_code(0);
    let rows: Vec<Vec<&str>> = said
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let row = |machines: &str| {
        rows.iter()
            .find(|row| row.first() == Some(&machines))
            .unwrap()
            .join(" ")
    };
    assert_eq!(row("1"), "1 40 s 40 s 0 % 1.0 ×");
    assert_eq!(row("3"), "3 30 s 30 s 48 % 1.5 ×");
    assert!(row("4").starts_with("4 more than installations"), "{}", said.stdout);
    assert!(
        !said.stdout.contains("PASS") && !said.stderr.contains("boot"),
        "{}",
        said.stderr
    );
    let said = sandbox
        .run(run.iter().chain(&estimate).chain(&["--durations", "nowhere.json"]))
        .with_code(2);
    assert!(said.stderr.contains("nowhere.json: failed to read"), "{}", said.stderr);
    sandbox.assert_clean();
}

#[test]
fn the_committed_matrix_is_valid() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/qualification.yaml");
    let text = fs::read_to_string(file).unwrap();
    schemas::assert_valid("matrix", &serde_saphyr::from_str(&text).unwrap());
    kestra_secrets::internals::cli::matrix::read(std::path::Path::new(file)).unwrap();
}
