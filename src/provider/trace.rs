//! The way of each value, from where it was written to what the flow reported.

mod absence;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{KestraPod, Role};
use crate::oracle::environment::{EnvironmentEntry, ObjectKind, ObjectRef, Variable, VariableSource};
use crate::oracle::secret::diagnosis::{self, Code, Diagnosis};
use crate::oracle::secret::{Hop, HopKind, HopValue, Location, PREFIX, Plaintext, SecretStore, Trace};
use crate::plan::{Case, OutputRead, ignored};
use crate::scenario::{Expect, Generation, Input, Manifest, Secret};
use crate::system::yaml;
use crate::verdict::{CaseOutcome, Outcome};
use absence::{Absence, SecretSearch};

/// One output's value on its way, and what is wrong with it.
pub struct OutputTrace {
    /// Hop by hop.
    pub hops: Vec<Hop<Plaintext>>,
    /// What was recognised, and what should be written instead.
    pub diagnosis: Diagnosis,
}

/// What every value of a case is followed with.
pub struct TracedCase<'a> {
    /// The manifests as they were applied last.
    pub manifests: &'a [Manifest],
    /// The values as helm got them last.
    pub values: &'a Plaintext,
    /// The generation that the chart plays now.
    pub generation: Generation,
    /// The case.
    pub case: &'a Case,
    /// What is expected.
    pub expect: &'a Expect,
    /// The Kestra's version.
    pub version: &'a semver::Version,
    /// What came out.
    pub attempt: &'a CaseOutcome,
}

impl TracedCase<'_> {
    /// Follows every output through the pod that renders what tasks are given, one of these.
    pub fn trace(&self, pod: &KestraPod, pods: &BTreeMap<Role, &KestraPod>) -> BTreeMap<String, OutputTrace> {
        // What is made of a public value is public too.
        let public = |v: &Variable| self.case.reads.values().any(|r| r.public && names(v, r));
        let variables = pod.environment.variables.iter();
        let secrets: SecretStore = variables
            .map(|v| (v.name.as_str(), Plaintext::new(v.value.as_bytes(), public(v))))
            .collect();
        let search = SecretSearch {
            pod,
            pods,
            ignores_keys: !ignored(self.values, self.generation).is_empty(),
        };
        let traced = self.case.reads.iter().map(|(output, read)| {
            let mut named = pod.environment.variables.iter().filter(|v| names(v, read));
            let trace = match named.next() {
                Some(variable) => {
                    let mut trace = self.follow(variable, output, read, &secrets);
                    // Kestra turns every name into capitals.
                    trace.recognise(named.next().map(|_| Code::NameCollision));
                    trace
                }
                None => search.absence(&read.secret).into(),
            };
            (output.clone(), trace)
        });
        traced.collect()
    }

    fn follow(&self, variable: &Variable, output: &str, read: &OutputRead, secrets: &SecretStore) -> OutputTrace {
        let (place, written) = written(variable, self.manifests, read.public);
        let meant = meant(self.case, self.expect, output);
        let environment = Plaintext::new(variable.value.as_bytes(), read.public);
        let trace = Trace {
            key: &read.secret,
            place,
            written: &written,
            meant: meant.as_ref(),
            environment: Some(&environment),
            secrets: Some(secrets),
        };
        let mut hops = trace.hops(self.version);
        if let Some(hop) = hops.iter_mut().find(|h| h.at == HopKind::SecretFunction)
            && let Some(seen) = observed(self.attempt, output)
        {
            hop.seen_in_outputs(seen, self.version);
        }
        let given = diagnosis::WrittenValue {
            name: Some(&variable.name),
            place,
            value: &written,
            meant: meant.as_ref(),
        };
        let diagnosis = diagnosis::diagnose(&given);
        // What is not UTF-8 is not in the environment as it is in the Secret.
        let text = place
            .environment(&written)
            .filter(|now| str::from_utf8(now.bytes()).is_ok());
        let stale = text.is_some_and(|now| now != environment);
        let mut shadowed = variable.shadowed.iter();
        let shadows = shadowed.any(|source| EnvironmentEntry::from_source(source).is_some());
        let is_link = matches!(variable.source, VariableSource::ServiceLink { .. });
        let mut trace = OutputTrace { hops, diagnosis };
        trace.recognise(stale.then_some(Code::Stale));
        trace.recognise(shadows.then_some(Code::TwoSources));
        trace.recognise(is_link.then_some(Code::ServiceLink));
        trace
    }
}

