//! What undoes a known accident to a text.

use std::borrow::Cow;

use super::Code;
use crate::oracle::secret::Plaintext;

/// Undoes one accident; `None` when there is no trace of it.
type Repair = fn(&[u8]) -> Option<Vec<u8>>;

/// Accidents to the encoded text, in the order in which they are undone.
const REPAIRS: [(Code, Repair); 7] = [
    (Code::Utf16, from_utf16),
    (Code::PercentEncoded, percent_decoded),
    (Code::Wrapped, unwrapped),
    (Code::Folded, unfolded),
    (Code::Wrapped, without_spaces),
    (Code::UrlSafe, standard_alphabet),
    (Code::Padding, padded),
];

/// The first repair, or else all together, that makes `good` of an encoded text.
pub(super) fn repaired(
    encoded: &Plaintext,
    good: impl Fn(&Plaintext) -> Option<Plaintext>,
) -> Option<(Vec<Code>, Plaintext)> {
    let alone = REPAIRS.iter().find_map(|(code, repair)| {
        let fixed = Plaintext::new(repair(encoded.bytes())?, encoded.is_public());
        Some((vec![*code], good(&fixed)?))
    });
    alone.or_else(|| {
        let mut codes = Vec::new();
        let mut fixed = encoded.clone();
        for (code, repair) in REPAIRS {
            if let Some(better) = repair(fixed.bytes()) {
                fixed = Plaintext::new(better, encoded.is_public());
                codes.push(code);
            }
        }
        codes.dedup();
        Some((codes, good(&fixed)?))
    })
}

/// Text without its byte-order mark, in UTF-8.
pub(super) fn from_utf16(bytes: &[u8]) -> Option<Vec<u8>> {
    let units = |bytes: &[u8], unit: fn([u8; 2]) -> u16| -> Option<Vec<u8>> {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().copied().map(unit).collect();
        String::from_utf16(&units)
            .ok()
            .filter(|_| rest.is_empty())
            .map(String::into_bytes)
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => Some(rest.to_vec()),
        [0xff, 0xfe, rest @ ..] => units(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => units(rest, u16::from_be_bytes),
        // Without a mark: every other byte is NUL, as it is in ASCII.
        [first, 0, ..] if *first != 0 && every_other_is_nul(&bytes[1..]) => units(bytes, u16::from_le_bytes),
        [0, first, ..] if *first != 0 && every_other_is_nul(bytes) => units(bytes, u16::from_be_bytes),
        _ => None,
    }
}

fn every_other_is_nul(bytes: &[u8]) -> bool {
    bytes.iter().step_by(2).all(|b| *b == 0) && bytes.iter().skip(1).step_by(2).all(|b| *b != 0)
}

fn percent_decoded(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut rest = bytes;
    let mut plain = Vec::with_capacity(bytes.len());
    while let [byte, after @ ..] = rest {
        let code = match rest {
            [b'%', a, b, ..] => hex::decode([*a, *b]).ok(),
            _ => None,
        };
        plain.extend(code.as_deref().unwrap_or(&[*byte]));
        rest = if code.is_some() { &rest[3..] } else { after };
    }
    (plain.len() < bytes.len()).then_some(plain)
}

/// Without white space, invisible characters and quotes around it, a comment behind it, and Python's `b`.
fn unwrapped(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut inner = text;
    loop {
        let bare = inner.trim_matches(|c| is_stray(c) || matches!(c, '\'' | '"'));
        let bare = without_comment(bare);
        let bare = ["b'", "b\""].iter().find_map(|b| bare.strip_prefix(b)).unwrap_or(bare);
        if bare.len() == inner.len() {
            break;
        }
        inner = bare;
    }
    (inner.len() < text.len()).then(|| inner.into())
}

/// What stands before ` #`, which Base64 has not.
fn without_comment(text: &str) -> &str {
    let at = [" #", "\t#"].iter().filter_map(|mark| text.find(mark)).min();
    at.map_or(text, |at| text[..at].trim_end_matches(is_stray))
}

/// White space, and what nobody sees: a no-break space, a character of no width, a byte-order mark.
fn is_stray(c: char) -> bool {
    c.is_whitespace() || is_invisible(c)
}

fn is_invisible(c: char) -> bool {
    let unseen = matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}');
    unseen || !c.is_ascii() && c.is_whitespace()
}

