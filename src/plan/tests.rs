//! Plans of scenarios that a test writes itself.

mod documents;
mod expectations;
mod sharing;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use miette::Diagnostic as _;
use serde_json::Value;

use super::*;
use crate::kestra::KestraRef;
use crate::oracle::secret::{Plaintext, decode};
use crate::scenario::Credentials;
use crate::scenario::{Expect, parse};

const INTENT: &str = "secrets: {DB_PASSWORD: {plain: pässword}, OTHER: {plain: ''}}\n";

fn scenario(name: &str, body: &str) -> Arc<Scenario> {
    let text = format!("schema: 1\nname: {name}\nabout: A test.\n{body}");
    let fetch = |path: &Path| match path.to_str() {
        Some("flow.yaml") => Ok(b"{id: f, namespace: n, tasks: []}".to_vec()),
        Some("dind.yaml") => Ok(b"dind: {enabled: true}".to_vec()),
        _ => Ok(b"{}".to_vec()),
    };
    Arc::new(parse(&format!("{name}.yaml"), &text, &fetch).unwrap())
}

fn intent(name: &str, strategy: &str, more: &str) -> Arc<Scenario> {
    scenario(name, &format!("strategy: {strategy}\n{INTENT}{more}"))
}

fn literal(name: &str, values: &str) -> Arc<Scenario> {
    let body = format!("literal: {{chart: 1.x, values: {values}, flow: flow.yaml}}\nexpect: {{outputs: {{}}}}\n");
    scenario(name, &body)
}

fn target(version: &str) -> PlanTarget {
    let version: semver::Version = version.parse().unwrap();
    PlanTarget {
        kestra: KestraRef::Engine(version.clone()),
        version,
        chart: ChartMode::AsWritten,
    }
}

fn with_defaults() -> PlanOptions {
    PlanOptions {
        defaults: Some(Defaults {
            pull_secret: None,
            credentials: Credentials::generate(),
            images: std::collections::BTreeMap::new(),
        }),
        ..PlanOptions::default()
    }
}

/// The names of the scenarios of each installation; their ids must differ.
fn arranged(plan: &Plan) -> BTreeSet<Vec<&str>> {
    let ids: BTreeSet<_> = plan.installations.iter().map(|i| &i.id).collect();
    assert_eq!(ids.len(), plan.installations.len(), "an id is not unique: {ids:?}");
    plan.installations
        .iter()
        .map(|i| i.cases.iter().map(|c| c.scenario.name.as_str()).collect())
        .collect()
}

/// What each variable of an installation's documents will hold in the container.
fn variables(installation: &Installation) -> BTreeMap<String, Vec<u8>> {
    let values: Value = serde_json::from_slice(installation.values.bytes()).unwrap();
    let is_old = installation.generation == Generation::V0;
    let values = if is_old { &values } else { &values["common"] };
    let secrets: BTreeMap<String, BTreeMap<String, Vec<u8>>> = installation
        .manifests
        .iter()
        .map(|manifest| {
            let object: Value = serde_json::from_slice(manifest.text.bytes()).unwrap();
            let is_encoded = object["kind"] == "Secret" && object.get("data").is_some();
            let held = [&object["data"], &object["stringData"]];
            let held = held.into_iter().filter_map(Value::as_object).flatten();
            let held = held.map(|(key, value)| {
                let text = value.as_str().unwrap();
                let bytes = if is_encoded {
                    STANDARD.decode(text).unwrap()
                } else {
                    text.into()
                };
                (key.clone(), bytes)
            });
            (object["metadata"]["name"].as_str().unwrap().to_owned(), held.collect())
        })
        .collect();
    let mut found = BTreeMap::new();
    let list = |key: &str| values[key].as_array().cloned().unwrap_or_default();
    let whole = ["extraSecretEnvFrom", "extraConfigMapEnvFrom", "extraEnvFrom"].map(list);
    for entry in whole.into_iter().flatten() {
        let reference = [&entry["secretRef"], &entry["configMapRef"], &entry];
        let name = reference.iter().find_map(|r| r["name"].as_str()).unwrap();
        let prefix = entry["prefix"].as_str().unwrap_or_default();
        let held = secrets[name].iter();
        found.extend(held.map(|(key, value)| (format!("{prefix}{key}"), value.clone())));
    }
    for entry in list("extraEnv") {
        let value = match &entry["valueFrom"]["secretKeyRef"] {
            Value::Null => entry["value"].as_str().unwrap().as_bytes().to_vec(),
            key => secrets[key["name"].as_str().unwrap()][key["key"].as_str().unwrap()].clone(),
        };
        found.insert(entry["name"].as_str().unwrap().to_owned(), value);
    }
    found
}

#[test]
fn the_whole_catalogue_can_be_planned_on_every_chart_and_kestra() {
    let all: Vec<_> = crate::scenario::load(&[]).unwrap().into_iter().map(Arc::new).collect();
    for generation in [Generation::V0, Generation::V1] {
        for chart in [
            ChartMode::AsWritten,
            ChartMode::Only(generation),
            ChartMode::Own(generation),
        ] {
            for version in crate::kestra::ENGINES {
                let target = PlanTarget {
                    chart,
                    ..target(&version.to_string())
                };
                let plan = build(&all, &[target], &with_defaults());
                assert!(plan.is_ok(), "{chart:?} {version}: {}", plan.unwrap_err());
            }
        }
    }
}
