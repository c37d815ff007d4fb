use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use proptest::prelude::*;

use super::*;

fn encodings(found: &[SecretHit]) -> HashSet<Encoding> {
    found.iter().map(|finding| finding.encoding).collect()
}

#[test]
fn text_without_secrets_is_left_as_it_is() {
    let redactor = Redactor::new(["correct horse"]);
    let text = "Correct Horse, battery, Y29ycmVj";
    assert_eq!(redactor.scrub(text), text);
    assert_eq!(Redactor::default().scrub(text), text);
}

#[test]
fn control_characters_are_spelt_out_and_line_breaks_and_tabs_stay() {
    let redactor = Redactor::new(["correct\u{1b}horse"]);
    for (text, shown) in [
        ("\u{1b}[2Ja\tb\r\nc\n", "\\u001b[2Ja\tb\r\nc\n"),
        (
            "over\rwritten \u{7f}\u{9b}31m\0",
            "over\\u000dwritten \\u007f\\u009b31m\\u0000",
        ),
        ("pässwörd 密码 \\u001b", "pässwörd 密码 \\u001b"),
        // It is redacted as it was, not as it is shown.
        ("a correct\u{1b}horse", "a [redacted]"),
    ] {
        assert_eq!(redactor.scrub(text), shown);
        assert_eq!(redactor.scrub(shown), shown);
    }
}

#[test]
fn all_text_is_redacted_when_a_search_cannot_hold_the_secrets() {
    let redactor = Redactor::new(["correct horse"]);
    redactor.add(vec![b'x'; MOST]);
    assert_eq!(redactor.scrub("helm says: battery staple"), ALL_REDACTED);
    redactor.add("tr0ub4dor");
    assert_eq!(redactor.scrub("helm says: battery staple"), ALL_REDACTED);
}

