//! What is told of an answer's body.

use serde::Deserialize;
use serde_json::Value;

/// Server text beyond this many characters helps nobody.
const SHOWN: usize = 2_000;
/// Of a longer body nothing is shown. It would have to be searched for plaintexts as a whole, since one that was cut
/// in two is not found, and each copy on the way is as long or longer.
const READ: usize = 1 << 20;

/// Micronaut's errors: a message, and more precise ones below it.
#[derive(Deserialize)]
struct Micronaut {
    message: String,
    #[serde(default, rename = "_embedded")]
    embedded: EmbeddedErrors,
}

#[derive(Default, Deserialize)]
struct EmbeddedErrors {
    #[serde(default)]
    errors: Value,
}

/// RFC 9457: a title for the kind of problem, and what is the matter here.
#[derive(Deserialize)]
struct Problem {
    title: Option<String>,
    detail: Option<String>,
    #[serde(default)]
    errors: Value,
}

/// What an error body says, as a sentence; `shown` makes foreign text fit to be shown.
pub(super) fn message(body: &[u8], shown: impl Fn(&str) -> String) -> String {
    if body.len() > READ {
        return format!("its body of {} bytes is not shown", body.len());
    }
    let (mut text, details) = if let Ok(said) = serde_json::from_slice::<Micronaut>(body) {
        (said.message, said.embedded.errors)
    } else {
        match serde_json::from_slice::<Problem>(body) {
            Ok(Problem { title, detail, errors }) if title.is_some() || detail.is_some() => {
                let parts: Vec<String> = title.into_iter().chain(detail).collect();
                (parts.join(": "), errors)
            }
            _ => return shown(&String::from_utf8_lossy(body)),
        }
    };
    let mut sentences = Vec::new();
    gather(&details, &mut sentences);
    for sentence in sentences {
        if !text.contains(sentence) {
            text = format!("{}; {sentence}", text.trim_end());
        }
    }
    shown(&text)
}

/// The sentences of several errors: texts, objects by the names that each shape has for it, or lists of either by
/// the field that they are about.
fn gather<'a>(errors: &'a Value, sentences: &mut Vec<&'a str>) {
    match errors {
        Value::String(text) => sentences.push(text),
        Value::Array(several) => several.iter().for_each(|one| gather(one, sentences)),
        Value::Object(one) => match ["message", "detail", "title"].iter().find_map(|name| one.get(*name)) {
            Some(text) => sentences.extend(text.as_str()),
            None => one.values().for_each(|below| gather(below, sentences)),
        },
        _ => {}
    }
}

/// Why an answer does not fit. The answer may be the outputs, and short secrets are more than
/// a scrub can know: of what has the look of JSON no value is quoted, not even by serde.
pub(super) fn misfit(error: &serde_json::Error, body: &[u8], shown: impl Fn(&str) -> String) -> String {
    let has_the_look = |text: &[u8]| text.trim_ascii_start().starts_with(b"<");
    let text = match body.len() {
        ..=READ => shown(&String::from_utf8_lossy(body)),
        _ if has_the_look(body) => return format!("its {} bytes begin like a web page", body.len()),
        _ => String::new(),
    };
    if !text.is_empty() && !text.starts_with(['{', '[', '"']) {
        let start: String = text.chars().take(80).collect();
        return format!("it begins {start:?}, which is not JSON");
    }
    let reason = error.to_string();
    if let Some(at) = reason.rfind("expected ").filter(|_| error.is_data()) {
        reason[at..].into()
    } else if reason.starts_with("missing field") {
        reason
    } else {
        format!("line {}, column {} is not as expected", error.line(), error.column())
    }
}

/// Scrubbed text, fit to be shown: without what moves a terminal's cursor, and not without end. It is cut after it was
/// scrubbed, or a cut value would get through.
pub(super) fn shortened(text: &str) -> String {
    let text = text.trim();
    let mut shown: String = text.chars().take(SHOWN).map(plain).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

fn plain(c: char) -> char {
    if c.is_control() && c != '\n' { ' ' } else { c }
}
