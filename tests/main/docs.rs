//! `docs`: what documentation promises, what comes out, and the patch that makes it true.

use crate::support::sandbox::Sandbox;

#[test]
fn a_page_that_shows_no_way_exits_2_and_says_what_was_left_out() {
    let sandbox = Sandbox::new();
    sandbox.file("page.md", "# none\n\n```yaml\nservices: {kestra: {}}\n```\n");
    let ended = sandbox.run(["docs", "--page", "page.md"]).with_code(2);
    assert!(
        ended
            .stderr
            .contains("page.md:4: not a values file of Kestra's chart, skipped"),
        "{}",
        ended.stderr
    );
    sandbox.file("page.md", b"\xff");
    sandbox.run(["docs", "--page", "page.md"]).with_code(2);
    sandbox.run(["docs", "--page", "nowhere.md"]).with_code(2);
    sandbox.assert_clean();
}
