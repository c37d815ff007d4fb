//! Env files, by whoever reads them.

use super::Gatherer;
use crate::lint::facts::{KeyedValue, NodeRef, ObjectFacts, ObjectMaker, Remark};
use crate::lint::finding::Severity;
use crate::oracle::environment::ObjectKind;
use crate::oracle::secret::diagnosis::{Code, has_invisible};
use crate::oracle::secret::{Location, PREFIX, Plaintext};
use crate::release::chart_keys::is_secret;
use crate::release::document::Document;
use crate::release::env_file::{self, EnvDialect, EnvText, EnvVariable, LineReadings, RefusalReason};
use crate::release::input::FileForm;
use crate::release::tree::Id;
use crate::system::words::listed;

/// One variable of an env file.
struct LineEntry<'a> {
    name: Id,
    value: Id,
    readings: LineReadings<'a>,
}

impl<'a> Gatherer<'a> {
    /// Env files: what their reader refuses, and the Secret that is made of one that no kustomization names.
    pub(super) fn env_files(&mut self) {
        for doc in self.documents {
            let FileForm::EnvFile(_) = doc.source.form else {
                continue;
            };
            self.env_lines(*doc);
            if self.claimed.contains(&doc.index) {
                continue;
            }
            self.facts.objects.push(ObjectFacts {
                kind: ObjectKind::Secret,
                name: None,
                namespace: None,
                keys: env_entries(*doc),
                complete: true,
                maker: ObjectMaker::Manifest,
                labelled: false,
            });
        }
    }

    /// What is to be said of single lines, in a file that gives Kestra a secret.
    fn env_lines(&mut self, doc: Document<'a>) {
        let FileForm::EnvFile(reader) = doc.source.form else {
            return;
        };
        let entries = entries(doc);
        let names_secret = |entry: &LineEntry| name_of(doc, entry).is_some_and(is_secret);
        if !entries.iter().any(names_secret) {
            return;
        }
        for entry in &entries {
            let refusals = refusals(&entry.readings, reader);
            if !refusals.is_empty() {
                let all = reader.is_some() || refusals.len() == EnvDialect::ALL.len();
                self.facts.remarks.push(refused(doc, entry, &refusals, all));
            } else if doc.tree.text(entry.name).is_some_and(|name| name.trim_end() == PREFIX) {
                self.facts.remarks.push(no_key(doc, entry));
            }
            if reader.is_none()
                && let Some(texts) = disputed(&entry.readings)
            {
                self.facts.disputed.insert(doc.at(entry.value), texts);
            }
        }
    }
}

/// The variables of an env file that its reader takes. Where nobody is known to read it, compose may take one that the
/// others refuse.
pub(super) fn env_entries(doc: Document<'_>) -> Vec<KeyedValue<'_>> {
    let entries = entries(doc);
    let taken = entries.iter().filter_map(|entry| {
        Some(KeyedValue {
            name: name_of(doc, entry).filter(|name| !name.is_empty())?,
            ..doc.entry(entry.name, entry.value, Location::StringData)?
        })
    });
    taken.collect()
}

fn entries(doc: Document<'_>) -> Vec<LineEntry<'_>> {
    let Some(reader) = doc.source.env_reader() else {
        return Vec::new();
    };
    let nodes = doc.tree.roots.iter().flat_map(|root| doc.tree.written(*root));
    let readings = env_file::read_by_all(&doc.source.text, reader);
    let entries = nodes.zip(readings);
    entries
        .map(|((name, value), readings)| LineEntry {
            name: *name,
            value: *value,
            readings,
        })
        .collect()
}

/// What the reader calls a variable; none where it refuses it.
fn name_of<'a>(doc: Document<'a>, entry: &LineEntry) -> Option<&'a str> {
    let all = EnvDialect::ALL.into_iter().zip(&entry.readings);
    let mut readings = all.filter_map(|(dialect, variable)| Some((dialect, variable.as_ref()?)));
    let taken = |variable: &EnvVariable| variable.refused.is_none();
    let taken = match doc.source.form {
        FileForm::EnvFile(Some(reader)) => readings.find(|(dialect, variable)| *dialect == reader && taken(variable)),
        _ => readings.find(|(_, variable)| taken(variable)),
    };
    doc.source.text.get(taken?.1.name.clone())
}

