//! Turns facts into findings.

mod flows;
mod names;
mod values;

use std::collections::{BTreeSet, HashMap, HashSet};

use super::LintOptions;
use super::edit::Edit;
use super::facts::{ContainerFacts, EnvEntry, FileFacts, KeyedValue, NodeRef, ObjectFacts, meet};
use super::finding::{LintRule, Severity, printable_name};
use super::meanings::ExpectedValues;
use crate::oracle::environment::ObjectKind;
use crate::oracle::secret::diagnosis::{Code, key_behind_misspelt_prefix};
use crate::release::chart_keys::{is_of_another, is_secret};
use crate::release::document::Document;

/// Most names that are put together of containers and what they refer to.
const MOST: usize = 4_000_000;

/// A finding before it has a line.
pub struct UnplacedFinding {
    /// Where.
    pub at: NodeRef,
    /// What.
    pub rule: LintRule,
    /// How bad.
    pub severity: Severity,
    /// The variable or the object.
    pub subject: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub cure: String,
    /// What `fix` writes.
    pub edit: Option<Edit>,
}

/// What came of judging.
pub struct Judgement {
    /// What was found.
    pub found: Vec<UnplacedFinding>,
    /// What was found at calls of `secret()`, with the byte of each call.
    pub calls: Vec<(UnplacedFinding, usize)>,
    /// The values of secrets that were judged, where they are written.
    pub secrets: HashSet<NodeRef>,
    /// How many values may be secrets of another application, and were only noted.
    pub unsure: usize,
    /// The objects that Kestra is given and that are not among the files.
    pub outside: Vec<String>,
}

/// A key of an object, by their numbers.
type Key = (usize, usize);

/// The judgement of all facts.
pub struct Checker<'a> {
    documents: &'a [Document<'a>],
    facts: &'a FileFacts<'a>,
    options: LintOptions,
    meanings: &'a ExpectedValues,
    /// The objects of a name.
    named: HashMap<(ObjectKind, &'a str), Vec<usize>>,
    /// The keys of objects; of two alike the later, which wins.
    keys: HashMap<(usize, &'a str), usize>,
    /// Objects that some container refers to.
    referenced: HashSet<usize>,
    /// Keys that something other than a secret of Kestra's takes, or that are referred to by name.
    tied: HashSet<Key>,
    /// Objects with those of their keys that containers name.
    referred: HashSet<(&'a str, &'a str)>,
    /// Values and names that were looked at.
    judged: HashSet<NodeRef>,
    /// What was said of names.
    said: HashSet<(NodeRef, LintRule)>,
    /// The values of secrets among them.
    secrets: HashSet<NodeRef>,
    /// How many values may be another application's.
    unsure: usize,
    /// Objects that are referred to and not among the files.
    outside: BTreeSet<String>,
    found: Vec<UnplacedFinding>,
    left: usize,
}

/// Judges all facts, or returns `None` if the files refer to each other more often than any hand-written files do.
pub fn judge<'a>(
    documents: &'a [Document<'a>],
    facts: &'a FileFacts<'a>,
    options: LintOptions,
    meanings: &'a ExpectedValues,
) -> Option<Judgement> {
    let mut judge = Checker {
        documents,
        facts,
        options,
        meanings,
        named: HashMap::new(),
        keys: HashMap::new(),
        referenced: HashSet::new(),
        tied: HashSet::new(),
        referred: HashSet::new(),
        judged: HashSet::new(),
        said: HashSet::new(),
        secrets: HashSet::new(),
        unsure: 0,
        outside: facts.outside.iter().cloned().collect(),
        found: Vec::new(),
        left: MOST,
    };
    judge.index();
    for container in facts.containers.iter().filter(|c| c.kestra) {
        judge.container(container);
    }
    judge.unreferenced();
    judge.services();
    judge.remarks();
    judge.encodings();
    let calls = judge.flows();
    (judge.left > 0).then_some(Judgement {
        found: judge.found,
        calls,
        secrets: judge.secrets,
        unsure: judge.unsure,
        outside: judge.outside.into_iter().collect(),
    })
}

