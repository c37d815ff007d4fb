//! Findings. They never hold a value, only its length.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::baseline::BaselineUse;
use crate::oracle::secret::diagnosis::Code;
use crate::release::input::Unreadable;
use crate::release::walk::UnreadFile;
use crate::scenario::Generation;
use crate::system::words::count;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LintRule {
    /// A fault with a code.
    Fault(Code),
    /// The value comes from elsewhere or may not be read, which is no fault by itself.
    NotKnowable,
    /// The value differs from the expected one, for no reason that shows in it. Never found in files alone, for which
    /// nothing is expected.
    NotMeant,
    /// Kestra is given a secret that no flow among the files asks for.
    NotAsked,
    /// A setting that no released Kestra reads.
    NotReleased,
    /// Containers of one Kestra differ. Found only in a cluster.
    Uneven,
    /// The process differs from what the rules predict. Found only in a cluster.
    Drift,
}

impl LintRule {
    /// Every rule: the codes first.
    pub fn all() -> impl Iterator<Item = Self> {
        let codes = Code::ALL.iter().map(|code| Self::Fault(*code));
        codes.chain([
            Self::NotKnowable,
            Self::NotAsked,
            Self::NotReleased,
            Self::Uneven,
            Self::Drift,
        ])
    }

    /// `KS001`, or `not-knowable`; what a comment allows it by.
    pub fn id(self) -> &'static str {
        match self {
            Self::Fault(code) => code.code(),
            Self::NotKnowable => "not-knowable",
            Self::NotMeant => "not-meant",
            Self::NotAsked => "not-asked",
            Self::NotReleased => "not-released",
            Self::Uneven => "uneven",
            Self::Drift => "drift",
        }
    }

    /// What it is, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Fault(code) => code.title(),
            Self::NotKnowable => "the value is not known here",
            Self::NotMeant => "not the expected value",
            Self::NotAsked => "no flow among the files asks for it",
            Self::NotReleased => "a setting that no released Kestra reads",
            Self::Uneven => "containers of Kestra differ",
            Self::Drift => "the process differs from what the objects give",
        }
    }

    /// The rule by its id, in either case.
    pub fn named(id: &str) -> Option<Self> {
        Self::all().find(|rule| rule.id().eq_ignore_ascii_case(id))
    }
}

impl fmt::Display for LintRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl Serialize for LintRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

/// A name as it may be printed. A mistake in the syntax can put a plaintext in the place of a name, so a text that
/// cannot be a name in Kubernetes is printed as its length.
pub fn printable_name(name: &str) -> Cow<'_, str> {
    if name.len() <= 253 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)) {
        name.into()
    } else {
        format!("[no name, {} bytes]", name.len()).into()
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The flow does not get the intended value, or the pod does not start.
    Error,
    /// The same, but only very likely, or only in one way of using the files.
    Warning,
    /// Information only.
    Note,
}

