//! What is wrong with a secret, by its name and value, and what should stand there instead.

mod code;
mod example;
mod name;
mod pem;
mod placeholder;
mod pod;
mod repair;

pub use code::Code;
pub use example::Example;
pub use name::{corrected_name, key_behind_misspelt_prefix};
pub use placeholder::is_placeholder;
pub use pod::{Remedy, SecretFault, of_pod, tolerant};
pub use repair::has_invisible;

use super::decode::decode_bytes;
use super::{Location, Plaintext, decode};

/// A value where it is written.
#[derive(Debug, Clone, Copy)]
pub struct WrittenValue<'a> {
    /// The variable's name; none when it is not known.
    pub name: Option<&'a str>,
    /// Where the value is written.
    pub place: Location,
    /// The value as it is written there.
    pub value: &'a Plaintext,
    /// What a flow is meant to get, when somebody said it.
    pub meant: Option<&'a Plaintext>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// What is wrong, in the order of the codes.
    pub codes: Vec<Code>,
    /// The value that should be written in its place; none when the value is right or what is meant
    /// cannot be told.
    pub corrected: Option<Plaintext>,
    /// The name the variable should have; none when it is right.
    pub name: Option<String>,
}

/// Looks at one secret.
///
/// Nobody can tell from a value alone what was meant, so without [`WrittenValue::meant`] only what is very
/// likely wrong is named. With it, a value that gives the plaintext has no fault however odd it looks,
/// and of a value that does not, only causes that explain the difference are named.
pub fn diagnose(given: &WrittenValue) -> Diagnosis {
    let env = given.place.environment(given.value);
    let mut codes = match (given.name, &env) {
        (Some(name), Some(env)) => name::codes(name, env.bytes()),
        _ => Vec::new(),
    };
    let arrives = |meant: &Plaintext| env.as_ref().and_then(|env| decode(env).ok()).as_ref() == Some(meant);
    let mut corrected = None;
    // The address of a Service is no secret at all.
    if !given.meant.is_some_and(arrives) && !codes.contains(&Code::ServiceLink) {
        let guess = match given.meant {
            Some(meant) => explained(given, env.as_ref(), meant),
            None => guess(given, env.as_ref()),
        };
        let plain = given.meant.or(guess.plain.as_ref());
        codes.extend(&guess.codes);
        corrected = plain
            .filter(|_| given.meant.is_some() || !guess.codes.is_empty())
            .map(|plain| given.place.encode(plain));
    }
    codes.sort_unstable();
    codes.dedup();
    Diagnosis {
        codes,
        corrected,
        name: given.name.and_then(corrected_name),
    }
}

/// The value to write in place of one whose plaintext is binary, so that `secret()` gives the binary's Base64,
/// which the task has to decode: the cure of [`Code::NotUtf8`]. None for a value that Kestra cannot decode.
pub fn carried(place: Location, value: &Plaintext) -> Option<Plaintext> {
    let bytes = decode_bytes(&place.environment(value)?).ok()?;
    Some(place.encode(&Location::Env.encode(&bytes)))
}

/// Whether a variable's value is, beyond chance, a text encoded as Kestra wants its secrets: one that is called
/// something else may be meant for it.
pub fn looks_encoded(env: &Plaintext) -> bool {
    let line = env.bytes().trim_ascii_end();
    let beyond_chance = line.len() >= 8 && (line.ends_with(b"=") || line.len() >= 16);
    beyond_chance && may_be_encoded(env)
}

/// Whether a value can be a text encoded as Kestra wants its secrets, be it by chance.
pub fn may_be_encoded(env: &Plaintext) -> bool {
    let line = env.bytes().trim_ascii_end();
    let reads = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok_and(|text| !text.is_empty() && is_text(text));
    line.len().is_multiple_of(4) && decode_bytes(env).is_ok_and(|plain| reads(plain.bytes()))
}

/// What is wrong with a value, and the plaintext it was made from.
#[derive(Default)]
struct Guess {
    codes: Vec<Code>,
    plain: Option<Plaintext>,
}

impl Guess {
    fn new(codes: impl Into<Vec<Code>>, plain: Plaintext) -> Self {
        Self {
            codes: codes.into(),
            plain: Some(plain),
        }
    }
}

fn guess(given: &WrittenValue, env: Option<&Plaintext>) -> Guess {
    if [Some(given.value), env].into_iter().flatten().any(is_unfilled) {
        return Guess {
            codes: vec![Code::Placeholder],
            plain: None,
        };
    }
    let Some(env) = env else {
        let good = |data: &Plaintext| text_of(&Location::Data.environment(data)?);
        return match repair::repaired(given.value, good) {
            Some((codes, plain)) => settled(codes, plain),
            None => plaintext(given.value, Code::Plaintext),
        };
    };
    match decode_bytes(env) {
        Ok(bytes) => of_decoded(env, bytes),
        Err(_) => match repair::repaired(env, text_of) {
            Some((codes, plain)) => settled(codes, plain),
            None if given.place == Location::Data => plaintext(env, Code::EncodedTooFew),
            None => plaintext(env, Code::Plaintext),
        },
    }
}

/// Whether a value is a placeholder, and not a text that was encoded and looks like one by chance.
fn is_unfilled(value: &Plaintext) -> bool {
    std::str::from_utf8(value.bytes()).is_ok_and(is_placeholder) && text_of(value).is_none()
}

