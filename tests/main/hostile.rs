//! Input that somebody made to do harm: it ends in an error that says what is wrong, in memory that the kernel bounds.
//!
//! No test looks at a clock. [`FOREVER`](crate::support::sandbox::FOREVER) is only there so that a program that hangs fails.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::reports::written;
use crate::support::sandbox::{Ended, Sandbox, files, run};

/// What the program may take, in KiB: some ten times of what an ordinary file takes.
const MOST: u64 = 512 * 1024;

/// The program with a limit on its memory, which is what of it can be written to: where threads' stacks and mapped
/// files lie depends on the machine.
fn limited(sandbox: &Sandbox, args: &[&str]) -> Command {
    let inner = sandbox.command(args);
    let mut outer = Command::new("sh");
    outer
        .arg("-c")
        .arg(format!("ulimit -d {MOST} && exec \"$0\" \"$@\""))
        .arg(inner.get_program())
        .args(inner.get_args())
        .current_dir(sandbox.work());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    outer
}

/// Runs it to its end; it must be an exit code, not a signal, and nothing may be left behind.
#[track_caller]
fn ends(sandbox: &Sandbox, args: &[&str], code: i32, says: &str) -> Ended {
    let ended = run(limited(sandbox, args)).with_code(code);
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(said.contains(says), "{args:?} does not say {says:?}:\n{said}");
    assert!(!said.contains("panicked"), "{said}");
    sandbox.assert_clean();
    ended
}

const INTENT: &str = "schema: 1\nname: hostile\nabout: x\nstrategy: extra-env\nsecrets: {A: {plain: x}}\n";

/// Values of a release, and the same in a scenario.
fn given(sandbox: &Sandbox, values: &str) {
    sandbox.file("values.yaml", values);
    let below: String = values.lines().map(|line| format!("  {line}\n")).collect();
    sandbox.file("scenario.yaml", format!("{INTENT}values:\n{below}"));
}

const RUN: [&str; 2] = ["run", "scenario.yaml"];
const CHECK: [&str; 5] = ["check", "-f", "values.yaml", "--expect-present", "A"];
const LINT: [&str; 2] = ["lint", "values.yaml"];
const FIX: [&str; 3] = ["lint", "--fix", "values.yaml"];

/// Ten times ten times ten …: each level names the one before it ten times.
fn laughs(first: &str, level: impl Fn(usize, &str) -> String) -> String {
    (1..10).fold(format!("a0: &a0 {first}\n"), |text, n| {
        let ten = vec![format!("*a{}", n - 1); 10].join(", ");
        text + &level(n, &ten)
    })
}

#[test]
fn what_multiplies_by_aliases_is_not_multiplied_out() {
    let sandbox = Sandbox::new();
    for values in [
        laughs("[x, x, x, x, x, x, x, x, x, x]", |n, ten| {
            format!("a{n}: &a{n} [{ten}]\n")
        }),
        laughs("{k: v}", |n, ten| {
            format!("a{n}: &a{n} {{<<: [{ten}], k{n}: [{ten}]}}\n")
        }),
        format!(
            "a: &a {}\nb: [{}]\n",
            "x".repeat(100_000),
            vec!["*a"; 10_000].join(", ")
        ),
    ] {
        given(&sandbox, &values);
        ends(&sandbox, &RUN, 2, "that an alias repeats");
        ends(&sandbox, &CHECK, 2, "that an alias repeats");
        // It follows references where it must, and here it need not.
        ends(&sandbox, &LINT, 0, "0 errors");
        ends(&sandbox, &FIX, 0, "0 errors");
        assert_eq!(fs::read_to_string(sandbox.work().join("values.yaml")).unwrap(), values);
        sandbox.file("page.md", format!("```yaml\n{values}```\n"));
        ends(&sandbox, &["docs", "--page", "page.md"], 2, "page.md");
    }
    let env = format!(
        "[{{name: SECRET_A, value: YQ==}}{}]",
        ", {name: B, value: x}".repeat(999)
    );
    let pods = format!(
        "kind: List\napiVersion: v1\nitems:\n- &p\n  kind: Pod\n  apiVersion: v1\n  spec:\n    containers:\n    - &c \
         {{name: c, env: {env}}}\n{}{}",
        "    - *c\n".repeat(999),
        "- *p\n".repeat(20)
    );
    sandbox.file("values.yaml", pods);
    ends(
        &sandbox,
        &LINT,
        2,
        "multiply by aliases and references beyond a million entries",
    );
    ends(
        &sandbox,
        &FIX,
        2,
        "multiply by aliases and references beyond a million entries",
    );
}

