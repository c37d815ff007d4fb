//! Reads files and standard input into texts that know their lines.

use std::cell::OnceCell;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::finding::{LintRule, Unreadable};
use super::tree::{Malformed, Tree};
use crate::error::InputError;
use crate::system::bounded;

/// What stands for standard input among file names.
pub const STDIN: &str = "-";

/// Larger files are not read. Values and manifests stay far below, since Kubernetes accepts at most 3 MiB; the output
/// of a large chart may come closer.
const LARGEST: u64 = 64 * 1024 * 1024;

/// How a file is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileForm {
    /// YAML or JSON.
    Yaml,
    /// `KEY=VALUE` lines of `--from-env-file`, or of `envs` in a kustomization.
    EnvFile,
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
    allowed: OnceCell<Vec<(usize, LintRule)>>,
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
            allowed: OnceCell::new(),
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
            FileForm::EnvFile => Ok(Tree::raw(&self.text, env_lines(&self.text))),
            // The name is not in the file.
            FileForm::Whole { .. } => Ok(Tree::raw(&self.text, [(0..0, 0..self.text.len())])),
        }
    }

    /// Line and column of a byte, both from 1; columns are characters.
    pub fn place(&self, at: usize) -> (usize, usize) {
        let lines = self.lines.get_or_init(|| {
            let breaks = self.text.match_indices('\n').map(|(at, _)| at + 1);
            [0].into_iter().chain(breaks).collect()
        });
        let line = lines.partition_point(|start| *start <= at);
        let start = lines.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let before = self.text.get(start..at).unwrap_or_default();
        (line, before.trim_start_matches('\u{feff}').chars().count() + 1)
    }

    /// Whether a comment on the line, or on the one above, allows the rule.
    pub fn allows(&self, rule: LintRule, line: usize) -> bool {
        let allowed = self.allowed.get_or_init(|| self.allowances());
        allowed
            .iter()
            .any(|(at, what)| *what == rule && (*at == line || at + 1 == line))
    }

    fn allowances(&self) -> Vec<(usize, LintRule)> {
        const MARK: &str = "kestra-secrets: allow";
        let mut all = Vec::new();
        for (at, _) in self.text.match_indices(MARK) {
            let before = self.text[..at].rsplit('\n').next().unwrap_or_default();
            if !before.contains('#') {
                continue;
            }
            let (line, _) = self.place(at);
            let words = self.text[at + MARK.len()..].lines().next().unwrap_or_default();
            let words = words.split([',', ' ', '\t']).filter(|word| !word.is_empty());
            all.extend(words.map_while(LintRule::named).map(|rule| (line, rule)));
        }
        all
    }
}

/// The bytes that `helm get values` writes before the YAML.
fn header(text: &str) -> usize {
    ["USER-SUPPLIED VALUES:", "COMPUTED VALUES:"]
        .iter()
        .find(|header| text.starts_with(**header))
        .map_or(0, |header| header.len())
}

/// The `KEY=VALUE` lines: comments and lines without a value are left out, blanks around a key are not part
/// of it (kustomize's `kvPairFromLine`; kubectl's `processEnvFileLine`).
fn env_lines(text: &str) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let mut start = 0;
    text.split_inclusive('\n').filter_map(move |whole| {
        let at = start;
        start += whole.len();
        let line = whole.trim_end_matches(['\n', '\r']);
        let indent = line.len() - line.trim_start().len();
        if line.trim_start().starts_with('#') {
            return None;
        }
        let equals = line.find('=')?;
        Some((at + indent..at + equals, at + equals + 1..at + line.len()))
    })
}

/// The files that were read.
#[derive(Default)]
pub struct Inputs {
    /// The texts, in the order of the arguments; those of a folder by name.
    pub sources: Vec<SourceFile>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
}

/// Reads files, folders (all YAML and JSON files below) and standard input.
pub fn read(arguments: &[String]) -> Inputs {
    let mut inputs = Inputs::default();
    for argument in arguments {
        if argument == STDIN {
            inputs.take(argument, None, true, || read_all(std::io::stdin().lock()));
            continue;
        }
        let path = Path::new(argument);
        if path.is_dir() {
            let before = inputs.sources.len() + inputs.unreadable.len();
            inputs.folder(path);
            if inputs.sources.len() + inputs.unreadable.len() == before {
                let why = "contains no file that ends in .yaml, .yml or .json";
                inputs.unreadable.push(Unreadable::whole(argument, why, None));
            }
        } else {
            inputs.file(path, argument, true);
        }
    }
    inputs
}