/// Who of those who may read the file refuses the line, and why.
fn refusals(readings: &LineReadings, reader: Option<EnvDialect>) -> Vec<(EnvDialect, RefusalReason)> {
    let all = EnvDialect::ALL.into_iter().zip(readings);
    let read = all.filter(|(dialect, _)| reader.is_none_or(|reader| reader == *dialect));
    read.filter_map(|(dialect, variable)| Some((dialect, variable.as_ref()?.refused?)))
        .collect()
}

/// The texts that readers take a value for, if those are not all one.
fn disputed(readings: &LineReadings) -> Option<Vec<Option<Plaintext>>> {
    let texts = readings
        .iter()
        .map(|variable| match variable.as_ref().map(|v| &v.read) {
            Some(EnvText::Text(text)) => Some(text.as_ref()),
            Some(EnvText::Inherited) => Some(""),
            Some(EnvText::Interpolated) | None => None,
        });
    let texts: Vec<Option<&str>> = texts.collect();
    // What nobody sees belongs nowhere, whoever may forgive it.
    let unseen = texts.iter().flatten().any(|text| has_invisible(text.as_bytes()));
    let (first, others) = texts.split_first()?;
    let differ = others.iter().any(|other| other != first);
    (differ && !unseen).then(|| texts.into_iter().map(|text| text.map(Plaintext::from)).collect())
}

/// A line, by its number and its length: its name may be a plaintext.
fn line(doc: Document<'_>, at: NodeRef) -> String {
    let start = doc.tree.node(at.node).span.start;
    let text = &doc.source.text;
    let begin = text[..start].rfind('\n').map_or(0, |end| end + 1);
    let length = text[begin..].lines().next().unwrap_or_default().len();
    format!("line {} ({length} bytes)", doc.source.line_and_column(start).0)
}

fn refused(doc: Document<'_>, entry: &LineEntry, refusals: &[(EnvDialect, RefusalReason)], all: bool) -> Remark {
    let at = doc.at(entry.name);
    let names: Vec<_> = refusals.iter().map(|(dialect, _)| dialect.name()).collect();
    let who = if names.len() == EnvDialect::ALL.len() {
        "every reader of env files".to_owned()
    } else {
        listed(&names, "and")
    };
    let one = names.len() == 1 || names.len() == EnvDialect::ALL.len();
    let name = doc.tree.text(entry.name).unwrap_or_default();
    let mut cure = Code::RefusedLine.cure().to_owned();
    let why = match refusals.first().map(|(_, reason)| reason) {
        Some(RefusalReason::OpenQuote) => "a quote is opened and never closed",
        Some(RefusalReason::NoVariable) => "`${` begins no variable",
        Some(RefusalReason::TooLong) => "the line is longer than 64 KiB",
        _ if name.trim().is_empty() => "there is no name before `=`",
        _ if name.starts_with("export ") => {
            cure = "delete `export`, which is for shells; compose does without it too".into();
            "`export ` is part of the name"
        }
        _ if name.contains(char::is_whitespace) => "there is a blank in the name",
        _ => "the name has a character that no name has",
    };
    Remark {
        at,
        fault: Some((Code::RefusedLine, if all { Severity::Error } else { Severity::Warning })),
        subject: line(doc, at),
        message: format!(
            "{who} {} this line, and with it the whole file: {why}",
            if one { "refuses" } else { "refuse" }
        ),
        cure,
    }
}

/// `SECRET_=`, which a loop makes of a blank line.
fn no_key(doc: Document<'_>, entry: &LineEntry) -> Remark {
    let at = doc.at(entry.name);
    Remark {
        at,
        fault: Some((Code::Name, Severity::Warning)),
        subject: line(doc, at),
        message: "nothing follows SECRET_ in the name: no flow asks for such a secret".into(),
        cure: "delete the line; a loop over an env file makes it of a blank one".into(),
    }
}
