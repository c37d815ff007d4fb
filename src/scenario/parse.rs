//! A scenario file's text, read with the place of every mistake.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use miette::Diagnostic;
use regex::Regex;
use serde_saphyr::{Location, Spanned};
use thiserror::Error;

use super::file::{ExpectFile, LiteralFile, OneOrMany, ScenarioFile, SecretFile, StepFile};
use super::{Change, Expect, Expectation, Given, Intent, Literal, Manifest, Scenario, Secret, Step, Strategy};
use crate::secret::Plain;

/// Input that cannot be used; the exit code is 2.
#[derive(Debug, Error, Diagnostic)]
#[error("{file}{place}: {message}", place = place(*line, *column))]
pub struct InputError {
    /// The file, as the user named it.
    pub file: String,
    /// The line, from 1; 0 when the mistake has no place.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    #[help]
    pub help: Option<String>,
}

fn place(line: u64, column: u64) -> String {
    if line == 0 {
        String::new()
    } else {
        format!(":{line}:{column}")
    }
}

impl InputError {
    /// A mistake in a file that has no line of its own.
    pub fn whole(file: impl Into<String>, message: impl Into<String>, help: Option<String>) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
            message: message.into(),
            help,
        }
    }

    /// A mistake at a place.
    pub(super) fn at(file: &str, at: Location, message: impl Into<String>, help: &str) -> Self {
        Self {
            file: file.into(),
            line: at.line(),
            column: at.column(),
            message: message.into(),
            help: Some(help.into()),
        }
    }

    /// A YAML error. No snippet is shown and quoted values are dropped: the line may hold a plaintext.
    pub fn yaml(file: &str, error: &serde_saphyr::Error, help: &str) -> Self {
        static QUOTED: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r#"(?s)\b(string|character|byte array) ["`'].*["`']"#).ok());
        let at = error.location().unwrap_or(Location::UNKNOWN);
        let text = error.without_snippet().to_string();
        // The place stands in front already.
        let place = format!(" at line {}, column {}", at.line(), at.column());
        let text = text.strip_suffix(&place).unwrap_or(&text);
        // And what the parser advises is for programmers.
        let text = text.split_once("; use from_str").map_or(text, |(said, _)| said);
        let text = text
            .split_once(", set DuplicateKeyPolicy")
            .map_or(text, |(said, _)| said);
        let text = QUOTED
            .as_ref()
            .map_or(String::new(), |re| re.replace(text, "a $1").into_owned());
        Self::at(file, at, text, help)
    }
}

/// Reads the text of a scenario file; `fetch` gives the text of a file it names.
///
/// # Errors
/// [`InputError`] with file, line and column for bad YAML, an unknown field, a wrong type, or a
/// combination that means nothing.
pub fn parse(file: &str, text: &str, fetch: &dyn Fn(&Path) -> Result<Vec<u8>, String>) -> Result<Scenario, InputError> {
    let options = serde_saphyr::options! { with_snippet: false };
    let raw: ScenarioFile = serde_saphyr::from_str_with_options(text, options).map_err(|e| {
        InputError::yaml(
            file,
            &e,
            "the format is described by schemas/scenario.schema.json (`kestra-secrets schema scenario`)",
        )
    })?;
    Reader { file, fetch }.scenario(raw)
}

struct Reader<'a> {
    file: &'a str,
    fetch: &'a dyn Fn(&Path) -> Result<Vec<u8>, String>,
}

