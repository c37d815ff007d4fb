//! What is set beforehand: flag, then variable, then file, then what is built in.

use insta::{assert_snapshot, with_settings};
use libtest_mimic::Trial;

use crate::sandbox::{Sandbox, run};
use crate::test;

pub fn trials() -> Vec<Trial> {
    let test = |name, check| test("settings", name, check);
    vec![
        test("a_flag_goes_before_a_variable_and_that_before_the_file", precedence),
        test("a_commands_own_table_goes_before_the_top", tables),
        test("what_the_file_must_not_hold_exits_2_and_says_where", broken),
        test("config_show_says_where_each_value_is_set", show),
        test("a_file_is_named_by_a_flag_or_by_a_variable", named),
        test("a_file_above_a_folder_in_no_repository_is_not_read", above),
    ]
}

/// A chart that is not there: the doctor names the one that it was told of.
fn chart(sandbox: &Sandbox, variable: Option<&str>, flag: Option<&str>) -> String {
    let mut command = sandbox.command(["doctor", "--provider", "embedded"]);
    // Nothing of this machine matters.
    command.env("PATH", sandbox.work());
    if let Some(chart) = variable {
        command.env("KESTRA_SECRETS_CHART", chart);
    }
    if let Some(chart) = flag {
        command.args(["--chart", chart]);
    }
    let ended = run(command);
    let line = ended
        .stdout
        .lines()
        .find(|l| l.starts_with("MISSING  chart "))
        .unwrap_or_default();
    line.split_whitespace().nth(2).unwrap_or_default().to_owned()
}

fn precedence() {
    let sandbox = Sandbox::new();
    assert_eq!(chart(&sandbox, None, None), "");
    sandbox.file("kestra-secrets.toml", "chart = './by-file'\n");
    assert_eq!(chart(&sandbox, None, None), "./by-file");
    assert_eq!(chart(&sandbox, Some("./by-variable"), None), "./by-variable");
    assert_eq!(chart(&sandbox, Some("./by-variable"), Some("./by-flag")), "./by-flag");
    assert_eq!(chart(&sandbox, None, Some("./by-flag")), "./by-flag");
}

fn tables() {
    let sandbox = Sandbox::new();
    sandbox.file("kestra-secrets.toml", "chart = './top'\n[doctor]\nchart = './own'\n");
    assert_eq!(chart(&sandbox, None, None), "./own");
    sandbox.file("kestra-secrets.toml", "chart = './top'\n[run]\nchart = './own'\n");
    assert_eq!(chart(&sandbox, None, None), "./top");
}

fn broken() {
    let cases = [
        ("an_unknown_key", "chart = 'bundled'\nchrat = 'x'\n"),
        ("an_unknown_key_of_a_command", "[lint]\n  keep = 'always'\n"),
        ("an_unknown_command", "[rnu]\nchart = 'bundled'\n"),
        ("a_wrong_value", "[run]\nprovider = 'kid'\n"),
        ("a_wrong_type", "[run]\ntimeout = true\n"),
        ("a_number_that_is_none", "[run]\ntimeout = 'soon'\n"),
        ("a_switch_that_is_none", "[run]\nisolate = 'yes'\n"),
        ("a_table_in_a_table", "[run]\nchart = {name = 'x'}\n"),
        ("several_where_one_goes", "[run]\nchart = ['a', 'b']\n"),
        ("no_toml", "[run\nchart = 1\n"),
        ("a_key_twice", "[run]\nparallel = 1\nparallel = 2\n"),
        ("a_plaintext", "[check]\npublic = 'DB_PASSWORD=hunter2'\n"),
    ];
    let mut said = Vec::new();
    for (name, text) in cases {
        let sandbox = Sandbox::new();
        sandbox.file("kestra-secrets.toml", text);
        let ended = sandbox.run(["list"]).with_code(2);
        assert_eq!(ended.stdout, "", "{name}");
        assert!(!ended.stderr.contains("hunter2"), "{name}");
        said.push(format!("# {name}\n{}", ended.stderr));
    }
    assert_snapshot!("settings_broken", said.join("\n"));
}

fn show() {
    let sandbox = Sandbox::new();
    let said = |ended: crate::sandbox::Ended| ended.stdout.replace(&sandbox.work().display().to_string(), "[work]");
    let config = || {
        let mut command = sandbox.command(["config", "show"]);
        command.env_remove("KESTRA_SECRETS_PROVIDER");
        command
    };
    assert_eq!(
        said(run(config()).with_code(0)),
        "nothing is set; no kestra-secrets.toml\n"
    );
    sandbox.file(
        "kestra-secrets.toml",
        "provider = 'docker'\nkestra = ['engine@2.0.0', 'engine@1.3.31']\n\n[run]\nparallel = 2\nisolate = true\n",
    );
    let mut command = config();
    command.env("KESTRA_SECRETS_PROVIDER", "kind");
    // The columns are as wide as this machine's paths.
    with_settings!({filters => vec![(r" {2,}", "  ")]}, {
        assert_snapshot!("config_show", said(run(command).with_code(0)));
    });
}

fn named() {
    let sandbox = Sandbox::new();
    sandbox.file("ci/settings.toml", "chart = './by-ci'\n");
    let ended = sandbox
        .run(["config", "show", "--config", "ci/settings.toml"])
        .with_code(0);
    assert!(ended.stdout.contains("ci/settings.toml:1"), "{}", ended.stdout);
    let mut command = sandbox.command(["config", "show"]);
    command.env("KESTRA_SECRETS_CONFIG", "ci/settings.toml");
    assert!(run(command).with_code(0).stdout.contains("ci/settings.toml:1"));
    let ended = sandbox.run(["list", "--config=nowhere.toml"]).with_code(2);
    assert!(ended.stderr.contains("nowhere.toml"), "{}", ended.stderr);
}

fn above() {
    let sandbox = Sandbox::new();
    sandbox.file("kestra-secrets.toml", "chart = './by-file'\n");
    sandbox.file("below/a/none", "");
    let mut command = sandbox.command(["config", "show"]);
    command.current_dir(sandbox.work().join("below/a"));
    assert!(!run(command).with_code(0).stdout.contains("by-file"));
    std::fs::create_dir(sandbox.work().join(".git")).unwrap();
    let mut command = sandbox.command(["config", "show"]);
    command.current_dir(sandbox.work().join("below/a"));
    assert!(run(command).with_code(0).stdout.contains("by-file"));
}
