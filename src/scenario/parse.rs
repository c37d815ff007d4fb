//! A scenario file's text, read with the place of every mistake.

mod given;

use std::collections::BTreeSet;
use std::path::Path;

use crate::system::yaml::{Location, Spanned};

use super::documents::Documents;
use super::file::{ExpectFile, OneOrMany, SaidFile, ScenarioFile, StepFile};
use super::{
    Change, Expect, Expectation, Expected, Input, Intent, LogCheck, Scenario, ScenarioStep, Stage, Start, Strategy,
    UpgradeTo,
};
use crate::error::InputError;
use crate::oracle::secret::Plaintext;
use crate::system::yaml;

/// Reads the text of a scenario file; `fetch` gives the text of a file it names.
///
/// # Errors
/// [`InputError`] with file, line and column for bad YAML, an unknown field, a wrong type, or a
/// combination that means nothing.
pub fn parse(file: &str, text: &str, fetch: &dyn Fn(&Path) -> Result<Vec<u8>, String>) -> Result<Scenario, InputError> {
    let raw: ScenarioFile = yaml::from_str(text).map_err(|e| {
        let help = "the format is described by schemas/scenario.schema.json (`kestra-secrets schema scenario`)";
        let error = InputError::yaml(file, &e, help);
        // The one mapping that people write as a plain value.
        if error.message == InputError::NO_MAPPING {
            error.with_help(
                "write a secret as `DB_PASSWORD: {plain: …}`; `kestra-secrets schema scenario` describes the format",
            )
        } else {
            error
        }
    })?;
    let documents = Documents { file, fetch };
    ScenarioReader { file, documents }.scenario(raw)
}

struct ScenarioReader<'a> {
    file: &'a str,
    documents: Documents<'a>,
}

