//! The values and manifests that carry what was given.

use super::*;

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
    let Action::Upgrade {
        values,
        manifests,
        to: None,
    } = &case.steps[1].action
    else {
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

#[test]
fn values_of_a_scenarios_own_are_escaped_as_the_strategys_are() {
    let own = intent("own", "extra-env", "values: {nodeSelector: {a: \"b\\u2028c\"}}\n");
    let plan = build(&[own], &[target("2.0.0")], &PlanOptions::default()).unwrap();
    let values = std::str::from_utf8(plan.installations[0].values.bytes()).unwrap();
    assert!(values.contains("b\\u2028c"), "{values}");
}
