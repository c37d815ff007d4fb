use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::lint::{LintOptions, LintRule, Severity, lint};
use crate::oracle::secret::diagnosis::Code;
use crate::oracle::secret::{Location, Plaintext, decode};
use crate::release::input::FileForm;

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
