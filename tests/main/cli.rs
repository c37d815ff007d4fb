//! Exit codes, and what is said.

use insta::assert_snapshot;

use crate::support::ENGINE;
use crate::support::requirements::helm;
use crate::support::sandbox::{Sandbox, run};

const HEAD: &str = "schema: 1\nname: broken\nabout: Broken.\n";
const SECRETS: &str = "strategy: extra-env\nsecrets:\n  DB_PASSWORD: {plain: hidden-plaintext}\n";

/// What is said of a file, in the words of a snapshot.
fn said_of(text: &str) -> String {
    let sandbox = Sandbox::new();
    sandbox.file("broken.yaml", text);
    sandbox.run(["list", "broken.yaml"]).with_code(2);
    let ended = sandbox.run(["run", "broken.yaml"]).with_code(2);
    assert_eq!(ended.stdout, "");
    assert!(
        !ended.stderr.contains("hidden"),
        "a plaintext is shown: {}",
        ended.stderr
    );
    sandbox.assert_clean();
    ended.stderr
}

#[test]
fn a_broken_scenario_exits_2_and_says_where() {
    let body = |more: &str| format!("{HEAD}{SECRETS}{more}");
    let cases = [
        ("unknown_field", body("expcet: {}\n")),
        (
            "unknown_field_below",
            body("expect: {outputs: {db_password: x}, kestar: '>=1'}\n"),
        ),
        ("wrong_type", body("reads: [hidden]\n")),
        (
            "bad_yaml",
            format!("{HEAD}strategy: extra-env\nsecrets:\n  A: {{plain: hidden\n"),
        ),
        (
            "bad_indentation",
            format!("{HEAD}strategy: extra-env\nsecrets:\n  A: {{plain: x}}\n B: y\n"),
        ),
        ("duplicate_key", format!("{HEAD}{SECRETS}about: RetryQueue.\n")),
        (
            "bad_version_range",
            body("expect: {kestra: nonsense, outputs: {db_password: x}}\n"),
        ),
        (
            "unknown_strategy",
            format!("{HEAD}strategy: extra\nsecrets: {{A: {{plain: x}}}}\n"),
        ),
        ("unknown_schema", body("").replace("schema: 1", "schema: 2")),
        ("missing_field", "schema: 1\nname: broken\n".to_owned()),
        ("bad_name", body("").replace("name: broken", "name: Broken_Name")),
        (
            "secret_with_neither",
            format!("{HEAD}strategy: extra-env\nsecrets:\n  DB_PASSWORD: {{public: true}}\n"),
        ),
        (
            "secret_with_both",
            format!("{HEAD}strategy: extra-env\nsecrets:\n  A: {{plain: hidden1, env: hidden2}}\n"),
        ),
        ("no_secrets", format!("{HEAD}strategy: extra-env\n")),
        ("nothing_given", HEAD.to_owned()),
        ("unknown_secret", body("reads: {password: OTHER}\n")),
        ("unknown_output", body("expect: {outputs: {other: hidden}}\n")),
        (
            "two_expectations",
            body("expect: {outputs: {db_password: hidden}, missing: {key: A}}\n"),
        ),
        (
            "installs_beside_defaults",
            format!(
                "{HEAD}literal: {{chart: 1.x, values: broken.yaml, flow: broken.yaml}}\nexpect: {{installs: {{}}}}\n"
            ),
        ),
        (
            "outputs_as_printed",
            format!(
                "{HEAD}literal: {{chart: 1.x, values: broken.yaml, flow: broken.yaml, defaults: false}}\nexpect: {{outputs: {{a: hidden}}}}\n"
            ),
        ),
        (
            "a_step_with_nothing_to_rotate",
            body("steps:\n  - rotate: {DB_PASSWORD: {plain: hidden}}\n"),
        ),
        ("a_step_without_expectation", body("steps:\n  - restart: {}\n")),
        (
            "a_literal_that_leaves_its_folder",
            format!(
                "{HEAD}literal: {{chart: 1.x, values: values.yaml, flow: ../flow.yaml}}\nexpect: {{outputs: {{}}}}\n"
            ),
        ),
        (
            "a_literal_without_its_file",
            format!("{HEAD}literal: {{chart: 1.x, values: values.yaml, flow: flow.yaml}}\nexpect: {{outputs: {{}}}}\n"),
        ),
        (
            "a_secret_of_no_digits",
            format!("{HEAD}strategy: extra-env\nsecrets:\n  A: {{hex: hidden}}\n"),
        ),
        (
            "a_secret_too_often",
            format!("{HEAD}strategy: extra-env\nsecrets:\n  A: {{plain: hidden, repeat: 1000000}}\n"),
        ),
        (
            "a_flow_beside_reads",
            body("reads: {password: DB_PASSWORD}\nflow: flow.yaml\n"),
        ),
        ("a_start_with_nothing", body("start: {}\n")),
        (
            "a_trigger_after_nothing",
            body("start: {trigger: {after: other}}\nexpect: {silent: {}}\n"),
        ),
        ("two_documents", body("---\nname: second\n")),
        ("an_empty_file", String::new()),
    ];
    for (name, text) in cases {
        assert_snapshot!(name, said_of(&text));
    }
}

