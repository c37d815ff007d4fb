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

#[test]
fn intents_share_an_installation_and_nothing_else_does() {
    let scenarios = [
        intent("a", "extra-env", ""),
        intent("b", "secret-key-ref", ""),
        intent("missing", "extra-env", "expect: {missing: {key: OTHER}}\n"),
        literal("literal", "values.yaml"),
        intent("more-values", "extra-env", "values: {nodeSelector: {a: b}}\n"),
        intent(
            "stepping",
            "extra-env",
            "steps: [{restart: {}, expect: {outputs: {other: ''}}}]\n",
        ),
        intent(
            "blocked",
            "extra-env",
            "expect: {blocked: {reason: CreateContainerConfigError}}\n",
        ),
        intent("refused", "extra-env", "expect: {refused: {by: render, says: no}}\n"),
    ];
    let plan = build(&scenarios, &[target("2.0.0")], &with_defaults()).unwrap();
    let expected = [
        vec!["a", "b", "missing"],
        vec!["literal"],
        vec!["more-values"],
        vec!["stepping"],
        vec!["blocked"],
        vec!["refused"],
    ];
    assert_eq!(arranged(&plan), expected.into_iter().collect());
}

#[test]
fn what_our_adapter_cannot_show_is_skipped_there_with_its_reason() {
    let scenarios = [intent("a", "extra-env", "skip: {engine: no access log}\n")];
    let engine = target("2.0.0");
    let official = PlanTarget {
        kestra: "official@2.0.0".parse().unwrap(),
        ..engine.clone()
    };
    let plan = build(&scenarios, &[engine, official], &PlanOptions::default()).unwrap();
    let kestras: Vec<_> = plan.installations.iter().map(|i| i.kestra.to_string()).collect();
    assert_eq!(kestras, ["official@2.0.0"]);
    let skipped: Vec<_> = plan
        .skipped
        .iter()
        .map(|s| (s.kestra.to_string(), s.why.as_str()))
        .collect();
    assert_eq!(skipped, [("engine@2.0.0".to_owned(), "no access log")]);
}

#[test]
fn a_schedule_has_a_kestra_to_itself_below_0_21() {
    let flow = |name: &str, start: &str| {
        let secret = name.to_uppercase();
        let body = format!(
            "strategy: extra-env\nsecrets: {{{secret}: {{plain: x}}}}\nflow: flow.yaml\nstart: {start}\nexpect: {{outputs: {{}}}}\n"
        );
        scenario(name, &body)
    };
    let scenarios = [
        intent("a", "extra-env", ""),
        flow("schedule", "{trigger: {}}"),
        flow("webhook", "{webhook: {key: k}}"),
    ];
    for (version, expected) in [
        ("0.20.7", vec![vec!["a", "webhook"], vec!["schedule"]]),
        ("0.21.0-SNAPSHOT", vec![vec!["a", "schedule", "webhook"]]),
        ("2.0.0", vec![vec!["a", "schedule", "webhook"]]),
    ] {
        let plan = build(&scenarios, &[target(version)], &PlanOptions::default()).unwrap();
        assert_eq!(arranged(&plan), expected.into_iter().collect(), "{version}");
    }
    let literal = |name: &str| {
        let body = "literal: {chart: 1.x, values: values.yaml, flow: flow.yaml}\nstart: {trigger: {}}\nexpect: {outputs: {}}\n";
        scenario(name, body)
    };
    let scenarios = [literal("b"), literal("c")];
    for (version, installations) in [("0.20.7", 2), ("1.3.31", 1)] {
        let plan = build(&scenarios, &[target(version)], &PlanOptions::default()).unwrap();
        assert_eq!(plan.installations.len(), installations, "{version}");
    }
}

#[test]
fn each_kestra_has_installations_of_its_own() {
    let scenarios = [intent("a", "extra-env", ""), intent("b", "extra-env", "")];
    let plan = build(
        &scenarios,
        &[target("2.0.0"), target("1.3.31")],
        &PlanOptions::default(),
    )
    .unwrap();
    let kestras: Vec<_> = plan.installations.iter().map(|i| i.kestra.to_string()).collect();
    assert_eq!(kestras, ["engine@2.0.0", "engine@1.3.31"]);
}