impl Inputs {
    /// Everything below a folder, but hidden things and what links lead to.
    fn folder(&mut self, folder: &Path) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries.collect::<Result<Vec<_>, _>>(),
            Err(e) => Err(e),
        };
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(e) => {
                let name = folder.display().to_string();
                let why = format!("failed to list: {e}");
                self.unreadable.push(Unreadable::whole(&name, why, None));
                return;
            }
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            let Some(kind) = entry.file_type().ok().filter(|_| !hidden) else {
                continue;
            };
            let extension = path.extension().and_then(|e| e.to_str());
            if kind.is_dir() {
                self.folder(&path);
            } else if !kind.is_dir() && matches!(extension, Some("yaml" | "yml" | "json")) && path.is_file() {
                self.file(&path, &path.display().to_string(), false);
            }
        }
    }

    fn file(&mut self, path: &Path, name: &str, named: bool) {
        self.take(name, Some(path), named, || read_all(fs::File::open(path)?));
    }

    fn take(
        &mut self,
        name: &str,
        path: Option<&Path>,
        named: bool,
        read: impl FnOnce() -> std::io::Result<Zeroizing<Vec<u8>>>,
    ) {
        let name = if path.is_none() { "<stdin>" } else { name };
        match read() {
            Ok(bytes) => match text(name, &bytes) {
                Ok(text) => {
                    let is_env = path.is_some_and(|p| p.extension().is_some_and(|e| e == "env") || p.ends_with(".env"));
                    let form = if is_env { FileForm::EnvFile } else { FileForm::Yaml };
                    let mut source = SourceFile::new(name, path.map(Into::into), text, form);
                    source.named = named;
                    self.sources.push(source);
                }
                Err(unreadable) => self.unreadable.push(unreadable),
            },
            Err(e) => {
                let why = format!("failed to read: {e}");
                self.unreadable.push(Unreadable::whole(name, why, None));
            }
        }
    }

    /// Reads a file that the kustomization of a source names, unless it leaves the folder.
    pub fn beside(&mut self, kustomization: usize, file: &str, form: FileForm) {
        let Some((Some(path), named)) = self.sources.get(kustomization).map(|s| (&s.path, s.named)) else {
            return;
        };
        let inside = Path::new(file)
            .components()
            .all(|c| matches!(c, std::path::Component::Normal(_) | std::path::Component::CurDir));
        let path = path.with_file_name(file);
        if !inside {
            return;
        }
        if let Some(known) = self.sources.iter_mut().find(|s| s.path.as_deref() == Some(&path)) {
            known.form = form;
            return;
        }
        let (before, unreadable) = (self.sources.len(), self.unreadable.len());
        self.file(&path, &path.display().to_string(), false);
        // That it cannot be read is kustomize's to say; here its values are not knowable.
        self.unreadable.truncate(unreadable);
        if let Some(source) = self.sources.get_mut(before) {
            source.form = form;
            source.given = !named;
        }
    }
}

fn read_all(from: impl std::io::Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    bounded::read(from, LARGEST, &mut bytes)?;
    Ok(bytes)
}

fn text(name: &str, bytes: &[u8]) -> Result<String, Unreadable> {
    InputError::text(name, bytes.to_vec()).map_err(|e| Unreadable {
        file: e.file,
        line: usize::try_from(e.line).unwrap_or_default(),
        column: usize::try_from(e.column).unwrap_or_default(),
        message: e.message,
        help: e.help,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::secret::diagnosis::Code;

    fn source(text: &str) -> SourceFile {
        SourceFile::new("x", None, text, FileForm::Yaml)
    }

    #[test]
    fn columns_are_characters_and_a_mark_is_none() {
        let source = source("\u{feff}é: x\n  b: y\n");
        assert_eq!(source.place(3), (1, 1));
        assert_eq!(source.place(source.text.find('x').unwrap()), (1, 4));
        assert_eq!(source.place(source.text.find('b').unwrap()), (2, 3));
    }

    #[test]
    fn a_comment_allows_rules_on_its_line_and_the_next() {
        let source =
            source("a: 1 # kestra-secrets: allow KS003, ks005 because\nb: 2\nc: 3\nd: kestra-secrets: allow KS001\n");
        let allows = |code, line| source.allows(LintRule::Fault(code), line);
        assert!(allows(Code::EncodedTooOften, 1) && allows(Code::PlaintextDecodes, 2));
        assert!(!allows(Code::EncodedTooOften, 3) && !allows(Code::TrailingNewline, 4) && !allows(Code::Crlf, 1));
    }

    #[test]
    fn an_env_file_has_keys_and_values_without_line_ends() {
        let text = "# SECRET_X=1\nSECRET_A=YQ==\r\n\n  SECRET_B = x=y\nSECRET_C\n";
        let found: Vec<_> = env_lines(text).map(|(k, v)| (&text[k], &text[v])).collect();
        assert_eq!(found, [("SECRET_A", "YQ=="), ("SECRET_B ", " x=y")]);
    }

    #[test]
    fn the_header_of_helm_get_values_is_not_yaml() {
        let source = source("USER-SUPPLIED VALUES:\n{}\n");
        let tree = source.tree().unwrap_or_else(|e| panic!("{e:?}"));
        assert!(tree.is_map(tree.roots[0]));
    }
}
