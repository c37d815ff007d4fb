//! Manifests: as `lint` reads them, as the API server does, and as helm renders them; up to a container's environment.

#![no_main]

use kestra_secrets::internals::error::InputError;
use kestra_secrets::internals::lint::{self, fix, format};
use kestra_secrets::internals::oracle::environment::api_server::{Admitted, MAX_SIZE, admit};
use kestra_secrets::internals::oracle::environment::{ClusterFacts, Objects, Pod};
use kestra_secrets::internals::release::input::{FileForm, SourceFile};
use kestra_secrets::internals::tools::helm::Rendered;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// What a Secret holds in a document that no text after it can change; and the same, encoded.
const CANARIES: [&str; 2] = ["kFq7-vT2p-Zx9w", "a0ZxNy12VDJwLVp4OXcK"];
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: db-creds}\nstringData: {SECRET_A: kFq7-vT2p-Zx9w}\n\
                      data: {SECRET_B: a0ZxNy12VDJwLVp4OXcK}\n---\n";

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let whole = format!("{SECRET}{text}");
    let mut said = as_the_api_server(&whole);
    said += &as_lint(&whole);
    for text in [text, &whole] {
        match Rendered::read(text.as_bytes()) {
            Ok(rendered) => environments(&rendered),
            Err(error) => said += &error.to_string(),
        }
    }
    let known = |canary: &&&str| said.contains(**canary) && !text.contains(**canary);
    assert!(!CANARIES.iter().any(|canary| known(&canary)), "{said}");
});

/// What is refused, and why.
fn as_the_api_server(text: &str) -> String {
    let options = serde_saphyr::options! { with_snippet: false };
    let documents: Vec<Value> = match serde_saphyr::from_slice_multiple_with_options(text.as_bytes(), options) {
        Ok(documents) => documents,
        Err(error) => return InputError::yaml("fuzz.yaml", &error, "").to_string(),
    };
    let mut said = String::new();
    for document in &documents {
        match admit(document) {
            Err(refused) => said += &refused.to_string(),
            Ok(Admitted::Secret(secret)) => {
                let held: usize = secret.data.iter().flatten().map(|(_, value)| value.0.len()).sum();
                assert!(held <= MAX_SIZE && secret.string_data.is_none());
            }
            Ok(Admitted::ConfigMap(map)) => {
                let (texts, bytes) = (map.data.iter().flatten(), map.binary_data.iter().flatten());
                assert!(
                    texts
                        .map(|(_, text)| text.len())
                        .chain(bytes.map(|(_, b)| b.0.len()))
                        .sum::<usize>()
                        <= MAX_SIZE
                );
            }
            Ok(Admitted::Other) => {}
        }
    }
    said
}

/// What `lint` says, and what `fix` writes is no worse.
fn as_lint(text: &str) -> String {
    let source = SourceFile::new("fuzz.yaml", Some("fuzz.yaml".into()), text, FileForm::Yaml);
    let sources = std::slice::from_ref(&source);
    let linted = lint::lint(
        sources,
        lint::LintOptions {
            generation: None,
            assume_kestra: true,
        },
    );
    let (errors, unreadable) = (linted.unreadable.len(), linted.located.len());
    let outcome = fix::fix(
        sources,
        lint::LintOptions {
            generation: None,
            assume_kestra: true,
        },
    );
    assert!(outcome.left.unreadable.len() <= errors && (outcome.fixed.is_empty() || unreadable > 0));
    let diffs: String = outcome.fixed.iter().map(|fixed| fixed.diff.as_str()).collect();
    format!("{}{diffs}", format::human(&linted.report(1), &["fuzz.yaml".into()]))
}

/// No environment that is said to be without fault holds what a process could not be given.
fn environments(rendered: &Rendered) {
    let objects = Objects::new(
        rendered.secrets.iter().cloned(),
        rendered.config_maps.iter().cloned(),
        rendered.services.iter().cloned(),
    )
    .with_cluster_ips();
    let facts = ClusterFacts {
        name: "kestra-0".into(),
        namespace: "default".into(),
        ..ClusterFacts::default()
    };
    for workload in &rendered.workloads {
        let Some(spec) = &workload.template.spec else { continue };
        let pod = Pod {
            spec,
            objects: &objects,
            facts: &facts,
        };
        let volumes = pod.volumes();
        for container in &spec.containers {
            let Ok(environment) = pod.environment(container, &[]) else {
                continue;
            };
            if let Ok(volumes) = &volumes {
                let _ = pod.files(container, volumes, &environment);
            }
            let command = environment.command(container).argv(&[], &[]);
            if environment.faults(&command).is_empty() {
                let has_nul = |value: &[u8]| value.contains(&0);
                assert!(
                    !environment
                        .variables
                        .iter()
                        .any(|variable| has_nul(variable.value.as_bytes()))
                );
            }
            let _ = environment.behind(&command);
        }
    }
}