/// Whether it begins or ends with characters that nobody sees.
pub fn has_invisible(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.starts_with(is_invisible) || text.ends_with(is_invisible))
}

/// Without single spaces at equal distances, long enough to have been lines of an encoder.
fn unfolded(bytes: &[u8]) -> Option<Vec<u8>> {
    let lines: Vec<&[u8]> = bytes.trim_ascii_end().split(|b| *b == b' ').collect();
    let (last, [first, ..]) = lines.split_last()? else {
        return None;
    };
    let equal = lines.iter().rev().skip(1).all(|line| line.len() == first.len());
    (equal && first.len() >= 40 && (1..=first.len()).contains(&last.len())).then(|| lines.concat())
}

fn without_spaces(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let without = text.replace(|c| matches!(c, ' ' | '\t') || is_invisible(c), "");
    (without.len() < text.len()).then(|| without.into_bytes())
}

fn standard_alphabet(bytes: &[u8]) -> Option<Vec<u8>> {
    let standard = |b: &u8| match b {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    };
    bytes
        .iter()
        .any(|b| matches!(b, b'-' | b'_'))
        .then(|| bytes.iter().map(standard).collect())
}

/// Padded to a multiple of four.
fn padded(bytes: &[u8]) -> Option<Vec<u8>> {
    let unbroken: Vec<u8> = bytes.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    let end = unbroken.iter().rposition(|b| *b != b'=')? + 1;
    let mut padded = unbroken[..end].to_vec();
    padded.resize(end.next_multiple_of(4), b'=');
    (padded != unbroken).then_some(padded)
}

/// Lines that end as they do in Unix.
pub(super) fn without_carriage_returns(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.contains("\r\n"))?;
    Some(text.replace("\r\n", "\n").into_bytes())
}

/// One line without the newline at its end; several lines, as a key in PEM has, keep theirs.
pub(super) fn without_newline(bytes: &[u8]) -> Option<Vec<u8>> {
    let line = bytes.strip_suffix(b"\n").filter(|line| !line.is_empty())?;
    (!line.contains(&b'\n')).then(|| line.to_vec())
}

/// Without the carriage return at its end, which a line end of Windows left there.
pub(super) fn without_last_return(bytes: &[u8]) -> Option<Vec<u8>> {
    let line = bytes.strip_suffix(b"\r").filter(|line| !line.is_empty())?;
    Some(line.to_vec())
}

/// Without the one pair of quotes that stands around it.
pub(super) fn unquoted(bytes: &[u8]) -> Option<Vec<u8>> {
    let ([quote @ b'\'', inner @ .., b'\''] | [quote @ b'"', inner @ .., b'"']) = bytes else {
        return None;
    };
    (!inner.is_empty() && !inner.contains(quote)).then(|| inner.to_vec())
}

/// The digits of a number that YAML made a float, such as `1.2345678e+07`.
pub(super) fn digits(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mantissa, exponent) = std::str::from_utf8(bytes).ok()?.split_once("e+")?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: usize = exponent.parse().ok().filter(|e| *e < 22)?;
    let is_number = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let fits = whole.len() == 1 && is_number(whole) && is_number(fraction) && fraction.len() <= exponent;
    fits.then(|| format!("{whole}{fraction:0<exponent$}").into_bytes())
}

/// Whether YAML reads both as the same number or boolean though they are different texts.
pub(super) fn same_scalar(a: &[u8], b: &[u8]) -> bool {
    let read = |bytes: &[u8]| -> Option<Cow<'static, str>> {
        let text = std::str::from_utf8(bytes).ok()?;
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => return Some("true".into()),
            "false" | "no" | "off" | "n" => return Some("false".into()),
            _ => {}
        }
        let based = |digits: Option<&str>, radix| digits.and_then(|d| u64::from_str_radix(d, radix).ok());
        let octal = text
            .strip_prefix("0o")
            .or_else(|| text.strip_prefix('0').filter(|t| !t.is_empty()));
        if let Some(integer) = based(text.strip_prefix("0x"), 16).or_else(|| based(octal, 8)) {
            return Some(integer.to_string().into());
        }
        let number: f64 = text.replace('_', "").parse().ok()?;
        number.is_finite().then(|| number.to_string().into())
    };
    a != b && read(a).is_some_and(|a| Some(a) == read(b))
}