#[test]
fn each_encoding_is_found_and_named() {
    let secret = "it's \"p/ä<ss\\?\u{1b}~>>>>\u{1}ü";
    let redactor = Redactor::new([secret]);
    let once = BASE64_STANDARD.encode(secret);
    for (written, encoding) in [
        (secret.to_owned(), Encoding::Raw),
        (once.clone(), Encoding::Base64),
        (BASE64_URL_SAFE.encode(secret), Encoding::Base64),
        (BASE64_STANDARD.encode(format!("{once}\n")), Encoding::DoubleBase64),
        (hex::encode(secret), Encoding::Hex),
        (hex::encode_upper(secret), Encoding::Hex),
        (
            "it%27s%20%22p%2F%C3%A4%3Css%5C%3F%1B~%3E%3E%3E%3E%01%C3%BC".to_owned(),
            Encoding::Percent,
        ),
        (
            "it%27s+%22p%2f%c3%a4%3css%5c%3f%1b%7e%3e%3e%3e%3e%01%c3%bc".to_owned(),
            Encoding::Percent,
        ),
        (
            serde_json::to_string(secret).unwrap().trim_matches('"').to_owned(),
            Encoding::Json,
        ),
        (
            r#"it's \"p/ä\u003css\\?\u001b~\u003e\u003e\u003e\u003e\u0001ü"#.to_owned(),
            Encoding::Json,
        ),
        (
            r#"it's \"p\/\u00E4<ss\\?\u001B~>>>>\u0001\u00FC"#.to_owned(),
            Encoding::Json,
        ),
        (r#"it's \\\"p/ä<ss\\\\?\\u001b~>>>>\\u0001ü"#.to_owned(), Encoding::Json),
        (r#"it's \"p/ä<ss\\?\e~>>>>\x01ü"#.to_owned(), Encoding::Yaml),
        (secret.replace('\'', "''"), Encoding::Yaml),
    ] {
        let text = format!("value: {written} (end)");
        let found = redactor.find(text.as_bytes());
        assert!(encodings(&found).contains(&encoding), "{written}: {found:?}");
        assert_eq!(redactor.scrub(&text), "value: [redacted] (end)", "{written}");
    }
}

#[test]
fn base64_is_found_at_each_offset_of_something_longer() {
    let redactor = Redactor::new(["hunter2"]);
    for (before, kept) in [("", ""), ("x", "e"), ("xy", "eH"), ("xyz", "eHl6")] {
        let text = BASE64_STANDARD.encode(format!("{before}hunter2 and more"));
        let scrubbed = redactor.scrub(&text);
        assert_eq!(
            scrubbed.split_once(REDACTED).unwrap().0,
            kept,
            "{text} became {scrubbed}"
        );
    }
}

#[test]
fn wrapped_base64_is_found_line_by_line() {
    let secret = "s3cr3t ".repeat(30);
    let redactor = Redactor::new([&secret]);
    let encoded = BASE64_STANDARD.encode(&secret);
    for columns in [64, 76] {
        let lines: Vec<_> = encoded
            .as_bytes()
            .chunks(columns)
            .map(String::from_utf8_lossy)
            .collect();
        let scrubbed = redactor.scrub(&lines.join("\n    "));
        assert_eq!(scrubbed, [REDACTED; 5][..lines.len()].join("\n    "));
        let again = redactor.scrub(&BASE64_STANDARD.encode(lines.join("\n")));
        assert!(again.len() < REDACTED.len() * 2 * lines.len(), "{again}");
    }
}

#[test]
fn each_longer_line_of_several_is_found_by_itself() {
    let redactor = Redactor::new(["first line\n  second line\nshort\n"]);
    assert_eq!(
        redactor.scrub("  1: first line\n  2: second line\n  3: short\n"),
        "  1: [redacted]\n  2: [redacted]\n  3: short\n"
    );
}

#[test]
fn white_space_around_a_secret_does_not_hide_it() {
    let redactor = Redactor::new(["admin\n"]);
    assert_eq!(
        redactor.scrub("user admin, env YWRtaW4="),
        "user [redacted], env [redacted]"
    );
}

#[test]
fn bytes_that_are_not_utf8_are_found_as_they_are_and_as_replaced() {
    let redactor = Redactor::new([b"pass\xff\xfeword"]);
    assert_eq!(redactor.scrub_bytes(b"<pass\xff\xfeword>"), b"<[redacted]>");
    assert_eq!(redactor.scrub("<pass\u{fffd}\u{fffd}word>"), "<[redacted]>");
}

#[test]
fn a_short_secret_is_found_only_where_it_stands_alone() {
    let redactor = Redactor::new(["cat", "x", ""]);
    assert_eq!(
        redactor.scrub("cat, concatenate, \"cat\", Y2F0, Y2F0Y2F0, x"),
        "[redacted], concatenate, \"[redacted]\", [redacted], Y2F0Y2F0, x"
    );
}

#[test]
fn secrets_that_overlap_both_go_whole() {
    let redactor = Redactor::new(["abcdef", "defghi", "cdef"]);
    assert_eq!(redactor.scrub("-abcdefghi-"), "-[redacted]-");
}

#[test]
fn secrets_added_later_are_known_to_every_clone() {
    let redactor = Redactor::default();
    let scrub = redactor.clone().scrubber();
    assert_eq!(scrub("hunter2"), "hunter2");
    redactor.add("hunter2");
    assert_eq!(scrub("hunter2"), REDACTED);
}

#[test]
fn findings_say_which_secret() {
    let redactor = Redactor::new(["first-secret", "second-secret"]);
    let found = redactor.find(b"a second-secret");
    let finding = SecretHit {
        range: 2..15,
        encoding: Encoding::Raw,
        secret: 1,
    };
    assert_eq!(found, [finding]);
}

#[test]
fn debug_shows_no_secret() {
    assert_eq!(
        format!("{:?}", Redactor::new(["hunter2"])),
        "Redactor { secrets: 1, .. }"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_of_a_secret_is_left_in_any_encoding(
        secret in prop::collection::vec(any::<u8>(), 4..120),
        before in prop::collection::vec(any::<u8>(), 0..5),
        after in prop::collection::vec(any::<u8>(), 0..5),
    ) {
        let redactor = Redactor::new([&secret]);
        let embedded = [&before[..], &secret, &after].concat();
        let scrubbed = redactor.scrub_bytes(&embedded);
        prop_assert!(!scrubbed.windows(secret.len()).any(|part| part == secret));
        for (engine, name) in [(&BASE64_STANDARD, "standard"), (&BASE64_URL_SAFE, "url")] {
            let text = engine.encode(&embedded);
            let left = redactor.scrub(&text).replace(REDACTED, "");
            // What stands before and after fills two groups of four each, and padding.
            prop_assert!(left.len() <= 16, "{name}: {text} left {left}");
        }
    }

    #[test]
    fn text_that_holds_no_form_is_not_touched(text in "[a-m ]{0,80}") {
        prop_assert_eq!(Redactor::new(["zzzz-zzzz"]).scrub(&text), text);
    }
}
