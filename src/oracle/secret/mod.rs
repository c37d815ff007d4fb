//! The oracle: what Kestra makes of its environment, exactly.
//!
//! Kestra's `io.kestra.core.secret.SecretService` takes every environment variable whose name starts
//! with `SECRET_`, removes every line break from the value, decodes it as Base64, reads the bytes as
//! UTF-8 and keeps the text under the upper-cased rest of the name. This module does the same with
//! Java's own rules, not with lenient cousins of them, and is tested against a JVM.
//!
//! Everything is pure: no input or output, no clock.
//!
//! # What may be shown
//! [`Plaintext`] holds bytes that are a secret or were made from one. It has no `Display` and no
//! `Serialize`, its `Debug` is redacted, and what is derived from it by [`Plaintext::map`] is as private
//! as its source. A report takes [`DisplayValue`], which only [`RunKey::show`] makes from a plaintext.

mod base64_java;
mod decode;
pub mod diagnosis;
mod display_value;
mod escaped;
mod hop;
mod line_breaks;
mod location;
mod plaintext;
mod reported;
mod secret_store;
mod utf8_java;

pub use base64_java::JavaBase64Error;
pub use decode::decode;
pub use display_value::{DisplayValue, RunKey};
pub use escaped::escaped;
pub use hop::{Hop, HopKind, HopValue, Trace, first_wrong};
pub use location::Location;
pub use plaintext::Plaintext;
pub use reported::reported;
pub use secret_store::{PREFIX, SecretRead, SecretStore, StoredSecret, Undecodable};
