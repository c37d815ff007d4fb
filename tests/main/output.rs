//! What all commands have in common: how much is told, and in which colours.

use libtest_mimic::Trial;

use crate::sandbox::{Sandbox, run};
use crate::{ENGINE, live, test};

pub fn trials() -> Vec<Trial> {
    vec![
        test("output", "colours_go_by_the_flag_then_by_the_environment", colours),
        test("output", "quiet_and_verbose_exclude_each_other", contradiction),
        test("output", "an_error_is_told_however_quiet", quiet_error),
        live(
            "output",
            "without_a_terminal_each_step_is_a_line_and_quiet_leaves_the_result",
            lines,
        ),
    ]
}

const ESCAPE: char = '\u{1b}';

fn colours() {
    let bad = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/lint/bad/ks001-trailing-newline.yaml"
    );
    for (flag, variable, coloured) in [
        ("auto", None, false),
        ("auto", Some("CLICOLOR_FORCE"), true),
        ("auto", Some("NO_COLOR"), false),
        ("never", Some("CLICOLOR_FORCE"), false),
        ("always", Some("NO_COLOR"), true),
    ] {
        let sandbox = Sandbox::new();
        for (args, code) in [(["lint", bad], 1), (["list", "nowhere"], 2)] {
            let mut command = sandbox.command(args);
            command.args(["--color", flag]).env_remove("NO_COLOR");
            if let Some(variable) = variable {
                command.env(variable, "1");
            }
            let ended = run(command).with_code(code);
            let said = format!("{}{}", ended.stdout, ended.stderr);
            assert_eq!(said.contains(ESCAPE), coloured, "--color {flag}, {variable:?}: {said}");
        }
    }
}

fn contradiction() {
    let ended = Sandbox::new().run(["list", "--quiet", "--verbose"]).with_code(2);
    assert!(ended.stderr.contains("cannot be used with"), "{}", ended.stderr);
}

fn quiet_error() {
    let ended = Sandbox::new().run(["list", "nowhere", "-q"]).with_code(2);
    assert!(ended.stderr.contains("nowhere"), "{}", ended.stderr);
}

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
    assert!(told.stderr.contains("pass   extra-env"), "{}", told.stderr);

    let quiet = sandbox.run(words.into_iter().chain(["--quiet"])).with_code(0);
    assert_eq!(quiet.stderr, "");
    assert!(quiet.stdout.contains("1 passed"), "{}", quiet.stdout);
}
