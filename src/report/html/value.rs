//! Values as text and as bytes, side by side.

use std::fmt::Write as _;

use crate::oracle::secret::{DisplayValue, Hop, HopKind, HopValue, escaped};
use crate::report::OutcomeView;
use crate::system::words::visible;

/// The most bytes of a value that are shown.
const BYTES: usize = 64;

/// A value in both forms; `hex` is markup.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes {
    pub text: String,
    pub hex: String,
}

impl Bytes {
    /// A value; the bytes that are not those of `other` are marked.
    fn marked(shown: &DisplayValue, other: Option<&DisplayValue>) -> Self {
        let DisplayValue::Public(bytes) = shown else {
            return Self {
                text: shown.to_string(),
                hex: String::new(),
            };
        };
        let same = match other {
            Some(DisplayValue::Public(other)) => bytes.iter().zip(other).take_while(|(a, b)| a == b).count(),
            _ => bytes.len(),
        };
        let part = &bytes[..bytes.len().min(BYTES)];
        let left = bytes.len() - part.len();
        let more = if left > 0 {
            format!(" … {left} bytes more")
        } else {
            String::new()
        };
        let (right, wrong) = part.split_at(same.min(part.len()));
        let mut hex = format!("<span class=\"hex\">{}", pairs(right));
        if !wrong.is_empty() {
            // Writing to a string does not fail.
            let _ = write!(hex, " <mark>{}</mark>", pairs(wrong));
        }
        let _ = write!(hex, "{more}</span>");
        Self {
            text: format!("{}{more}", escaped(part)),
            hex,
        }
    }
}

fn pairs(bytes: &[u8]) -> String {
    let pairs: Vec<_> = bytes.iter().map(|b| format!("{b:02x}")).collect();
    pairs.join(" ")
}

/// A line of what was promised, expected, predicted or observed.
pub struct OutcomeLine {
    pub what: &'static str,
    /// Whether it is the first line of its kind.
    pub first: bool,
    pub output: String,
    pub bytes: Option<Bytes>,
    pub words: String,
}

/// The lines of one kind; bytes that are not those of `expected` are marked.
pub fn sights(what: &'static str, seen: Option<&OutcomeView>, expected: Option<&OutcomeView>) -> Vec<OutcomeLine> {
    let Some(seen) = seen else { return Vec::new() };
    let OutcomeView::Outputs(outputs) = seen else {
        return vec![OutcomeLine {
            what,
            first: true,
            output: String::new(),
            bytes: None,
            words: visible(&seen.to_string()),
        }];
    };
    let meant = |output: &str| match expected {
        Some(OutcomeView::Outputs(expected)) => expected.get(output),
        _ => None,
    };
    let lines = outputs.iter().enumerate().map(|(n, (output, value))| OutcomeLine {
        what,
        first: n == 0,
        output: visible(output),
        bytes: Some(Bytes::marked(value, meant(output))),
        words: String::new(),
    });
    lines.collect()
}

/// A line of a way: what is at a hop, for one or several reasons.
pub struct HopLine {
    pub hop: String,
    /// Whether it is the first line of its hop.
    pub first: bool,
    pub wrong: bool,
    pub tags: String,
    pub bytes: Option<Bytes>,
    pub words: String,
}

/// The lines of a way; what is the same at a hop is told once.
pub fn lines(hops: &[Hop], first_wrong: Option<HopKind>) -> Vec<HopLine> {
    hops.iter()
        .flat_map(|hop| of_hop(hop, first_wrong == Some(hop.at)))
        .collect()
}

fn of_hop(hop: &Hop, wrong: bool) -> Vec<HopLine> {
    let meant = match &hop.meant {
        Some(HopValue::Is(value)) => Some(value),
        _ => None,
    };
    let mut told: Vec<(String, Option<Bytes>, String)> = Vec::new();
    for (tag, value) in [
        ("meant", &hop.meant),
        ("predicted", &hop.predicted),
        ("observed", &hop.observed),
    ] {
        for (bytes, words) in value.iter().flat_map(|value| forms(value, meant)) {
            match told.iter_mut().find(|(_, b, w)| (b, w) == (&bytes, &words)) {
                Some((tags, ..)) => {
                    tags.push_str(" = ");
                    tags.push_str(tag);
                }
                None => told.push((tag.to_owned(), bytes, words)),
            }
        }
    }
    let lines = told.into_iter().enumerate().map(|(n, (tags, bytes, words))| HopLine {
        hop: hop.at.to_string(),
        first: n == 0,
        wrong,
        tags,
        bytes,
        words,
    });
    lines.collect()
}

fn forms(value: &HopValue, meant: Option<&DisplayValue>) -> Vec<(Option<Bytes>, String)> {
    match value {
        HopValue::Is(one) => vec![(Some(Bytes::marked(one, meant)), String::new())],
        HopValue::OneOf(several) => several
            .iter()
            .map(|one| (Some(Bytes::marked(one, meant)), String::new()))
            .collect(),
        HopValue::Nothing(why) => vec![(None, format!("nothing: {}", visible(why)))],
    }
}
