//! What every command says of itself, and of a command line that it does not take.

use insta::{assert_snapshot, with_settings};
use libtest_mimic::Trial;

use crate::sandbox::{Ended, Sandbox, run};
use crate::test;

pub fn trials() -> Vec<Trial> {
    let test = |name, check| test("help", name, check);
    vec![
        test("every_command_tells_of_itself", every),
        test("a_command_line_that_is_not_taken_exits_2", not_taken),
        test("each_shell_gets_its_completions", completions),
    ]
}

fn said(args: &[&str], code: i32) -> Ended {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(args);
    // Help is as wide as the terminal.
    command.env("COLUMNS", "110").env_remove("KESTRA_SECRETS_PROVIDER");
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

fn every() {
    let mut paths: Vec<Vec<String>> = vec![Vec::new()];
    let mut seen = 0;
    while let Some(path) = paths.pop() {
        let mut args: Vec<&str> = path.iter().map(String::as_str).collect();
        args.push("--help");
        let help = said(&args, 0).stdout;
        assert!(help.contains("Examples:"), "{path:?}: {help}");
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
    assert!(seen > 18, "{seen} commands");
}

fn not_taken() {
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
        &["codes", "KS999"],
        &["config"],
        &["completions", "tcsh"],
    ];
    let each = lines.map(|line| format!("$ kestra-secrets {}\n{}\n", line.join(" "), said(line, 2).stderr));
    assert_snapshot!("usage_errors", each.join("\n"));
}

fn completions() {
    for (shell, sign) in [("bash", "complete -F"), ("zsh", "#compdef"), ("fish", "complete -c")] {
        let script = said(&["completions", shell], 0).stdout;
        assert!(script.contains(sign) && script.contains("doctor"), "{shell}");
    }
}
