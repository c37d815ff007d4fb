//! What commands print, as one would see it.

use std::fs::File;

use super::sandbox::{Sandbox, run};

/// What one machine or one run has and another has not.
pub const FILTERS: [(&str, &str); 13] = [
    (r"bundled scenarios: .*", "bundled scenarios: [names]"),
    (r"\brun [a-z0-9]{8}:", "run [id]:"),
    (r"\d+\.\d s\b", "[time]"),
    (r"\[ *\d+\.\d\ds\]", "[time]"),
    (r"\bin \d+(\.\d|m \d+)s\b", "in [time]"),
    (r"#[0-9a-f]{16}", "[hash]"),
    (r"/tmp/[^\s'`\)]*", "[temporary]"),
    (r"helm[ !\n]+3\.[0-9.]+.*", "[helm]"),
    (r"kestra-secrets-[a-z0-9]{8}\b", "kestra-secrets-[id]"),
    (r" +\n", "\n"),
    (r"─{9,}", "─────────"),
    (r"═{9,}", "═════════"),
    (r" {3,}", "   "),
];

/// Commands as one would type them, and all that came of each.
#[track_caller]
pub fn all_printed(sandbox: &Sandbox, lines: &[(&[&str], i32)]) -> String {
    let all: Vec<_> = lines.iter().map(|(args, code)| printed(sandbox, args, *code)).collect();
    all.join("\n")
}

/// A command as one would type it, and all that came of it.
#[track_caller]
fn printed(sandbox: &Sandbox, args: &[&str], code: i32) -> String {
    let mut command = sandbox.command(args);
    command.env("KUBECONFIG", sandbox.work().join("kubeconfig"));
    let ended = run(command).with_code(code);
    // Progress is told elsewhere; here it would tell of the machine.
    let error: Vec<_> = ended.stderr.lines().filter(|line| !line.starts_with("  …")).collect();
    format!(
        "$ kestra-secrets {}\n{}{}[exit {code}]\n",
        args.join(" "),
        ended.stdout,
        error.iter().map(|line| format!("! {line}\n")).collect::<String>()
    )
}

/// A command whose standard output is a disk without room.
#[track_caller]
pub fn assert_full_disk_is_told_once(sandbox: &Sandbox, args: &[&str], stdin: &str, code: i32) {
    let full = File::options().write(true).open("/dev/full").unwrap();
    sandbox.file("stdin", stdin);
    let mut command = sandbox.command(args);
    command
        .stdin(File::open(sandbox.work().join("stdin")).unwrap())
        .stdout(full);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    let times = said
        .matches("failed to write to standard output: No space left")
        .count();
    assert_eq!(times, 1, "{args:?}: {said}");
    assert!(!said.contains("a defect of kestra-secrets"), "{args:?}: {said}");
}
