//! The way of each value, from where it was written to what the flow reported.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::KestraPod;
use crate::oracle::environment::{EnvironmentEntry, ObjectKind, ObjectRef, Variable, VariableSource, survives_shell};
use crate::oracle::secret::diagnosis::{self, Code, Diagnosis};
use crate::oracle::secret::{Hop, HopKind, HopValue, Location, PREFIX, Plaintext, SecretStore, Trace};
use crate::plan::{Case, OutputRead, ignored};
use crate::scenario::{Expect, Generation, Input, Manifest, Secret};
use crate::system::words::visible;
use crate::system::yaml;
use crate::verdict::{CaseOutcome, Outcome};

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
    /// Follows every output.
    pub fn trace(&self, pod: &KestraPod) -> BTreeMap<String, OutputTrace> {
        // What is made of a public value is public too.
        let public = |v: &Variable| self.case.reads.values().any(|r| r.public && names(v, r));
        let variables = pod.environment.variables.iter();
        let secrets: SecretStore = variables
            .map(|v| (v.name.as_str(), Plaintext::new(v.value.as_bytes(), public(v))))
            .collect();
        let traced = self.case.reads.iter().map(|(output, read)| {
            let trace = match variable(pod, read) {
                Some(variable) => self.follow(variable, output, read, &secrets),
                None => dropped(pod, read)
                    .or_else(|| prefixed_twice(pod, read))
                    .unwrap_or_else(|| self.absent(read)),
            };
            (output.clone(), trace)
        });
        traced.collect()
    }

    /// That nothing gives the pod a secret.
    fn absent(&self, read: &OutputRead) -> OutputTrace {
        let other_keys = !ignored(self.values, self.generation).is_empty();
        let hops = vec![Hop {
            at: HopKind::ApiServer,
            meant: None,
            predicted: Some(HopValue::Nothing(format!(
                "the pod is given no variable {PREFIX}{}",
                visible(&read.secret.to_uppercase())
            ))),
            observed: None,
        }];
        let diagnosis = Diagnosis {
            codes: other_keys.then_some(Code::OtherGeneration).into_iter().collect(),
            corrected: None,
            name: None,
        };
        OutputTrace { hops, diagnosis }
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
        let mut diagnosis = diagnosis::diagnose(&given);
        // What is not UTF-8 is not in the environment as it is in the Secret.
        let text = place
            .environment(&written)
            .filter(|now| str::from_utf8(now.bytes()).is_ok());
        if text.is_some_and(|now| now != environment) {
            diagnosis.codes.push(Code::Stale);
        }
        let mut shadowed = variable.shadowed.iter();
        if shadowed.any(|source| EnvironmentEntry::from_source(source).is_some()) {
            diagnosis.codes.push(Code::TwoSources);
        }
        OutputTrace { hops, diagnosis }
    }
}

/// What became of a secret that the shell drops which starts Kestra.
fn dropped(pod: &KestraPod, read: &OutputRead) -> Option<OutputTrace> {
    let mut skipped = pod.environment.skipped.iter();
    let skipped = skipped.find(|s| claims(&s.name, read) && !survives_shell(&s.name))?;
    let diagnosis = Diagnosis {
        codes: vec![Code::ShellName],
        corrected: None,
        name: diagnosis::corrected_name(&skipped.name),
    };
    let hops = vec![Hop {
        at: HopKind::Environment,
        meant: None,
        predicted: Some(HopValue::Nothing(skipped.why.clone())),
        observed: None,
    }];
    Some(OutputTrace { hops, diagnosis })
}

/// What became of a secret whose variable has the prefix twice: Kestra knows it by another name.
fn prefixed_twice(pod: &KestraPod, read: &OutputRead) -> Option<OutputTrace> {
    let once = |name: &str| diagnosis::corrected_name(name).filter(|right| survives_shell(name) && claims(right, read));
    let mut variables = pod.environment.variables.iter();
    let name = variables.find_map(|v| once(v.name.strip_prefix(PREFIX).map(|_| v.name.as_str())?))?;
    let diagnosis = Diagnosis {
        codes: vec![Code::DoubledPrefix],
        corrected: None,
        name: Some(name),
    };
    let hops = vec![Hop {
        at: HopKind::Decoder,
        meant: None,
        predicted: Some(HopValue::Nothing("its name has the prefix SECRET_ twice".into())),
        observed: None,
    }];
    Some(OutputTrace { hops, diagnosis })
}

/// The variable that gives a secret: by Kestra's rule the name's case does not matter behind the prefix.
fn variable<'a>(pod: &'a KestraPod, read: &OutputRead) -> Option<&'a Variable> {
    pod.environment.variables.iter().find(|v| names(v, read))
}

fn names(variable: &Variable, read: &OutputRead) -> bool {
    claims(&variable.name, read)
}

fn claims(name: &str, read: &OutputRead) -> bool {
    let rest = name.strip_prefix(PREFIX);
    rest.is_some_and(|rest| rest.to_uppercase() == read.secret.to_uppercase())
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
