use super::*;

const MATRIX: &str = "\
schema: 1
providers: [embedded, kind]
charts: [bundled, official@0.23.9]
kestra:
  - {name: engine@2.0.0}
  - {name: official@1.3.31, image: 'kestra/kestra@sha256:aa'}
  - {name: official@1.3.31, image: 'kestra/kestra@sha256:bb'}
scenarios: [extra-env, rotation]
";

fn read(more: &str) -> Result<Matrix, InputError> {
    parse("m.yaml", &format!("{MATRIX}{more}"), Path::new(""))
}

#[test]
fn every_combination_is_there_once_and_two_images_of_one_name_run_apart() {
    let matrix = read("").unwrap();
    let of = |s: &MatrixSession| s.kestras.len();
    assert_eq!(matrix.sessions.iter().map(of).sum::<usize>(), 12);
    assert_eq!(
        matrix.sessions.iter().map(of).collect::<Vec<_>>(),
        [2, 1, 2, 1, 2, 1, 2, 1]
    );
}

#[test]
fn rules_leave_out_and_note_and_what_nobody_deploys_runs_last() {
    let matrix = read(
        "exclude:\n  - {providers: [kind], charts: [official@0.23.9], why: never}\n  - {kestra: [engine@2.0.0], scenarios: [rotation], why: slow}\n\
         notes:\n  - {charts: [official@0.23.9], why: nobody deploys it}\n",
    )
    .unwrap();
    assert_eq!(matrix.excluded.len(), 3);
    let charts: Vec<_> = matrix.sessions.iter().map(|s| s.chart.to_string()).collect();
    assert!(
        charts[..4].iter().all(|c| c == "bundled") && charts[4..].iter().all(|c| c != "bundled"),
        "{charts:?}"
    );
    let engine = &matrix.sessions[0].kestras[0];
    assert!(engine.without.contains("rotation"));
    assert_eq!(
        matrix.sessions[4].kestras[0].note("extra-env").as_deref(),
        Some("nobody deploys it")
    );
    assert_eq!(engine.note("extra-env"), None);
}

#[test]
fn node_images_are_kinds_alone_and_every_provider_runs_by_every_helm() {
    let axes = "kubernetes: [kindest/node:v1.33.4, kindest/node:v1.34.0]\nhelm: [helm3, helm4]\n";
    let rule = "exclude:\n  - {kubernetes: ['kindest/node:v1.33.4'], helm: [helm4], why: old}\n";
    let matrix = read(&format!("{axes}{rule}")).unwrap();
    let mut places: Vec<_> = matrix
        .sessions
        .iter()
        .map(|s| {
            (
                s.node_image.as_deref().unwrap_or("-"),
                s.helm.as_ref().unwrap().display().to_string(),
            )
        })
        .collect();
    places.dedup();
    let place = |image, helm: &str| (image, helm.to_owned());
    assert_eq!(
        places,
        [
            place("-", "helm3"),
            place("-", "helm4"),
            place("kindest/node:v1.33.4", "helm3"),
            place("kindest/node:v1.34.0", "helm3"),
            place("kindest/node:v1.34.0", "helm4"),
        ]
    );
    assert_eq!(
        matrix.excluded[0].0,
        "engine@2.0.0 with bundled on kind kindest/node:v1.33.4 by helm4"
    );
    let text = format!("{}kubernetes: [a]\n", MATRIX.replace("embedded, kind", "embedded"));
    let error = parse("m.yaml", &text, Path::new("")).unwrap_err().to_string();
    assert!(error.contains("m.yaml:9:14: only kind has node images"), "{error}");
}

#[test]
fn a_mistake_is_told_with_its_place() {
    for (more, says) in [
        ("exclude:\n  - {charts: [official@0.23.8], why: x}\n", "m.yaml:10:"),
        ("exclude:\n  - {why: x}\n", "m.yaml:10:11: the rule is about everything"),
        (
            "notes:\n  - {scenarios: [rotatoin], why: x}\n",
            "the matrix has no scenario rotatoin",
        ),
        ("exlude: []\n", "m.yaml:9:1"),
        (
            "exclude:\n  - {charts: [bundled, official@0.23.9], why: x}\n",
            "nothing is left to run",
        ),
    ] {
        let error = read(more).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    let twice = MATRIX.replace("[embedded, kind]", "[embedded, embedded]");
    let error = parse("m.yaml", &twice, Path::new("")).unwrap_err().to_string();
    assert!(error.starts_with("m.yaml:2:23: embedded is there twice"), "{error}");
}

#[test]
fn a_kestra_runs_on_the_charts_that_it_names() {
    let text = "schema: 1\nproviders: [kind]\ncharts: [official@1.0.54, official@2.0.7]\nkestra:\n  - {name: official@1.3.15, charts: [official@1.0.54]}\n  - {name: official@2.0.7, charts: [official@2.0.7]}\n";
    let read = |text: &str| parse("m.yaml", text, Path::new(""));
    let matrix = read(text).unwrap();
    let pairs: Vec<_> = matrix
        .sessions
        .iter()
        .map(|s| (s.chart.to_string(), s.kestras[0].name()))
        .collect();
    let pair = |chart: &str, kestra: &str| (chart.to_owned(), kestra.to_owned());
    assert_eq!(
        pairs,
        [
            pair("official@1.0.54", "official@1.3.15"),
            pair("official@2.0.7", "official@2.0.7")
        ]
    );
    assert!(matrix.excluded.is_empty());
    let stray = read(&text.replace("charts: [official@1.0.54]}", "charts: [official@1.0.53]}")).unwrap_err();
    assert_eq!(
        (stray.message.as_str(), stray.line),
        ("the matrix has no chart official@1.0.53", 5)
    );
    let bare = read(&text.replace("charts: [official@2.0.7]}", "charts: [official@1.0.54]}")).unwrap_err();
    assert_eq!(
        (bare.message.as_str(), bare.line),
        ("no Kestra runs on chart official@2.0.7", 3)
    );
}