/// A value that Kestra decodes to `bytes`.
fn of_decoded(env: &Plaintext, bytes: Plaintext) -> Guess {
    if let Some(text) = repair::from_utf16(bytes.bytes()) {
        return settled(vec![Code::Utf16], Plaintext::new(text, env.is_public()));
    }
    let has_marks = env.bytes().iter().any(|b| b"=+/".contains(b));
    let looks_plain = !has_marks && env.bytes().len() <= 24;
    match std::str::from_utf8(bytes.bytes()) {
        Err(_) if looks_plain => plaintext(env, Code::PlaintextDecodes),
        Err(_) => Guess {
            codes: vec![Code::NotUtf8],
            plain: None,
        },
        Ok(text) if looks_plain && !is_text(text) => plaintext(env, Code::PlaintextDecodes),
        Ok(_) => settled(Vec::new(), bytes),
    }
}

/// A plaintext that was found, without what commonly got into it.
fn settled(mut codes: Vec<Code>, mut plain: Plaintext) -> Guess {
    if let Some(text) = encoded_again(&plain) {
        codes.push(Code::EncodedTooOften);
        plain = text;
    }
    let lines = repair::without_carriage_returns(plain.bytes());
    // The newline of a Windows line end is not echo's.
    let newline = lines.as_ref().map_or(Code::TrailingNewline, |_| Code::Crlf);
    if let Some(lines) = lines {
        codes.push(Code::Crlf);
        plain = plain.map(|_| lines);
    }
    if let Some(line) = repair::without_newline(plain.bytes()) {
        codes.push(newline);
        plain = plain.map(|_| line);
    }
    if let Some(line) = repair::without_last_return(plain.bytes()) {
        codes.push(Code::CarriageReturn);
        plain = plain.map(|_| line);
    }
    if let Some(inner) = repair::unquoted(plain.bytes()) {
        codes.push(Code::QuotesInside);
        plain = plain.map(|_| inner);
    }
    if let Some(pem) = pem::broken(plain.bytes()) {
        codes.push(Code::FlatPem);
        let Some(relined) = pem.relined else {
            return Guess { codes, plain: None };
        };
        plain = plain.map(|_| relined);
    }
    Guess::new(codes, plain)
}

/// The text within a text that is Base64 beyond chance.
fn encoded_again(plain: &Plaintext) -> Option<Plaintext> {
    let line = plain.bytes().trim_ascii_end();
    let beyond_chance = line.len().is_multiple_of(4) && (line.ends_with(b"=") || line.len() >= 12);
    if beyond_chance { text_of(plain) } else { None }
}

/// A value that was never encoded.
fn plaintext(value: &Plaintext, code: Code) -> Guess {
    if let Some(digits) = repair::digits(value.bytes()) {
        return Guess::new([Code::UnquotedScalar, code], value.map(|_| digits));
    }
    match repair::without_newline(value.bytes()) {
        // Whether they belong to the plaintext, nobody can tell.
        _ if repair::has_invisible(value.bytes()) => Guess {
            codes: vec![code],
            plain: None,
        },
        Some(line) => Guess::new([code, Code::FromFileNewline], value.map(|_| line)),
        None => Guess::new([code], value.clone()),
    }
}

/// The causes that lead from what is meant to what is there.
fn explained(given: &WrittenValue, env: Option<&Plaintext>, meant: &Plaintext) -> Guess {
    let same = |bytes: &[u8]| bytes == meant.bytes();
    let mut codes = Vec::new();
    let written = env.unwrap_or(given.value);
    let decoded = env.and_then(|env| decode_bytes(env).ok());
    let never_encoded = match (&decoded, env) {
        (Some(_), _) => Code::PlaintextDecodes,
        (None, Some(_)) if given.place == Location::Data => Code::EncodedTooFew,
        (None, _) => Code::Plaintext,
    };
    if std::str::from_utf8(meant.bytes()).is_err() {
        codes.push(Code::NotUtf8);
    }
    if same(written.bytes()) {
        codes.push(never_encoded);
    } else if written.bytes().strip_suffix(b"\n").is_some_and(same) {
        codes.extend([never_encoded, Code::FromFileNewline]);
    } else if decoded
        .as_ref()
        .and_then(|text| text.bytes().strip_suffix(b"\n"))
        .is_some_and(same)
    {
        codes.push(Code::TrailingNewline);
    } else if repair::same_scalar(written.bytes(), meant.bytes()) {
        codes.extend([Code::UnquotedScalar, never_encoded]);
    } else if cut_at_comma(written, meant) {
        codes.extend([Code::SetComma, never_encoded]);
    } else {
        let guess = guess(given, env);
        if guess.codes == [Code::Placeholder] || guess.plain.is_some_and(|plain| plain == *meant) {
            codes.extend(guess.codes);
        }
    }
    Guess { codes, plain: None }
}

fn cut_at_comma(written: &Plaintext, meant: &Plaintext) -> bool {
    meant
        .bytes()
        .strip_prefix(written.bytes())
        .is_some_and(|rest| rest.starts_with(b","))
}

/// What Kestra decodes, when a person can have meant it.
fn text_of(env: &Plaintext) -> Option<Plaintext> {
    let bytes = decode_bytes(env).ok()?;
    let text = repair::from_utf16(bytes.bytes()).unwrap_or_else(|| bytes.bytes().to_vec());
    let is_text = std::str::from_utf8(&text).is_ok_and(|text| !text.is_empty() && is_text(text));
    is_text.then(|| bytes.map(|_| text))
}

fn is_text(text: &str) -> bool {
    text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\r' | '\n'))
}

#[cfg(test)]
mod tests;
