//! The ways in which a secret is written down, right and wrong.

use schemars::JsonSchema;
use serde::Serialize;

/// How often the kinds that Kestra can read come, for one of those that it mostly cannot: a secret that is
/// missing costs Kestra a stack trace, one that is there costs nothing.
const OFTEN: usize = 3;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $title:literal, $missing:literal;)+) => {
        /// One way to write a secret down.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum Kind { $($(#[doc = $doc])+ $kind,)+ }

        impl Kind {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// For a table.
            pub fn title(self) -> &'static str {
                match self { $(Self::$kind => $title,)+ }
            }

            /// Whether Kestra mostly cannot read it. A guess, for the mixture; what is predicted is the model's.
            fn mostly_missing(self) -> bool {
                match self { $(Self::$kind => $missing,)+ }
            }
        }
    };
}

kinds! {
    /// Base64 of the plaintext, as it should be.
    Encoded = "encoded once", false;
    /// `echo plain | base64`.
    NewlineInside = "newline inside", false;
    /// The line that `base64` prints, its end included.
    NewlineBehind = "newline behind", false;
    /// The plaintext itself.
    NotEncoded = "not encoded", true;
    /// A plaintext that happens to be Base64.
    LooksEncoded = "plaintext that decodes", false;
    /// Base64 of Base64.
    Twice = "encoded twice", false;
    /// And once more.
    Thrice = "encoded three times", false;
    /// The alphabet with `-` and `_`.
    UrlSafe = "URL-safe alphabet", true;
    /// No `=` at the end.
    NoPadding = "padding missing", false;
    /// One `=` where two belong.
    PaddingShort = "padding too short", true;
    /// More `=` than belong.
    PaddingLong = "padding too long", true;
    /// Bits in the last character that no byte needs.
    LooseBits = "loose bits at the end", false;
    /// Blanks and tabs around it or within.
    WhiteSpace = "white space", true;
    /// In quotes.
    Quoted = "quotes", true;
    /// `b'…'`, as Python prints bytes.
    PythonBytes = "b'…'", true;
    /// Line ends of Windows, inside or behind.
    Crlf = "CRLF", false;
    /// In lines of 76 or 64 characters.
    Wrapped = "wrapped", false;
    /// Broken by the rarer line breaks.
    OtherBreaks = "other line breaks", false;
    /// UTF-16 before it was encoded, with and without a mark.
    Utf16 = "UTF-16", false;
    /// A byte-order mark, inside or in front.
    ByteOrderMark = "byte-order mark", false;
    /// Percent-encoded, as in a URL.
    Percent = "percent-encoded", true;
    /// Bytes that are no UTF-8, encoded.
    NotUtf8 = "not UTF-8, encoded", false;
    /// Bytes that are no UTF-8 in the environment itself.
    RawBytes = "not UTF-8, raw", true;
    /// Nothing.
    Empty = "empty", false;
    /// One byte.
    OneByte = "one byte", false;
    /// Up to the longest string that an environment takes.
    Long = "long", false;
    /// `$(NAME)`, which the kubelet replaces in some places.
    Reference = "$(NAME)", false;
    /// `{{ … }}`, which is Kestra's own language.
    Template = "{{ … }}", false;
    /// Good Base64 with something knocked out, put in or put in its place.
    Damaged = "damaged", true;
    /// A name in lower case.
    LowerCase = "name in lower case", false;
    /// A name in mixed case.
    MixedCase = "name in mixed case", false;
    /// A name with dots, dashes and digits.
    Dotted = "name with dots and dashes", true;
    /// A name of any printable characters.
    OddName = "name of odd characters", true;
    /// Two names that differ in case alone.
    Collision = "names that collide by case", false;
    /// One name from two sources.
    TwoSources = "two sources for one name", false;
    /// A name that does not begin with `SECRET_`.
    NoPrefix = "name without SECRET_", true;
    /// `SECRET_` and nothing more.
    NoName = "empty name", false;
    /// Nowhere.
    Absent = "absent", true;
    /// A key of a Secret that is optional and not there.
    OptionalKey = "optional key, missing", true;
}

impl Kind {
    /// The kind of the sample of that number: every one once, then the ones that can be read oftener.
    pub(super) fn numbered(number: usize) -> Self {
        let often = || Self::ALL.iter().filter(|kind| !kind.mostly_missing());
        let deck = Self::ALL.len() + (OFTEN - 1) * often().count();
        let at = number % deck;
        let kind = Self::ALL
            .get(at)
            .or_else(|| often().cycle().nth(at - Self::ALL.len()))
            .copied()
            .unwrap_or(Self::Encoded);
        // An environment has room for one.
        if kind == Self::NoName && number >= Self::ALL.len() {
            Self::Encoded
        } else {
            kind
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_samples_are_one_of_each_kind() {
        let first: Vec<_> = (0..Kind::ALL.len()).map(Kind::numbered).collect();
        assert_eq!(first, Kind::ALL);
    }

    #[test]
    fn there_is_one_empty_name_in_a_set() {
        assert_eq!((0..5000).filter(|&n| Kind::numbered(n) == Kind::NoName).count(), 1);
    }
}
