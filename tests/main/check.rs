//! `check` proves the user's own files as they are.

use crate::support::ENGINE;
use crate::support::sandbox::Sandbox;

#[test]
fn a_plaintext_among_the_arguments_exits_2_and_is_not_repeated() {
    let sandbox = Sandbox::new();
    sandbox.file("values.yaml", "{}");
    let ended = sandbox
        .run(["check", "-f", "values.yaml", "--expect", "DB_PASSWORD=hunter2"])
        .with_code(2);
    assert!(ended.stderr.contains("--expect DB_PASSWORD=@FILE"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    sandbox.assert_clean();
}

#[test]
fn what_cannot_be_told_apart_exits_2_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    sandbox.file("mixed.yaml", "apiVersion: v1\nkind: Secret\n---\na: 1\n---\nb: 1\n");
    sandbox.file("broken.yaml", "a: [hidden-plaintext");
    sandbox.file("values.yaml", "{}");
    sandbox.file("again.yaml", "dind: {enabled: true}");
    for files in [
        &["-f", "mixed.yaml"][..],
        &["-f", "broken.yaml"],
        &["-f", "nowhere.yaml"],
        &["-f", "-", "-f", "-"],
        // Another value than the harness needs to run it here.
        &["-f", "values.yaml", "-f", "again.yaml"],
    ] {
        let flags = ["--expect-present", "A", "--kestra", ENGINE];
        let ended = sandbox.run(["check"].iter().chain(files).chain(&flags)).with_code(2);
        assert!(!ended.stderr.contains("hidden"), "{}", ended.stderr);
        sandbox.assert_clean();
    }
}
