//! `lint --baseline`: an old repository starts green, and what is new fails.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kestra_secrets::internals::system::redact::Redactor;
use serde_json::Value;

use crate::lint::{cases, copy, corpus};
use crate::support::sandbox::{Ended, Sandbox};
use crate::support::schemas;

const OLD: &str =
    "common:\n  extraEnv:\n    - {name: SECRET_A, value: \"tern-77!\"}\n    - {name: SECRET_B, value: \"gull-78!\"}\n";

fn lint(sandbox: &Sandbox, more: &[&str]) -> Ended {
    sandbox.run(["lint", "--baseline", "baseline.json", "deploy"].iter().chain(more))
}

fn with_old() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.file("deploy/values.yaml", OLD);
    lint(&sandbox, &["--update-baseline"]).with_code(0);
    sandbox
}

fn baseline(sandbox: &Sandbox) -> Value {
    serde_json::from_slice(&fs::read(sandbox.work().join("baseline.json")).unwrap()).unwrap()
}

#[test]
fn an_old_repository_starts_green_and_a_new_fault_fails() {
    for case in cases("bad") {
        let sandbox = Sandbox::new();
        copy(&sandbox, &corpus("bad").join(&case), &format!("deploy/{case}"));
        lint(&sandbox, &["--deny", "warnings"]).with_code(2);
        lint(&sandbox, &["--deny", "warnings", "--update-baseline"]).with_code(0);
        schemas::assert_valid("baseline", &baseline(&sandbox));
        lint(&sandbox, &["--deny", "warnings"]).with_code(0);
        sandbox.file("deploy/new/values.yaml", OLD);
        let ended = lint(&sandbox, &[]).with_code(1);
        assert!(
            ended.stdout.contains("deploy/new/values.yaml:3:31: error[KS004]"),
            "{}",
            ended.stdout
        );
    }
}

