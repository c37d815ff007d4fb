//! The user's own files, told apart by what they hold.

use std::path::Path;

use serde_json::Value;

use crate::error::InputError;
use crate::oracle::secret::Plaintext;
use crate::scenario::Manifest;
use crate::system::bounded;
use crate::system::yaml;

/// What stands for standard input among file names.
pub const STDIN: &str = "-";

/// What a release is given.
#[derive(Debug, Default)]
pub struct GivenDocuments {
    /// Files of values, in the order they were named.
    pub values: Vec<Plaintext>,
    /// Files of manifests, likewise.
    pub manifests: Vec<Manifest>,
}

/// Reads the files. A manifest has `apiVersion` and `kind`; what has not is values.
///
/// # Errors
/// [`InputError`] when a file cannot be read, is no YAML, or holds both.
pub fn read(files: &[String]) -> Result<GivenDocuments, InputError> {
    let mut documents = GivenDocuments::default();
    for file in files {
        let text = InputError::text(file, bytes_of(file)?)?.into_bytes();
        if is_manifest(file, &text)? {
            documents.manifests.push(Manifest {
                file: file.clone(),
                text: Plaintext::new(text, false),
            });
        } else {
            documents.values.push(Plaintext::new(text, false));
        }
    }
    Ok(documents)
}

/// The bytes of a file, or of standard input.
///
/// # Errors
/// [`InputError`] with the system's words.
pub fn bytes_of(file: &str) -> Result<Vec<u8>, InputError> {
    let read = if file == STDIN {
        let mut bytes = Vec::new();
        bounded::read(std::io::stdin().lock(), bounded::DOCUMENT, &mut bytes).map(|()| bytes)
    } else {
        bounded::file(Path::new(file), bounded::DOCUMENT)
    };
    read.map_err(|e| InputError::whole(file, format!("failed to read: {e}"), None))
}

fn is_manifest(file: &str, text: &[u8]) -> Result<bool, InputError> {
    let documents: Vec<Value> = yaml::documents(text)
        .map_err(|e| InputError::yaml(file, &e, "-f takes values for the chart, and manifests"))?;
    let documents: Vec<_> = documents.iter().filter(|d| !d.is_null()).collect();
    let manifests = documents.iter().filter(|d| {
        let has = |key| d.get(key).is_some_and(Value::is_string);
        has("apiVersion") && has("kind")
    });
    match (manifests.count(), documents.as_slice()) {
        (0, [] | [Value::Object(_)]) => Ok(false),
        (n, all) if n == all.len() && n > 0 => Ok(true),
        (0, [_]) => Err(InputError::whole(
            file,
            "is neither values nor a manifest: it is no mapping",
            None,
        )),
        (0, _) => Err(InputError::whole(
            file,
            "holds several documents that are no manifests",
            Some("helm reads one document of values from a file; a manifest has apiVersion and kind".into()),
        )),
        _ => Err(InputError::whole(
            file,
            "holds manifests and something else",
            Some("give values and manifests in files of their own".into()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_known_by_its_api_version_and_kind() {
        let told = |text: &str| is_manifest("x", text.as_bytes()).map_err(|e| e.message);
        assert_eq!(told("common: {extraEnv: []}"), Ok(false));
        assert_eq!(told(""), Ok(false));
        assert_eq!(told("kind: a value of some chart"), Ok(false));
        assert_eq!(told("apiVersion: v1\nkind: Secret"), Ok(true));
        assert_eq!(
            told("---\napiVersion: v1\nkind: Secret\n---\napiVersion: v1\nkind: ConfigMap\n---\n"),
            Ok(true)
        );
        assert!(told("apiVersion: v1\nkind: Secret\n---\na: 1").is_err());
        assert!(told("a: 1\n---\nb: 1").is_err());
        assert!(told("- 1").is_err());
        assert!(told("a: [").is_err());
    }
}
