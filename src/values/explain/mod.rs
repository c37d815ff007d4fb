//! Explains one value without a cluster: its bytes at each hop, what is wrong with it, and what to write instead.

#[cfg(not(target_family = "wasm"))]
mod page;
mod table;

#[cfg(not(target_family = "wasm"))]
pub use page::page;
use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::oracle::environment::{Kubelet, MAX_STRING_BYTES, expand::expand, survives_shell};
use crate::oracle::secret::diagnosis::{self, Code, diagnose};
use crate::oracle::secret::{
    DisplayValue, Hop, HopKind, HopValue, Location, PREFIX, Plaintext, RunKey, SecretStore, Trace, decode, first_wrong,
};

/// A value to be explained. Public ones are shown, the others only by length and hash.
#[derive(Debug, Clone)]
pub struct Question {
    /// The variable's name, when it is known.
    pub name: Option<String>,
    /// Where the value stands.
    pub place: Location,
    /// The value as it stands there.
    pub value: Plaintext,
    /// What a flow is meant to get, when somebody said it.
    pub meant: Option<Plaintext>,
    /// The Kestra that reads it.
    pub kestra: Version,
}

/// The explanations of all values, as `--json` prints them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explanations {
    /// The version of this format: 1.
    pub schema: u32,
    /// One for each value, in their order.
    pub values: Vec<Explanation>,
}

/// A value, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// The variable's name, when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the value stands.
    #[serde(rename = "as")]
    pub place: Location,
    /// The Kestra that reads it.
    pub kestra: Version,
    /// Whether nothing is wrong.
    pub right: bool,
    /// How the expected plaintext is known; none if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meant: Option<ExpectedValue>,
    /// Hop by hop.
    pub hops: Vec<Hop>,
    /// The first hop whose value differs from the expected one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_wrong: Option<HopKind>,
    /// What is wrong.
    pub diagnosis: Vec<ExplainedFault>,
    /// What to write instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected: Option<DisplayValue>,
    /// The right name of the variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected_name: Option<String>,
}

/// How the expected plaintext is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExpectedValue {
    /// The user gave it.
    Told,
    /// It is the most likely source of the value.
    Guessed,
}

/// A fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedFault {
    /// The stable code.
    pub code: Code,
    /// What it is.
    pub title: String,
    /// The cause.
    pub cause: String,
    /// What it does to `secret()`.
    pub effect: String,
    /// What to do about it.
    pub cure: String,
}

impl From<Code> for ExplainedFault {
    fn from(code: Code) -> Self {
        Self {
            code,
            title: code.title().into(),
            cause: code.cause().into(),
            effect: code.effect().into(),
            cure: code.cure().into(),
        }
    }
}

/// Explains the values; hashes of hidden ones, made with this key, are comparable among them.
pub fn explain(questions: &[Question], key: &RunKey) -> Explanations {
    Explanations {
        schema: 1,
        values: questions.iter().map(|question| question.explained(key)).collect(),
    }
}

/// The JSON Schema of [`Explanations`].
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Explanations).to_value()
}

impl Question {
    /// The explanation; hashes of hidden values are made with this key.
    pub fn explained(&self, key: &RunKey) -> Explanation {
        let found = diagnose(&diagnosis::WrittenValue {
            name: self.name.as_deref(),
            place: self.place,
            value: &self.value,
            meant: self.meant.as_ref(),
        });
        // Binary has no better encoding, only a workaround.
        let carried = || diagnosis::carried(self.place, &self.value).filter(|_| found.codes.contains(&Code::NotUtf8));
        let corrected = found.corrected.clone().or_else(carried);
        // For a value that is not text, not a secret or not there yet, the intention cannot be guessed.
        let riddle = [Code::NotUtf8, Code::ServiceLink, Code::Placeholder]
            .iter()
            .any(|code| found.codes.contains(code));
        let guessed = || {
            let written = found.corrected.as_ref().unwrap_or(&self.value);
            decode(&self.place.environment(written)?).ok().filter(|_| !riddle)
        };
        let plain = self.meant.clone().or_else(guessed);
        let hops = self.hops(plain.as_ref());
        let read = hops.last().and_then(|hop| hop.predicted.as_ref());
        let arrives = matches!(read, Some(HopValue::Is(text)) if plain.as_ref().is_none_or(|plain| plain == text));
        Explanation {
            name: self.name.clone(),
            place: self.place,
            kestra: self.kestra.clone(),
            right: found.codes.is_empty() && arrives,
            meant: plain.map(|_| {
                if self.meant.is_some() {
                    ExpectedValue::Told
                } else {
                    ExpectedValue::Guessed
                }
            }),
            first_wrong: first_wrong(&hops),
            hops: hops.iter().map(|hop| self.explain_hop(hop, key)).collect(),
            diagnosis: found.codes.into_iter().map(ExplainedFault::from).collect(),
            corrected: corrected.map(|value| key.show(&value)),
            corrected_name: found.name,
        }
    }

    fn hops(&self, plain: Option<&Plaintext>) -> Vec<Hop<Plaintext>> {
        let name = self.name.as_deref().unwrap_or("SECRET_KEY");
        // The key a flow would ask for, were the name as it should be.
        let right = diagnosis::corrected_name(name);
        let right = right.as_deref().unwrap_or(name);
        let environment = self.place.environment(&self.value).map(|value| match self.place {
            Location::Values => value.map(expanded),
            _ => value,
        });
        let lost = environment.as_ref().and_then(|value| lost(name, value));
        let there = environment.as_ref().filter(|_| lost.is_none());
        let keyring: SecretStore = there.map(|value| (name, value.clone())).into_iter().collect();
        let path = Trace {
            key: right.strip_prefix(PREFIX).unwrap_or(right),
            place: self.place,
            written: &self.value,
            meant: plain,
            environment: environment.as_ref(),
            secrets: Some(&keyring),
        };
        let mut hops = path.hops(&self.kestra);
        if let Some(why) = lost {
            for hop in hops
                .iter_mut()
                .filter(|h| matches!(h.at, HopKind::Environment | HopKind::Decoder))
            {
                hop.predicted = Some(HopValue::Nothing(why.clone()));
            }
        }
        hops
    }

    /// As it may be shown: Java's reason names a character of the value.
    fn explain_hop(&self, hop: &Hop<Plaintext>, key: &RunKey) -> Hop {
        let mut shown = hop.show(key);
        if !self.value.is_public() {
            for value in [&mut shown.meant, &mut shown.predicted].into_iter().flatten() {
                if let HopValue::Nothing(why) = value
                    && let Some((words, _)) = why.split_once("base64 character ")
                {
                    *why = format!("{words}base64 character");
                }
            }
        }
        shown
    }
}

/// What the kubelet makes of a `value`: `$$` is one `$`. Of `$(NAME)` nothing is known here.
fn expanded(value: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(value) {
        Ok(text) => expand(text, Kubelet::NEWEST, |_| None),
        Err(_) => value.to_vec(),
    }
}

/// Why a variable does not reach Kestra.
fn lost(name: &str, value: &Plaintext) -> Option<String> {
    let bytes = name.len() + "=".len() + value.bytes().len() + "\0".len();
    if value.bytes().contains(&0) {
        Some("a variable cannot hold a NUL byte".into())
    } else if bytes > MAX_STRING_BYTES {
        Some(format!(
            "the variable has {bytes} bytes, more than the {MAX_STRING_BYTES} that Linux accepts: argument list too long"
        ))
    } else if name.starts_with(PREFIX) && !survives_shell(name) {
        Some("the shell that starts Kestra drops a variable with this name".into())
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
