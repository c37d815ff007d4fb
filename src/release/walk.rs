//! Which files are read: those that the arguments name, those of folders by what they hold, and what is left out and
//! why.

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use zeroize::Zeroizing;

use super::input::{FileForm, STDIN, SourceFile, Unreadable};
use crate::error::InputError;
use crate::system::bounded;

/// Larger files are not read. Values and manifests stay far below, since Kubernetes accepts at most 3 MiB; the output
/// of a large chart may come closer.
pub const LARGEST: u64 = 64 * 1024 * 1024;

/// So much of a file in a folder is looked at to see of what kind it is, where its name does not tell.
const GLANCE: u64 = 1024 * 1024;

/// A file of a kind that nobody here reads, although it may give Kestra secrets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct UnreadFile {
    /// The file as it was named.
    pub file: String,
    /// Why it was not read.
    pub why: String,
    /// What to lint in its place.
    pub instead: String,
}

/// The files that were read.
#[derive(Default)]
pub struct Inputs {
    /// The texts, in the order of the arguments; those of a folder by name.
    pub sources: Vec<SourceFile>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
    /// What was not read, being of a kind that is not evaluated.
    pub unread: Vec<UnreadFile>,
    /// How many files of folders are of no kind that can give Kestra a secret.
    pub others: usize,
    /// The folders among the arguments.
    folders: Vec<PathBuf>,
    /// The most bytes of one file.
    most: u64,
}

/// What a file's name, and where that does not tell, its text says that it is.
#[derive(Clone, Copy)]
enum FileKind {
    Yaml,
    EnvFile,
    Terraform,
    Script,
    Other,
}

/// Reads files, folders and standard input, each of them up to so many bytes.
pub fn read(arguments: &[String], most: u64) -> Inputs {
    let mut inputs = Inputs {
        most,
        ..Inputs::default()
    };
    for argument in arguments {
        if argument == STDIN {
            inputs.take(argument, None, FileKind::Yaml, true, || {
                read_all(io::stdin().lock(), most)
            });
            continue;
        }
        let path = Path::new(argument);
        if path.is_dir() {
            inputs.folders.push(path.into());
            inputs.folder(path);
        } else {
            inputs.file(path, argument, true, || fs::File::open(path));
        }
    }
    inputs
}

/// What somebody pasted, as if a file of this name held it.
pub fn pasted(name: &str, text: &str, most: u64) -> Inputs {
    let mut inputs = Inputs {
        most,
        ..Inputs::default()
    };
    inputs.file(Path::new(name), name, true, || Ok(text.as_bytes()));
    inputs
}

