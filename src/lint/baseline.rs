//! Faults that were there before: a baseline lists them, and only what is new fails.
//!
//! A fault is known by its fingerprint: its rule, its file, the path of keys to it, and the name that it is about. No
//! value and no line is in it, so it stays the same when lines move or when the value is changed into another wrong one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Linted;
use super::finding::{Finding, LintReport, Severity, SeverityCounts};
use crate::error::InputError;
use crate::release::input::SourceFile;
use crate::system::words::count;
use crate::system::{atomic, bounded};

/// A baseline is as long as the faults of a repository are many.
const LARGEST: u64 = bounded::REPORT;

/// A file of known faults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    pub schema: u32,
    /// The faults, in the order of file and rule.
    pub faults: Vec<BaselineFault>,
}

/// A known fault. Its file, rule and subject are for people; the fingerprint decides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BaselineFault {
    /// The file, from the folder of the baseline.
    pub file: String,
    /// `KS001` and so on.
    pub rule: String,
    /// The variable that Kestra gets, or the object that is wrong.
    pub subject: String,
    /// A hash of the rule, the file, the path of keys in it, and the subject. No value is in it.
    #[schemars(regex(pattern = "^[0-9a-f]{32}$"))]
    pub fingerprint: String,
}

/// What a baseline made of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BaselineUse {
    /// The file of the baseline, as it was named.
    pub file: String,
    /// The findings that are in the baseline. They count for nothing.
    pub known: Vec<Finding>,
    /// Faults of the baseline that are gone: the file was read and no longer has them, or there is no such file.
    pub gone: Vec<BaselineFault>,
    /// How many faults of the baseline are in files that were not read this time.
    pub not_read: usize,
}

/// The files that were read, by their paths from the folder of the baseline, or from the working directory.
pub struct FileNames {
    base: PathBuf,
    /// By the names under which they were read.
    names: BTreeMap<String, String>,
}

impl FileNames {
    /// The names of sources from a folder.
    pub fn new(sources: &[SourceFile], base: &Path) -> Self {
        let base = fs::canonicalize(base).unwrap_or_else(|_| base.to_owned());
        let name = |source: &SourceFile| match &source.path {
            Some(path) => relative(&resolved(path), &base),
            None => source.name.clone(),
        };
        let names = sources.iter().map(|source| (source.name.clone(), name(source)));
        Self {
            names: names.collect(),
            base,
        }
    }

    /// Files that are known by the names under which they were read.
    pub fn as_read() -> Self {
        Self {
            base: PathBuf::new(),
            names: BTreeMap::new(),
        }
    }

    fn of<'a>(&'a self, file: &'a str) -> &'a str {
        self.names.get(file).map_or(file, String::as_str)
    }

    fn was_read(&self, name: &str) -> bool {
        self.names.values().any(|read| read == name)
    }
}

/// A path without links, also of a file that does not exist.
fn resolved(path: &Path) -> PathBuf {
    let folder = fs::canonicalize(atomic::folder(path));
    let file = path.file_name().map(Path::new);
    match (folder, file) {
        (Ok(folder), Some(file)) => folder.join(file),
        _ => fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
    }
}

/// A path from a folder, with `/` and `..`.
fn relative(path: &Path, base: &Path) -> String {
    let (mut to, mut from) = (path.components().peekable(), base.components().peekable());
    while to.peek().is_some() && to.peek() == from.peek() {
        to.next();
        from.next();
    }
    let up = from.map(|_| Component::ParentDir);
    let parts: Vec<_> = up.chain(to).map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

impl Linted {
    /// Gives each finding its fingerprint. Of several that nothing else tells apart, each has its number among them.
    pub fn fingerprint(&mut self, files: &FileNames) {
        let mut alike: HashMap<String, usize> = HashMap::new();
        for located in &mut self.located {
            let finding = &mut located.finding;
            let parts = [
                finding.rule.id(),
                files.of(&finding.file),
                &located.key_path,
                &finding.subject,
            ];
            let identity = parts.map(|part| format!("{}:{part}", part.len())).join("\n");
            let before = alike.entry(identity.clone()).or_default();
            finding.fingerprint = Some(hash(&format!("{identity}\n{before}")));
            *before += 1;
        }
    }
}

/// A short hash, as long as any system shows.
pub fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text).iter().take(16).copied().collect::<Vec<u8>>())
}

/// Whether a finding belongs into a baseline: notes fail nothing.
fn is_fault(finding: &Finding) -> bool {
    finding.severity != Severity::Note
}

impl Default for Baseline {
    fn default() -> Self {
        Self {
            schema: 1,
            faults: Vec::new(),
        }
    }
}

