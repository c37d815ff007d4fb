//! Judges single values.

use super::{Checker, UnplacedFinding};
use crate::lint::facts::{FileValue, KeyedValue, NodeRef};
use crate::lint::finding::{LintRule, Severity, shown};
use crate::oracle::secret::diagnosis::{self, Code, WrittenValue};
use crate::oracle::secret::{Location, PREFIX, Plaintext};
use crate::release::tree::Style;
use crate::system::words::count;

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
        let diagnosis = diagnosis::diagnose(&WrittenValue {
            name: Some(&right_name),
            place: entry.place,
            value: &value,
            meant: self.meanings.plain(&right_name),
        });
        let corrected = diagnosis
            .corrected
            .map(|new| self.meanings.written(&right_name, entry.place).unwrap_or(new));
        let mut codes = diagnosis.codes;
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
        // What is Base64 within Base64 may be meant so.
        let sure = told || !codes.contains(&Code::EncodedTooOften);
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
            self.found.push(UnplacedFinding {
                at: entry.value_at,
                rule,
                severity: match rule {
                    LintRule::Fault(code) => Severity::of(code),
                    _ => Severity::Error,
                },
                subject: subject.into(),
                message: format!("{}{length}", rule.title()),
                cure: cure(rule, entry.place),
                edit: edit.clone(),
            });
        }
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
        let (code, effect) = if name.starts_with(PREFIX) {
            (
                Code::ShellName,
                "it never reaches Kestra; after the change, flows call it by the new name",
            )
        } else {
            (Code::Name, "Kestra ignores it")
        };
        // What flows call it by changes with a name that has the prefix already: that is theirs to follow.
        let edit = if entry.literal || code == Code::ShellName || name != entry.name {
            None
        } else {
            self.node_edit(entry.name_at, &Plaintext::new(right.as_str(), true))
        };
        self.found.push(UnplacedFinding {
            at: entry.name_at,
            rule: LintRule::Fault(code),
            severity: Severity::Error,
            subject: subject.into(),
            message: format!("{}: {effect}", code.title()),
            cure: format!("name it {}", shown(&right)),
            edit: edit.filter(|_| free),
        });
    }

    /// A variable without the prefix whose value was encoded as only Kestra needs it.
    pub(super) fn perhaps_meant(&mut self, entry: &KeyedValue, name: &str) {
        let FileValue::Text { text, typed: false } = entry.value else {
            return;
        };
        let Some(env) = entry.place.environment(&text.into()) else {
            return;
        };
        if diagnosis::looks_encoded(&env) && self.judged.insert(entry.name_at) {
            self.say(
                entry.name_at,
                Code::Name,
                Severity::Warning,
                shown(name).into(),
                "the value is encoded like a secret for Kestra, but the name does not begin with SECRET_".into(),
                format!(
                    "if it is meant for `secret()`, name the variable {PREFIX}{}",
                    shown(&name.to_uppercase())
                ),
            );
        }
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