impl Inputs {
    /// Everything below a folder, but what links lead to, and hidden things other than `.env` files.
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
            let name = entry.file_name();
            let hidden = name.as_encoded_bytes().starts_with(b".") && !name.as_encoded_bytes().starts_with(b".env");
            let Some(kind) = entry.file_type().ok().filter(|_| !hidden) else {
                continue;
            };
            if kind.is_dir() {
                self.folder(&path);
            } else if path.is_file() {
                self.file(&path, &path.display().to_string(), false, || fs::File::open(&path));
            }
        }
    }

    fn file<R: Read>(&mut self, path: &Path, name: &str, named: bool, open: impl Fn() -> io::Result<R>) {
        let glance = || glance(open());
        let kind = kind_by_name(path);
        let kind = match kind {
            FileKind::Other if named => glance().map_or(FileKind::Yaml, |text| {
                if looks_like_env(&text) {
                    FileKind::EnvFile
                } else if text.starts_with("#!") {
                    FileKind::Script
                } else {
                    FileKind::Yaml
                }
            }),
            FileKind::EnvFile if !named && !glance().is_some_and(|text| looks_like_env(&text)) => FileKind::Other,
            kind => kind,
        };
        let (why, instead) = match kind {
            FileKind::Other => {
                self.others += 1;
                return;
            }
            FileKind::Yaml | FileKind::EnvFile => {
                let most = self.most;
                return self.take(name, Some(path), kind, named, || read_all(open()?, most));
            }
            FileKind::Terraform => (
                "Terraform is not evaluated",
                "lint the values file that it names, and `helm get values RELEASE | kestra-secrets lint -`",
            ),
            FileKind::Script => (
                "a script is not evaluated",
                "lint the values, manifests and env files that it hands over",
            ),
        };
        if named && let Err(e) = open() {
            let why = format!("failed to read: {e}");
            self.unreadable.push(Unreadable::whole(name, why, None));
        } else if named || glance().is_some_and(|text| concerns_kestra(&text)) {
            self.unread.push(UnreadFile {
                file: name.into(),
                why: why.into(),
                instead: instead.into(),
            });
        } else {
            self.others += 1;
        }
    }

    fn take(
        &mut self,
        name: &str,
        path: Option<&Path>,
        kind: FileKind,
        named: bool,
        read: impl FnOnce() -> io::Result<Zeroizing<Vec<u8>>>,
    ) {
        let name = if path.is_none() { "<stdin>" } else { name };
        match read() {
            Ok(bytes) => match text(name, &bytes) {
                Ok(text) => {
                    let form = match kind {
                        FileKind::EnvFile => FileForm::EnvFile(None),
                        _ => FileForm::Yaml,
                    };
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

    /// Reads a file that a source names, if it is in the source's folder or in one that the arguments name.
    pub fn beside(&mut self, source: usize, file: &str, form: FileForm) {
        let Some((Some(path), named)) = self.sources.get(source).map(|s| (&s.path, s.named)) else {
            return;
        };
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let path = plain_path(folder.join(file));
        let below = |folder: &Path| {
            let folder = plain_path(folder);
            let mut inside = path.strip_prefix(&folder).into_iter().flat_map(Path::components);
            path.starts_with(&folder) && inside.all(|c| matches!(c, Component::Normal(_)))
        };
        if !below(&folder) && !self.folders.iter().any(|folder| below(folder)) {
            return;
        }
        if let Some(known) = self
            .sources
            .iter_mut()
            .find(|s| s.path.as_deref().map(plain_path) == Some(path.clone()))
        {
            known.form = form;
            return;
        }
        // A pipe or a device may never end.
        if !path.is_file() {
            return;
        }
        let (before, unreadable) = (self.sources.len(), self.unreadable.len());
        let name = path.display().to_string();
        let most = self.most;
        self.take(&name, Some(&path), FileKind::Yaml, false, || {
            read_all(fs::File::open(&path)?, most)
        });
        // That it cannot be read is for whoever reads it to say; here its values are not knowable.
        self.unreadable.truncate(unreadable);
        if let Some(source) = self.sources.get_mut(before) {
            source.form = form;
            source.given = !named;
        }
    }
}

/// A path without `.` and, where a folder stands before it, without `..`.
pub fn plain_path(path: impl AsRef<Path>) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.as_ref().components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            _ => plain.push(component),
        }
    }
    plain
}

fn kind_by_name(path: &Path) -> FileKind {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_env = name.split(['.', '_', '-']).any(|word| word.eq_ignore_ascii_case("env"));
    match path.extension().and_then(|e| e.to_str()) {
        Some("yaml" | "yml" | "json") => FileKind::Yaml,
        Some("tf" | "tfvars" | "hcl") => FileKind::Terraform,
        Some("sh" | "bash" | "zsh" | "ps1") => FileKind::Script,
        _ if is_env => FileKind::EnvFile,
        _ if matches!(name, "Makefile" | "justfile" | "Dockerfile") => FileKind::Script,
        _ => FileKind::Other,
    }
}

/// The text of a file that is not large.
fn glance(from: io::Result<impl Read>) -> Option<Zeroizing<String>> {
    let bytes = read_all(from.ok()?, GLANCE).ok()?;
    let text = std::str::from_utf8(&bytes).ok()?;
    Some(Zeroizing::new(text.to_owned()))
}

/// Whether a text is lines of `NAME=value`, of which one at least may be a secret of Kestra's.
fn looks_like_env(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    let name = |line: &str| {
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let (name, _) = line.split_once('=')?;
        Some(name.trim_end().to_owned())
    };
    let is_name = |name: &str| !name.is_empty() && !name.contains(['{', '}', '"', '\'', '(', ')', '<', '>', ';']);
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with('#'));
    let first = lines.clone().next().and_then(name);
    first.is_some_and(|name| is_name(&name))
        && lines.any(|line| {
            name(line).is_some_and(|name| is_name(&name) && name.to_ascii_uppercase().starts_with("SECRET"))
        })
}

fn concerns_kestra(text: &str) -> bool {
    text.contains("SECRET_") || text.to_ascii_lowercase().contains("kestra")
}

fn read_all(from: impl Read, most: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    bounded::read(from, most, &mut bytes)?;
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

    #[test]
    fn env_files_are_known_by_what_they_hold() {
        for text in [
            "SECRET_A=x\n",
            "# c\n\nDB=1\nexport SECRET_A=x\n",
            "\u{feff}SECRET_A=YQ==\nQUJD\n",
            "Secret_a=1",
        ] {
            assert!(looks_like_env(text), "{text}");
        }
        for text in [
            "",
            "A=1\n",
            "SECRET_A: x\n",
            "import os\nSECRET_A=os.environ\n",
            "{\"SECRET_A\": 1}",
        ] {
            assert!(!looks_like_env(text), "{text}");
        }
    }
}