impl ScenarioReader<'_> {
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
        let given = match (raw.strategy, raw.literal) {
            (Some(strategy), None) => {
                let flow = self.own_flow(raw.flow.as_ref(), &raw.reads)?;
                let intent = self.intent(&strategy, raw.secrets, flow, raw.reads, raw.values)?;
                Input::Intent(Intent {
                    chart: raw.chart.map(|chart| chart.value),
                    ..intent
                })
            }
            (None, Some(literal))
                if raw.secrets.is_empty()
                    && raw.reads.is_empty()
                    && raw.values.is_empty()
                    && raw.flow.is_none()
                    && raw.chart.is_none() =>
            {
                Input::Literal(self.documents.literal(&literal.value, raw.public)?)
            }
            (None, Some(literal)) => {
                return self.err(
                    literal.referenced,
                    "a literal has no `secrets`, `reads`, `values`, `flow` or `chart` beside it",
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
            (None, None) => {
                return self.err(
                    here,
                    "the scenario gives nothing",
                    "add `strategy` with `secrets` (the harness encodes them), or `literal` (documents as published)",
                );
            }
        };
        let flows: Vec<String> = raw
            .flows
            .iter()
            .map(|f| self.documents.flow(f))
            .collect::<Result<_, _>>()?;
        let start = raw.start.map_or(Ok(Start::default()), |s| self.start(s, &flows))?;
        let mut expect = self.expectations(raw.expect, &given)?;
        if expect.is_empty() {
            let Input::Intent(intent) = &given else {
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
            .map(|e| e.wanted.expect);
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
            flows,
            start,
            promise,
            expect,
            steps,
            not_on_engine: raw.skip.engine,
            file: self.file.into(),
            at: (here.line(), here.column()),
        })
    }

    fn expectations(
        &self,
        raw: Option<Spanned<OneOrMany<ExpectFile>>>,
        given: &Input,
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
        placed
            .map(|raw| {
                let at = raw.referenced;
                let expectation = self.expect(raw, given)?;
                self.can_come_out(at, &expectation.wanted.expect, given)?;
                Ok(expectation)
            })
            .collect()
    }

    /// Of documents as they are printed nothing is asked but whether they install, and of no others is that all.
    fn can_come_out(&self, at: Location, expect: &Expect, given: &Input) -> Result<(), InputError> {
        let as_printed = matches!(given, Input::Literal(literal) if literal.as_printed);
        let before_a_start = match expect {
            Expect::Installs if !as_printed => {
                return self.err(
                    at,
                    "only a literal with `defaults: false` expects `installs`",
                    "say what the flow must see, such as `outputs`",
                );
            }
            Expect::Installs | Expect::Blocked { .. } => true,
            Expect::Refused { by, .. } => matches!(by, Stage::Render | Stage::Apply),
            Expect::Outputs(_) | Expect::Missing { .. } | Expect::Failed { .. } | Expect::Silent => false,
        };
        if as_printed && !before_a_start {
            return self.err(
                at,
                "a literal with `defaults: false` is not started: nothing is asked but whether it installs",
                "expect `installs`, `blocked`, or `refused` by `render` or `apply`",
            );
        }
        Ok(())
    }

    fn expect(&self, raw: Spanned<ExpectFile>, given: &Input) -> Result<Expectation, InputError> {
        let at = raw.referenced;
        let raw = raw.value;
        let public = |output: &str| given.is_public(output);
        let mut found = Vec::new();
        if let Some(outputs) = raw.outputs {
            if let (Input::Intent(i @ Intent { flow: None, .. }), Some(stray)) =
                (given, outputs.keys().find(|o| !is_read(given, o)))
            {
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
                        (o, Plaintext::new(v, p))
                    })
                    .collect(),
            ));
        }
        let mut server_log = said(raw.server_log);
        found.extend(raw.missing.map(|m| {
            server_log.has.extend(m.log);
            Expect::Missing { key: m.key }
        }));
        found.extend(raw.failed.map(|f| Expect::Failed { says: f.says }));
        found.extend(raw.silent.map(|_| Expect::Silent));
        found.extend(raw.refused.map(|r| Expect::Refused { by: r.by, says: r.says }));
        found.extend(raw.blocked.map(|b| Expect::Blocked {
            reason: b.reason,
            says: b.says,
        }));
        found.extend(raw.installs.map(|_| Expect::Installs));
        match (found.pop(), found.pop()) {
            (Some(expect), None) => Ok(Expectation {
                kestra: raw.kestra,
                chart: raw.chart,
                wanted: Expected {
                    expect,
                    logs: said(raw.logs),
                    server_log,
                    diagnosis: raw.diagnosis,
                },
            }),
            _ => self.err(
                at,
                "an expectation is exactly one of `outputs`, `missing`, `failed`, `silent`, `refused`, `blocked` and `installs`",
                "write a list of expectations with `kestra:` or `chart:` ranges for different versions",
            ),
        }
    }

    fn step(&self, raw: Spanned<StepFile>, given: &Input) -> Result<ScenarioStep, InputError> {
        let at = raw.referenced;
        let raw = raw.value;
        let Input::Intent(intent) = given else {
            return self.err(
                at,
                "only an intent has steps",
                "the harness cannot rewrite published documents",
            );
        };
        let change = match (raw.upgrade, raw.to, raw.rotate, raw.restart) {
            (upgrade, Some(to), None, None) => Change::Upgrade(self.secrets(upgrade.unwrap_or_default())?, to),
            (Some(s), None, None, None) => Change::Upgrade(self.secrets(s)?, UpgradeTo::default()),
            (_, Some(_), ..) => {
                return self.err(
                    at,
                    "only an upgrade has `to`",
                    "write the upgrade as a step of its own: `- to: {kestra: \">=2\"}`",
                );
            }
            (None, None, Some(_), None) if intent.strategy == Strategy::ExtraEnv => {
                return self.err(
                    at,
                    "there is no Secret to rotate",
                    "the values themselves hold the secret: use `upgrade`",
                );
            }
            (None, None, Some(s), None) => Change::Rotate(self.secrets(s)?),
            (None, None, None, Some(_)) => Change::Restart,
            _ => {
                return self.err(
                    at,
                    "a step is exactly one of `upgrade`, `rotate` and `restart`",
                    "write one step after the other",
                );
            }
        };
        if let Change::Upgrade(s, _) | Change::Rotate(s) = &change {
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
        Ok(ScenarioStep { change, expect })
    }
}

fn said(raw: SaidFile) -> LogCheck {
    LogCheck {
        has: raw.has,
        lacks: raw.lacks,
    }
}

fn is_read(given: &Input, output: &str) -> bool {
    matches!(given, Input::Intent(i) if i.reads.contains_key(output))
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
        wanted: Expected::only(Expect::Outputs(outputs)),
    }
}
