//! What is set beforehand: flag, then variable, then file, then what is built in.

use insta::{assert_snapshot, with_settings};

use crate::support::sandbox::{Ended, Sandbox, run};

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

#[test]
fn a_flag_goes_before_a_variable_and_that_before_the_file() {
    let sandbox = Sandbox::new();
    assert_eq!(chart(&sandbox, None, None), "");
    sandbox.file("kestra-secrets.toml", "chart = './by-file'\n");
    assert_eq!(chart(&sandbox, None, None), "./by-file");
    assert_eq!(chart(&sandbox, Some("./by-variable"), None), "./by-variable");
    assert_eq!(chart(&sandbox, Some("./by-variable"), Some("./by-flag")), "./by-flag");
    assert_eq!(chart(&sandbox, None, Some("./by-flag")), "./by-flag");
}

#[test]
fn a_commands_own_table_goes_before_the_top() {
    let sandbox = Sandbox::new();
    sandbox.file("kestra-secrets.toml", "chart = './top'\n[doctor]\nchart = './own'\n");
    assert_eq!(chart(&sandbox, None, None), "./own");
    sandbox.file("kestra-secrets.toml", "chart = './top'\n[run]\nchart = './own'\n");
    assert_eq!(chart(&sandbox, None, None), "./top");
}

