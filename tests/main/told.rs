//! What each command prints and what it says of a failure, whole: a change of a word shows here.

use insta::{assert_snapshot, with_settings};
use libtest_mimic::Trial;

use crate::report::written;
use crate::sandbox::{Sandbox, run};
use crate::{ENGINE, live, test};

pub fn trials() -> Vec<Trial> {
    vec![
        test("told", "what_commands_print_without_a_kestra", offline),
        test("told", "what_commands_say_of_a_failure", errors),
        live("told", "what_a_run_a_check_and_a_proof_print", on_embedded),
    ]
}

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

/// A command as one would type it, and all that came of it.
fn told(sandbox: &Sandbox, args: &[&str], code: i32) -> String {
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

#[track_caller]
fn snapshot(name: &str, sandbox: &Sandbox, lines: &[(&[&str], i32)]) {
    let all: Vec<_> = lines.iter().map(|(args, code)| told(sandbox, args, *code)).collect();
    with_settings!({filters => FILTERS.to_vec()}, { assert_snapshot!(name, all.join("\n")) });
}

fn offline() {
    let sandbox = Sandbox::new();
    sandbox.file("report/report.json", written("r1", "one", "fail").to_string());
    sandbox.file("other/report.json", written("r2", "two", "pass").to_string());
    sandbox.file("lines", "{\"env\": \"YWRtaW4=\"}\n{\"env\": \"no!\"}\n");
    snapshot(
        "outputs",
        &sandbox,
        &[
            (&["explain", "--list"], 0),
            (&["explain", "KS001"], 0),
            (&["report", "convert", "report", "--to", "markdown"], 0),
            (&["report", "convert", "report", "--to", "junit"], 0),
            (&["report", "convert", "report", "--to", "github"], 0),
            (&["report", "merge", "report", "other", "--output", "all"], 1),
            (&["init", "new"], 0),
            (&["clean"], 0),
            (&["explain", "YWRtaW4K", "--hide"], 1),
            (&["config", "show"], 0),
        ],
    );
    let decoded = sandbox.run_with(["decode", "--jsonl"], "{\"env\": \"YWRtaW4=\"}\n{\"env\": \"no!\"}\n");
    assert_snapshot!("outputs_decode", decoded.with_code(0).stdout);
}

fn errors() {
    let sandbox = Sandbox::new();
    // Whatever clusters this machine knows, these runs know none.
    sandbox.file("kubeconfig", "{apiVersion: v1, kind: Config}");
    sandbox.file("values.yaml", "common: {extraEnv: [{name: SECRET_A, value: YQ==}]}\n");
    sandbox.file("broken.yaml", "common: {extraEnv: [\n");
    sandbox.file("page.md", "# A page\n\nIt shows no values.\n");
    sandbox.file("matrix.yaml", "schema: 1\nkestras: [engine@2.0.0]\n");
    snapshot(
        "errors",
        &sandbox,
        &[
            (&["run", "no-such-scenario"], 2),
            (
                &[
                    "run",
                    "secret-key-ref",
                    "--chart",
                    "bundled@both",
                    "--provider",
                    "context",
                    "--context",
                    "nowhere",
                ],
                3,
            ),
            (&["run", "--matrix", "matrix.yaml"], 2),
            (&["check", "-f", "values.yaml"], 2),
            (&["check", "-f", "broken.yaml", "--expect-present", "A"], 2),
            (&["check", "-f", "values.yaml", "--expect", "A=plain"], 2),
            (&["check", "-f", "values.yaml", "--expect", "A=@nowhere.txt"], 2),
            (&["docs", "--page", "page.md"], 2),
            (&["docs", "--page", "nowhere.md"], 2),
            (&["prove", "--count", "0"], 2),
            (&["audit", "--context", "nowhere", "--namespace", "n"], 3),
            (&["lint", "nowhere.yaml"], 2),
            (&["lint", "--fix", "broken.yaml"], 2),
            (&["explain", "--expect", "plain"], 2),
            (&["encode", "no name"], 2),
            (&["report", "convert", "nowhere.json", "--to", "json"], 2),
            (&["report", "merge", "nowhere", "--output", "all"], 2),
            (&["clean", "--context", "nowhere"], 3),
            (&["schema", "nothing"], 2),
            (&["explain", "KS999"], 2),
            (&["init", "values.yaml"], 2),
        ],
    );
}

fn on_embedded() {
    let sandbox = Sandbox::new();
    let scenario = "schema: 1\nname: wrong\nabout: Wrong.\nstrategy: extra-env\n\
                    secrets: {A: {plain: meant, public: true}}\nreads: {a: A}\nexpect: {outputs: {a: other}}\n";
    sandbox.file("wrong.yaml", scenario);
    sandbox.file(
        "values.yaml",
        "common: {extraEnv: [{name: SECRET_A, value: YWRtaW4K}]}\n",
    );
    let prove = ["prove", "--count", "20", "--seed", "7", "--kestra", ENGINE];
    snapshot(
        "outputs_live",
        &sandbox,
        &[
            (&["run", "wrong.yaml", "secret-key-ref", "--kestra", ENGINE], 1),
            (
                &["check", "-f", "values.yaml", "--public", "A=admin", "--kestra", ENGINE],
                1,
            ),
            (&prove, 0),
        ],
    );
    sandbox.assert_clean();
}
