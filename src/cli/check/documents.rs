//! The user's own files, told apart by what they hold.

use std::path::Path;

use serde_json::Value;

use crate::error::InputError;
use crate::oracle::secret::Plaintext;
use crate::release::described::{DescribedInstall, described};
use crate::release::input::{FileForm, SourceFile};
use crate::release::installs::InstallKind;
use crate::scenario::{Generation, Manifest};
use crate::system::bounded;
use crate::system::yaml;

/// What stands for standard input among file names.
pub const STDIN: &str = "-";

/// What a release is given.
#[derive(Default)]
pub struct GivenDocuments {
    /// Files of values, in the order they were named.
    pub values: Vec<Plaintext>,
    /// Files of manifests, likewise.
    pub manifests: Vec<Manifest>,
    /// All of them, as `lint` reads them.
    pub sources: Vec<SourceFile>,
    /// What describes the release, where one of the files does.
    pub install: Option<DescribedInstall>,
}

/// Reads the files. A manifest has `apiVersion` and `kind`; what has not is values.
///
/// # Errors
/// [`InputError`] when a file cannot be read, is no YAML, or holds something else.
pub fn read(files: &[String]) -> Result<GivenDocuments, InputError> {
    let mut documents = GivenDocuments::default();
    let mut values = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let text = InputError::text(file, bytes_of(file)?)?;
        let (name, path) = match file.as_str() {
            STDIN => ("<stdin>", None),
            file => (file, Some(file.into())),
        };
        let source = SourceFile::new(name, path, text.as_str(), FileForm::Yaml);
        documents.sources.push(source);
        let manifest = |text| Manifest {
            file: file.clone(),
            text: Plaintext::new(text, false),
        };
        match contents_of(file, text.as_bytes())? {
            FileContents::Values => values.push((number, Plaintext::new(text, false))),
            FileContents::Manifests => documents.manifests.push(manifest(text)),
            FileContents::Both(own, manifests) => {
                values.push((number, Plaintext::new(own, false)));
                documents.manifests.push(manifest(manifests));
            }
        }
    }
    documents.described(values)?;
    Ok(documents)
}

/// Kinds that describe a release and that nobody applies to the cluster here.
const DESCRIBES: [&str; 6] = [
    "HelmRelease",
    "Application",
    "ApplicationSet",
    "Kustomization",
    "HelmRepository",
    "OCIRepository",
];

impl GivenDocuments {
    /// The generation of the chart, where what describes the release names a version.
    pub fn chart(&self) -> Option<Generation> {
        match self.install.as_ref()?.generation? {
            Generation::V0 => Some(Generation::V0),
            // 2.x reads the keys of 1.x.
            Generation::V1 | Generation::V2 => Some(Generation::V1),
        }
    }

    /// Takes the values out of what describes a release, and of the manifests what does not.
    fn described(&mut self, values: Vec<(usize, Plaintext)>) -> Result<(), InputError> {
        let mut installs = described(&self.sources);
        if installs.len() > 1 {
            let files: Vec<_> = self.sources.iter().map(|source| source.name.as_str()).collect();
            return Err(InputError::whole(
                files.join(" "),
                format!("describe {} releases of Kestra", installs.len()),
                Some("give the files of one release".into()),
            ));
        }
        let Some(install) = installs.pop() else {
            self.values = values.into_iter().map(|(_, text)| text).collect();
            return Ok(());
        };
        if install.kind == InstallKind::Wrapper {
            let help = "give the values of Kestra's chart themselves: what stands below the dependency's name";
            return Err(InputError::whole(
                "Chart.yaml",
                "a wrapper chart is not installed here",
                Some(help.into()),
            ));
        }
        let mut left = Vec::new();
        for manifest in std::mem::take(&mut self.manifests) {
            left.extend(without_descriptions(manifest)?);
        }
        self.manifests = left;
        let layers = install
            .layers
            .iter()
            .map(|layer| Plaintext::new(layer.to_string(), false));
        // What is given besides what the release is made of goes over it.
        let besides = values
            .into_iter()
            .filter(|(number, _)| !install.sources.contains(number));
        self.values = layers.chain(besides.map(|(_, text)| text)).collect();
        self.install = Some(install);
        Ok(())
    }
}