#[test]
fn isolated_intents_share_nothing() {
    let scenarios = [intent("a", "extra-env", ""), intent("b", "extra-env", "")];
    let options = PlanOptions {
        isolate: true,
        ..with_defaults()
    };
    let plan = build(&scenarios, &[target("2.0.0")], &options).unwrap();
    assert_eq!(arranged(&plan), [vec!["a"], vec!["b"]].into_iter().collect());
}

#[test]
fn who_shares_bears_names_that_nobody_else_bears() {
    // Joined by one underscore, these two would both be called A_B_C.
    let secrets = |name: &str| format!("strategy: extra-env\nsecrets: {{{name}: {{plain: x}}}}\n");
    let scenarios = [scenario("a-b", &secrets("C")), scenario("a", &secrets("B_C"))];
    let plan = build(&scenarios, &[target("2.0.0")], &PlanOptions::default()).unwrap();
    let [installation] = &plan.installations[..] else {
        panic!("they share")
    };
    let names: BTreeSet<_> = installation
        .cases
        .iter()
        .flat_map(|c| c.reads.values())
        .map(|r| &r.secret)
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let flows: BTreeSet<_> = installation.cases.iter().map(|c| &c.flow).collect();
    assert_eq!(flows.len(), 2);
}

#[test]
fn a_flow_of_ones_own_calls_its_secrets_as_it_does_and_shares_where_nobody_else_does() {
    let own = |name: &str, secret: &str| {
        let body = format!(
            "strategy: extra-env\nsecrets: {{{secret}: {{plain: x}}}}\nflow: flow.yaml\nexpect: {{outputs: {{}}}}\n"
        );
        scenario(name, &body)
    };
    let scenarios = [
        own("a", "KEY"),
        own("b", "OTHER"),
        own("c", "key"),
        intent("d", "extra-env", ""),
    ];
    let plan = build(&scenarios, &[target("2.0.0")], &PlanOptions::default()).unwrap();
    assert_eq!(arranged(&plan), [vec!["a", "b", "d"], vec!["c"]].into_iter().collect());
    let shared = plan.installations.iter().find(|i| i.cases.len() == 3).unwrap();
    let held: BTreeSet<_> = variables(shared).into_keys().collect();
    assert!(
        held.contains("SECRET_KEY") && held.contains("SECRET_D__OTHER"),
        "{held:?}"
    );
}

#[test]
fn names_that_kestra_takes_for_one_share_nothing() {
    let body = "strategy: extra-env\nsecrets: {KEY: {plain: x}, key: {plain: y}}\n";
    let scenarios = [
        scenario("a", body),
        intent("b", "extra-env", ""),
        intent("c", "extra-env", ""),
    ];
    let plan = build(&scenarios, &[target("2.0.0")], &PlanOptions::default()).unwrap();
    assert_eq!(arranged(&plan), [vec!["a"], vec!["b", "c"]].into_iter().collect());
}

#[test]
fn literals_share_where_their_documents_are_the_same() {
    let scenarios = [
        literal("a", "values.yaml"),
        literal("b", "values.yaml"),
        literal("c", "dind.yaml"),
    ];
    let plan = build(&scenarios, &[target("2.0.0")], &PlanOptions::default()).unwrap();
    assert_eq!(arranged(&plan), [vec!["a", "b"], vec!["c"]].into_iter().collect());
}

#[test]
fn a_chart_that_plays_both_runs_intents_as_each_and_documents_as_they_were_written() {
    let targets = [Generation::V1, Generation::V0].map(|generation| PlanTarget {
        chart: ChartMode::Own(generation),
        ..target("2.0.0")
    });
    let scenarios = [intent("a", "extra-env", ""), literal("l", "values.yaml")];
    let plan = build(&scenarios, &targets, &PlanOptions::default()).unwrap();
    let ids: BTreeSet<_> = plan.installations.iter().map(|i| i.id.as_str()).collect();
    assert_eq!(
        ids,
        ["a-engine-2-0-0-0-x", "a-engine-2-0-0-1-x", "l-engine-2-0-0-1-x"]
            .into_iter()
            .collect()
    );
    assert!(plan.skipped.is_empty());
}