#[test]
fn two_scenarios_of_one_name_exit_2() {
    let sandbox = Sandbox::new();
    for file in ["a.yaml", "b.yaml"] {
        sandbox.file(file, format!("{HEAD}{SECRETS}"));
    }
    let ended = sandbox.run(["run", "a.yaml", "b.yaml"]).with_code(2);
    assert_snapshot!("duplicate_name", ended.stderr);
}

#[test]
fn hostile_yaml_exits_2_in_bounded_time() {
    let alias = |n: u32| format!("  - &a{n} [{}]", vec![format!("*a{}", n - 1); 9].join(", "));
    let aliases: Vec<_> = (1..30).map(alias).collect();
    let bomb = format!("{HEAD}{SECRETS}values:\n  - &a0 [x, x]\n{}\n", aliases.join("\n"));
    let nested = format!(
        "{HEAD}{SECRETS}values: {}{}\n",
        "{a: ".repeat(100_000),
        "}".repeat(100_000)
    );
    let lists = format!("{HEAD}{SECRETS}values: {}\n", "[".repeat(1_000_000));
    let merged = format!("{HEAD}{SECRETS}values: &a {{b: *a}}\n");
    let huge = format!(
        "{HEAD}{SECRETS}values: {{a: '{}'}}\nunknown: 1\n",
        "x".repeat(20_000_000)
    );
    for (what, text) in [
        ("aliases", bomb),
        ("mappings", nested),
        ("lists", lists),
        ("itself", merged),
        ("huge", huge),
    ] {
        let sandbox = Sandbox::new();
        sandbox.file("hostile.yaml", text);
        let ended = sandbox.run(["list", "hostile.yaml"]).with_code(2);
        assert!(ended.stderr.contains("hostile.yaml"), "{what}: {}", ended.stderr);
        assert!(ended.stderr.len() < 4_000, "{what} is told at length");
    }
}

#[test]
fn a_private_value_of_the_wrong_type_is_not_shown() {
    for value in [
        "8675309123",
        "[8675309123]",
        "{a: 8675309123}",
        "!!binary 8675309123",
        "86753.09123",
        "*8675309123",
    ] {
        let sandbox = Sandbox::new();
        let text = format!("{HEAD}strategy: extra-env\nsecrets:\n  A:\n    env: x\n    plain: {value}\n");
        sandbox.file("broken.yaml", text);
        let ended = sandbox.run(["list", "broken.yaml"]).with_code(2);
        assert!(!ended.stderr.contains("09123"), "{value}: {}", ended.stderr);
    }
}

#[test]
fn a_mistyped_scenario_exits_2_and_shows_the_nearest_name() {
    let ended = Sandbox::new().run(["run", "extra-evn"]).with_code(2);
    assert!(ended.stderr.contains("extra-evn"), "{}", ended.stderr);
    assert!(ended.stderr.contains("did you mean `extra-env`?"), "{}", ended.stderr);
}

#[test]
fn an_unknown_kestra_exits_2() {
    for kestra in ["engine@9.9.9", "engine", "kestra@2.0.0"] {
        let ended = Sandbox::new()
            .run(["run", "extra-env", "--kestra", kestra])
            .with_code(2);
        assert_snapshot!(format!("unknown_kestra_{}", kestra.replace('@', "_")), ended.stderr);
    }
}

#[test]
fn a_key_the_chart_ignores_exits_2_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    sandbox.file("ignored.yaml", format!("{HEAD}{SECRETS}values: {{extraEnv: []}}\n"));
    sandbox.file(
        "overlap.yaml",
        format!("{HEAD}{SECRETS}values: {{dind: {{enabled: true}}}}\n"),
    );
    for name in ["ignored", "overlap"] {
        let ended = sandbox.run(["run", &format!("{name}.yaml")]).with_code(2);
        assert_snapshot!(format!("plan_{name}"), ended.stderr);
        sandbox.assert_clean();
    }
}

#[test]
fn a_gate_that_cannot_be_met_exits_2_before_anything_runs() {
    for require in ["observed", "official"] {
        let sandbox = Sandbox::new();
        let ended = sandbox.run(["run", "extra-env", "--require", require]).with_code(2);
        assert_snapshot!(format!("require_{require}"), ended.stderr);
        sandbox.assert_clean();
    }
}

