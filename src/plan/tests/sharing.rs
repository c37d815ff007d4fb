//! Which cases share an installation.

use super::*;

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
fn the_names_of_a_shared_installation_double_no_prefix() {
    let scenarios = [
        intent("secret-key-ref", "extra-env", ""),
        intent("secrets", "extra-env", ""),
    ];
    let plan = build(&scenarios, &[target("2.0.0")], &with_defaults()).unwrap();
    let names: Vec<_> = variables(&plan.installations[0]).into_keys().collect();
    assert!(
        names.iter().any(|name| name.starts_with("SECRET__SECRET_KEY_REF__")),
        "{names:?}"
    );
    assert!(
        names.iter().all(|name| !name.starts_with("SECRET_SECRET_")),
        "{names:?}"
    );
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