#[test]
fn moved_lines_are_not_new_and_a_fault_beside_an_old_one_is() {
    let sandbox = with_old();
    let moved = OLD.replace("common:", "# A comment.\n\ncommon:");
    sandbox.file("deploy/values.yaml", moved.replace("tern-77!", "another!"));
    let ended = lint(&sandbox, &[]).with_code(0);
    assert!(
        ended
            .stdout
            .contains("baseline 2 known faults in baseline.json are not counted")
    );
    assert!(ended.stdout.contains("0 errors, 0 warnings"), "{}", ended.stdout);
    sandbox.file(
        "deploy/values.yaml",
        format!("{moved}    - {{name: SECRET_C, value: \"skua-79!\"}}\n"),
    );
    let ended = lint(&sandbox, &[]).with_code(1);
    assert!(
        ended.stdout.contains("SECRET_C") && !ended.stdout.contains("SECRET_B"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_fault_that_is_gone_is_said_until_it_is_taken_out() {
    let sandbox = with_old();
    sandbox.file("deploy/values.yaml", OLD.replace("\"tern-77!\"", "dGVybi03NyE="));
    let ended = lint(&sandbox, &[]).with_code(0);
    let gone =
        "gone     deploy/values.yaml: KS004 of SECRET_A is gone; take it out of the baseline with --update-baseline";
    assert!(ended.stdout.contains(gone), "{}", ended.stdout);
    lint(&sandbox, &["--update-baseline"]).with_code(0);
    let ended = lint(&sandbox, &[]).with_code(0);
    assert!(!ended.stdout.contains("gone"), "{}", ended.stdout);
    // Then it is new if it comes back.
    sandbox.file("deploy/values.yaml", OLD);
    lint(&sandbox, &[]).with_code(1);
}

#[test]
fn what_was_not_read_is_neither_gone_nor_forgotten() {
    let sandbox = with_old();
    sandbox.file("other/values.yaml", OLD);
    let args = ["lint", "--baseline", "baseline.json", "other", "--update-baseline"];
    let ended = sandbox.run(args).with_code(0);
    assert!(
        ended
            .stdout
            .contains("baseline 2 more faults in files that were not read"),
        "{}",
        ended.stdout
    );
    assert_eq!(baseline(&sandbox)["faults"].as_array().unwrap().len(), 4);
    // From another folder the files have the same names in the baseline.
    let mut command = sandbox.command(["lint", "--baseline", "../baseline.json", "."]);
    command.current_dir(sandbox.work().join("deploy"));
    crate::support::sandbox::run(command).with_code(0);
    fs::remove_dir_all(sandbox.work().join("other")).unwrap();
    let ended = lint(&sandbox, &[]).with_code(0);
    assert_eq!(
        ended.stdout.matches("gone     other/values.yaml").count(),
        2,
        "{}",
        ended.stdout
    );
}

#[test]
fn every_format_says_what_the_baseline_holds_back() {
    let sandbox = with_old();
    sandbox.file("deploy/values.yaml", OLD.replace("\"tern-77!\"", "dGVybi03NyE="));
    let said = "1 known fault in baseline.json is not counted";
    for format in ["human", "sarif", "github", "gitlab", "azure"] {
        let ended = lint(&sandbox, &["--format", format]).with_code(0);
        assert!(ended.stdout.contains(said), "{format}: {}", ended.stdout);
        assert!(
            ended.stdout.contains("KS004 of SECRET_A is gone"),
            "{format}: {}",
            ended.stdout
        );
    }
    let files = lint(&sandbox, &["--format", "json=report.json"]).with_code(0);
    assert!(files.stderr.contains(said), "{}", files.stderr);
    let json: Value = serde_json::from_str(&lint(&sandbox, &["--format", "json"]).with_code(0).stdout).unwrap();
    schemas::assert_valid("lint", &json);
    assert_eq!(json["counts"]["errors"], 0);
    assert_eq!(json["baseline"]["known"][0]["subject"], "SECRET_B");
    assert_eq!(json["baseline"]["gone"][0]["subject"], "SECRET_A");
    sandbox.file("deploy/more/values.yaml", OLD);
    let sarif: Value = serde_json::from_str(&lint(&sandbox, &["--format", "sarif"]).stdout).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let states: Vec<_> = results
        .iter()
        .map(|result| result["baselineState"].as_str().unwrap())
        .collect();
    assert!(states.contains(&"new") && states.contains(&"unchanged"), "{states:?}");
    for result in results {
        assert_eq!(
            result["baselineState"] == "unchanged",
            result["suppressions"][0]["kind"] == "external"
        );
    }
}

#[test]
fn no_value_is_in_a_baseline() {
    let canaries: Vec<String> = (0..4)
        .map(|_| format!("Ca9{:032x}/+&é", rand::random::<u128>()))
        .collect();
    let [plain, encoded, key, name] = [0, 1, 2, 3].map(|at: usize| &canaries[at]);
    let sandbox = Sandbox::new();
    sandbox.file(
        "deploy/kestra.yaml",
        format!(
            "common:\n  extraEnv:\n    - {{name: SECRET_A, value: \"{plain}\"}}\n    - {{name: SECRET_B, value: {}}}\n    \
             - {{name: \"{name}\", value: x, \"{key}\": y}}\n  \"{key}\": {{SECRET_C: \"{plain}\"}}\n",
            STANDARD.encode(STANDARD.encode(encoded))
        ),
    );
    lint(&sandbox, &["--update-baseline"]).with_code(0);
    let text = fs::read_to_string(sandbox.work().join("baseline.json")).unwrap();
    assert!(baseline(&sandbox)["faults"].as_array().unwrap().len() > 2, "{text}");
    let found = Redactor::new(&canaries).find(text.as_bytes());
    assert!(found.is_empty(), "{found:?}\n{text}");
    // Nor is a hash of one: with other values the baseline is the same.
    let other = fs::read_to_string(sandbox.work().join("deploy/kestra.yaml")).unwrap();
    let other = other.replace(plain, &format!("Ca9{:032x}/+&é", rand::random::<u128>()));
    sandbox.file("deploy/kestra.yaml", other);
    lint(&sandbox, &["--update-baseline"]).with_code(0);
    assert_eq!(fs::read_to_string(sandbox.work().join("baseline.json")).unwrap(), text);
}

#[test]
fn what_is_no_baseline_is_told_and_kept() {
    let sandbox = Sandbox::new();
    sandbox.file("deploy/values.yaml", OLD);
    let ended = lint(&sandbox, &[]).with_code(2);
    assert!(
        ended.stderr_words().contains("to write it, add --update-baseline"),
        "{}",
        ended.stderr
    );
    for (text, said) in [
        ("a: [", "is not a baseline of kestra-secrets"),
        (
            "{\"schema\": 1, \"faults\": [{\"hunter2\": 1}]}",
            "is not a baseline of kestra-secrets",
        ),
        ("{\"schema\": 2, \"faults\": []}", "is a baseline of version 2"),
    ] {
        sandbox.file("baseline.json", text);
        for more in [&["--update-baseline"][..], &["--fix"], &[]] {
            let ended = lint(&sandbox, more).with_code(2);
            assert!(ended.stderr_words().contains(said), "{said}: {}", ended.stderr);
            assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
            assert_eq!(fs::read_to_string(sandbox.work().join("baseline.json")).unwrap(), text);
            let values = fs::read_to_string(sandbox.work().join("deploy/values.yaml")).unwrap();
            assert_eq!(values, OLD, "a file was fixed before the mistake was told");
        }
    }
    sandbox.run(["lint", "deploy", "--update-baseline"]).with_code(2);
    fs::remove_file(sandbox.work().join("baseline.json")).unwrap();
    // Nothing is written while a file cannot be read.
    sandbox.file("deploy/broken.yaml", "a: [");
    lint(&sandbox, &["--update-baseline"]).with_code(2);
    assert!(!sandbox.work().join("baseline.json").exists());
}