impl<'a> Checker<'a> {
    fn index(&mut self) {
        for (number, object) in self.facts.objects.iter().enumerate() {
            if let Some(name) = object.name {
                self.named.entry((object.kind, name)).or_default().push(number);
            }
            for (key, entry) in object.keys.iter().enumerate() {
                self.keys.insert((number, entry.name), key);
            }
        }
        for container in &self.facts.containers {
            for variable in &container.env {
                if let EnvEntry::Key(reference) = variable {
                    self.referred.insert((reference.object, reference.key));
                    for object in self.objects(container, reference.kind, reference.object) {
                        self.referenced.insert(object);
                        let others = !(container.kestra && is_secret(reference.name));
                        if let Some(key) = self.keys.get(&(object, reference.key)).filter(|_| others) {
                            self.tied.insert((object, *key));
                        }
                    }
                }
            }
            for from in &container.env_from {
                for object in self.objects(container, from.kind, from.object) {
                    self.referenced.insert(object);
                    let keys = self.facts.objects.get(object).map_or(0, |o| o.keys.len());
                    if !container.kestra && self.spend(keys) {
                        self.tied.extend((0..keys).map(|key| (object, key)));
                    }
                }
            }
        }
    }

    fn spend(&mut self, names: usize) -> bool {
        self.left = self.left.saturating_sub(names + 1);
        self.left > 0
    }

    /// The objects that a container means by a name.
    fn objects(&self, container: &ContainerFacts, kind: ObjectKind, name: &str) -> Vec<usize> {
        let all = self.named.get(&(kind, name)).into_iter().flatten().copied();
        all.filter(|number| {
            self.object(*number)
                .is_some_and(|o| meet(o.namespace, container.namespace))
        })
        .collect()
    }

    fn object(&self, number: usize) -> Option<&'a ObjectFacts<'a>> {
        self.facts.objects.get(number)
    }

    /// What a person calls a variable that is the key of an object.
    fn of_object(object: &ObjectFacts, key: &str, variable: &str) -> String {
        let kind = if object.kind == ObjectKind::Secret {
            "Secret"
        } else {
            "ConfigMap"
        };
        match object.name {
            Some(name) if key == variable => format!("{} of {kind} {}", printable_name(key), printable_name(name)),
            Some(name) => format!(
                "{} (key {} of {kind} {})",
                printable_name(variable),
                printable_name(key),
                printable_name(name)
            ),
            None => printable_name(variable).into(),
        }
    }

    /// A place as a person writes it.
    fn position_text(&self, at: NodeRef) -> String {
        let Some(document) = self.documents.get(at.source) else {
            return String::new();
        };
        let (line, _) = document.line_and_column(at.node);
        format!("{}:{line}", document.source.name)
    }

    fn say(&mut self, at: NodeRef, code: Code, severity: Severity, subject: String, message: String, cure: String) {
        self.found.push(UnplacedFinding {
            at,
            rule: LintRule::Fault(code),
            severity,
            subject,
            message,
            cure,
            edit: None,
        });
    }

    /// Objects that no container among the files takes: what is called `SECRET_…` in them is for Kestra if something
    /// says so. Else it may be, which is worth a note.
    fn unreferenced(&mut self) {
        for (number, object) in self.facts.objects.iter().enumerate() {
            if self.referenced.contains(&number) {
                continue;
            }
            let sure = self.is_kestras(object);
            let before = self.found.len();
            let mut names = Vec::new();
            for (key, entry) in object.keys.iter().enumerate().filter(|(_, e)| is_secret(e.name)) {
                if !sure && is_of_another(entry.name) {
                    continue;
                }
                names.push((entry.name.to_owned(), entry.name_at));
                self.bound((number, key), entry.name, &printable_name(entry.name));
            }
            self.collisions(&names);
            self.twice(object);
            let others = object.keys.iter().filter(|e| !is_secret(e.name) && !names.is_empty());
            for entry in others.filter(|e| key_behind_misspelt_prefix(e.name).is_some()) {
                self.perhaps_meant(entry, entry.name);
            }
            if !sure {
                self.unsure(before, object);
            }
        }
    }

