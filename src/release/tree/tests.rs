use super::*;

fn tree(text: &str) -> Tree<'_> {
    Tree::parse(text, 0).unwrap_or_else(|e| panic!("{text}: {e:?}"))
}

#[test]
fn a_scalar_has_the_bytes_it_is_written_with_quotes_included() {
    let text = "é: \"x\"\nb: 'y' # c\nc: plain text\nd: |\n  one\n  two\ne:\n";
    let tree = tree(text);
    let written = |key| {
        let id = tree.at(tree.roots[0], &[key]).unwrap();
        &text[tree.node(id).span.clone()]
    };
    assert_eq!(
        ["é", "b", "c", "d", "e"].map(written),
        ["\"x\"", "'y'", "plain text", "one\n  two\n", ""]
    );
}

#[test]
fn of_a_key_given_twice_the_later_counts_and_merged_ones_come_last() {
    let tree = tree("base: &b {a: 1, c: 3}\nx: {a: 5, a: 6, <<: *b}\ny: {<<: [*b, {d: 4}]}\n");
    let root = tree.roots[0];
    assert_eq!(tree.text_at(root, &["x", "a"]), Some("6"));
    assert_eq!(tree.text_at(root, &["x", "c"]), Some("3"));
    assert_eq!(tree.text_at(root, &["y", "d"]), Some("4"));
}

#[test]
fn what_an_alias_may_stand_for_is_shared() {
    let tree = tree("a: &x {b: 1}\nc: 2\nd: *x\n");
    let shared = |path: &[&str]| tree.node(tree.at(tree.roots[0], path).unwrap()).shared;
    assert!(shared(&["a", "b"]) && shared(&["d", "b"]) && !shared(&["c"]));
}

#[test]
fn an_error_quotes_nothing() {
    for text in [
        "a: @hunter2",
        "a: [hunter2",
        "a: *hunter2",
        "a: 'hunter2",
        "a: {hunter2]",
        "a: !h!unter2 x",
    ] {
        let error = Tree::parse(text, 0).err().unwrap();
        assert!(
            !error.message.contains('h') || !error.message.contains("unter2"),
            "{error:?}"
        );
    }
}

#[test]
fn merge_keys_that_multiply_are_bounded() {
    let mut text = "a0: &a0 {k: v}\n".to_owned();
    for n in 1..40 {
        let below = n - 1;
        let merged = vec![format!("*a{below}"); 40].join(", ");
        text.push_str(&[&format!("a{n}: &a{n} {{<<: ["), merged.as_str(), "]}\n"].concat());
    }
    let many = tree(&text);
    let last = many.at(many.roots[0], &["a39"]).unwrap();
    assert!(many.entries(last).len() <= 2 * MERGED);
    let own = tree("a: &a {<<: *a, k: v}\n");
    assert_eq!(own.text_at(own.roots[0], &["a", "k"]), Some("v"));
}
