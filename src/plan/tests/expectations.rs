//! What is expected of a case, and what is skipped.

use super::*;

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
