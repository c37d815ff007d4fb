//! Where a value is written down.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Plaintext;
use crate::oracle::environment::go_base64;

/// Where a value is written down, which decides how many layers of Base64 it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(not(target_family = "wasm"), derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Location {
    /// In the environment itself.
    Env,
    /// The `value` of a variable in the chart's values.
    Values,
    /// `stringData` of a Secret.
    StringData,
    /// `data` of a Secret.
    Data,
}

impl Location {
    /// The value to write here for a plaintext.
    pub fn encode(self, plain: &Plaintext) -> Plaintext {
        let once = plain.map(|bytes| STANDARD.encode(bytes));
        if self == Self::Data {
            once.map(|bytes| STANDARD.encode(bytes))
        } else {
            once
        }
    }

    /// The value that reaches the environment from here; `None` when the API server refuses it, which
    /// happens to `data` that is not Base64. Line breaks in it are harmless.
    pub fn environment(self, written: &Plaintext) -> Option<Plaintext> {
        if self != Self::Data {
            return Some(written.clone());
        }
        let text = std::str::from_utf8(written.bytes()).ok()?;
        let bytes = go_base64::decode(text).ok()?;
        Some(Plaintext::new(bytes, written.is_public()))
    }
}
