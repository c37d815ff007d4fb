//! The documents that a scenario names: values, manifests and flows beside its file or below it.

use std::path::{Component, Path};

use crate::system::yaml::Spanned;

use super::Credentials;
use super::file::LiteralFile;
use super::{Literal, Manifest};
use crate::error::InputError;
use crate::oracle::secret::Plaintext;

/// Gives the documents of one scenario.
pub(super) struct Documents<'a> {
    /// The scenario's file, for errors.
    pub file: &'a str,
    /// Gives the bytes of a document by its path.
    pub fetch: &'a dyn Fn(&Path) -> Result<Vec<u8>, String>,
}

impl Documents<'_> {
    /// A literal with all its documents.
    pub fn literal(&self, raw: &LiteralFile, public: bool) -> Result<Literal, InputError> {
        let manifest = |m: &Spanned<String>| {
            Ok(Manifest {
                file: m.value.clone(),
                text: Plaintext::new(self.fetch(m)?, public),
            })
        };
        let flow = self.flow(&raw.flow)?;
        Ok(Literal {
            chart: raw.chart,
            values: Plaintext::new(self.fetch(&raw.values)?, public),
            values_file: raw.values.value.clone(),
            manifests: raw.manifests.iter().map(manifest).collect::<Result<_, InputError>>()?,
            flow,
            public,
            as_printed: !raw.defaults,
            credentials: raw
                .credentials
                .as_ref()
                .map(|c| Credentials::new(&c.username, c.password.clone().into())),
        })
    }

    /// A flow's source.
    pub fn flow(&self, path: &Spanned<String>) -> Result<String, InputError> {
        String::from_utf8(self.fetch(path)?)
            .map_err(|_| self.err(path, "the flow is not UTF-8".into(), "Kestra reads YAML in UTF-8 alone"))
    }

    fn fetch(&self, path: &Spanned<String>) -> Result<Vec<u8>, InputError> {
        let asked = Path::new(&path.value);
        if asked.is_absolute() || asked.components().any(|c| matches!(c, Component::ParentDir)) {
            return Err(self.err(
                path,
                format!("{} leaves the scenario's folder", path.value),
                "keep a scenario's documents beside its file or below it",
            ));
        }
        (self.fetch)(asked).map_err(|why| {
            self.err(
                path,
                format!("failed to read {}: {why}", path.value),
                "the path is relative to the scenario's file",
            )
        })
    }

    fn err(&self, at: &Spanned<String>, message: String, help: &str) -> InputError {
        InputError::at(self.file, at.referenced, message, help)
    }
}
