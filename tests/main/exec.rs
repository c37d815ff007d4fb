//! `--kestra exec:PATH` takes any executable that is called like Kestra's own.

use crate::support::sandbox::Sandbox;

#[test]
fn an_executable_without_a_version_exits_3() {
    let sandbox = Sandbox::new();
    sandbox.script("kestra", "echo no version");
    for kestra in ["exec:./kestra", "exec:./nowhere"] {
        let ended = sandbox.run(["run", "extra-env", "--kestra", kestra]).with_code(3);
        assert!(ended.stderr.contains("for its version"), "{}", ended.stderr);
    }
    sandbox.assert_clean();
}