#[test]
fn ten_megabytes_in_one_value_are_not_followed() {
    let sandbox = Sandbox::new();
    let long = "QUJD".repeat(2_500_000);
    given(
        &sandbox,
        &format!("extraEnv:\n- {{name: SECRET_A, value: \"{long}\"}}\n"),
    );
    ends(
        &sandbox,
        &LINT,
        1,
        "values.yaml:2:27: error[KS023]: SECRET_A: too long for an environment",
    );
    ends(&sandbox, &FIX, 1, "KS023");
    ends(
        &sandbox,
        &RUN,
        2,
        "scenario.yaml: failed to read: it has more than 4194304 bytes",
    );
    ends(
        &sandbox,
        &CHECK,
        2,
        "values.yaml: failed to read: it has more than 4194304 bytes",
    );
    ends(
        &sandbox,
        &["docs", "--page", "values.yaml"],
        2,
        "is longer than 4194304 bytes",
    );
    ends(
        &sandbox,
        &["run", "--matrix", "values.yaml"],
        2,
        "it has more than 4194304 bytes",
    );
    ends(
        &sandbox,
        &["--config", "values.yaml", "list"],
        2,
        "it has more than 4194304 bytes",
    );
    let on_stdin = |args: &[&str], text: &str| {
        let mut command = assert_cmd::Command::from_std(limited(&sandbox, args));
        let output = command.write_stdin(text).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    };
    let said = on_stdin(&["explain"], &long);
    assert!(said.contains("standard input: is longer than 4194304 bytes"), "{said}");
    let said = on_stdin(
        &["decode", "--jsonl"],
        &format!("{{\"env\": \"{long}\"}}\n{{\"env\": \"YQ==\"}}\n"),
    );
    assert!(
        said.contains("line 1, column 1048577: longer than 1048576 bytes"),
        "{said}"
    );
    assert!(said.contains("{\"plain\":\"a\",\"error\":null}"), "{said}");
    // Just short of the bound a file is read, and refused for what it holds.
    sandbox.file(
        "scenario.yaml",
        INTENT.replace("plain: x", &format!("plain: {}", &long[..4_000_000])),
    );
    let said = ends(&sandbox, &RUN, 2, "to 1 MiB at most");
    assert!(!said.stderr.contains("QUJDQUJD"));
    sandbox.file("values.yaml", "[]\n".repeat(1_400_000));
    ends(&sandbox, &LINT, 2, "");
}

#[test]
fn ten_thousand_levels_are_not_followed() {
    let sandbox = Sandbox::new();
    let block = |indent: &str| -> String {
        (0..10_000)
            .map(|n| format!("{}a:\n", indent.repeat(n % 1_000)))
            .collect()
    };
    for (values, lint) in [
        (
            format!("a: {}{}\n", "[".repeat(10_000), "]".repeat(10_000)),
            "recursion limit",
        ),
        (format!("a: {}\n", "{a: ".repeat(10_000)), "recursion limit"),
        (format!("a:\n  {}x\n", "- ".repeat(10_000)), "recursion limit"),
        (block(" "), "recursion limit"),
    ] {
        given(&sandbox, &values);
        ends(&sandbox, &LINT, 2, lint);
        ends(&sandbox, &FIX, 2, lint);
        ends(&sandbox, &RUN, 2, "scenario.yaml:");
        ends(&sandbox, &CHECK, 2, "values.yaml:");
    }
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    sandbox.file("values.json", &deep);
    sandbox.file("report.json", format!("{{\"run\": {}", "{\"parts\": [".repeat(10_000)));
    ends(
        &sandbox,
        &["report", "merge", "report.json", "--output", "all"],
        2,
        "recursion limit exceeded",
    );
    ends(
        &sandbox,
        &["report", "convert", "report.json", "--to", "html"],
        2,
        "recursion limit exceeded",
    );
    ends(&sandbox, &["lint", "values.json"], 2, "recursion limit");
    let ended = sandbox
        .run_with(["decode", "--jsonl"], format!("{{\"env\": {deep}}}\n"))
        .with_code(2);
    assert!(ended.stderr.contains("line 1, column"), "{}", ended.stderr);
    sandbox.file(
        "page.md",
        format!("{}\n```yaml\nextraEnv: {deep}\n```\n", "> ".repeat(100_000)),
    );
    ends(&sandbox, &["docs", "--page", "page.md"], 2, "page.md");
}

#[test]
fn what_is_no_text_has_a_place() {
    let sandbox = Sandbox::new();
    for (bytes, place) in [
        (&b"a: b\nc: \"\xff\"\n"[..], ":2:5: is not UTF-8"),
        (b"\xff\xfea\0:\0 \0b\0", ":1:1: is UTF-16, not UTF-8"),
    ] {
        for file in ["values.yaml", "scenario.yaml", "page.md", "kestra-secrets.toml"] {
            sandbox.file(file, bytes);
        }
        let set = ["--config", "kestra-secrets.toml", "list"];
        ends(&sandbox, &set, 2, &format!("kestra-secrets.toml{place}"));
        fs::remove_file(sandbox.work().join("kestra-secrets.toml")).unwrap();
        let unreadable = place.replace(": is", ": unreadable: is");
        ends(&sandbox, &LINT, 2, &format!("values.yaml{unreadable}"));
        ends(&sandbox, &FIX, 2, &format!("values.yaml{unreadable}"));
        ends(&sandbox, &CHECK, 2, &format!("values.yaml{place}"));
        ends(&sandbox, &RUN, 2, &format!("scenario.yaml{place}"));
        ends(&sandbox, &["docs", "--page", "page.md"], 2, &format!("page.md{place}"));
    }
    given(&sandbox, "a: \"x\0y\"\n");
    ends(&sandbox, &LINT, 2, "values.yaml:1:6");
    ends(&sandbox, &CHECK, 2, "values.yaml:1:6");
    ends(&sandbox, &RUN, 2, "scenario.yaml:7:8");
    // A byte-order mark is none of the text.
    sandbox.file(
        "values.yaml",
        "\u{feff}extraEnv:\n- {name: SECRET_A, value: YWRtaW4K}\n",
    );
    ends(&sandbox, &LINT, 1, "values.yaml:2:27: error[KS001]");
}

