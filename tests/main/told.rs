//! What each command prints and what it says of a failure, whole: a change of a word shows here.

use insta::{assert_snapshot, with_settings};

use crate::support::console::{FILTERS, all_printed};
use crate::support::reports::written;
use crate::support::sandbox::Sandbox;

#[test]
fn what_commands_print_without_a_kestra() {
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

#[test]
fn what_commands_say_of_a_failure() {
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

#[track_caller]
fn snapshot(name: &str, sandbox: &Sandbox, lines: &[(&[&str], i32)]) {
    with_settings!({filters => FILTERS.to_vec()}, { assert_snapshot!(name, all_printed(sandbox, lines)) });
}
