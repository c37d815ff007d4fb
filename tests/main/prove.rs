//! `prove`: the oracle is true of a live Kestra.

use crate::support::sandbox::Sandbox;

#[test]
fn no_secret_at_all_exits_2() {
    let sandbox = Sandbox::new();
    let ended = sandbox.run(["prove", "--count", "0"]).with_code(2);
    assert!(ended.stderr.contains("--count"), "{}", ended.stderr);
    sandbox.assert_clean();
}
