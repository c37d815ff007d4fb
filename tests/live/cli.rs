//! Exit codes, and what is said.

use kestra_secrets::internals::system::redact::Redactor;
use libtest_mimic::Trial;

use crate::live;
use crate::support::sandbox::Sandbox;
use crate::support::{ENGINE, schemas};

pub fn trials() -> Vec<Trial> {
    vec![
        live(
            "cli",
            "a_wrong_value_exits_1_and_shows_both_byte_strings_unless_private",
            wrong_value,
        ),
        live("cli", "a_run_of_nothing_but_skips_does_not_exit_0", only_skips),
    ]
}

fn only_skips() {
    let sandbox = Sandbox::new();
    sandbox.file("of-old.yaml", OF_OLD);
    let ended = sandbox.run(["run", "of-old.yaml", "--kestra", ENGINE]).with_code(3);
    assert!(ended.stdout.contains("1 skipped"), "{}", ended.stdout);
}

fn wrong_value() {
    let sandbox = Sandbox::new();
    let scenario = |name: &str, plain: &str, expected: &str, public: bool| {
        let text = format!(
            "schema: 1\nname: {name}\nabout: Wrong.\nstrategy: extra-env\n\
             secrets:\n  A: {{plain: {plain}, public: {public}}}\n\
             expect: {{outputs: {{a: {expected}}}}}\n"
        );
        sandbox.file(&format!("{name}.yaml"), text);
    };
    scenario("shown", "admin", r#""admin\n""#, true);
    scenario("hidden", "correct-horse-battery", "wrong-horse-battery", false);
    let ended = sandbox
        .run([
            "run",
            "shown.yaml",
            "hidden.yaml",
            "--kestra",
            ENGINE,
            "--report",
            "report",
        ])
        .with_code(1);
    let words = ended.stdout_words();
    for line in [r#"expected "admin\n" 6 bytes"#, r#"got "admin" 5 bytes"#] {
        assert!(words.contains(line), "no {line}:\n{}", ended.stdout);
    }
    let private = Redactor::new(["correct-horse-battery", "wrong-horse-battery"]);
    let all = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!(private.find(all.as_bytes()), []);
    // Lengths and keyed hashes are shown in their place.
    assert!(ended.stdout.contains("21 bytes"), "{}", ended.stdout);
    assert!(ended.stdout.contains("19 bytes"), "{}", ended.stdout);
    assert!(ended.stdout.contains("2 failed"), "{}", ended.stdout);
    schemas::assert_report(&sandbox.work().join("report/report.json"));
    sandbox.assert_clean();
}

const OF_OLD: &str = "schema: 1\nname: of-old\nabout: Of old.\nstrategy: extra-env\nsecrets: {A: {plain: a}}\n\
                      expect: {kestra: '<0.1', outputs: {a: a}}\n";
