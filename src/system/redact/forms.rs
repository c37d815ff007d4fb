//! Every way in which a plaintext may be written.

use std::ops::Range;

use base64::Engine as _;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, PAD};

use super::Encoding;

/// A plaintext shorter than this is looked for only where it stands alone.
const SHORT: usize = 4;
/// A plaintext shorter than this is not looked for.
const SHORTEST: usize = 2;
/// A line of several that is shorter than this is not looked for by itself.
const LINE: usize = 8;

/// One way in which a plaintext may be written.
#[derive(Clone)]
pub(super) struct WrittenForm {
    pub bytes: Vec<u8>,
    pub encoding: Encoding,
    edges: Edges,
}

/// What must be, or what else goes, beside a form.
#[derive(Clone, Copy)]
enum Edges {
    /// Nothing.
    Any,
    /// No letter and no digit must be.
    Alone,
    /// A character of Base64 that holds bits of the plaintext and bits of its neighbour goes too.
    Ragged { start: bool, end: bool },
}

impl WrittenForm {
    /// Which part of the text goes for a match of the bytes, if it is one.
    pub fn locate(&self, text: &[u8], found: Range<usize>) -> Option<Range<usize>> {
        let before = found.start.checked_sub(1);
        let is =
            |at: Option<usize>, what: fn(u8) -> bool| at.and_then(|at| text.get(at)).is_some_and(|byte| what(*byte));
        match self.edges {
            Edges::Any => Some(found),
            Edges::Alone => {
                let inside = is(before, is_word) || is(Some(found.end), is_word);
                (!inside).then_some(found)
            }
            Edges::Ragged { start, end } => {
                let more_before = usize::from(start && is(before, is_base64));
                let more_after = usize::from(end && is(Some(found.end), is_base64));
                Some(found.start - more_before..found.end + more_after)
            }
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)
}

/// All forms of a plaintext; some may be alike.
pub(super) fn written_forms(plaintext: &[u8]) -> Vec<WrittenForm> {
    let mut forms = Forms(Vec::new());
    forms.add_all(plaintext);
    // Who prints a value often trims it.
    let trimmed = plaintext.trim_ascii();
    if trimmed.len() < plaintext.len() {
        forms.add_all(trimmed);
    }
    // Who prints a text of several lines often indents it, or prints some of them.
    for line in plaintext
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .map(<[u8]>::trim_ascii)
    {
        if line.len() >= LINE && line.len() < trimmed.len() {
            forms.add_text(line, |_| Encoding::Line);
        }
    }
    forms.0
}

struct Forms(Vec<WrittenForm>);

impl Forms {
    fn add_all(&mut self, plain: &[u8]) {
        if plain.len() < SHORTEST {
            return;
        }
        if plain.len() < SHORT {
            self.push(plain, Encoding::Raw, Edges::Alone);
            for padding in [NO_PAD, PAD] {
                let encoded = GeneralPurpose::new(&STANDARD, padding).encode(plain);
                self.push(encoded, Encoding::Base64, Edges::Alone);
            }
            return;
        }
        self.add_text(plain, |encoding| encoding);
        for alphabet in [&STANDARD, &URL_SAFE] {
            self.add_base64(plain, alphabet);
        }
        let hex = hex::encode(plain);
        self.push(hex.to_uppercase(), Encoding::Hex, Edges::Any);
        self.push(hex, Encoding::Hex, Edges::Any);
        self.add_percent(plain);
    }

    /// The forms in which a text is still to be read, each named as `name` says.
    fn add_text(&mut self, plain: &[u8], name: impl Fn(Encoding) -> Encoding) {
        self.push(plain, name(Encoding::Raw), Edges::Any);
        let text = String::from_utf8_lossy(plain);
        if text.chars().filter(|c| *c != char::REPLACEMENT_CHARACTER).count() < SHORT {
            return;
        }
        self.push(text.as_bytes(), name(Encoding::Raw), Edges::Any);

        let none = |_| false;
        let html = |c| matches!(c, '<' | '>' | '&' | '\'' | '=' | '\u{2028}' | '\u{2029}');
        let go = |c| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
        let not_ascii = |c: char| !c.is_ascii();
        let either = |c: char| html(c) || !c.is_ascii();
        let choices: [&dyn Fn(char) -> bool; 5] = [&none, &go, &html, &not_ascii, &either];
        for escaped in choices {
            for upper in [false, true] {
                let json = json(&text, escaped, upper);
                self.push(json.replace('/', "\\/"), name(Encoding::Json), Edges::Any);
                self.push(self::json(&json, escaped, upper), name(Encoding::Json), Edges::Any);
                self.push(json, name(Encoding::Json), Edges::Any);
            }
        }
        self.push(text.replace('\'', "''"), name(Encoding::Yaml), Edges::Any);
        self.push(yaml(&text, false), name(Encoding::Yaml), Edges::Any);
        self.push(yaml(&text, true), name(Encoding::Yaml), Edges::Any);
    }

