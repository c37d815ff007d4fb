use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::lint::{LintOptions, LintRule, Severity, lint};
use crate::oracle::secret::diagnosis::{Code, has_invisible};
use crate::oracle::secret::{Location, Plaintext, decode};
use crate::release::input::FileForm;
use crate::release::tree::Style;

/// As if every secret were Kestra's.
const KESTRAS: LintOptions = LintOptions {
    generation: None,
    assume_kestra: true,
};

fn source(text: &str) -> SourceFile {
    SourceFile::new("x.yaml", Some("x.yaml".into()), text, FileForm::Yaml)
}

fn fixed(text: &str) -> (String, Linted) {
    let outcome = fix(&[source(text)], KESTRAS);
    let text = outcome
        .fixed
        .first()
        .map_or(text.to_owned(), |fixed| fixed.text.to_string());
    (text, outcome.left)
}

/// How a person writes a text in YAML.
#[derive(Debug, Clone, Copy)]
enum Written {
    Plain,
    Single,
    Double,
    Literal,
    Folded,
    Json,
}

fn write(text: &str, written: Written) -> String {
    let json = || serde_json::to_string(text).unwrap_or_default();
    let block = |mark: &str| {
        let lines: String = text.split('\n').map(|line| format!("\n        {line}")).collect();
        format!("{mark}{lines}")
    };
    let simple = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=_.".contains(&b));
    let printable =
        text.chars().all(|c| !c.is_control() && c != '\u{feff}') && !text.starts_with(' ') && !text.is_empty();
    match written {
        Written::Plain if simple => text.into(),
        Written::Single if printable => format!("'{}'", text.replace('\'', "''")),
        Written::Literal if printable => block("|"),
        Written::Folded if printable => block(">-"),
        _ => json(),
    }
}

/// A mistake people make when they encode.
fn mistaken(plain: &[u8], mistake: u8, place: Location) -> String {
    let b64 = |bytes: &[u8]| STANDARD.encode(bytes);
    let once = b64(plain);
    let layers = |inner: String| {
        if place == Location::Data {
            b64(inner.as_bytes())
        } else {
            inner
        }
    };
    match mistake {
        0 => String::from_utf8_lossy(plain).into_owned(),
        1 => layers(b64(&[plain, b"\n"].concat())),
        2 => layers(b64(&[plain, b"\r\n"].concat())),
        3 => once,
        4 => layers(format!("b'{once}'")),
        5 => layers(once.replace('=', "%3D")),
        6 => layers(once.replace('+', "-").replace('/', "_")),
        7 => layers(format!(" {once} ")),
        8 => layers(once.trim_end_matches('=').to_owned() + "==="),
        9 => layers(b64(&"\u{feff}x"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<_>>())),
        _ => layers(once),
    }
}

