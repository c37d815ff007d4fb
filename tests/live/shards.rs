//! `run --matrix` and `run --shard`: parts that together are the whole.

use std::fs;

use kestra_secrets::internals::kestra::CURRENT_ENGINES;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::matrix::{MATRIX, with_matrix};
use crate::support::sandbox::Sandbox;
use crate::support::{ENGINE, requirements, schemas};
use crate::{live, on_provider};

pub fn trials() -> Vec<Trial> {
    vec![
        live("shards", "two_shards_merged_are_the_report_of_the_whole", two_shards),
        live(
            "shards",
            "a_matrix_runs_by_two_helms_and_the_report_tells_them_apart",
            helms,
        ),
        on_provider(
            "kind",
            "shards::a_matrix_runs_on_two_kubernetes_by_helm_3_and_helm_4".into(),
            || requirements::lacking_for_two_clusters(&CURRENT_ENGINES[0]),
            two_kubernetes,
        ),
    ]
}

pub fn report(sandbox: &Sandbox, folder: &str) -> Value {
    let path = sandbox.work().join(folder).join("report.json");
    schemas::assert_report(&path);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The results without what differs from run to run: times, and with whom a start was shared.
pub fn results(report: &Value) -> Value {
    let mut results = report["results"].clone();
    for result in results.as_array_mut().unwrap() {
        for phase in result["phases"].as_array_mut().into_iter().flatten() {
            phase["ms"] = 0.into();
        }
        result["provenance"].as_object_mut().unwrap().remove("shared_with");
    }
    results
}

/// The second helm is the first under another version.
fn helms() {
    let sandbox = Sandbox::new();
    let helm = requirements::helm();
    let helm = helm.display();
    sandbox.script("helm-a", &format!("exec {helm} \"$@\""));
    let other = format!("[ \"$1\" = version ] && echo v4.0.1 && exit\nexec {helm} \"$@\"");
    sandbox.script("helm-b", &other);
    let axis = "helm: [helm-a, helm-b]\nexclude:\n  - {helm: [helm-b], scenarios: [rotation], why: enough once}\n";
    sandbox.file("matrix.yaml", format!("{MATRIX}{axis}"));
    let args = ["run", "--matrix", "matrix.yaml", "--report", "report"];
    let said = with_matrix(&sandbox, &args).with_code(0);
    assert!(said.stderr.contains("(as two cores take)"), "{}", said.stderr);
    let written = report(&sandbox, "report");
    let results = written["results"].as_array().unwrap();
    let by = |scenario: &str| -> Vec<&str> {
        let of_it = results.iter().filter(|result| result["scenario"] == scenario);
        of_it
            .map(|result| result["provenance"]["helm"].as_str().unwrap())
            .collect()
    };
    assert_eq!(by("secret-key-ref").len(), 2);
    assert!(by("secret-key-ref").contains(&"4.0.1") && !by("rotation").contains(&"4.0.1"));
    let page = fs::read_to_string(sandbox.work().join("report/report.html")).unwrap();
    assert!(page.contains("<small>helm 4.0.1</small>"));
    let again = with_matrix(&sandbox, &args).with_code(0);
    assert!(
        again.stderr.contains("of them by report/report.json"),
        "{}",
        again.stderr
    );
    sandbox.assert_clean();
}

/// Each Kubernetes by one helm: the other pairs would take as long again.
fn two_kubernetes() {
    let sandbox = Sandbox::new();
    let (newer, older) = (requirements::NODE, requirements::OLDER_NODE);
    let matrix = format!(
        "schema: 1\nproviders: [kind]\nkubernetes: [{older:?}, {newer:?}]\nhelm: [helm, helm4]\ncharts: [bundled]\n\
         kestra: [{{name: {ENGINE}}}]\nscenarios: [extra-env, extra-env-from, secret-key-ref]\nexclude:\n  \
         - {{kubernetes: [{older:?}], helm: [helm4], why: the newer has it}}\n  \
         - {{kubernetes: [{newer:?}], helm: [helm], why: the older has it}}\n"
    );
    sandbox.file("matrix.yaml", matrix);
    with_matrix(&sandbox, &["run", "--matrix", "matrix.yaml", "--report", "report"]).with_code(0);
    let written = report(&sandbox, "report");
    let mut seen: Vec<(String, String)> = Vec::new();
    for result in written["results"].as_array().unwrap() {
        let of = |field: &str| result["provenance"][field].as_str().unwrap().to_owned();
        seen.push((of("kubernetes"), of("helm")));
    }
    seen.sort();
    let (old, new) = (("1.33.13", "3."), ("1.34.4", "4."));
    assert_eq!(seen.len(), 6, "{seen:?}");
    for (at, (kubernetes, helm)) in seen.iter().enumerate() {
        let (wanted, major) = if at < 3 { old } else { new };
        assert!(
            kubernetes.trim_start_matches('v') == wanted && helm.starts_with(major),
            "{seen:?}"
        );
    }
    sandbox.assert_clean();
}

fn two_shards() {
    let sandbox = Sandbox::new();
    sandbox.file("matrix.yaml", MATRIX);
    with_matrix(&sandbox, &["run", "--matrix", "matrix.yaml", "--report", "whole"]).with_code(0);
    for (shard, folder) in [("1/2", "one"), ("2/2", "two")] {
        let said = with_matrix(
            &sandbox,
            &["run", "--matrix", "matrix.yaml", "--shard", shard, "--report", folder],
        )
        .with_code(0);
        let left = format!("shard {shard}: left to the other shards are 1 installations with 1 cases");
        assert!(said.stderr.contains(&left), "{}", said.stderr);
        assert_eq!(said.stdout.lines().last(), Some(&left[..]));
    }
    sandbox.run(["report", "merge", "one", "--output", "half"]).with_code(2);
    sandbox
        .run(["report", "merge", "two", "one", "--output", "merged"])
        .with_code(0);
    let (whole, merged) = (report(&sandbox, "whole"), report(&sandbox, "merged"));
    assert_eq!(results(&whole), results(&merged));
    assert_eq!(whole["results"].as_array().unwrap().len(), 5);
    let note = |r: &Value| r["provenance"]["note"].as_str().map(str::to_owned);
    let noted = whole["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|r| note(r).is_some())
        .count();
    assert_eq!(noted, 4, "rotation and its steps");
    for field in ["provider", "chart", "kestra", "helm"] {
        assert_eq!(whole["run"][field], merged["run"][field], "{field}");
    }
    assert_eq!(whole["run"]["kestra"][0], ENGINE);
    sandbox.assert_clean();
}