#[test]
fn what_has_no_end_is_not_read_to_it() {
    let sandbox = Sandbox::new();
    let endless = "/dev/zero";
    ends(&sandbox, &["lint", endless], 2, "it has more than 67108864 bytes");
    ends(
        &sandbox,
        &["check", "-f", endless, "--expect-present", "A"],
        2,
        "it has more than 4194304 bytes",
    );
    ends(
        &sandbox,
        &["docs", "--page", endless],
        2,
        "is longer than 4194304 bytes",
    );
    ends(
        &sandbox,
        &["report", "merge", endless, "--output", "all"],
        2,
        "it has more than 67108864 bytes",
    );
    ends(
        &sandbox,
        &["run", "--matrix", endless],
        2,
        "it has more than 4194304 bytes",
    );
    std::os::unix::fs::symlink(endless, sandbox.work().join("values.yaml")).unwrap();
    sandbox.file(
        "scenario.yaml",
        "schema: 1\nname: x\nabout: x\nliteral: {chart: 1.x, values: values.yaml, flow: values.yaml}\n",
    );
    ends(
        &sandbox,
        &RUN,
        2,
        "failed to read values.yaml: it has more than 4194304 bytes",
    );
}

#[test]
fn no_path_of_a_scenario_leaves_its_folder() {
    let sandbox = Sandbox::new();
    for path in ["../secret.yaml", "a/../../secret.yaml", "/etc/hostname"] {
        let literal = format!("schema: 1\nname: x\nabout: x\nliteral: {{chart: 1.x, values: {path}, flow: {path}}}\n");
        sandbox.file("scenario.yaml", literal);
        ends(&sandbox, &RUN, 2, "leaves the scenario's folder");
    }
}

#[test]
fn no_path_of_a_report_leaves_its_folder() {
    let sandbox = Sandbox::new();
    let merge = ["report", "merge", "in", "--output", "out/all"];
    sandbox.file("secret", "s");
    for id in ["../../escaped", "/escaped", "..", "", "a/b", "a\0b"] {
        sandbox.file("in/report.json", written(id, "one", "pass").to_string());
        sandbox.file("in/evidence/one/kestra.log", "line");
        ends(&sandbox, &merge, 2, "the id of a run cannot be the name of a folder");
    }
    std::os::unix::fs::symlink("../../secret", sandbox.work().join("in/evidence/link")).unwrap();
    let absolute = sandbox.work().join("secret").display().to_string();
    let mut report = written("r", "one", "pass");
    report["results"][0]["evidence"] = json!(["../secret", "evidence/../../secret", "evidence/link", absolute]);
    sandbox.file("in/report.json", report.to_string());
    ends(&sandbox, &merge, 0, "1 passed");
    let all = sandbox.work().join("out/all");
    let made = files(&sandbox.work().join("out"));
    assert!(made.iter().all(|file| file.parent() == Some(&all)), "{made:?}");
}

#[test]
fn a_report_that_no_run_writes_is_refused() {
    let sandbox = Sandbox::new();
    let refuses = |change: fn(&mut Value), says: &str| {
        let mut report = written("r", "one", "pass");
        change(&mut report);
        sandbox.file("report.json", report.to_string());
        ends(
            &sandbox,
            &["report", "convert", "report.json", "--to", "junit"],
            2,
            says,
        );
        ends(
            &sandbox,
            &["report", "merge", "report.json", "--output", "all"],
            2,
            says,
        );
    };
    refuses(
        |r| r["run"]["wall_ms"] = u64::MAX.into(),
        "something takes more than ten years",
    );
    refuses(
        |r| r["results"][0]["phases"][0]["ms"] = u64::MAX.into(),
        "something takes more than ten years",
    );
    refuses(|r| r["run"]["wall_ms"] = 1e300.into(), "is no report");
    refuses(|r| r["run"]["id"] = Value::Null, "is no report");
    refuses(
        |r| {
            let part = r["run"].clone();
            r["run"]["parts"] = vec![part.clone()].into();
            r["run"]["parts"][0]["parts"] = vec![part].into();
        },
        "a part of its run has parts itself",
    );
}
