//! The one door to YAML. Errors come without a snippet of the text, which may hold a plaintext.
//!
//! The linter reads by `granit_parser` instead: it needs the events with their places and scalars as they are written,
//! of a text whose keys may stand twice.

use serde::de::DeserializeOwned;
pub use serde_saphyr::{Error, Location, Spanned};

/// Reads a text of one document.
///
/// # Errors
/// It is no YAML, or not what is asked for.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_saphyr::from_str_with_options(text, serde_saphyr::options! { with_snippet: false })
}

/// Reads every document of a text.
///
/// # Errors
/// It is not UTF-8, no YAML, or not what is asked for.
pub fn documents<T: DeserializeOwned>(text: &[u8]) -> Result<Vec<T>, Error> {
    serde_saphyr::from_slice_multiple_with_options(text, serde_saphyr::options! { with_snippet: false })
}

/// Reads every document of a text in which `0644` is an octal number, as it is for helm and Kubernetes.
///
/// # Errors
/// As [`documents`].
pub fn documents_with_octals<T: DeserializeOwned>(text: &[u8]) -> Result<Vec<T>, Error> {
    let options = serde_saphyr::options! { with_snippet: false, legacy_octal_numbers: true };
    serde_saphyr::from_slice_multiple_with_options(text, options)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_error_does_not_quote_the_text() {
        let text = "password: hunter2\nother: [hunter2\n";
        let told = [
            from_str::<Value>(text).unwrap_err().to_string(),
            documents::<Value>(text.as_bytes()).unwrap_err().to_string(),
            documents_with_octals::<Value>(text.as_bytes()).unwrap_err().to_string(),
        ];
        for told in told {
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn a_leading_zero_is_octal_only_where_helm_reads() {
        assert_eq!(documents_with_octals::<Value>(b"0644").unwrap(), [json!(420)]);
        assert_eq!(documents::<Value>(b"0644").unwrap(), [json!(644.0)]);
    }
}
