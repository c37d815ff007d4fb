//! Texts that know their lines.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Range;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;
use zeroize::Zeroizing;

use super::env_file::{self, EnvDialect, EnvText, EnvVariable};
use super::tree::{Malformed, Tree};
use crate::error::InputError;

/// What stands for standard input among file names.
pub const STDIN: &str = "-";

/// How a file is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileForm {
    /// YAML or JSON.
    Yaml,
    /// Lines of `NAME=value`, and who reads them; none where nothing among the files says it.
    EnvFile(Option<EnvDialect>),
    /// The whole file is the value of this key, as with `files` in a kustomization.
    Whole {
        /// The key.
        key: String,
    },
}

/// One file's text. No `Debug`: it holds secrets.
pub struct SourceFile {
    /// The file as the user named it; `<stdin>`.
    pub name: String,
    /// Where it is; none for standard input.
    pub path: Option<PathBuf>,
    /// Its text.
    pub text: Zeroizing<String>,
    /// How to read it.
    pub form: FileForm,
    /// Whether the user named it, and not only a folder it is in.
    pub named: bool,
    /// Whether it is one of the arguments or below one, and not only beside a kustomization.
    pub given: bool,
    lines: OnceCell<Vec<usize>>,
}

impl SourceFile {
    /// A text under a name.
    pub fn new(name: impl Into<String>, path: Option<PathBuf>, text: impl Into<String>, form: FileForm) -> Self {
        Self {
            name: name.into(),
            path,
            text: Zeroizing::new(text.into()),
            form,
            named: true,
            given: true,
            lines: OnceCell::new(),
        }
    }

    /// The same file with another text.
    #[must_use]
    pub fn with_text(&self, text: impl Into<String>) -> Self {
        let mut other = Self::new(self.name.clone(), self.path.clone(), text, self.form.clone());
        (other.named, other.given) = (self.named, self.given);
        other
    }

    /// The text as a tree.
    ///
    /// # Errors
    /// [`Malformed`] YAML.
    pub fn tree(&self) -> Result<Tree<'_>, Malformed> {
        match &self.form {
            FileForm::Yaml => Tree::parse(&self.text, header(&self.text)),
            FileForm::EnvFile(_) => {
                let variables = self.env_variables().into_iter();
                Ok(Tree::raw(
                    &self.text,
                    variables.map(|variable| raw_entry(&self.text, variable)),
                ))
            }
            // The name is not in the file.
            FileForm::Whole { .. } => Ok(Tree::raw(&self.text, [(0..0, 0..self.text.len(), None)])),
        }
    }

    /// Who reads an env file: where nothing says it, `kubectl create secret`, which keeps the bytes as three of the four
    /// readers do.
    pub fn env_reader(&self) -> Option<EnvDialect> {
        match self.form {
            FileForm::EnvFile(dialect) => Some(dialect.unwrap_or(EnvDialect::Kubectl)),
            _ => None,
        }
    }

    /// The variables of an env file, as its reader reads them, in the order of the tree's entries.
    pub fn env_variables(&self) -> Vec<EnvVariable<'_>> {
        let read = |reader| env_file::read(&self.text, reader);
        self.env_reader().map(read).unwrap_or_default()
    }

    /// Whether a part of its path as it was named says that it is about Kestra.
    pub fn is_called_kestra(&self) -> bool {
        self.name.to_ascii_lowercase().contains("kestra")
    }

    /// Line and column of a byte, both from 1; columns are characters.
    pub fn line_and_column(&self, at: usize) -> (usize, usize) {
        let lines = self.lines.get_or_init(|| {
            let breaks = self.text.match_indices('\n').map(|(at, _)| at + 1);
            [0].into_iter().chain(breaks).collect()
        });
        let line = lines.partition_point(|start| *start <= at);
        let start = lines.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let before = self.text.get(start..at).unwrap_or_default();
        (line, before.trim_start_matches('\u{feff}').chars().count() + 1)
    }
}

/// A variable as an entry of a raw tree; what was cut into lines is one value.
fn raw_entry<'t>(text: &'t str, variable: EnvVariable<'t>) -> (Range<usize>, Range<usize>, Option<Cow<'t, str>>) {
    let (whole, joined) = (variable.whole(), variable.rejoined(text));
    let read = match variable.read {
        EnvText::Text(text) => joined.or(Some(text)),
        EnvText::Inherited | EnvText::Interpolated => joined,
    };
    (variable.name, whole, read)
}

/// The bytes that `helm get values` writes before the YAML.
fn header(text: &str) -> usize {
    ["USER-SUPPLIED VALUES:", "COMPUTED VALUES:"]
        .iter()
        .find(|header| text.starts_with(**header))
        .map_or(0, |header| header.len())
}

impl From<Unreadable> for InputError {
    fn from(unreadable: Unreadable) -> Self {
        Self {
            file: unreadable.file,
            line: unreadable.line.try_into().unwrap_or_default(),
            column: unreadable.column.try_into().unwrap_or_default(),
            message: unreadable.message,
            help: unreadable.help,
        }
    }
}

/// An input that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Unreadable {
    /// The file as it was named.
    pub file: String,
    /// The line, from 1; 0 when the fault has no place.
    pub line: usize,
    /// The column in characters, from 1; 0 when the fault has no place.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Unreadable {
    /// A fault of the whole file.
    pub fn whole(file: &str, message: impl Into<String>, help: Option<&str>) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
            message: message.into(),
            help: help.map(Into::into),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> SourceFile {
        SourceFile::new("x", None, text, FileForm::Yaml)
    }

    #[test]
    fn columns_are_characters_and_a_mark_is_none() {
        let source = source("\u{feff}é: x\n  b: y\n");
        assert_eq!(source.line_and_column(3), (1, 1));
        assert_eq!(source.line_and_column(source.text.find('x').unwrap()), (1, 4));
        assert_eq!(source.line_and_column(source.text.find('b').unwrap()), (2, 3));
    }

    #[test]
    fn the_header_of_helm_get_values_is_not_yaml() {
        let source = source("USER-SUPPLIED VALUES:\n{}\n");
        let tree = source.tree().unwrap_or_else(|e| panic!("{e:?}"));
        assert!(tree.is_map(tree.roots[0]));
    }
}