/// A scenario that says nothing of any Kestra that is.
fn of_old() -> String {
    format!("{HEAD}{SECRETS}expect: {{kestra: '<0.1', outputs: {{db_password: hidden}}}}\n").replace("broken", "of-old")
}

#[test]
fn a_scenario_that_would_be_skipped_exits_2_with_no_skip() {
    let sandbox = Sandbox::new();
    sandbox.file("of-old.yaml", of_old());
    let ended = sandbox
        .run(["run", "of-old.yaml", "--kestra", ENGINE, "--no-skip"])
        .with_code(2);
    assert_snapshot!("no_skip", ended.stderr);
    sandbox.assert_clean();
}

#[test]
fn without_helm_it_exits_3_and_says_what_to_install() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["run", "extra-env"]);
    command
        .env_remove("KESTRA_SECRETS_HELM")
        .env("PATH", sandbox.work())
        .env("XDG_CACHE_HOME", sandbox.work().join("cache"))
        // Nobody listens there.
        .env("KESTRA_SECRETS_HELM_MIRROR", "http://127.0.0.1:1")
        .env("NO_PROXY", "127.0.0.1");
    let ended = run(command).with_code(3);
    assert!(ended.stderr.contains("failed to look for helm"), "{}", ended.stderr);
    assert!(ended.stderr.contains("install helm on PATH"), "{}", ended.stderr);
    sandbox.assert_clean();
}

#[test]
fn without_java_it_exits_3_and_says_what_is_wrong() {
    let sandbox = Sandbox::new();
    let with = |home: &str| {
        let mut command = sandbox.command(["run", "extra-env", "--kestra", ENGINE]);
        command.env("KESTRA_SECRETS_JAVA_HOME", sandbox.work().join(home));
        command
    };
    let ended = run(with("nowhere")).with_code(3);
    assert!(
        ended.stdout_words().contains("nowhere has no bin/java"),
        "{}",
        ended.stdout
    );

    for executable in ["java", "javac"] {
        sandbox.script(&format!("old/bin/{executable}"), "exit 1");
        sandbox.script(&format!("new/bin/{executable}"), "exit 1");
    }
    sandbox.file("old/release", "JAVA_VERSION=\"17.0.1\"\n");
    sandbox.file("new/release", "JAVA_VERSION=\"25.0.1\"\n");
    let ended = run(with("old")).with_code(3);
    assert!(ended.stdout_words().contains("is Java 17"), "{}", ended.stdout);

    let mut without_maven = with("new");
    without_maven
        .env("PATH", sandbox.work())
        .env("KESTRA_SECRETS_HELM", helm())
        // Where no engine is built yet.
        .env("XDG_CACHE_HOME", sandbox.work().join("cache"))
        .env_remove("MAVEN_HOME")
        .env_remove("KESTRA_SECRETS_MAVEN");
    let ended = run(without_maven).with_code(3);
    assert!(
        ended.stdout_words().contains("install one from maven.apache.org"),
        "{}",
        ended.stdout
    );
    sandbox.assert_clean();
}

#[test]
fn an_empty_selection_is_not_all_scenarios() {
    let sandbox = Sandbox::new();
    sandbox.file("folder/no-scenario.txt", "");
    let ended = sandbox.run(["run", "folder"]).with_code(2);
    assert!(ended.stderr.contains("folder"), "{}", ended.stderr);
}

#[test]
fn list_names_what_run_takes() {
    let ended = Sandbox::new().run(["list"]).with_code(0);
    let names: Vec<_> = ended
        .stdout
        .lines()
        .skip(1)
        .filter_map(|l| l.split_whitespace().next())
        .collect();
    for name in ["extra-env", "extra-env-from", "secret-key-ref", "docs-2024-recipe"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let sandbox = Sandbox::new();
    sandbox.file("one.yaml", format!("{HEAD}{SECRETS}").replace("broken", "one"));
    assert_snapshot!("list", sandbox.run(["list", "one.yaml"]).with_code(0).stdout);
}

/// krew installs the program under this name.
#[test]
fn a_plugin_for_kubectl_is_the_same_program() {
    let sandbox = Sandbox::new();
    let plugin = sandbox.root().join("kubectl-kestra_secrets");
    std::os::unix::fs::symlink(crate::support::sandbox::program(), &plugin).unwrap();
    let output = |args: &[&str]| std::process::Command::new(&plugin).args(args).output().unwrap();
    let help = String::from_utf8(output(&["audit", "--help"]).stdout).unwrap();
    assert!(help.contains("Usage: kubectl kestra-secrets audit"), "{help}");
    let version = String::from_utf8(output(&["--version"]).stdout).unwrap();
    assert_eq!(version, concat!("kestra-secrets ", env!("CARGO_PKG_VERSION"), "\n"));
}