#[test]
fn only_a_flow_that_does_nothing_but_read_is_foretold() {
    let case = |flow: &str, more: &str| {
        let text = format!(
            "schema: 1\nname: l\nabout: A.\nliteral: {{chart: 1.x, values: v, flow: f}}\nexpect: {{outputs: {{}}}}\n{more}"
        );
        let fetch = |path: &Path| {
            Ok(if path == Path::new("f") {
                flow.into()
            } else {
                b"{}".to_vec()
            })
        };
        let plan = build(
            &[Arc::new(parse("l", &text, &fetch).unwrap())],
            &[target("2.0.0")],
            &PlanOptions::default(),
        );
        plan.unwrap().installations[0].cases[0].is_foretold()
    };
    let read = "tasks: [{type: io.kestra.plugin.core.output.OutputValues, values: {a: \"{{ secret('A') }}\"}}]";
    assert!(case(read, ""));
    assert!(!case(
        &format!("{read}\nvariables: {{b: \"{{{{ secret('B') }}}}\"}}"),
        ""
    ));
    assert!(!case(read, "start: {webhook: {key: k}}\n"));
}

#[test]
fn an_expectation_speaks_of_the_names_that_are_used() {
    let log = "expect: {missing: {key: OTHER, log: \"Could not decode secret 'SECRET_OTHER'\"}}\n";
    let scenarios = [intent("one", "extra-env", log), intent("two", "extra-env", "")];
    let plan = build(&scenarios, &[target("2.0.0")], &PlanOptions::default()).unwrap();
    let wanted = &plan.installations[0].cases[0].wanted;
    let key = "ONE__OTHER".to_owned();
    assert_eq!(wanted.expect, Expect::Missing { key });
    assert_eq!(wanted.server_log.has, ["Could not decode secret 'SECRET_ONE__OTHER'"]);
}

#[test]
fn what_says_nothing_of_a_version_is_skipped_whole() {
    let old = "{kestra: <1, outputs: {other: ''}}";
    let scenarios = [
        intent("old", "extra-env", &format!("expect: {old}\n")),
        intent(
            "old-step",
            "extra-env",
            &format!("steps: [{{restart: {{}}, expect: {old}}}]\n"),
        ),
    ];
    let plan = build(&scenarios, &[target("2.0.0")], &PlanOptions::default()).unwrap();
    assert!(plan.installations.is_empty());
    let why: Vec<_> = plan.skipped.iter().map(|s| s.why.as_str()).collect();
    assert_eq!(
        why,
        [
            "it expects nothing of Kestra 2.0.0 with chart 1.x",
            "its step 1 expects nothing of Kestra 2.0.0 with chart 1.x"
        ]
    );
}

#[test]
fn a_key_the_chart_ignores_is_an_error_of_an_intent_and_a_warning_of_a_literal() {
    let ignored = intent("ignored", "extra-env", "values: {common: {extraEnv: []}}\n");
    let old = PlanTarget {
        chart: ChartMode::Only(Generation::V0),
        ..target("2.0.0")
    };
    let error = build(&[ignored], &[old], &PlanOptions::default()).unwrap_err();
    assert!(error.to_string().starts_with("ignored.yaml:2:7: "), "{error}");
    assert_eq!(error.help().unwrap().to_string(), "write `extraEnv`");

    let deployment = parse(
        "l.yaml",
        "schema: 1\nname: l\nabout: A.\nliteral: {chart: 1.x, values: v, flow: f}\nexpect: {outputs: {}}\n",
        &|path| {
            Ok(if path == Path::new("v") {
                b"deployment: {}".to_vec()
            } else {
                Vec::new()
            })
        },
    );
    let plan = build(&[Arc::new(deployment.unwrap())], &[target("2.0.0")], &with_defaults()).unwrap();
    let warnings = &plan.installations[0].cases[0].warnings;
    assert_eq!(
        warnings[..],
        ["chart 1.x silently ignores `deployment`; write `deployments`"]
    );
}