#[test]
fn what_the_file_must_not_hold_exits_2_and_says_where() {
    let cases = [
        ("an_unknown_key", "chart = 'bundled'\nchrat = 'x'\n"),
        ("an_unknown_key_of_a_command", "[lint]\n  keep = 'always'\n"),
        ("an_unknown_command", "[rnu]\nchart = 'bundled'\n"),
        ("a_key_that_is_like_no_other", "zzz = 'bundled'\n"),
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

#[test]
fn config_show_says_where_each_value_is_set() {
    let sandbox = Sandbox::new();
    let said = |ended: Ended| ended.stdout.replace(&sandbox.work().display().to_string(), "[work]");
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

#[test]
fn a_file_is_named_by_a_flag_or_by_a_variable() {
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

#[test]
fn a_file_above_a_folder_in_no_repository_is_not_read() {
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

/// The program in a folder with such a file, where nothing else is set.
fn with(file: &str, args: &[&str], variables: &[(&str, &str)]) -> Ended {
    let sandbox = Sandbox::new();
    sandbox.file("kestra-secrets.toml", file);
    let mut command = sandbox.command(args);
    // Nothing of this machine matters.
    command
        .env("PATH", sandbox.work())
        .env_remove("KESTRA_SECRETS_PROVIDER");
    command.envs(variables.iter().copied());
    run(command)
}

/// Where the doctor says that a run goes.
fn goes_to(file: &str, args: &[&str], variables: &[(&str, &str)]) -> String {
    let ended = with(file, &[&["doctor"], args].concat(), variables);
    let line = ended.stdout.lines().find_map(|l| l.strip_prefix("a run would use "));
    let place = line.and_then(|l| l.split(' ').next());
    place.map_or(format!("{:?}: {}", ended.code, ended.stderr), str::to_owned)
}

#[test]
fn what_is_set_gives_way_to_what_contradicts_it() {
    let context = "context = 'nowhere'\nnamespace = 'qa'\n";
    assert_eq!(goes_to(context, &[], &[]), "context");
    assert_eq!(goes_to(context, &["--provider", "embedded"], &[]), "embedded");
    assert_eq!(
        goes_to(context, &[], &[("KESTRA_SECRETS_PROVIDER", "embedded")]),
        "embedded"
    );
    assert_eq!(goes_to(context, &["--kind-cluster", "mine"], &[]), "kind");
    assert_eq!(
        goes_to("provider = 'embedded'\n", &["--context", "nowhere"], &[]),
        "context"
    );
    assert_eq!(goes_to("image = 'a:b'\n", &["--provider", "embedded"], &[]), "embedded");
    // It does not say where instead, so it may not move the run.
    let said = with("provider = 'embedded'\n", &["run", "extra-env", "--image", "a:b"], &[]).with_code(2);
    assert!(said.stderr.contains("does not take --image"), "{}", said.stderr);
    // Names on the command line are what is run, and no matrix of the file.
    let said = with("[run]\nmatrix = 'm.yaml'\n", &["run", "no-such-scenario"], &[]).with_code(2);
    assert!(said.stderr.contains("no-such-scenario"), "{}", said.stderr);
    let said = with("[run]\nmatrix = 'm.yaml'\n", &["run"], &[]).with_code(2);
    assert!(said.stderr.contains("m.yaml"), "{}", said.stderr);
    // A table goes before the top, so its matrix before the provider of all.
    let said = with("provider = 'kind'\n[run]\nmatrix = 'm.yaml'\n", &["run"], &[]).with_code(2);
    assert!(said.stderr.contains("m.yaml"), "{}", said.stderr);
}

#[test]
fn two_of_one_rank_that_contradict_each_other_exit_2() {
    let said = with("reuse = 'mine'\nnode-image = 'a:b'\n", &["doctor"], &[]).with_code(2);
    assert_snapshot!("settings_rivals", said.stderr);
    let one = "node-image = 'a:b'\n";
    assert_eq!(goes_to(one, &[], &[("KESTRA_SECRETS_REUSE", "mine")]), "kind");
}

#[test]
fn a_flag_may_build_on_what_is_set() {
    assert_eq!(goes_to("context = 'nowhere'\n", &["--namespace", "qa"], &[]), "context");
    let variable = [("KESTRA_SECRETS_CONTEXT", "nowhere")];
    assert_eq!(goes_to("", &["--namespace", "qa"], &variable), "context");
    let said = with("[run]\ncontext = 'nowhere'\n", &["doctor", "--namespace", "qa"], &[]).with_code(2);
    assert!(said.stderr.contains("needs --context NAME"), "{}", said.stderr);
}

#[test]
fn a_switch_that_is_set_is_turned_off_by_a_flag() {
    let file = "[run]\nno-defaults = true\npull-secret = 'no-such-file'\n";
    let said = with(file, &["run", "extra-env"], &[]).with_code(2);
    assert!(said.stderr.contains("--no-defaults forbids"), "{}", said.stderr);
    for (args, variables) in [
        (vec!["run", "extra-env", "--no-defaults=false"], vec![]),
        (vec!["run", "extra-env"], vec![("KESTRA_SECRETS_NO_DEFAULTS", "false")]),
    ] {
        let said = with(file, &args, &variables).with_code(2);
        assert!(said.stderr.contains("no-such-file"), "{args:?}: {}", said.stderr);
    }
    let said = with(
        "[run]\nno-defaults = false\n",
        &["run", "no-such-scenario", "--no-defaults"],
        &[],
    );
    assert!(said.with_code(2).stderr.contains("no-such-scenario"));
}

#[test]
fn an_empty_variable_sets_nothing() {
    let variables = [
        ("KESTRA_SECRETS_CONFIG", ""),
        ("KESTRA_SECRETS_CONTEXT", ""),
        ("KESTRA_SECRETS_PROVIDER", ""),
        ("KESTRA_SECRETS_ISOLATE", ""),
    ];
    let said = with("", &["config", "show"], &variables).with_code(0).stdout;
    assert_eq!(said, "nothing is set; kestra-secrets.toml\n");
    assert_eq!(goes_to("provider = 'embedded'\n", &[], &variables), "embedded");
}

#[test]
fn a_value_is_for_the_commands_that_take_it() {
    let file = "format = 'json'\nkestra = 'engine@2.0.0'\n";
    let said = with(file, &["config", "show"], &[]).with_code(0).stdout;
    let line = said.lines().find(|l| l.contains("format")).unwrap();
    assert!(line.ends_with("  lint, audit"), "{said}");
    // What `explain` calls --kestra is another thing.
    with(file, &["explain", "YWRtaW4="], &[]).with_code(0);
    let said = with(file, &["lint", "."], &[]);
    assert!(said.stdout.starts_with('{'), "{}{}", said.stdout, said.stderr);
}

#[test]
fn a_commands_own_table_has_the_flags_of_all_commands() {
    let bad = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/lint/bad/ks001-trailing-newline.yaml"
    );
    for (args, coloured) in [
        (vec!["lint", bad], true),
        (vec!["lint", "--fix", "--diff", bad], false),
        (vec!["lint", bad, "--color", "never"], false),
        (vec!["--color", "never", "lint", bad], false),
    ] {
        let said = with("color = 'never'\n[lint]\ncolor = 'always'\n", &args, &[]);
        assert_eq!(said.stdout.contains('\u{1b}'), coloured, "{args:?}: {}", said.stdout);
    }
}

#[test]
fn help_is_there_whatever_the_file_holds() {
    for file in ["chrat = 'x'\n", "[run\n"] {
        for args in [&["--help"][..], &["run", "--help"], &["--version"]] {
            let said = with(file, args, &[]).with_code(0);
            assert!(said.stdout.contains("kestra-secrets"), "{}", said.stdout);
        }
    }
}