    fn add_base64(&mut self, plain: &[u8], alphabet: &Alphabet) {
        let once = GeneralPurpose::new(alphabet, PAD).encode(plain);
        self.push_base64(plain, alphabet, Encoding::Base64);
        self.push(&once[..], Encoding::Base64, Edges::Any);

        // What comes after the plaintext, be it a newline from `echo`, changes the end of its
        // Base64 and so the end of the Base64 of that: the part that is sure is looked for.
        let (sure, _) = middle(plain, 0, alphabet);
        for outer in [&STANDARD, &URL_SAFE] {
            self.push_base64(sure.as_bytes(), outer, Encoding::DoubleBase64);
            for line in lines(&sure).into_iter().flatten() {
                self.push_base64(line, outer, Encoding::DoubleBase64);
            }
            let twice = |inner: &str| GeneralPurpose::new(outer, PAD).encode(inner);
            self.push(twice(&once), Encoding::DoubleBase64, Edges::Any);
            self.push(twice(&format!("{once}\n")), Encoding::DoubleBase64, Edges::Any);
        }
    }

    /// What of the Base64 of `plain` is sure, whatever stands before and after it.
    fn push_base64(&mut self, plain: &[u8], alphabet: &Alphabet, encoding: Encoding) {
        for before in 0..3 {
            let (sure, end) = middle(plain, before, alphabet);
            if sure.len() >= SHORT {
                let start = before != 0;
                self.push(sure, encoding, Edges::Ragged { start, end });
            }
        }
        let (sure, end) = middle(plain, 0, alphabet);
        for line in lines(&sure).into_iter().flatten().filter(|line| line.len() >= SHORT) {
            self.push(line, encoding, Edges::Ragged { start: false, end });
        }
    }

    fn add_percent(&mut self, plain: &[u8]) {
        // RFC 3986's unreserved; a form's (WHATWG); JavaScript's encodeURI; nothing at all.
        let url = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        let component = |b: u8| b.is_ascii_alphanumeric() || b"-._~!'()*".contains(&b);
        let form = |b: u8| b.is_ascii_alphanumeric() || b"-._* ".contains(&b);
        let uri = |b: u8| component(b) || b";/?:@&=+$,#".contains(&b);
        let nothing = |_: u8| false;
        let choices: [&dyn Fn(u8) -> bool; 5] = [&url, &component, &form, &uri, &nothing];
        for kept in choices {
            for upper in [false, true] {
                let mut text = Vec::with_capacity(plain.len() * 3);
                for &byte in plain {
                    let digits = if upper {
                        format!("%{byte:02X}")
                    } else {
                        format!("%{byte:02x}")
                    };
                    match byte {
                        // Only a form keeps it, in its own way.
                        b' ' if kept(byte) => text.push(b'+'),
                        _ if kept(byte) => text.push(byte),
                        _ => text.extend_from_slice(digits.as_bytes()),
                    }
                }
                self.push(text, Encoding::Percent, Edges::Any);
            }
        }
    }

    fn push(&mut self, bytes: impl Into<Vec<u8>>, encoding: Encoding, edges: Edges) {
        self.0.push(WrittenForm {
            bytes: bytes.into(),
            encoding,
            edges,
        });
    }
}

/// The characters of Base64 that only `plain` decides, when so many bytes, modulo 3, stand before
/// it; and whether a further one is decided in part.
fn middle(plain: &[u8], before: usize, alphabet: &Alphabet) -> (String, bool) {
    let padded = [&vec![0; before][..], plain].concat();
    let text = GeneralPurpose::new(alphabet, NO_PAD).encode(&padded);
    let bits = padded.len() * 8;
    (text[(before * 8).div_ceil(6)..bits / 6].to_owned(), bits % 6 != 0)
}

/// The text as it is wrapped by PEM's rule and by MIME's, where it is long enough to be.
fn lines(text: &str) -> [impl Iterator<Item = &[u8]>; 2] {
    [64, 76].map(|columns| text.as_bytes().chunks(columns).filter(move |_| text.len() > columns))
}

/// The inside of a JSON string, with `\u` for the characters that need not be escaped but are.
fn json(text: &str, escaped: &dyn Fn(char) -> bool, upper: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            _ if c < ' ' || escaped(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out += &if upper {
                        format!("\\u{unit:04X}")
                    } else {
                        format!("\\u{unit:04x}")
                    };
                }
            }
            _ => out.push(c),
        }
    }
    out
}

/// The inside of a YAML scalar in double quotes.
fn yaml(text: &str, ascii: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let short = match c {
            '"' | '\\' => Some(c),
            '\0' => Some('0'),
            '\u{7}' => Some('a'),
            '\u{8}' => Some('b'),
            '\t' => Some('t'),
            '\n' => Some('n'),
            '\u{b}' => Some('v'),
            '\u{c}' => Some('f'),
            '\r' => Some('r'),
            '\u{1b}' => Some('e'),
            '\u{85}' => Some('N'),
            '\u{a0}' => Some('_'),
            '\u{2028}' => Some('L'),
            '\u{2029}' => Some('P'),
            _ => None,
        };
        let code = u32::from(c);
        match short {
            Some(short) => out.extend(['\\', short]),
            None if c >= ' ' && (c.is_ascii() || !ascii) => out.push(c),
            None if code <= 0xff => out += &format!("\\x{code:02X}"),
            None if code <= 0xffff => out += &format!("\\u{code:04X}"),
            None => out += &format!("\\U{code:08X}"),
        }
    }
    out
}
