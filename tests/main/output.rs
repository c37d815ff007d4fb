//! What all commands have in common: how much is told, and in which colours.

use std::fs::{self, File};

use crate::help::below;
use crate::support::console::assert_full_disk_is_told_once;
use crate::support::reports::written;
use crate::support::sandbox::{Sandbox, run};

const ESCAPE: char = '\u{1b}';

#[test]
fn colours_go_by_the_flag_then_by_the_environment() {
    for (flag, variable, coloured) in [
        ("auto", None, false),
        ("auto", Some("CLICOLOR_FORCE"), true),
        ("auto", Some("NO_COLOR"), false),
        ("never", Some("CLICOLOR_FORCE"), false),
        ("always", Some("NO_COLOR"), true),
    ] {
        let sandbox = Sandbox::new();
        for (args, code) in [(["lint", BAD], 1), (["list", "nowhere"], 2)] {
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

#[test]
fn quiet_and_verbose_exclude_each_other() {
    let ended = Sandbox::new().run(["list", "--quiet", "--verbose"]).with_code(2);
    assert!(ended.stderr.contains("cannot be used with"), "{}", ended.stderr);
}

#[test]
fn an_error_is_told_however_quiet() {
    let ended = Sandbox::new().run(["list", "nowhere", "-q"]).with_code(2);
    assert!(ended.stderr.contains("nowhere"), "{}", ended.stderr);
}

const GOOD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lint/good/values-1.yaml");
const BAD: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/lint/bad/ks001-trailing-newline.yaml"
);

#[test]
fn output_that_cannot_be_written_is_told_once_by_every_command() {
    let sandbox = Sandbox::new();
    sandbox.file("one/report.json", written("r1", "one", "pass").to_string());
    sandbox.file("two/report.json", written("r2", "two", "fail").to_string());
    sandbox.file("wrong.yaml", fs::read(BAD).unwrap());
    let answered = "{\"env\": \"YWRtaW4=\"}\n";
    let mut tried = Vec::new();
    for (args, stdin, code) in [
        (&["list"][..], "", 3),
        (&["list", "--markdown"], "", 3),
        (&["explain"], "YWRtaW4=", 3),
        (&["explain", "--json"], "YWRtaW4=", 3),
        (&["encode", "A=b"], "", 3),
        (&["decode", "--jsonl"], answered, 3),
        (&["explain", "--list"], "", 3),
        (&["explain", "KS001"], "", 3),
        (&["lint", GOOD], "", 3),
        // A wrong value goes before a broken environment.
        (&["lint", BAD], "", 1),
        (&["lint", BAD, "--format", "sarif"], "", 1),
        (&["lint", "--fix", "wrong.yaml"], "", 3),
        (&["report", "convert", "one", "--to", "html"], "", 3),
        (&["report", "merge", "one", "--output", "merged"], "", 3),
        (&["report", "merge", "one", "two", "--output", "both"], "", 1),
        (&["doctor", "--provider", "docker", "--json"], "", 3),
        (&["clean"], "", 3),
        (&["init", "new"], "", 3),
        (&["config", "show"], "", 3),
        (&["schema", "scenario"], "", 3),
        (&["completions", "bash"], "", 3),
        (&["--version"], "", 3),
    ] {
        assert_full_disk_is_told_once(&sandbox, args, stdin, code);
        tried.push(args[0]);
    }
    assert_full_disk_is_told_once(&sandbox, &["--help"], "", 3);
    let help = sandbox.run(["--help"]).stdout;
    // These need a Kestra, or a cluster.
    let live = ["run", "check", "docs", "prove", "bisect", "audit"];
    for command in below(&help) {
        assert_full_disk_is_told_once(&sandbox, &[&command, "--help"], "", 3);
        let known = live.contains(&&*command) || tried.contains(&&*command);
        assert!(known, "{command} is not tried");
    }
}

#[test]
fn a_reader_who_has_had_enough_is_no_error() {
    let sandbox = Sandbox::new();
    let many = "{\"env\": \"YWRtaW4=\"}\n".repeat(10_000);
    for (args, stdin) in [
        (&["list"][..], ""),
        (&["--help"], ""),
        (&["lint", GOOD], ""),
        (&["completions", "bash"], ""),
        (&["decode", "--jsonl"], many.as_str()),
    ] {
        sandbox.file("stdin", stdin);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = sandbox.command(args);
        command
            .stdin(File::open(sandbox.work().join("stdin")).unwrap())
            .stdout(writer);
        let output = command.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
        assert_eq!(output.status.code(), Some(0), "{args:?}");
    }
}

#[test]
fn an_error_that_cannot_be_written_keeps_its_exit_code() {
    let sandbox = Sandbox::new();
    let verbose = ["list", "nowhere", "-vv"];
    for args in [
        &["list", "nowhere"][..],
        &verbose,
        &["list", "--no-such-flag"],
        &["lint", "--fix", "nowhere"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = sandbox.command(args).stderr(full).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
}