impl OutputTrace {
    fn recognise(&mut self, code: Option<Code>) {
        self.diagnosis.codes.extend(code);
        self.diagnosis.codes.sort_unstable();
    }
}

impl From<Absence> for OutputTrace {
    fn from(absence: Absence) -> Self {
        let hop = Hop {
            at: absence.at,
            meant: None,
            predicted: Some(HopValue::Nothing(absence.why)),
            observed: None,
        };
        Self {
            hops: vec![hop],
            diagnosis: Diagnosis {
                codes: vec![absence.code],
                corrected: None,
                name: None,
            },
        }
    }
}

/// Whether a variable gives a secret: by Kestra's rule the name's case does not matter behind the prefix.
fn names(variable: &Variable, read: &OutputRead) -> bool {
    claims(&variable.name, &read.secret)
}

fn claims(name: &str, key: &str) -> bool {
    let rest = name.strip_prefix(PREFIX);
    rest.is_some_and(|rest| rest.to_uppercase() == key.to_uppercase())
}

/// Where a variable's value was written, and the text that stands there.
fn written(variable: &Variable, manifests: &[Manifest], public: bool) -> (Location, Plaintext) {
    let environment = || Plaintext::new(variable.value.as_bytes(), public);
    let (object, key) = match &variable.source {
        VariableSource::Env { .. } => return (Location::Values, environment()),
        VariableSource::EnvFrom { object, key, .. } | VariableSource::EnvKey { object, key, .. } => (object, key),
        _ => return (Location::Env, environment()),
    };
    in_manifests(object, key, manifests, public).unwrap_or_else(|| (Location::Env, environment()))
}

fn in_manifests(object: &ObjectRef, key: &str, manifests: &[Manifest], public: bool) -> Option<(Location, Plaintext)> {
    let documents = manifests
        .iter()
        .flat_map(|m| yaml::documents::<Json>(m.text.bytes()).unwrap_or_default());
    let is_it = |d: &Json| {
        object.kind == ObjectKind::Secret
            && d.get("kind").and_then(Json::as_str) == Some("Secret")
            && d.pointer("/metadata/name").and_then(Json::as_str) == Some(&object.name)
    };
    let mut documents: Vec<Json> = documents.collect();
    // Of two with the same name the later one is applied over the earlier.
    documents.retain(is_it);
    let found = documents.pop()?;
    // What stands in both is taken from `stringData`, as the API server does.
    let at = |field: &str| found.get(field)?.get(key)?.as_str().map(|t| Plaintext::new(t, public));
    at("stringData")
        .map(|t| (Location::StringData, t))
        .or_else(|| at("data").map(|t| (Location::Data, t)))
}

/// What the user means the flow to see: what the source promised, what the intent gave, or what is expected.
fn meant(case: &Case, expect: &Expect, output: &str) -> Option<Plaintext> {
    let promised = match &case.scenario.promise {
        Some(Expect::Outputs(outputs)) => outputs.get(output).cloned(),
        _ => None,
    };
    let intended = || match &case.scenario.given {
        Input::Intent(intent) => match intent.secrets.get(intent.reads.get(output)?)? {
            Secret::Plain(plain) if case.scenario.steps.is_empty() => Some(plain.clone()),
            _ => None,
        },
        Input::Literal(_) => None,
    };
    let expected = || match expect {
        Expect::Outputs(outputs) => outputs.get(output).cloned(),
        _ => None,
    };
    promised.or_else(intended).or_else(expected)
}

fn observed(attempt: &CaseOutcome, output: &str) -> Option<HopValue<Plaintext>> {
    let Ok(Outcome::Ran(ran)) = attempt else { return None };
    // A task that failed has no outputs: which of its secrets was missing, only its message says.
    ran.outputs.get(output).map(|plain| HopValue::Is(plain.clone()))
}