    /// Whether anything but its keys says that an object is for Kestra.
    fn is_kestras(&self, object: &ObjectFacts) -> bool {
        let names = [object.name, object.namespace].into_iter().flatten();
        let keys = || object.keys.iter();
        let file = keys().next().and_then(|key| self.documents.get(key.name_at.source));
        // An env file of nothing but secrets is what Kestra's guide has people write; standard input is given on purpose.
        let on_purpose = file.is_some_and(|doc| {
            let env_file = doc.source.env_reader().is_some();
            doc.source.path.is_none() || env_file && keys().all(|key| is_secret(key.name) && !is_of_another(key.name))
        });
        let with_kestras = || keys().any(|key| ["KESTRA_", "MICRONAUT_"].iter().any(|own| key.name.starts_with(own)));
        self.options.assume_kestra
            || object.labelled
            || on_purpose
            || names.into_iter().any(|name| name.contains("kestra"))
            || file.is_some_and(|doc| doc.source.is_called_kestra())
            || with_kestras()
    }

    /// Makes notes of what was found in an object that may be another application's, and counts none of its values.
    fn unsure(&mut self, before: usize, object: &ObjectFacts) {
        for finding in self.found.iter_mut().skip(before) {
            finding.severity = Severity::Note;
            finding.edit = None;
            finding.message = format!("if this is for Kestra: {}", finding.message);
            finding.cure = format!("{}; --assume-kestra judges it as Kestra's", finding.cure);
        }
        for key in &object.keys {
            self.unsure += usize::from(self.secrets.remove(&key.value_at));
        }
    }

    /// A key that Kestra gets under a name.
    fn bound(&mut self, (number, key): Key, name: &str, subject: &str) {
        let Some(entry) = self.object(number).and_then(|o| o.keys.get(key)).copied() else {
            return;
        };
        if self.keys.get(&(number, entry.name)) != Some(&key) {
            return; // A later one of the same name wins.
        }
        let free = !self.tied.contains(&(number, key));
        self.entry(&entry, name, subject, free);
        if name == entry.name {
            // Another name for the key would break what refers to it.
            let referred = self.object(number).and_then(|o| o.name);
            let referred = referred.is_some_and(|name| self.referred.contains(&(name, entry.name)));
            self.name(&entry, name, subject, free && !referred);
        } else {
            self.name(&entry, name, subject, false);
        }
    }

    fn node_edit(&self, at: NodeRef, new: &crate::oracle::secret::Plaintext) -> Option<Edit> {
        let document = self
            .documents
            .get(at.source)
            .filter(|_| !self.facts.tied.contains(&at))?;
        let node = document.tree.node(at.node);
        let scalar = document.tree.scalar(at.node)?;
        super::edit::rewrite(&document.source.text, node, scalar, new)
    }

    /// A key twice in one object, be it in `data` and `stringData`.
    fn twice(&mut self, object: &'a ObjectFacts<'a>) {
        let mut seen: HashMap<&str, &KeyedValue> = HashMap::new();
        for entry in object.keys.iter().filter(|e| is_secret(e.name)) {
            if let Some(first) = seen.insert(entry.name, entry) {
                let place = self.position_text(first.name_at);
                self.say(
                    entry.name_at,
                    Code::TwoSources,
                    Severity::Warning,
                    printable_name(entry.name).into(),
                    format!("the key is given twice; this one overrides the one at {place}"),
                    Code::TwoSources.cure().into(),
                );
            }
        }
    }
}
