//! What every command says of itself, and of a command line that it does not take.

use insta::{assert_snapshot, with_settings};

use crate::support::sandbox::{Ended, Sandbox, run};

fn said(args: &[&str], code: i32) -> Ended {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(args);
    // Help is as wide as the terminal.
    command.env("COLUMNS", "80").env_remove("KESTRA_SECRETS_PROVIDER");
    run(command).with_code(code)
}

/// The commands that a help lists.
pub fn below(help: &str) -> Vec<String> {
    let list = help.split_once("Commands:\n").map_or("", |(_, rest)| rest);
    let lines = list.lines().take_while(|line| line.starts_with("  "));
    let names = lines
        .filter(|l| !l.starts_with("   "))
        .filter_map(|l| l.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn every_command_tells_of_itself() {
    let mut paths: Vec<Vec<String>> = vec![Vec::new()];
    let mut seen = 0;
    while let Some(path) = paths.pop() {
        let mut args: Vec<&str> = path.iter().map(String::as_str).collect();
        args.push("--help");
        let help = said(&args, 0).stdout;
        assert!(help.contains("Examples:"), "{path:?}: {help}");
        let wide: Vec<_> = help.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{path:?}: {wide:?}");
        let name = path
            .iter()
            .fold("help".to_owned(), |name, word| format!("{name}_{word}"));
        with_settings!({filters => vec![(r" +\n", "\n")]}, { assert_snapshot!(name, help) });
        paths.extend(
            below(&help)
                .into_iter()
                .map(|word| path.iter().cloned().chain([word]).collect()),
        );
        seen += 1;
    }
    assert!(seen > 17, "{seen} commands");
}

#[test]
fn a_command_line_that_is_not_taken_exits_2() {
    let lines: [&[&str]; 14] = [
        &[],
        &["rnu"],
        &["run", "--provider", "kid"],
        &["run", "--chrat", "bundled"],
        &["run", "--provider", "context"],
        &["run", "--namespace", "qa"],
        &["run", "--provider", "embedded", "--image", "a:b"],
        &["check"],
        &["explain", "--env"],
        &["encode", "DB=x", "--producer", "external-secrets"],
        &["lint"],
        &["explain", "KS999"],
        &["config"],
        &["completions", "tcsh"],
    ];
    let each = lines.map(|line| format!("$ kestra-secrets {}\n{}\n", line.join(" "), said(line, 2).stderr));
    assert_snapshot!("usage_errors", each.join("\n"));
}

#[test]
fn each_shell_gets_its_completions() {
    for (shell, sign) in [("bash", "complete -F"), ("zsh", "#compdef"), ("fish", "complete -c")] {
        let script = said(&["completions", shell], 0).stdout;
        assert!(script.contains(sign) && script.contains("doctor"), "{shell}");
    }
}

#[test]
fn every_command_has_a_man_page() {
    let sandbox = Sandbox::new();
    let written = sandbox.run(["man", "pages"]).with_code(0).stdout;
    let commands = below(&said(&["--help"], 0).stdout);
    for command in &commands {
        let page = std::fs::read_to_string(sandbox.work().join(format!("pages/kestra-secrets-{command}.1"))).unwrap();
        assert!(page.contains("Examples:") && page.contains(".SH"), "{page}");
    }
    for other in ["kestra-secrets.1", "kestra-secrets-report-merge.1"] {
        assert!(written.contains(other), "{written}");
    }
    assert!(!written.contains("pins"), "{written}");
}

#[test]
fn old_names_of_commands_and_flags_still_work() {
    let sandbox = Sandbox::new();
    let wrong = "common: {extraEnv: [{name: SECRET_A, value: \"admin!\"}]}\n";
    let file = sandbox.file("a.yaml", wrong);
    let new = sandbox.run(["lint", "--fix", "--diff", "a.yaml"]).with_code(0);
    let old = sandbox.run(["fix", "--dry-run", "a.yaml"]).with_code(0);
    assert_eq!((old.stdout, old.stderr), (new.stdout, new.stderr));
    sandbox.run(["fix", "a.yaml"]).with_code(0);
    assert!(!std::fs::read_to_string(file).unwrap().contains("admin!"));
    for (old, new) in [
        (&["codes"][..], &["explain", "--list"][..]),
        (&["codes", "KS001"], &["explain", "KS001"]),
    ] {
        assert_eq!(said(old, 0).stdout, said(new, 0).stdout);
    }
    // Both names of the flag meet the same refusal.
    let refused = |flag| said(&["doctor", "--provider", "embedded", flag, "mine"], 2).stderr;
    assert_eq!(refused("--reuse"), refused("--kind-cluster"));
}

#[test]
fn explain_describes_codes_and_never_mixes_them_with_values() {
    let two = said(&["explain", "KS001", "ks002"], 0).stdout;
    assert!(two.contains("# KS001: ") && two.contains("# KS002: "), "{two}");
    for (args, says) in [
        (&["explain", "KS001", "YWRtaW4="][..], "there are values beside it"),
        (&["explain", "KS001", "--json"], "takes none of the flags for values"),
        (&["explain", "KS999"], "there is no code"),
        (&["explain", "--list", "--hide"], "cannot be used with"),
    ] {
        let error = said(args, 2).stderr;
        assert!(error.contains(says), "{error}");
    }
    // On standard input the same text is a value.
    Sandbox::new().run_with(["explain"], "KS001").with_code(1);
}
