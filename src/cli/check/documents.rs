//! The user's own files, told apart by what they hold.

use std::path::Path;

use serde_json::Value;

use super::compose;
use crate::error::InputError;
use crate::lint;
use crate::oracle::secret::Plaintext;
use crate::release::described::{DescribedInstall, described};
use crate::release::input::{FileForm, SourceFile};
use crate::release::installs::InstallKind;
use crate::scenario::{Generation, Manifest};
use crate::system::bounded;
use crate::system::words::visible;
use crate::system::yaml;

/// What stands for standard input among file names.
pub const STDIN: &str = "-";

/// What a release is given.
#[derive(Default)]
pub struct GivenDocuments {
    /// Values, in the order in which helm gets them.
    pub values: Vec<Plaintext>,
    /// Manifests, in the order of their files.
    pub manifests: Vec<Manifest>,
    /// All files, and those that they name, as `lint` reads them.
    pub sources: Vec<SourceFile>,
    /// What describes the release, where one of the files does.
    pub install: Option<DescribedInstall>,
    /// What was made of files that Kestra's chart does not read as they are.
    pub notes: Vec<String>,
}

/// Reads the files, and those that they name. A manifest has `apiVersion` and `kind`; what has not is values, or a file
/// of compose's or kustomize's.
///
/// # Errors
/// [`InputError`] when a file cannot be read, is no YAML, or holds something else.
pub fn read(files: &[String]) -> Result<GivenDocuments, InputError> {
    if let Some(folder) = files.iter().find(|file| Path::new(file).is_dir()) {
        return Err(InputError::whole(
            folder,
            "is a folder",
            Some("name the files in it, each with -f".into()),
        ));
    }
    let inputs = lint::read(files, bounded::DOCUMENT);
    if let Some(unreadable) = inputs.unreadable.into_iter().next() {
        return Err(unreadable.into());
    }
    if let Some(unread) = inputs.unread.into_iter().next() {
        return Err(InputError::whole(unread.file, unread.why, Some(unread.instead)));
    }
    let mut documents = GivenDocuments {
        sources: inputs.sources,
        ..GivenDocuments::default()
    };
    let composed = compose::read(&documents.sources)?;
    let mut values = Vec::new();
    for (number, source) in documents.sources.iter().enumerate().filter(|(_, source)| source.named) {
        if composed
            .as_ref()
            .is_some_and(|composed| composed.sources.contains(&number))
        {
            continue;
        }
        if source.form != FileForm::Yaml {
            return Err(of_no_release(source));
        }
        match contents_of(&source.name, source.text.as_bytes())? {
            FileContents::Values if describes_by_name(source) => {}
            FileContents::Values => values.push((number, Plaintext::new(source.text.as_bytes(), false))),
            FileContents::Manifests => documents.manifests.push(manifest(source, source.text.to_string())),
            FileContents::Both(own, manifests) => {
                values.push((number, Plaintext::new(own, false)));
                documents.manifests.push(manifest(source, manifests));
            }
        }
    }
    documents.described(values)?;
    documents.generated();
    if let Some(composed) = composed {
        documents
            .values
            .insert(0, Plaintext::new(composed.values.to_string(), false));
        documents.notes.extend(composed.notes);
    }
    Ok(documents)
}

fn manifest(source: &SourceFile, text: String) -> Manifest {
    let file = if source.path.is_none() { STDIN } else { &source.name };
    Manifest {
        file: file.to_owned(),
        text: Plaintext::new(text, false),
    }
}

/// What is said of a file that nothing among the others gives to Kestra.
fn of_no_release(source: &SourceFile) -> InputError {
    let help = "name the compose file or the kustomization that reads it; `kestra-secrets lint` judges it by itself";
    InputError::whole(
        &source.name,
        "is an env file, and nothing here gives it to Kestra",
        Some(help.into()),
    )
}

/// Whether a file says by its name that it describes something, and holds no values of a chart.
fn describes_by_name(source: &SourceFile) -> bool {
    let stem = source.path.as_deref().and_then(|path| path.file_stem()?.to_str());
    let names = ["Chart", "kustomization", "helmfile"];
    stem.is_some_and(|stem| names.iter().any(|name| stem.eq_ignore_ascii_case(name)))
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
        let files: Vec<_> = self
            .sources
            .iter()
            .filter(|s| s.named)
            .map(|s| s.name.as_str())
            .collect();
        let Some(mut installs) = described(&self.sources) else {
            let why = "the values multiply by aliases beyond a million entries";
            return Err(InputError::whole(files.join(" "), why, None));
        };
        if installs.len() > 1 {
            return Err(InputError::whole(
                files.join(" "),
                format!("describe {} releases of Kestra", installs.len()),
                Some("give the files of one release".into()),
            ));
        }
        let mut left = Vec::new();
        for manifest in std::mem::take(&mut self.manifests) {
            left.extend(without_descriptions(manifest)?);
        }
        self.manifests = left;
        self.install = installs.pop();
        let described = |number: &usize| {
            self.install
                .as_ref()
                .is_some_and(|install| install.sources.contains(number))
        };
        let layers = self.install.iter().flat_map(|install| &install.layers);
        let layers = layers.map(|layer| Plaintext::new(layer.to_string(), false));
        // What is given besides what the release is made of goes over it.
        let besides = values.into_iter().filter(|(number, _)| !described(number));
        self.values = layers.chain(besides.map(|(_, text)| text)).collect();
        if self
            .install
            .as_ref()
            .is_some_and(|install| install.kind == InstallKind::Wrapper)
        {
            let note = "Kestra's chart is a dependency here and is installed alone, without the chart around it";
            self.notes.push(note.into());
        }
        Ok(())
    }

    /// Adds what kustomize generates.
    fn generated(&mut self) {
        for object in lint::generated(&self.sources) {
            let kind = object.kind.name();
            if object.is_hashed {
                let name = visible(&object.name);
                let note = format!(
                    "kustomize adds a hash to the name of {kind} {name}, which values of a chart do not follow"
                );
                self.notes.push(note);
            }
            for key in &object.unknown {
                let name = visible(&object.name);
                self.notes.push(format!(
                    "{} of {kind} {name} is not among the files and is left out",
                    visible(key)
                ));
            }
            self.manifests.push(Manifest {
                file: object.file.clone(),
                text: Plaintext::new(object.manifest().to_string(), false),
            });
        }
    }
}

/// A file's manifests but those that describe a release; none if no other is left.
fn without_descriptions(manifest: Manifest) -> Result<Option<Manifest>, InputError> {
    let documents: Vec<Value> =
        yaml::documents(manifest.text.bytes()).map_err(|e| InputError::yaml(&manifest.file, &e, ""))?;
    let describes = |document: &Value| {
        let kind = document.get("kind").and_then(Value::as_str);
        kind.is_some_and(|kind| DESCRIBES.contains(&kind))
    };
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