impl Severity {
    /// How bad a fault is.
    pub fn of_code(code: Code) -> Self {
        match code {
            Code::EncodedTooOften
            | Code::Crlf
            | Code::QuotesInside
            | Code::FlatPem
            | Code::DoubledPrefix
            | Code::ReadersDiffer
            | Code::ServiceLink
            | Code::TwoSources
            | Code::NotUtf8
            | Code::NoConfiguration => Self::Warning,
            _ => Self::Error,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Finding {
    /// The file as it was named; `<stdin>` for standard input; of a cluster the namespace and the component.
    pub file: String,
    /// The line, from 1; 0 where there is no file.
    pub line: usize,
    /// The column in characters, from 1; 0 where there is no file.
    pub column: usize,
    /// `KS001` and so on, or a rule without a code.
    #[schemars(
        with = "String",
        regex(pattern = "^(KS[0-9]{3}|not-knowable|not-asked|not-released|uneven|drift)$")
    )]
    pub rule: LintRule,
    /// How bad it is.
    pub severity: Severity,
    /// The variable that Kestra gets, or the object that is wrong.
    pub subject: String,
    /// What is wrong with it.
    pub message: String,
    /// What to do about it.
    pub cure: String,
    /// Whether `lint --fix` corrects it.
    pub fixable: bool,
    /// What it is known by from run to run: a hash of rule, file, path of keys and subject, and of no value. None in a
    /// cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// Values for Kestra's chart, and the generation of it that they were read for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct ReadAs {
    /// The file as it was named; `<stdin>` for standard input.
    pub file: String,
    /// The line where they begin, from 1.
    pub line: usize,
    /// The generation.
    pub chart: Generation,
    /// Why that one.
    pub because: String,
    /// Whether nobody said it, so that it may be another.
    pub guessed: bool,
}

/// What was read, and what was not: a green says no more than this.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Coverage {
    /// How many secrets of Kestra were judged.
    pub secrets: usize,
    /// In how many files they are written.
    pub files: usize,
    /// What told which containers the values reach; none where there are no values.
    pub reach: Option<ReachSource>,
    /// How many values may be secrets of another application, so that what is wrong with them is only noted.
    pub unsure: usize,
    /// The Secrets and `ConfigMap`s that Kestra is given and that are not among the files.
    pub outside: Vec<String>,
    /// How many flows were read.
    pub flows: usize,
    /// How many secrets those flows ask for.
    pub asked: usize,
    /// How many of the other files hold no secret of Kestra.
    pub without_secrets: usize,
    /// Files of a kind that is not evaluated, although they may give Kestra secrets.
    pub unread: Vec<UnreadFile>,
}

/// What told which containers values reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReachSource {
    /// In which way.
    pub by: ReachBy,
    /// The charts: the generations whose keys are known, or what was rendered.
    pub charts: Vec<String>,
}

/// How it is known which containers values reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReachBy {
    /// By the keys that charts of a generation read.
    Keys,
    /// The chart was rendered.
    Rendering,
}

impl Coverage {
    /// Whether nothing in all that was named gives Kestra a secret, as far as it was read.
    pub fn is_empty(&self) -> bool {
        self.secrets == 0 && self.unsure == 0 && self.outside.is_empty() && self.asked == 0
    }
}

/// The report of a lint run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LintReport {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    pub schema: u32,
    /// How many files were read.
    pub files: usize,
    /// How many errors, warnings and notes there are.
    pub counts: SeverityCounts,
    /// In the order of file, line and column.
    pub findings: Vec<Finding>,
    /// The values for Kestra's chart, and what they were read as.
    pub values: Vec<ReadAs>,
    /// What could not be read; the exit code is then 2.
    pub unreadable: Vec<Unreadable>,
    /// Helm templates that were left out, being no YAML before they are rendered.
    pub templates: Vec<String>,
    /// What was read, and what was not.
    pub coverage: Coverage,
    /// What a baseline took out of the findings; none where none was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineUse>,
}

/// Findings by severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SeverityCounts {
    /// Errors.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// Notes.
    pub notes: usize,
}

impl SeverityCounts {
    /// Counts findings.
    pub fn count(findings: &[Finding]) -> Self {
        let of = |severity| findings.iter().filter(|f| f.severity == severity).count();
        Self {
            errors: of(Severity::Error),
            warnings: of(Severity::Warning),
            notes: of(Severity::Note),
        }
    }

    /// Whether they make a command exit 1: errors do, and warnings where those are denied.
    pub fn are_wrong(&self, deny_warnings: bool) -> bool {
        self.errors > 0 || deny_warnings && self.warnings > 0
    }
}

impl fmt::Display for SeverityCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            errors,
            warnings,
            notes,
        } = *self;
        let told = [count(errors, "error"), count(warnings, "warning"), count(notes, "note")];
        f.write_str(&told.join(", "))
    }
}

/// The JSON Schema of [`LintReport`].
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(LintReport).to_value()
}