#[test]
fn values_that_the_defaults_set_as_well_are_an_error_unless_there_are_none() {
    for scenario in [
        intent("i", "extra-env", "values: {dind: {enabled: true}}\n"),
        literal("l", "dind.yaml"),
    ] {
        let scenarios = [scenario];
        let error = build(&scenarios, &[target("2.0.0")], &with_defaults()).unwrap_err();
        assert!(error.to_string().contains("`dind.enabled`"), "{error}");
        assert!(error.help().unwrap().to_string().contains("--no-defaults"));
        build(&scenarios, &[target("2.0.0")], &PlanOptions::default()).unwrap();
    }
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
fn the_documents_of_every_strategy_and_generation_decode_to_the_plaintexts() {
    let plaintexts = [
        ("A", ""),
        ("B", "pässword\n"),
        ("b_c", "x"),
        ("B_C", "y"),
        ("D", "YWRtaW4="),
    ];
    let secrets: serde_json::Map<_, _> = plaintexts
        .iter()
        .map(|(name, plain)| ((*name).to_owned(), serde_json::json!({"plain": plain})))
        .collect();
    let reads: serde_json::Map<_, _> = [("out".to_owned(), "A".into())].into_iter().collect();
    let body = |strategy: &str| {
        format!(
            "strategy: {strategy}\nsecrets: {}\nreads: {}\n",
            Value::Object(secrets.clone()),
            Value::Object(reads.clone())
        )
    };
    for strategy in [
        "extra-env",
        "extra-env-from",
        "secret-key-ref",
        "env-from-prefix",
        "string-data",
        "config-map",
    ] {
        for chart in [Generation::V0, Generation::V1, Generation::V2] {
            let chart_target = PlanTarget {
                chart: ChartMode::Only(chart),
                ..target("2.0.0")
            };
            let scenarios = [scenario("own", &body(strategy))];
            let plan = build(&scenarios, &[chart_target], &PlanOptions::default()).unwrap();
            let held = variables(&plan.installations[0]);
            assert_eq!(held.len(), plaintexts.len(), "{strategy} {chart}");
            for (name, plain) in plaintexts {
                let value = Plaintext::new(held[&format!("SECRET_{name}")].clone(), true);
                assert_eq!(
                    decode(&value).unwrap().bytes(),
                    plain.as_bytes(),
                    "{strategy} {chart} {name}"
                );
            }
        }
    }
}

#[test]
fn a_value_given_as_it_is_is_not_encoded_for_kestra() {
    let raw = scenario("raw", "strategy: secret-key-ref\nsecrets: {A: {env: 'not Base64!'}}\n");
    let plan = build(&[raw], &[target("2.0.0")], &PlanOptions::default()).unwrap();
    assert_eq!(variables(&plan.installations[0])["SECRET_A"], b"not Base64!");
}

#[test]
fn steps_carry_on_from_one_another() {
    let steps = "steps:\n  - {rotate: {OTHER: {plain: one}}, expect: {outputs: {other: ''}}}\n  \
                 - {upgrade: {DB_PASSWORD: {plain: two}}, expect: {outputs: {other: one}}}\n";
    let plan = build(
        &[intent("s", "secret-key-ref", steps)],
        &[target("2.0.0")],
        &PlanOptions::default(),
    )
    .unwrap();
    let case = &plan.installations[0].cases[0];
    let names: Vec<_> = case.steps.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["1-rotate", "2-upgrade"]);
    let Action::Upgrade { values, manifests } = &case.steps[1].action else {
        panic!("the second step upgrades")
    };
    assert_eq!(
        values.bytes(),
        plan.installations[0].values.bytes(),
        "the template is the same"
    );
    let after = Installation {
        manifests: manifests.clone(),
        ..plan.installations[0].bare()
    };
    let held = variables(&after);
    assert_eq!(held["SECRET_OTHER"], STANDARD.encode("one").as_bytes());
    assert_eq!(held["SECRET_DB_PASSWORD"], STANDARD.encode("two").as_bytes());
}
