//! One secret of a random set: what is written where, and what a flow asks for.

use crate::oracle::secret::{PREFIX, Plaintext, escaped};

use super::Kind;

/// One secret, and the variables that are written for it.
///
/// Everything in it is made from the seed that is printed, so that it is public and may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Its place in the set; the set of a seed is the same on every machine.
    pub number: usize,
    /// How it is written.
    pub kind: Kind,
    /// What a flow asks for: `secret(key)`.
    pub key: String,
    /// What is written; later ones go before earlier ones of the same name.
    pub variables: Vec<SampleVariable>,
}

/// An environment variable, and the document that brings it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleVariable {
    /// Its name.
    pub name: String,
    /// Where it is written.
    pub carrier: Carrier,
    /// The bytes that are written there, before the encoding that the place itself wants.
    pub text: Plaintext,
}

/// Where a variable is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Carrier {
    /// `value` in the chart's own values.
    Value,
    /// A Secret that comes by `envFrom`.
    EnvFrom(SecretField),
    /// A Secret of which a single key comes by `secretKeyRef`.
    KeyRef(SecretField),
    /// `secretKeyRef` to a key that is optional and not there.
    Nowhere,
}

/// Where in a Secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretField {
    /// `stringData`, as it is.
    StringData,
    /// `data`, in Base64 once more.
    Data,
    /// `data`, in Base64 with line breaks, as `base64` prints it.
    WrappedData,
}

impl Carrier {
    /// Whether the bytes can stand there. All but `data` take text alone; and of a value with a character that
    /// YAML has no place for, helm's `toYaml` makes nothing: without a word no chart's `extraEnv` arrives at all.
    pub(super) fn bears(self, text: &[u8]) -> bool {
        let text = std::str::from_utf8(text);
        match self {
            Self::EnvFrom(SecretField::Data | SecretField::WrappedData)
            | Self::KeyRef(SecretField::Data | SecretField::WrappedData) => true,
            Self::EnvFrom(SecretField::StringData) | Self::KeyRef(SecretField::StringData) => text.is_ok(),
            Self::Value | Self::Nowhere => text.is_ok_and(|text| text.chars().all(is_yaml)),
        }
    }
}

/// `c-printable` of YAML's grammar.
fn is_yaml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

impl std::fmt::Display for Carrier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let field = |field: &SecretField| match field {
            SecretField::StringData => "stringData",
            SecretField::Data => "data",
            SecretField::WrappedData => "data, wrapped",
        };
        match self {
            Self::Value => f.write_str("value"),
            Self::EnvFrom(at) => write!(f, "envFrom, {}", field(at)),
            Self::KeyRef(at) => write!(f, "secretKeyRef, {}", field(at)),
            Self::Nowhere => f.write_str("secretKeyRef, optional and missing"),
        }
    }
}

impl SampleVariable {
    /// How many bytes it takes of an environment, as the kernel counts: with the `=`, the NUL and a pointer.
    pub fn size(&self) -> usize {
        self.name.len() + self.text.bytes().len() + 2 + 8
    }
}

impl Sample {
    /// How many bytes it takes of an environment.
    pub fn size(&self) -> usize {
        self.variables.iter().map(SampleVariable::size).sum()
    }

    /// The keys that it takes of Kestra's: no other sample of one environment may have them.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        let names = self.variables.iter().filter_map(|v| v.name.strip_prefix(PREFIX));
        names.chain([self.key.as_str()]).map(str::to_uppercase)
    }

    /// In one line, for a person: the escaped bytes where each is written.
    pub fn describe(&self) -> String {
        let told = |v: &SampleVariable| format!("{}={} ({})", v.name, escaped(v.text.bytes()), v.carrier);
        match &self.variables[..] {
            [] => "no variable".into(),
            variables => variables.iter().map(told).collect::<Vec<_>>().join(", "),
        }
    }
}
