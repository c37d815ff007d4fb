//! The page as a whole: what is found in the two editions, and that a corrected page is found clean.

use std::fmt::Write as _;
use std::fs;

use proptest::prelude::*;

use super::*;
use crate::oracle::secret::{Location, decode};

fn edition(name: &str) -> MarkdownPage {
    let file = format!("{}/tests/pages/edition-{name}.md", env!("CARGO_MANIFEST_DIR"));
    read(
        &format!("tests/pages/edition-{name}.md"),
        &fs::read_to_string(file).unwrap(),
    )
}

/// What of the page does not give what it means.
fn faults(page: &MarkdownPage) -> Vec<String> {
    let mut faults: Vec<String> = page.notes.iter().filter(|n| n.wrong).map(|n| n.says.clone()).collect();
    for (strategy, meant) in page.strategies.iter().zip(&page.meant) {
        for key in strategy.flow.reads.values() {
            let given = strategy.given.iter().find(|given| given.key == key.to_uppercase());
            let environment = given.and_then(|g| g.place.environment(g.written.as_ref()?));
            let arrives = environment.and_then(|env| decode(&env).ok());
            let meant = meant.get(&key.to_uppercase()).map(|meant| meant.plain.clone());
            if arrives.is_none() || arrives != meant {
                faults.push(format!("{}: {key}", strategy.name));
            }
        }
    }
    faults
}

/// The strategies whose values chart 1.x refuses, for they have no configuration of Kestra.
fn refused(page: &MarkdownPage) -> Vec<&str> {
    let due = |strategy: &&strategy::PageStrategy| {
        let values = document::source("", &strategy.values_text(&page.markdown));
        configuration::is_due(&[values], strategy.generation)
    };
    page.strategies.iter().filter(due).map(|s| s.name.as_str()).collect()
}

fn corrected(page: &MarkdownPage) -> (MarkdownPage, String) {
    let corrected = correct::page(page);
    assert!(corrected.notes.is_empty(), "{:?}", corrected.notes);
    let diff = markdown::diff(&page.name, &page.markdown.text, &corrected.text);
    (read(&page.name, &corrected.text), diff)
}

/// A patch that another program would take, which gives what was promised.
fn assert_applies(page: &MarkdownPage, after: &MarkdownPage, diff: &str) {
    let patch = diffy::Patch::from_str(diff).unwrap();
    assert_eq!(diffy::apply(&page.markdown.text, &patch).unwrap(), after.markdown.text);
}

fn described(page: &MarkdownPage) -> String {
    let mut told = String::new();
    for (strategy, meant) in page.strategies.iter().zip(&page.meant) {
        let _ = writeln!(
            told,
            "{} {} at {}",
            strategy.generation,
            strategy.name,
            strategy.position(&page.markdown)
        );
        for (key, meant) in meant {
            let _ = writeln!(told, "  {key} {:?}: {}", meant.plain, meant.because);
        }
    }
    for note in &page.notes {
        let _ = writeln!(
            told,
            "{}: {}{}",
            note.line,
            if note.wrong { "wrong: " } else { "" },
            note.says
        );
    }
    told
}

#[test]
fn the_edition_of_2024_is_read_and_corrected() {
    let page = edition("2024");
    insta::assert_snapshot!("edition_2024", described(&page));
    let (after, diff) = corrected(&page);
    insta::assert_snapshot!("edition_2024_patch", diff);
    assert_applies(&page, &after, &diff);
    assert_eq!(faults(&after), Vec::<String>::new());
    assert_eq!(correct::page(&after).text, after.markdown.text);
}

#[test]
fn the_edition_of_2025_is_read_and_corrected() {
    let page = edition("2025");
    insta::assert_snapshot!("edition_2025", described(&page));
    assert_eq!(refused(&page), ["common.extraEnv", "common.extraEnvFrom"]);
    let (after, diff) = corrected(&page);
    assert_eq!(refused(&after), Vec::<&str>::new());
    insta::assert_snapshot!("edition_2025_patch", diff);
    assert_applies(&page, &after, &diff);
    assert_eq!(faults(&after), Vec::<String>::new());
    assert_eq!(correct::page(&after).text, after.markdown.text);
}