/// A file's manifests but those that describe a release; none if no other is left.
fn without_descriptions(manifest: Manifest) -> Result<Option<Manifest>, InputError> {
    let documents: Vec<Value> =
        yaml::documents(manifest.text.bytes()).map_err(|e| InputError::yaml(&manifest.file, &e, ""))?;
    let describes = |document: &Value| {
        document
            .get("kind")
            .and_then(Value::as_str)
            .is_some_and(|kind| DESCRIBES.contains(&kind))
    };
    if let Some(built) = documents
        .iter()
        .find(|d| d.get("secretGenerator").is_some() || d.get("configMapGenerator").is_some())
    {
        let kind = built.get("kind").and_then(Value::as_str).unwrap_or("the kustomization");
        return Err(InputError::whole(
            &manifest.file,
            format!("{kind} generates objects, which only kustomize does"),
            Some("`kustomize build --enable-helm` prints manifests; `lint` judges the generators as they are".into()),
        ));
    }
    let (described, others): (Vec<_>, Vec<_>) = documents.iter().filter(|d| !d.is_null()).partition(|d| describes(d));
    if described.is_empty() {
        return Ok(Some(manifest));
    }
    let texts: Vec<String> = others.iter().map(ToString::to_string).collect();
    Ok((!texts.is_empty()).then(|| Manifest {
        text: Plaintext::new(texts.join("\n---\n"), manifest.text.is_public()),
        ..manifest
    }))
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

/// What a file holds.
#[derive(Debug, PartialEq, Eq)]
enum FileContents {
    Values,
    Manifests,
    /// One document of values among manifests, as `encode` prints them: the values, and the manifests.
    Both(String, String),
}

fn contents_of(file: &str, text: &[u8]) -> Result<FileContents, InputError> {
    let documents: Vec<Value> = yaml::documents_with_octals(text)
        .map_err(|e| InputError::yaml(file, &e, "-f takes values for the chart, and manifests"))?;
    let documents = documents.iter().filter(|d| !d.is_null());
    let (manifests, others): (Vec<_>, Vec<_>) = documents.partition(|d| {
        let has = |key| d.get(key).is_some_and(Value::is_string);
        has("apiVersion") && has("kind")
    });
    match (manifests.as_slice(), others.as_slice()) {
        ([], [] | [Value::Object(_)]) => Ok(FileContents::Values),
        (_, []) => Ok(FileContents::Manifests),
        (manifests, [values @ Value::Object(_)]) => {
            let manifests: Vec<String> = manifests.iter().map(ToString::to_string).collect();
            Ok(FileContents::Both(values.to_string(), manifests.join("\n---\n")))
        }
        (_, [_]) => Err(InputError::whole(
            file,
            "is neither values nor a manifest: it is no mapping",
            None,
        )),
        _ => Err(InputError::whole(
            file,
            "holds several documents that are no manifests",
            Some("helm reads one document of values from a file; a manifest has apiVersion and kind".into()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_known_by_its_api_version_and_kind() {
        use FileContents::{Both, Manifests, Values};
        let held = |text: &str| contents_of("x", text.as_bytes()).map_err(|e| e.message);
        assert_eq!(held("common: {extraEnv: []}"), Ok(Values));
        assert_eq!(held(""), Ok(Values));
        assert_eq!(held("kind: a value of some chart"), Ok(Values));
        assert_eq!(held("apiVersion: v1\nkind: Secret"), Ok(Manifests));
        assert_eq!(
            held("---\napiVersion: v1\nkind: Secret\n---\napiVersion: v1\nkind: ConfigMap\n---\n"),
            Ok(Manifests)
        );
        let both = Both(r#"{"a":1}"#.into(), r#"{"apiVersion":"v1","kind":"Secret"}"#.into());
        assert_eq!(held("apiVersion: v1\nkind: Secret\n---\na: 1"), Ok(both));
        assert!(held("a: 1\n---\nb: 1").is_err());
        assert!(held("- 1").is_err());
        assert!(held("a: [").is_err());
    }
}
