//! The only form in which a report takes a value.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Plaintext, escaped};

/// A value as a report may show it: the bytes when they are public, else what tells two values of one
/// run apart and no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(into = "Form", try_from = "Form")]
#[schemars(with = "Form")]
pub enum DisplayValue {
    /// Bytes that everybody may see.
    Public(Vec<u8>),
    /// Bytes that nobody may see.
    Private {
        /// How many they are.
        len: usize,
        /// The beginning of their HMAC-SHA-256 under the run's key: equal for equal bytes. A plain hash
        /// would let a short password be guessed.
        hmac: [u8; 8],
    },
}

impl DisplayValue {
    /// How many bytes there are.
    pub fn size(&self) -> usize {
        match self {
            Self::Public(bytes) => bytes.len(),
            Self::Private { len, .. } => *len,
        }
    }

    /// For a table: the beginning of a long value, and how long it is.
    pub fn brief(&self) -> String {
        const MOST: usize = 160;
        match self {
            Self::Public(bytes) if bytes.len() > MOST => {
                format!("{}… ({} bytes)", escaped(&bytes[..MOST / 2]), bytes.len())
            }
            shown => shown.to_string(),
        }
    }
}

/// For a person: the escaped text, or length and hash.
impl fmt::Display for DisplayValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public(bytes) => f.write_str(&escaped(bytes)),
            Self::Private { len: 1, hmac } => {
                write!(f, "[private, 1 byte, #{}]", hex::encode(hmac))
            }
            Self::Private { len, hmac } => {
                write!(f, "[private, {len} bytes, #{}]", hex::encode(hmac))
            }
        }
    }
}

/// How a value is written down.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
enum Form {
    /// A public value.
    Text {
        /// The value.
        text: String,
    },
    /// A public value that is not UTF-8.
    Bytes {
        /// The value, in Base64.
        base64: String,
    },
    /// A private value.
    Private {
        /// Its length in bytes.
        len: usize,
        /// Equal for equal values of one run, in hexadecimal.
        #[schemars(regex(pattern = "^[0-9a-f]{16}$"))]
        hmac: String,
    },
}

impl From<DisplayValue> for Form {
    fn from(shown: DisplayValue) -> Self {
        match shown {
            DisplayValue::Public(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Self::Text { text },
                Err(error) => Self::Bytes {
                    base64: STANDARD.encode(error.as_bytes()),
                },
            },
            DisplayValue::Private { len, hmac } => Self::Private {
                len,
                hmac: hex::encode(hmac),
            },
        }
    }
}

impl TryFrom<Form> for DisplayValue {
    type Error = String;

    fn try_from(form: Form) -> Result<Self, String> {
        Ok(match form {
            Form::Text { text } => Self::Public(text.into_bytes()),
            Form::Bytes { base64 } => Self::Public(STANDARD.decode(base64).map_err(|e| format!("bad base64: {e}"))?),
            Form::Private { len, hmac } => {
                let mut bytes = [0; 8];
                hex::decode_to_slice(hmac, &mut bytes).map_err(|e| format!("bad hmac: {e}"))?;
                Self::Private { len, hmac: bytes }
            }
        })
    }
}

/// The key of a run's hashes: random, never written down, wiped when dropped.
pub struct RunKey(Zeroizing<[u8; 32]>);

impl RunKey {
    /// A new one.
    #[cfg(not(target_family = "wasm"))]
    pub fn random() -> Self {
        Self::new(rand::random())
    }

    /// One of bytes that somebody else drew.
    pub fn new(drawn: [u8; 32]) -> Self {
        Self(Zeroizing::new(drawn))
    }

    /// What a report may show of a value.
    pub fn show(&self, plain: &Plaintext) -> DisplayValue {
        let bytes = plain.bytes();
        if plain.is_public() {
            return DisplayValue::Public(bytes.to_vec());
        }
        // The block-sized key is the one HMAC takes without a way to fail; zeros to the right are what
        // HMAC itself adds to a short key.
        let mut key = Zeroizing::new([0; 64]);
        key[..32].copy_from_slice(&*self.0);
        let digest = Hmac::<Sha256>::new((&*key).into())
            .chain_update(bytes)
            .finalize()
            .into_bytes();
        let mut hmac = [0; 8];
        hmac.copy_from_slice(&digest[..8]);
        DisplayValue::Private { len: bytes.len(), hmac }
    }
}

impl fmt::Debug for RunKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunKey([private])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(shown: &DisplayValue) -> String {
        serde_json::to_string(shown).unwrap()
    }

    #[test]
    fn a_public_value_is_written_as_text_or_in_base64() {
        let key = RunKey::random();
        assert_eq!(
            json(&key.show(&Plaintext::new("admin\n", true))),
            r#"{"text":"admin\n"}"#
        );
        assert_eq!(
            json(&key.show(&Plaintext::new(*b"\xff\0", true))),
            r#"{"base64":"/wA="}"#
        );
    }

    #[test]
    fn a_long_value_is_told_in_brief() {
        let key = RunKey::random();
        let brief = key.show(&Plaintext::new("x".repeat(65_536), true)).brief();
        assert_eq!(brief, format!("\"{}\"… (65536 bytes)", "x".repeat(80)));
        assert_eq!(key.show(&Plaintext::new("x", true)).brief(), "\"x\"");
    }

    #[test]
    fn a_private_value_is_written_as_length_and_hash() {
        let key = RunKey::random();
        let DisplayValue::Private { len: 5, hmac } = key.show(&"admin".into()) else {
            panic!("shown")
        };
        let shown = DisplayValue::Private { len: 5, hmac };
        assert_eq!(json(&shown), format!(r#"{{"len":5,"hmac":"{}"}}"#, hex::encode(hmac)));
        assert_eq!(shown.to_string(), format!("[private, 5 bytes, #{}]", hex::encode(hmac)));
    }

    #[test]
    fn the_hash_is_hmac_sha_256_keyed_by_the_run() {
        // RFC 4231 has no 32-byte key; computed with `openssl dgst -sha256 -hmac`.
        let key = RunKey::new([b'k'; 32]);
        assert_eq!(key.show(&"admin".into()), key.show(&"admin".into()));
        assert_ne!(key.show(&"admin".into()), key.show(&"admim".into()));
        assert_ne!(key.show(&"admin".into()), RunKey::random().show(&"admin".into()));
        let expected = *b"\x6a\x58\xbd\x74\xc5\xdd\x5e\x90";
        assert_eq!(
            key.show(&"admin".into()),
            DisplayValue::Private { len: 5, hmac: expected }
        );
    }

    #[test]
    fn a_written_value_can_be_read_back() {
        let key = RunKey::random();
        for plain in [
            Plaintext::new("admin\n", true),
            Plaintext::new(*b"\xff", true),
            "admin".into(),
        ] {
            let shown = key.show(&plain);
            assert_eq!(serde_json::from_str::<DisplayValue>(&json(&shown)).unwrap(), shown);
        }
        assert!(serde_json::from_str::<DisplayValue>(r#"{"len":5,"hmac":"00"}"#).is_err());
        assert!(serde_json::from_str::<DisplayValue>(r#"{"base64":"?"}"#).is_err());
    }
}