/// How a page's author wrote a value.
fn slip(plain: &str, place: Location, slip: u8) -> String {
    let encode =
        |text: &str| String::from_utf8(Location::Env.encode(&Plaintext::new(text, true)).bytes().to_vec()).unwrap();
    let layer = |text: String| if place == Location::Data { encode(&text) } else { text };
    match slip {
        0 => layer(encode(plain)),
        1 => layer(encode(&format!("{plain}\n"))),
        2 => plain.to_owned(),
        3 => layer(encode(plain)) + "=",
        4 => encode(&encode(&encode(plain))),
        _ => layer(encode("another")),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever of these slips a page makes, in whatever place, and however deep its blocks stand: corrected it is
    /// clean, and there is nothing more to correct.
    #[test]
    fn a_corrected_page_is_clean(
        plains in prop::collection::vec("[a-z]{3,9}[A-Z0-9!]{0,4}", 2),
        slips in prop::collection::vec(0u8..6, 2),
        place in prop::sample::select(vec![Location::Values, Location::StringData, Location::Data]),
        generation in prop::bool::ANY,
        prefix in prop::sample::select(vec!["", "  ", "> "]),
        windows in prop::bool::ANY,
    ) {
        let names = ["DB_USERNAME", "DB_PASSWORD"];
        let written: Vec<String> = plains.iter().zip(&slips).map(|(plain, s)| slip(plain, place, *s)).collect();
        let mut page = String::from("# secrets\n\n");
        for (name, plain) in names.iter().zip(&plains) {
            let _ = writeln!(page, "`{name}` is `{plain}`.\n");
        }
        let mut block = |text: &str| {
            page.push_str(if prefix == "  " { "- so:\n\n" } else { "so:\n\n" });
            for line in ["```yaml", text.trim_end(), "```"].join("\n").lines() {
                let _ = writeln!(page, "{prefix}{line}");
            }
            page.push('\n');
        };
        if place == Location::Values {
            let entries: String = names.iter().zip(&written).map(|(n, w)| format!("  - name: SECRET_{n}\n    value: '{w}'\n")).collect();
            let top = if generation { format!("extraEnv:\n{entries}") } else { format!("common:\n  extraEnv:\n{entries}").replace("\n  -", "\n    -").replace("\n    value", "\n      value") };
            block(&top);
        } else {
            let field = if place == Location::Data { "data" } else { "stringData" };
            let entries: String = names.iter().zip(&written).map(|(n, w)| format!("  SECRET_{n}: \"{w}\" # kept\n")).collect();
            block(&format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n{field}:\n{entries}"));
            block(if generation { "extraSecretEnvFrom:\n  - name: db\n" } else { "common:\n  extraEnvFrom:\n    - secretRef:\n        name: db\n" });
        }
        if windows {
            page = page.replace('\n', "\r\n");
        }
        let before = read("p.md", &page);
        prop_assert_eq!(before.strategies.len(), 1);
        let fixed = correct::page(&before);
        let after = read("p.md", &fixed.text);
        prop_assert_eq!(faults(&after), Vec::<String>::new(), "{}", fixed.text);
        prop_assert_eq!(refused(&before).len(), usize::from(!generation));
        prop_assert_eq!(refused(&after), Vec::<&str>::new(), "{}", fixed.text);
        prop_assert_eq!(&correct::page(&after).text, &fixed.text);
        prop_assert_eq!(faults(&before).is_empty(), slips.iter().all(|s| *s == 0));
        if !faults(&before).is_empty() {
            assert_applies(&before, &after, &markdown::diff("p.md", &page, &fixed.text));
        }
    }
}
