use super::*;
use crate::release::described::with_embedded;
use crate::release::embedded::embedded;
use crate::release::input::{FileForm, SourceFile};
use crate::release::tree::Tree;

/// What is found in files: of each install its kind, version, namespace, whether it is whole, and the texts at
/// `common.who` of its layers.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let sources: Vec<_> = files
        .iter()
        .map(|(name, text)| SourceFile::new(*name, Some((*name).into()), *text, FileForm::Yaml))
        .collect();
    let trees: Vec<Tree> = sources.iter().map(|source| source.tree().unwrap()).collect();
    let files = Document::of_files(sources.iter().zip(&trees));
    let inside = embedded(&files);
    let inside_trees: Vec<Tree> = inside.iter().map(|text| text.tree().unwrap()).collect();
    let documents = with_embedded(files, &inside, &inside_trees);
    let installs = installs(&documents, &inside);
    installs
        .iter()
        .map(|install| {
            let layers = install.layers.iter().map(|at| {
                let doc = documents[at.source];
                let who = doc.tree.at(at.node, &["common", "who"]).unwrap();
                let (line, _) = doc.line_and_column(who);
                format!("{}@{}:{line}", doc.tree.text(who).unwrap(), doc.source.name)
            });
            format!(
                "{:?} {} {} {}{}",
                install.kind,
                install.version.unwrap_or("-"),
                install.namespace.unwrap_or("-"),
                layers.collect::<Vec<_>>().join(" "),
                if install.whole { " whole" } else { "" }
            )
        })
        .collect()
}

#[test]
fn a_helm_release_takes_values_from_objects_below_its_own() {
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: k, namespace: a}\n\
                   spec:\n  targetNamespace: b\n  chart: {spec: {chart: kestra, version: \"1.0.54\"}}\n  \
                   valuesFrom:\n    - {kind: ConfigMap, name: one}\n    - {kind: Secret, name: two, valuesKey: v.yaml}\n  \
                   values: {common: {who: own}}\n";
    let map = "kind: ConfigMap\nmetadata: {name: one}\ndata:\n  values.yaml: |\n\n    common:\n      who: map\n";
    // `common: {who: secret}` in Base64.
    let secret = "kind: Secret\nmetadata: {name: two}\ndata:\n  v.yaml: Y29tbW9uOiB7d2hvOiBzZWNyZXR9\n";
    assert_eq!(
        found(&[("r.yaml", release), ("m.yaml", map), ("s.yaml", secret)]),
        ["HelmRelease 1.0.54 b map@m.yaml:7 secret@s.yaml:4 own@r.yaml:10 whole"]
    );
    assert_eq!(found(&[("r.yaml", release)]), ["HelmRelease 1.0.54 b own@r.yaml:10"]);
}

#[test]
fn an_application_takes_files_then_texts_then_objects() {
    let application = "kind: Application\nspec:\n  destination: {namespace: k}\n  sources:\n    \
                       - {chart: kestra, targetRevision: v0.21.3, helm: {valueFiles: [$values/ops/v.yaml], \
                       values: \"common: {who: text}\", valuesObject: {common: {who: object}}}}\n    \
                       - {repoURL: x, ref: values}\n";
    let values = "common: {who: file}\n";
    assert_eq!(
        found(&[("apps/a.yaml", application), ("repo/ops/v.yaml", values)]),
        ["Application v0.21.3 k file@repo/ops/v.yaml:1 text@apps/a.yaml:5 object@apps/a.yaml:5 whole"]
    );
    let set = "kind: ApplicationSet\nspec: {template: {spec: {source: {chart: kestra, helm: {valuesObject: {common: {who: set}}}}}}}\n";
    assert_eq!(found(&[("a.yaml", set)]), ["Application - - set@a.yaml:2 whole"]);
}

#[test]
fn a_kustomization_takes_files_below_inline_values() {
    let charts = "helmCharts:\n  - {name: kestra, version: 0.22.0, valuesFile: ./v.yaml, valuesInline: {common: {who: inline}}}\n  \
                  - {name: other, version: 1.0.0}\n";
    let values = ("k/v.yaml", "common: {who: file}\n");
    assert_eq!(
        found(&[("k/kustomization.yaml", charts), values]),
        ["Kustomization 0.22.0 - file@k/v.yaml:1 inline@k/kustomization.yaml:2 whole"]
    );
    let merged = charts.replace("valuesInline", "valuesMerge: merge, valuesInline");
    assert_eq!(
        found(&[("k/kustomization.yaml", &merged), values]),
        ["Kustomization 0.22.0 - inline@k/kustomization.yaml:2 file@k/v.yaml:1 whole"]
    );
}

#[test]
fn a_wrapper_chart_gives_values_under_the_alias() {
    let chart = "dependencies:\n  - {name: kestra, alias: up, version: 1.0.50}\n";
    let base = ("c/values.yaml", "up: {common: {who: base}}\n");
    let more = ("c/values-prod.yaml", "up: {common: {who: prod}}\n");
    assert_eq!(
        found(&[("c/Chart.yaml", chart), base, more]),
        [
            "Wrapper 1.0.50 - base@c/values.yaml:1",
            "Wrapper 1.0.50 - base@c/values.yaml:1 prod@c/values-prod.yaml:1"
        ]
    );
    let starter = "dependencies:\n  - {name: kestra-starter, version: 1.0.0}\n";
    let values = ("c/values.yaml", "kestra-starter: {kestra: {common: {who: below}}}\n");
    assert_eq!(
        found(&[("c/Chart.yaml", starter), values]),
        ["Wrapper 1.0.0 - below@c/values.yaml:1"]
    );
}

#[test]
fn a_helmfile_takes_files_and_maps_in_order() {
    let helmfile = "releases:\n  - {name: k, namespace: n, chart: kestra/kestra, version: 1.0.1, \
                    values: [v.yaml, {common: {who: inline}}]}\n";
    assert_eq!(
        found(&[("helmfile.yaml", helmfile), ("v.yaml", "common: {who: file}\n")]),
        ["Helmfile 1.0.1 n file@v.yaml:1 inline@helmfile.yaml:2"]
    );
}

#[test]
fn the_generation_is_that_of_the_version() {
    for (version, generation) in [
        ("0.23.9", Some(Generation::V0)),
        ("v0.21.3", Some(Generation::V0)),
        ("^1.0", Some(Generation::V1)),
        ("~1.0.50", Some(Generation::V1)),
        (">=1.0.0 <2.0.0", Some(Generation::V1)),
        ("1.x", Some(Generation::V1)),
        ("2", Some(Generation::V2)),
        ("2.0.0-rc1", Some(Generation::V2)),
        ("*", None),
        ("main", None),
        ("<2.0.0", None),
        ("", None),
    ] {
        assert_eq!(generation_of(version), generation, "{version}");
    }
}