impl Baseline {
    /// Reads a baseline.
    ///
    /// # Errors
    /// [`InputError`] if there is none, or the file is something else; none where it does not exist and may not.
    pub fn read(file: &Path, may_lack: bool) -> Result<Self, InputError> {
        let name = file.display().to_string();
        let bytes = match bounded::file(file, LARGEST) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound && may_lack => return Ok(Self::default()),
            Err(e) => {
                let help = (e.kind() == io::ErrorKind::NotFound).then(|| "to write it, add --update-baseline".into());
                return Err(InputError::whole(
                    name,
                    format!("failed to read the baseline: {e}"),
                    help,
                ));
            }
        };
        let baseline: Self = serde_json::from_slice(&bytes).map_err(|e| InputError {
            file: name.clone(),
            line: e.line() as u64,
            column: e.column() as u64,
            // The parser quotes what it did not expect, which may be anybody's file.
            message: "is not a baseline of kestra-secrets".into(),
            help: Some("to start a new baseline, name a file that does not exist".into()),
        })?;
        if baseline.schema != 1 {
            let message = format!("is a baseline of version {}, and this program knows 1", baseline.schema);
            return Err(InputError::whole(
                name,
                message,
                Some("use a newer kestra-secrets".into()),
            ));
        }
        Ok(baseline)
    }

    /// The baseline after a run: what was found, and what is in files that were not read.
    pub fn updated(&self, report: &LintReport, files: &FileNames) -> Self {
        let faults = report.findings.iter().filter(|finding| is_fault(finding));
        let found = faults.filter_map(|finding| {
            Some(BaselineFault {
                file: files.of(&finding.file).to_owned(),
                rule: finding.rule.id().to_owned(),
                subject: finding.subject.clone(),
                fingerprint: finding.fingerprint.clone()?,
            })
        });
        let others = self
            .faults
            .iter()
            .filter(|fault| state(fault, files) == FaultState::NotRead);
        let all: BTreeSet<_> = found.chain(others.cloned()).collect();
        Self {
            schema: 1,
            faults: all.into_iter().collect(),
        }
    }

    /// Takes the known faults out of a report, and says which are gone.
    pub fn apply(&self, name: String, files: &FileNames, report: &mut LintReport) {
        let known: BTreeSet<_> = self.faults.iter().map(|fault| fault.fingerprint.as_str()).collect();
        let is_known = |finding: &Finding| {
            let fingerprint = finding.fingerprint.as_deref();
            is_fault(finding) && fingerprint.is_some_and(|fingerprint| known.contains(fingerprint))
        };
        let (known, new): (Vec<_>, Vec<_>) = std::mem::take(&mut report.findings).into_iter().partition(is_known);
        let found: BTreeSet<_> = known
            .iter()
            .filter_map(|finding| finding.fingerprint.as_deref())
            .collect();
        let missing = self
            .faults
            .iter()
            .filter(|fault| !found.contains(fault.fingerprint.as_str()));
        let unread: BTreeSet<_> = report
            .unreadable
            .iter()
            .map(|unreadable| files.of(&unreadable.file))
            .collect();
        let (gone, not_read): (Vec<_>, Vec<_>) =
            missing.partition(|fault| state(fault, files) == FaultState::Gone && !unread.contains(fault.file.as_str()));
        let (gone, not_read) = (gone.into_iter().cloned().collect(), not_read.len());
        report.counts = SeverityCounts::count(&new);
        report.findings = new;
        report.baseline = Some(BaselineUse {
            file: name,
            known,
            gone,
            not_read,
        });
    }

    /// Writes the baseline.
    ///
    /// # Errors
    /// What the file system says.
    #[cfg(not(target_family = "wasm"))]
    pub fn write(&self, file: &Path) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        atomic::write(file, text.as_bytes())
    }
}

/// Of a fault that was not found.
#[derive(PartialEq, Eq)]
enum FaultState {
    Gone,
    NotRead,
}

/// What is to be thought of a fault that was not found.
fn state(fault: &BaselineFault, files: &FileNames) -> FaultState {
    // Standard input is no file that could be gone.
    let is_there = || files.base.join(&fault.file).exists() || fault.file.starts_with('<');
    if files.was_read(&fault.file) || !is_there() {
        FaultState::Gone
    } else {
        FaultState::NotRead
    }
}

impl BaselineFault {
    /// That it is gone, and what to do.
    pub fn summary(&self) -> String {
        let Self {
            file, rule, subject, ..
        } = self;
        format!("{file}: {rule} of {subject} is gone; take it out of the baseline with --update-baseline")
    }
}

impl BaselineUse {
    /// How many faults it holds back.
    pub fn summary(&self) -> String {
        let known = count(self.known.len(), "known fault");
        let verb = if self.known.len() == 1 { "is" } else { "are" };
        format!("{known} in {} {verb} not counted", self.file)
    }
}

/// The JSON Schema of [`Baseline`].
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Baseline).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::{LintOptions, lint};
    use crate::release::input::FileForm;

    fn fingerprints(text: &str) -> Vec<(String, String)> {
        let source = SourceFile::new("values.yaml", None, text, FileForm::Yaml);
        let sources = [source];
        let mut linted = lint(&sources, LintOptions::default());
        linted.fingerprint(&FileNames::new(&sources, Path::new(".")));
        let findings = linted.report(1).findings.into_iter();
        findings.map(|f| (f.subject, f.fingerprint.unwrap())).collect()
    }

    #[test]
    fn a_fingerprint_stays_when_lines_move_and_values_change() {
        let one = fingerprints("common:\n  extraEnv:\n    - {name: SECRET_A, value: \"tern-77!\"}\n");
        let moved = fingerprints(
            "# More.\ncommon:\n  extraEnv:\n    - {name: B, value: x}\n    - name: SECRET_A\n      value: \"other 78!\"\n",
        );
        assert_eq!(one.len(), 1);
        assert_eq!(one, moved);
    }

    #[test]
    fn faults_at_other_keys_differ() {
        let env = "extraEnv: [{name: SECRET_A, value: \"tern-77!\"}]";
        let all = fingerprints(&format!("common: {{{env}}}\ndeployments: {{worker: {{{env}}}}}\n"));
        let distinct: BTreeSet<_> = all.iter().collect();
        assert!(all.len() > 1 && distinct.len() == all.len(), "{all:?}");
    }

    #[test]
    fn a_path_is_told_from_a_folder() {
        let base = Path::new("/a/b");
        assert_eq!(relative(Path::new("/a/b/c/d.yaml"), base), "c/d.yaml");
        assert_eq!(relative(Path::new("/a/x/d.yaml"), base), "../x/d.yaml");
    }
}
