//! Judges single values.

use super::{Checker, UnplacedFinding};
use crate::lint::edit::Edit;
use crate::lint::facts::{FileValue, KeyedValue, NodeRef};
use crate::lint::finding::{LintRule, Severity, printable_name};
use crate::oracle::environment::survives_shell;
use crate::oracle::secret::diagnosis::{self, Code, Diagnosis, WrittenValue};
use crate::oracle::secret::{Location, PREFIX, Plaintext, decode};
use crate::release::input::FileForm;
use crate::release::tree::{Scalar, Style};
use crate::system::words::count;

/// What may be meant as it is: Base64 within Base64, a text of JSON in its quotes, PEM that some program puts into lines
/// again.
const UNSURE: [Code; 3] = [Code::EncodedTooOften, Code::QuotesInside, Code::FlatPem];

/// Lines into which an encoder cut a value.
struct CutLines {
    /// The length of the first, which is all that a reader takes.
    first: usize,
    /// Whether all are as long as the first, but for a shorter last one.
    even: bool,
}

impl Checker<'_> {
    /// The value that Kestra gets under `name`; `free` says that nobody else takes it.
    pub(super) fn entry(&mut self, entry: &KeyedValue, name: &str, subject: &str, free: bool) {
        if !self.judged.insert(entry.value_at) {
            return;
        }
        self.secrets.insert(entry.value_at);
        match entry.value {
            FileValue::Nothing | FileValue::Right => {}
            FileValue::Elsewhere(origin) => self.found.push(UnplacedFinding {
                at: entry.value_at,
                rule: LintRule::NotKnowable,
                severity: Severity::Note,
                subject: subject.into(),
                message: format!("the value is not known here: {}", origin.who()),
                cure: origin.cure(entry.place != Location::Data),
                edit: None,
            }),
            FileValue::Wrong(fault) => self.say(
                entry.value_at,
                fault.code,
                fault.severity,
                subject.into(),
                fault.message.into(),
                fault.cure.into(),
            ),
            FileValue::Text { text, typed } => self.text(entry, text, typed, name, subject, free),
        }
    }

    fn text(&mut self, entry: &KeyedValue, text: &str, typed: bool, name: &str, subject: &str, free: bool) {
        let value = Plaintext::from(text);
        // The name has its own finding.
        let right_name = diagnosis::corrected_name(name).unwrap_or_else(|| name.into());
        if self.only_disputed(entry, &right_name, subject, free) {
            return;
        }
        let Diagnosis {
            mut codes, corrected, ..
        } = self.diagnosis(entry.place, &right_name, &value);
        let cut = self.cut(entry.value_at, text);
        if let Some(cut) = &cut {
            self.cut_value(entry, cut, &value, subject, free);
            return;
        }
        if typed && !codes.contains(&Code::UnquotedScalar) {
            codes.push(Code::UnquotedScalar);
        }
        if self.is_folded(entry.value_at)
            && let Some(spaces) = codes.iter_mut().find(|code| **code == Code::Wrapped)
        {
            *spaces = Code::Folded;
        }
        codes.sort_unstable();
        codes.dedup();
        let told = self.meanings.plain(&right_name).is_some();
        let mut rules: Vec<LintRule> = codes.iter().copied().map(LintRule::Fault).collect();
        if rules.is_empty() && told && corrected.is_some() {
            rules.push(LintRule::NotMeant);
        }
        if rules.is_empty() {
            return;
        }
        let sure = told || !codes.iter().any(|code| UNSURE.contains(code));
        let sure =
            sure && self.is_agreed(entry, &right_name, corrected.as_ref()) && !self.has_comment(entry, text, &codes);
        let corrected = corrected.or_else(|| typed.then(|| value.clone()));
        let edit = corrected.as_ref().filter(|_| free && sure).and_then(|new| {
            let new = if entry.literal {
                new.map(|new| [entry.name.as_bytes(), b"=", new].concat())
            } else {
                new.clone()
            };
            self.node_edit(entry.value_at, &new)
        });
        for rule in rules {
            let length = corrected.as_ref().map_or_else(String::new, |new| {
                format!(
                    " ({} here, {} when corrected)",
                    count(text.len(), "byte"),
                    count(new.bytes().len(), "byte")
                )
            });
            self.value_finding(entry, rule, subject, &length, edit.clone());
        }
    }

    fn value_finding(&mut self, entry: &KeyedValue, rule: LintRule, subject: &str, more: &str, edit: Option<Edit>) {
        self.found.push(UnplacedFinding {
            at: entry.value_at,
            rule,
            severity: match rule {
                LintRule::Fault(code) => Severity::of_code(code),
                _ => Severity::Error,
            },
            subject: subject.into(),
            message: format!("{}{more}", rule.title()),
            cure: cure(rule, entry.place),
            edit,
        });
    }

    /// What is wrong with a value under a name that is right.
    fn diagnosis(&self, place: Location, name: &str, value: &Plaintext) -> Diagnosis {
        let mut diagnosis = diagnosis::diagnose(&WrittenValue {
            name: Some(name),
            place,
            value,
            meant: self.meanings.plain(name),
        });
        let at_hand = |new| self.meanings.written(name, place).unwrap_or(new);
        diagnosis.corrected = diagnosis.corrected.map(at_hand);
        diagnosis
    }

    /// A value that is right for one of the readers that may read its file, and that others take for another text. Written
    /// bare, it is right for all of them.
    fn only_disputed(&mut self, entry: &KeyedValue, name: &str, subject: &str, free: bool) -> bool {
        let Some(texts) = self.facts.disputed.get(&entry.value_at) else {
            return false;
        };
        let right = |text: &&Plaintext| {
            let diagnosis = self.diagnosis(entry.place, name, text);
            diagnosis.codes.is_empty() && diagnosis.corrected.is_none()
        };
        let Some(right) = texts.iter().flatten().find(right) else {
            return false;
        };
        let edit = self.node_edit(entry.value_at, right).filter(|_| free);
        let mut lengths: Vec<_> = texts.iter().flatten().map(|text| text.bytes().len()).collect();
        lengths.sort_unstable();
        lengths.dedup();
        let lengths: Vec<_> = lengths.iter().map(ToString::to_string).collect();
        let more = format!(": {} bytes, depending on who reads the file", lengths.join(" or "));
        self.value_finding(entry, LintRule::Fault(Code::ReadersDiffer), subject, &more, edit);
        true
    }

    /// Whether all who may read the file come to the same correction.
    fn is_agreed(&self, entry: &KeyedValue, name: &str, corrected: Option<&Plaintext>) -> bool {
        let same = |text: &Option<Plaintext>| {
            let diagnosis = text.as_ref().map(|text| self.diagnosis(entry.place, name, text));
            diagnosis.is_some_and(|diagnosis| diagnosis.corrected.as_ref() == corrected)
        };
        let disputed = self.facts.disputed.get(&entry.value_at);
        disputed.is_none_or(|texts| texts.iter().all(same))
    }

    /// Whether a plaintext of an env file holds what may be a comment: nobody can tell whether that belongs to it.
    fn has_comment(&self, entry: &KeyedValue, text: &str, codes: &[Code]) -> bool {
        let plain = [Code::Plaintext, Code::PlaintextDecodes, Code::EncodedTooFew];
        let is_raw = self
            .scalar(entry.value_at)
            .is_some_and(|scalar| scalar.style == Style::Raw);
        is_raw && (text.contains(" #") || text.contains("\t#")) && codes.iter().any(|code| plain.contains(code))
    }

    fn scalar(&self, at: NodeRef) -> Option<&Scalar<'_>> {
        self.documents.get(at.source)?.tree.scalar(at.node)
    }

    /// How an encoder cut a value of an env file into lines.
    fn cut(&self, at: NodeRef, text: &str) -> Option<CutLines> {
        let document = self.documents.get(at.source)?;
        let FileForm::EnvFile(_) = document.source.form else {
            return None;
        };
        let written = document.source.text.get(document.tree.node(at.node).span.clone())?;
        let mut lengths = written.lines().map(|line| line.trim_end_matches('\r').len());
        let first = lengths.next()?;
        let rest: Vec<usize> = lengths.collect();
        let (last, between) = rest.split_last().filter(|_| !text.contains('\n'))?;
        Some(CutLines {
            first,
            even: *last <= first && between.iter().all(|length| *length == first),
        })
    }

    /// Base64 that an encoder cut: on one line it is what was meant, if it was cut where encoders cut and decodes.
    fn cut_value(&mut self, entry: &KeyedValue, cut: &CutLines, value: &Plaintext, subject: &str, free: bool) {
        let decodes = entry.place.environment(value).is_some_and(|env| decode(&env).is_ok());
        let edit = self
            .node_edit(entry.value_at, value)
            .filter(|_| free && cut.even && decodes);
        let more = format!(": its reader takes {} of {} bytes", cut.first, value.bytes().len());
        self.value_finding(entry, LintRule::Fault(Code::CutBase64), subject, &more, edit);
    }

    /// Whether the scalar is over several lines of which YAML makes one.
    fn is_folded(&self, at: NodeRef) -> bool {
        let Some(document) = self.documents.get(at.source) else {
            return false;
        };
        let node = document.tree.node(at.node);
        let written = document.source.text.get(node.span.clone()).unwrap_or_default();
        let several = written.trim_end().contains('\n');
        document.tree.scalar(at.node).is_some_and(|scalar| match scalar.style {
            Style::Plain | Style::Single | Style::Double => several,
            Style::Block { folded, .. } => folded && several,
            Style::Raw => false,
        })
    }

    /// The name that a variable comes by, where Kestra would take it if it were in capitals or of letters that
    /// its shell hands on.
    pub(super) fn name(&mut self, entry: &KeyedValue, name: &str, subject: &str, free: bool) {
        let Some(right) = diagnosis::corrected_name(name) else {
            return;
        };
        let (code, effect) = if !name.starts_with(PREFIX) {
            (Code::Name, "Kestra ignores it")
        } else if survives_shell(name) {
            (
                Code::DoubledPrefix,
                "flows find it only by a name that begins with SECRET_ too",
            )
        } else {
            (
                Code::ShellName,
                "it never reaches Kestra; after the change, flows call it by the new name",
            )
        };
        // What flows call it by changes with a name that has the prefix already: that is theirs to follow.
        let edit = if entry.literal || code != Code::Name || name != entry.name {
            None
        } else {
            self.node_edit(entry.name_at, &Plaintext::new(right.as_str(), true))
        };
        self.found.push(UnplacedFinding {
            at: entry.name_at,
            rule: LintRule::Fault(code),
            severity: Severity::of_code(code),
            subject: subject.into(),
            message: format!("{}: {effect}", code.title()),
            cure: format!("name it {}", printable_name(&right)),
            edit: edit.filter(|_| free),
        });
    }

    /// A variable without the prefix whose value was encoded as only Kestra needs it, or whose prefix is misspelt.
    pub(super) fn perhaps_meant(&mut self, entry: &KeyedValue, name: &str) {
        let FileValue::Text { text, typed: false } = entry.value else {
            return;
        };
        let Some(env) = entry.place.environment(&text.into()) else {
            return;
        };
        let misspelt = diagnosis::key_behind_misspelt_prefix(name).filter(|_| diagnosis::may_be_encoded(&env));
        if misspelt.is_none() && !diagnosis::looks_encoded(&env) || !self.judged.insert(entry.name_at) {
            return;
        }
        let message = if misspelt.is_some() {
            "the name begins almost with SECRET_, and Kestra ignores it"
        } else {
            "the value is encoded like a secret for Kestra, but the name does not begin with SECRET_"
        };
        let key = misspelt.unwrap_or(name).to_uppercase();
        self.say(
            entry.name_at,
            Code::Name,
            Severity::Warning,
            printable_name(name).into(),
            message.into(),
            format!(
                "if it is meant for `secret()`, name the variable {PREFIX}{}",
                printable_name(&key)
            ),
        );
    }
}

/// What to run or write, for the place the value stands in.
fn cure(rule: LintRule, place: Location) -> String {
    let encode = if place == Location::Data {
        "write here what `printf %s 'secret' | base64 -w0 | base64 -w0` prints"
    } else {
        "write here what `printf %s 'secret' | base64 -w0` prints"
    };
    let LintRule::Fault(code) = rule else {
        return encode.into();
    };
    match code {
        Code::TrailingNewline | Code::EncodedTooFew | Code::Plaintext | Code::PlaintextDecodes => encode.into(),
        Code::EncodedTooOften => format!(
            "{}; if the plaintext itself is Base64, allow it with the comment `# kestra-secrets: allow KS003`",
            code.cure()
        ),
        Code::FromFileNewline => format!("{encode}; line breaks around Base64 are harmless"),
        _ => code.cure().into(),
    }
}