proptest! {
    #[test]
    fn after_fix_only_what_nobody_can_know_is_left(
        plain in prop_oneof!["[a-zA-Z0-9 !/+é]{1,40}", "\\PC{1,20}", "[0-9]{1,12}", "true|yes|null|1e3|~"],
        mistake in 0u8..11,
        written in prop_oneof![
            Just(Written::Plain), Just(Written::Single), Just(Written::Double),
            Just(Written::Literal), Just(Written::Folded), Just(Written::Json)
        ],
        data in any::<bool>(),
        name in prop_oneof![Just("SECRET_A"), Just("secret_a")],
    ) {
        // Nobody knows whether invisible characters are meant.
        prop_assume!(!has_invisible(plain.as_bytes()));
        let place = if data { Location::Data } else { Location::StringData };
        let value = write(&mistaken(plain.as_bytes(), mistake, place), written);
        let field = if data { "data" } else { "stringData" };
        let text = format!(
            "# {plain:?}\napiVersion: v1 # one\nkind: Secret\nmetadata: {{name: 'x'}}\n{field}:\n  # before\n  \
             {name}:   {value}\n  # after\n  other: \"x\"\n...\n"
        );
        let before = lint(&[source(&text)], KESTRAS);
        prop_assert!(before.unreadable.is_empty(), "{:?}\n{}", before.unreadable, text);
        let (after, left) = fixed(&text);
        let sure = |rule: LintRule| !matches!(rule, LintRule::NotKnowable | LintRule::Fault(Code::EncodedTooOften | Code::NotUtf8));
        let doubt = left.located.iter().any(|l| !sure(l.finding.rule));
        let wrong: Vec<_> = left.located.iter().filter(|l| l.finding.severity == Severity::Error).collect();
        prop_assert!(wrong.is_empty() || doubt, "{:?}\n{}\n{}", wrong[0].finding, text, after);
        // Nothing but the scalars themselves is other than before.
        let end = text.find("\n  # after").unwrap_or_default();
        let start = text.find(&format!("{name}:")).unwrap_or_default();
        prop_assert!(after.starts_with(&text[..start]) && after.ends_with(&text[end..]), "{}\n{}", text, after);
        // And fixing again changes nothing.
        let again = fixed(&after).0;
        prop_assert_eq!(&again, &after);
        // What was plaintext comes out as it was.
        if mistake == 0 && !doubt && before.located.iter().any(|l| l.finding.rule == LintRule::Fault(Code::Plaintext)) {
            let tree = source(&after);
            let tree = tree.tree().map_err(|e| TestCaseError::fail(e.message))?;
            let found = [field].iter().find_map(|f| tree.text_at(tree.roots[0], &[f, "SECRET_A"]));
            let env = place.environment(&Plaintext::from(found.unwrap_or_default()));
            let text = env.and_then(|env| decode(&env).ok());
            let text = text.map(|t| String::from_utf8_lossy(t.bytes()).into_owned()).unwrap_or_default();
            prop_assert_eq!(text.trim(), plain.trim());
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC*|[-:{}\\[\\]\"'|>&*!#\\n a-z]{0,80}") {
        fixed(&text);
        let document = format!("apiVersion: v1\nkind: Secret\nstringData:\n  SECRET_A: {text}\n");
        fixed(&document);
    }
}

#[test]
fn blanks_that_end_a_block_go_with_the_value() {
    let text =
        |value| format!("common:\n  extraEnv:\n    - name: SECRET_A\n      value: |\n        {value}\n\n# end\n");
    assert_eq!(fixed(&text("! ")).0, text("ISA="));
    let windows = |value| text(value).replace('\n', "\r\n");
    assert_eq!(fixed(&windows("! ")).0, windows("ISA="));
}

#[test]
fn what_is_allowed_is_not_fixed() {
    let text = "common:\n  extraEnv:\n    - {name: SECRET_A, value: YQo=} # kestra-secrets: allow KS001\n";
    assert_eq!(fixed(text).0, text);
}

#[test]
fn a_key_that_something_else_takes_is_not_fixed() {
    let text = "\
apiVersion: v1
kind: Secret
metadata: {name: db}
stringData: {password: hunter2!}
---
apiVersion: v1
kind: Pod
metadata: {name: kestra}
spec:
  containers:
    - image: kestra/kestra
      env:
        - {name: SECRET_DB, valueFrom: {secretKeyRef: {name: db, key: password}}}
    - image: postgres
      env:
        - {name: POSTGRES_PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}
";
    let (after, left) = fixed(text);
    assert_eq!(after, text);
    assert_eq!(left.located.len(), 1);
}

/// Every case of tests/field as a folder, and every file of scenarios by itself.
fn samples() -> Vec<std::path::PathBuf> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = |folder: std::path::PathBuf| {
        let mut all: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        all.sort();
        all
    };
    let mut all = list(root.join("tests/field"));
    for path in list(root.join("scenarios")) {
        if path.is_dir() {
            all.extend(list(path));
        } else {
            all.push(path);
        }
    }
    all
}

/// A change that a person or a tool makes to a text: how many bytes go, and what comes in their place.
type RandomEdit = (prop::sample::Index, usize, &'static str);

fn edited(text: &str, edits: &[RandomEdit]) -> String {
    let boundary = |text: &str, mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let mut text = text.to_owned();
    for (at, gone, new) in edits {
        let start = boundary(&text, at.index(text.len() + 1));
        let end = boundary(&text, (start + gone).min(text.len()));
        text.replace_range(start..end, new);
    }
    text
}

/// Whether two texts differ in nothing but scalars that a finding could be about.
fn only_scalars_differ(before: &SourceFile, after: &SourceFile) -> bool {
    let (Ok(old), Ok(new)) = (before.tree(), after.tree()) else {
        return false;
    };
    let (mut old_end, mut new_end) = (0, 0);
    for ((_, was, old_span), (_, is, new_span)) in old.scalars().zip(new.scalars()) {
        let same_between = before.text.get(old_end..old_span.start) == after.text.get(new_end..new_span.start);
        let same = before.text.get(old_span.clone()) == after.text.get(new_span.clone());
        // Base64 that an encoder cut is read as one text before it is joined.
        let is_cut = was.style == Style::Raw && before.text[old_span.clone()].contains('\n');
        let unneeded = !same && !is_cut && was.text == is.text && was.style == is.style;
        if !same_between || unneeded {
            return false;
        }
        (old_end, new_end) = (old_span.end.max(old_end), new_span.end.max(new_end));
    }
    old.len() == new.len() && before.text.get(old_end..) == after.text.get(new_end..)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]
    #[test]
    fn whatever_is_edited_fix_changes_scalars_alone_and_a_second_fix_changes_nothing(
        sample in any::<prop::sample::Index>(),
        file in any::<prop::sample::Index>(),
        edits in prop::collection::vec(
            (
                any::<prop::sample::Index>(),
                0usize..6,
                prop::sample::select(vec![
                    "", "'", "\"", "\n", "\n  ", "- ", ": ", "${", "}", "{{ secret('", "#", " # ", "\r", "\u{feff}", "=", "&a ",
                    "*a", "!x ", "|\n", "$", "SECRET_B=b\n", "ü",
                ]),
            ),
            0..4,
        ),
    ) {
        let samples = samples();
        let path = samples[sample.index(samples.len())].display().to_string();
        let (mut sources, _) = crate::lint::run(&[path], KESTRAS);
        prop_assume!(!sources.is_empty());
        let number = file.index(sources.len());
        sources[number] = sources[number].with_text(edited(&sources[number].text, &edits));
        let fixed = fix(&sources, KESTRAS).fixed;
        let mut now: Vec<SourceFile> = sources.iter().map(|s| s.with_text(s.text.as_str())).collect();
        for one in &fixed {
            now[one.source] = now[one.source].with_text(one.text.as_str());
            let (before, after) = (&sources[one.source], &now[one.source]);
            prop_assert!(only_scalars_differ(before, after), "{}\n{}\n---\n{}", before.name, &*before.text, &*after.text);
        }
        for again in fix(&now, KESTRAS).fixed {
            prop_assert!(false, "a second fix of {}:\n{}\n---\n{}", now[again.source].name, &*now[again.source].text, &*again.text);
        }
    }
}
