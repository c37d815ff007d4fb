//! What all commands have in common: how much is told, and in which colours.

use libtest_mimic::Trial;

use crate::live;
use crate::support::ENGINE;
use crate::support::console::assert_full_disk_is_told_once;
use crate::support::sandbox::Sandbox;

pub fn trials() -> Vec<Trial> {
    vec![
        live(
            "output",
            "output_that_cannot_be_written_is_told_once_after_a_run",
            full_after_a_run,
        ),
        live(
            "output",
            "without_a_terminal_each_step_is_a_line_and_quiet_leaves_the_result",
            lines,
        ),
    ]
}

fn full_after_a_run() {
    let sandbox = Sandbox::new();
    sandbox.file("values.yaml", "common: {extraEnv: [{name: SECRET_A, value: YQ==}]}\n");
    sandbox.file("a", "a");
    let kestra = ["--kestra", ENGINE];
    for (args, code) in [
        (&["run", "extra-env"][..], 3),
        (&["check", "-f", "values.yaml", "--expect", "A=@a"], 3),
        (&["prove", "--count", "5", "--seed", "1"], 3),
        (&["docs", "--page", PAGE], 1),
        // The two come out alike, which goes before a broken environment.
        (&["bisect", "extra-env", "--good", "1.3.31", "--bad", "2.0.0"], 1),
    ] {
        let args: Vec<_> = args.iter().copied().chain(kestra).collect();
        assert_full_disk_is_told_once(&sandbox, &args, "", code);
    }
    sandbox.assert_clean();
}

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pages/edition-2024.md");

fn lines() {
    let sandbox = Sandbox::new();
    let words = ["run", "extra-env", "--kestra", ENGINE];
    let told = sandbox.run(words).with_code(0);
    let steps: Vec<_> = told.stderr.lines().filter(|line| line.starts_with("  …    ")).collect();
    for step in [
        "extra-env-engine-2-0-0: install (",
        "waiting for Kestra to become healthy (",
    ] {
        assert!(steps.iter().any(|line| line.contains(step)), "{}", told.stderr);
    }
    assert!(told.stdout.starts_with("  PASS ["), "{}", told.stdout);
    assert!(told.stdout.contains("s] 2.0.0  extra-env\n"), "{}", told.stdout);
    assert!(!told.stderr.contains("PASS"), "{}", told.stderr);

    let quiet = sandbox.run(words.into_iter().chain(["--quiet"])).with_code(0);
    assert_eq!(quiet.stderr, "");
    assert!(quiet.stdout.contains("1 passed"), "{}", quiet.stdout);
}