impl Reader<'_> {
    fn err<T>(&self, at: Location, message: impl Into<String>, help: &str) -> Result<T, InputError> {
        Err(InputError::at(self.file, at, message, help))
    }

    fn scenario(&self, raw: ScenarioFile) -> Result<Scenario, InputError> {
        if raw.schema.value != 1 {
            return self.err(
                raw.schema.referenced,
                format!("schema {} is not known", raw.schema.value),
                "write `schema: 1`",
            );
        }
        let here = raw.name.referenced;
        let name = raw.name.value;
        let word = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if !name.split('-').all(word) || name.len() > 53 {
            return self.err(
                here,
                format!("{name:?} is no name for a scenario"),
                "use lower-case words joined by hyphens, 53 characters at most: it becomes part of Kubernetes names",
            );
        }
        let given =
            match (raw.strategy, raw.literal) {
                (Some(strategy), None) => Given::Intent(self.intent(&strategy, raw.secrets, raw.reads, raw.values)?),
                (None, Some(literal)) if raw.secrets.is_empty() && raw.reads.is_empty() && raw.values.is_empty() => {
                    Given::Literal(self.literal(&literal.value, raw.public)?)
                }
                (None, Some(literal)) => {
                    return self.err(
                        literal.referenced,
                        "a literal has no `secrets`, `reads` or `values` of its own",
                        "its documents say it all; remove those keys",
                    );
                }
                (Some(_), Some(literal)) => {
                    return self.err(
                        literal.referenced,
                        "a scenario is an intent or a literal, not both",
                        "keep `strategy` with `secrets`, or `literal`",
                    );
                }
                (None, None) => return self.err(
                    here,
                    "the scenario gives nothing",
                    "add `strategy` with `secrets` (the harness encodes them), or `literal` (documents as published)",
                ),
            };
        let mut expect = self.expectations(raw.expect, &given)?;
        if expect.is_empty() {
            let Given::Intent(intent) = &given else {
                return self.err(
                    here,
                    "a literal needs `expect`",
                    "say what really comes out, for example `expect: {outputs: {username: \"admin\\n\"}}`",
                );
            };
            expect.push(plaintexts(intent));
        }
        let promise = raw
            .promise
            .map(|p| self.expect(p, &given))
            .transpose()?
            .map(|e| e.expect);
        let steps = raw
            .steps
            .into_iter()
            .map(|s| self.step(s, &given))
            .collect::<Result<_, _>>()?;
        Ok(Scenario {
            name,
            about: raw.about,
            source: raw.source,
            given,
            promise,
            expect,
            steps,
            file: self.file.into(),
            at: (here.line(), here.column()),
        })
    }

    fn intent(
        &self,
        strategy: &Spanned<Strategy>,
        secrets: BTreeMap<String, Spanned<SecretFile>>,
        reads: BTreeMap<String, Spanned<String>>,
        values: serde_json::Map<String, serde_json::Value>,
    ) -> Result<Intent, InputError> {
        if secrets.is_empty() {
            return self.err(
                strategy.referenced,
                "the intent has no secrets",
                "add `secrets: {DB_PASSWORD: {plain: …}}`",
            );
        }
        let secrets = self.secrets(secrets)?;
        for (output, secret) in &reads {
            if !secrets.contains_key(&secret.value) {
                return self.err(
                    secret.referenced,
                    format!("output {output} reads {}, which is not given", secret.value),
                    "name one of the keys of `secrets`",
                );
            }
        }
        let mut reads: BTreeMap<_, _> = reads.into_iter().map(|(o, s)| (o, s.value)).collect();
        if reads.is_empty() {
            reads = secrets.keys().map(|k| (k.to_lowercase(), k.clone())).collect();
        }
        Ok(Intent {
            strategy: strategy.value,
            secrets,
            reads,
            values,
        })
    }

    fn secrets(&self, raw: BTreeMap<String, Spanned<SecretFile>>) -> Result<BTreeMap<String, Secret>, InputError> {
        raw.into_iter()
            .map(|(name, s)| match (s.value.plain, s.value.env) {
                (Some(p), None) => Ok((name, Secret::Plain(Plain::new(p, s.value.public)))),
                (None, Some(e)) => Ok((name, Secret::Env(Plain::new(e, s.value.public)))),
                _ => self.err(
                    s.referenced,
                    format!("secret {name} needs exactly one of `plain` and `env`"),
                    "`plain` is what the flow must see and is encoded for you; `env` is given as it is",
                ),
            })
            .collect()
    }

    fn literal(&self, raw: &LiteralFile, public: bool) -> Result<Literal, InputError> {
        let manifests = raw
            .manifests
            .iter()
            .map(|m| {
                Ok(Manifest {
                    file: m.value.clone(),
                    text: Plain::new(self.fetch(m)?, public),
                })
            })
            .collect::<Result<_, InputError>>()?;
        let flow = String::from_utf8(self.fetch(&raw.flow)?).or_else(|_| {
            self.err(
                raw.flow.referenced,
                "the flow is not UTF-8",
                "Kestra reads YAML in UTF-8 alone",
            )
        })?;
        Ok(Literal {
            chart: raw.chart,
            values: Plain::new(self.fetch(&raw.values)?, public),
            values_file: raw.values.value.clone(),
            manifests,
            flow,
            public,
        })
    }

    fn fetch(&self, path: &Spanned<String>) -> Result<Vec<u8>, InputError> {
        let asked = Path::new(&path.value);
        if asked.is_absolute() || asked.components().any(|c| matches!(c, std::path::Component::ParentDir)) {
            return self.err(
                path.referenced,
                format!("{} leaves the scenario's folder", path.value),
                "keep a literal's documents beside the scenario or below it",
            );
        }
        (self.fetch)(asked).or_else(|why| {
            self.err(
                path.referenced,
                format!("failed to read {}: {why}", path.value),
                "the path is relative to the scenario's file",
            )
        })
    }

    fn expectations(
        &self,
        raw: Option<Spanned<OneOrMany<ExpectFile>>>,
        given: &Given,
    ) -> Result<Vec<Expectation>, InputError> {
        let Some(Spanned {
            value,
            referenced: whole,
            ..
        }) = raw
        else {
            return Ok(Vec::new());
        };
        let placed = value.0.into_iter().map(|mut e| {
            if e.referenced == Location::UNKNOWN {
                e.referenced = whole;
            }
            e
        });
        placed.map(|e| self.expect(e, given)).collect()
    }

    fn expect(&self, raw: Spanned<ExpectFile>, given: &Given) -> Result<Expectation, InputError> {
        let at = raw.referenced;
        let raw = raw.value;
        let public = |output: &str| match given {
            Given::Literal(l) => l.public,
            Given::Intent(i) => i
                .reads
                .get(output)
                .and_then(|s| i.secrets.get(s))
                .is_some_and(|s| s.plain().is_public()),
        };
        let mut found = Vec::new();
        if let Some(outputs) = raw.outputs {
            if let (Given::Intent(i), Some(stray)) = (given, outputs.keys().find(|o| !is_read(given, o))) {
                let known: Vec<_> = i.reads.keys().map(String::as_str).collect();
                return self.err(
                    at,
                    format!("no output is called {stray}"),
                    &format!("`reads` names: {}", known.join(", ")),
                );
            }
            found.push(Expect::Outputs(
                outputs
                    .into_iter()
                    .map(|(o, v)| {
                        let p = public(&o);
                        (o, Plain::new(v, p))
                    })
                    .collect(),
            ));
        }
        found.extend(raw.missing.map(|m| Expect::Missing { key: m.key, log: m.log }));
        found.extend(raw.refused.map(|r| Expect::Refused { by: r.by, says: r.says }));
        found.extend(raw.blocked.map(|b| Expect::Blocked {
            reason: b.reason,
            says: b.says,
        }));
        match (found.pop(), found.pop()) {
            (Some(expect), None) => Ok(Expectation {
                kestra: raw.kestra,
                chart: raw.chart,
                expect,
                diagnosis: raw.diagnosis,
            }),
            _ => self.err(
                at,
                "an expectation is exactly one of `outputs`, `missing`, `refused` and `blocked`",
                "write a list of expectations with `kestra:` or `chart:` ranges for different versions",
            ),
        }
    }

    fn step(&self, raw: Spanned<StepFile>, given: &Given) -> Result<Step, InputError> {
        let at = raw.referenced;
        let raw = raw.value;
        let Given::Intent(intent) = given else {
            return self.err(
                at,
                "only an intent has steps",
                "the harness cannot rewrite published documents",
            );
        };
        let change = match (raw.upgrade, raw.rotate, raw.restart) {
            (Some(s), None, None) => Change::Upgrade(self.secrets(s)?),
            (None, Some(_), None) if intent.strategy == Strategy::ExtraEnv => {
                return self.err(
                    at,
                    "there is no Secret to rotate",
                    "the values themselves hold the secret: use `upgrade`",
                );
            }
            (None, Some(s), None) => Change::Rotate(self.secrets(s)?),
            (None, None, Some(_)) => Change::Restart,
            _ => {
                return self.err(
                    at,
                    "a step is exactly one of `upgrade`, `rotate` and `restart`",
                    "write one step after the other",
                );
            }
        };
        if let Change::Upgrade(s) | Change::Rotate(s) = &change {
            let known: BTreeSet<_> = intent.secrets.keys().collect();
            if let Some(stray) = s.keys().find(|k| !known.contains(k)) {
                return self.err(
                    at,
                    format!("the step changes {stray}, which is not given"),
                    "name keys of `secrets`",
                );
            }
        }
        let expect = self.expectations(raw.expect, given)?;
        if expect.is_empty() {
            return self.err(at, "the step has no `expect`", "say what must come out after it");
        }
        Ok(Step { change, expect })
    }
}

fn is_read(given: &Given, output: &str) -> bool {
    matches!(given, Given::Intent(i) if i.reads.contains_key(output))
}

/// What an intent means when it says no more: each output shows its plaintext.
fn plaintexts(intent: &Intent) -> Expectation {
    let outputs = intent
        .reads
        .iter()
        .filter_map(|(o, s)| intent.secrets.get(s).map(|s| (o.clone(), s.plain().clone())))
        .collect();
    Expectation {
        kestra: None,
        chart: None,
        expect: Expect::Outputs(outputs),
        diagnosis: Vec::new(),
    }
}
