//! What each command prints and what it says of a failure, whole: a change of a word shows here.

use insta::{assert_snapshot, with_settings};
use libtest_mimic::Trial;

use crate::live;
use crate::support::ENGINE;
use crate::support::console::{FILTERS, all_printed};
use crate::support::sandbox::Sandbox;

pub fn trials() -> Vec<Trial> {
    vec![live("told", "what_a_run_a_check_and_a_proof_print", on_embedded)]
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

#[track_caller]
fn snapshot(name: &str, sandbox: &Sandbox, lines: &[(&[&str], i32)]) {
    with_settings!({filters => FILTERS.to_vec()}, { assert_snapshot!(name, all_printed(sandbox, lines)) });
}
