//! `lint --chart`: the chart itself is asked where each secret goes, and no secret is handed to it.

use std::fs;
use std::path::Path;

use kestra_secrets::internals::system::redact::Redactor;
use serde_json::Value;

use crate::support::requirements::helm;
use crate::support::sandbox::{Ended, Sandbox, run};

fn lint(sandbox: &Sandbox, args: &[&str]) -> Ended {
    let mut command = sandbox.command(["lint"].iter().chain(args));
    command.env("KESTRA_SECRETS_HELM", helm());
    run(command)
}

/// The findings without their cures.
fn findings(ended: &Ended) -> Vec<&str> {
    let lines = ended.stdout.lines();
    lines
        .filter(|line| line.contains(": error[") || line.contains(": warning["))
        .collect()
}

/// A chart of a company's own, which reads a map under `secrets`, and a list for its sidecar.
fn company_chart(sandbox: &Sandbox) {
    sandbox.file("company/Chart.yaml", "{apiVersion: v2, name: company, version: 3.1.4}");
    sandbox.file(
        "company/templates/kestra.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: kestra}\nspec:\n  template:\n    metadata:\n      \
         labels: {app.kubernetes.io/component: standalone}\n    spec:\n      containers:\n        - name: kestra\n          \
         image: kestra/kestra:v1.3.31\n          env:\n            {{- range $name, $value := .Values.secrets }}\n            \
         - {name: {{ $name }}, value: {{ $value | b64enc }}}\n            {{- end }}\n        - name: proxy\n          \
         image: envoy\n          env: {{ .Values.proxy | toJson }}\n",
    );
}

#[test]
fn a_chart_of_ones_own_says_which_keys_it_reads() {
    let sandbox = Sandbox::new();
    company_chart(&sandbox);
    sandbox.file(
        "values.yaml",
        "image: {repository: kestra/kestra}\nsecrets:\n  SECRET_A: hello\nproxy:\n  - {name: SECRET_B, value: Yg==}\n\
         common:\n  extraEnv:\n    - {name: SECRET_C, value: Yw==}\n",
    );
    let ended = lint(&sandbox, &["values.yaml", "--chart", "company"]).with_code(1);
    assert_eq!(
        findings(&ended),
        [
            "values.yaml:5:12: error[KS040]: SECRET_B: company 3.1.4 (company) gives it to proxy of Deployment kestra, \
             which is not Kestra",
            "values.yaml:8:14: error[KS033]: SECRET_C: company 3.1.4 (company) makes nothing of it: no container gets it",
        ]
    );
    assert!(
        ended.stdout.contains(", by rendering company 3.1.4 (company)\n"),
        "{}",
        ended.stdout
    );
    // By its keys alone it is the other way round.
    let ended = lint(&sandbox, &["values.yaml"]).with_code(1);
    assert!(
        !findings(&ended).iter().any(|line| line.contains("SECRET_C: ")),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains(", by the keys of chart 1.x\n"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_secret_that_a_component_lacks_is_named_by_what_the_chart_renders() {
    let sandbox = Sandbox::new();
    let values = |own: &str| {
        format!(
            "configuration: {{kestra: {{}}}}\ndeployments:\n  standalone: {{enabled: false}}\n  webserver: {{enabled: true}}\n  \
             worker:\n    enabled: true\n    extraEnv:\n      - {{name: SECRET_A, value: YQ==}}\n{own}"
        )
    };
    sandbox.file("lacks.yaml", values(""));
    sandbox.file(
        "gets.yaml",
        values("    # the list of all\nextraEnv:\n  - {name: SECRET_B, value: Yg==}\n"),
    );
    let ended = lint(&sandbox, &["lacks.yaml", "--chart", "bundled@0.x"]);
    let found = findings(&ended);
    assert!(
        ended.stdout.contains("only worker gets it; webserver cannot read it"),
        "{}",
        ended.stdout
    );
    assert!(found.iter().all(|line| line.contains("SECRET_A")), "{}", ended.stdout);
    let ended = lint(&sandbox, &["gets.yaml", "--chart", "bundled@0.x"]).with_code(1);
    assert!(
        findings(&ended)
            .iter()
            .any(|line| line.contains("KS034") && line.contains("SECRET_B: never reaches worker")),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_chart_around_kestras_is_rendered_with_all_of_its_values() {
    let sandbox = Sandbox::new();
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/kestra-minimal");
    crate::lint::copy(&sandbox, &bundled, "platform/charts/kestra-minimal");
    sandbox.file(
        "platform/Chart.yaml",
        "apiVersion: v2\nname: platform\nversion: 0.1.0\ndependencies:\n  - {name: kestra-minimal, alias: kestra, version: '*'}\n",
    );
    sandbox.file(
        "platform/values.yaml",
        "common:\n  extraEnv:\n    - {name: SECRET_A, value: YQ==}\nkestra:\n  configurations: {application: {kestra: {}}}\n  common:\n    \
         extraEnv:\n      - {name: SECRET_B, value: Yg==}\n",
    );
    let ended = lint(&sandbox, &["platform/values.yaml", "--chart", "platform"]).with_code(1);
    let found = findings(&ended);
    assert_eq!(found.len(), 1, "{}", ended.stdout);
    assert!(found[0].starts_with("platform/values.yaml:"), "{found:?}");
    assert!(
        found[0].contains("SECRET_A") || found[0].contains("common.extraEnv"),
        "{found:?}"
    );
}

#[test]
fn values_that_the_chart_refuses_are_judged_by_their_keys_and_that_is_said() {
    let sandbox = Sandbox::new();
    sandbox.file("strict/Chart.yaml", "{apiVersion: v2, name: strict, version: 1.0.0}");
    sandbox.file(
        "strict/templates/x.yaml",
        "{{ fail (printf \"no %s\" .Values.database.password) }}",
    );
    sandbox.file(
        "values.yaml",
        "database: {password: correct-horse}\ncommon:\n  extraEnv:\n    - {name: SECRET_A, value: YQ==}\ndeployments:\n  \
         webserver: {enabled: true, extraEnv: [{name: SECRET_B, value: Yg==}]}\n",
    );
    let ended = lint(&sandbox, &["values.yaml", "--chart", "strict"]).with_code(0);
    assert!(
        ended
            .stdout
            .contains("not read values.yaml: strict 1.0.0 (strict) refuses its values, so the keys alone were judged"),
        "{}",
        ended.stdout
    );
    assert!(!ended.stdout.contains("correct-horse"), "{}", ended.stdout);
    assert!(
        ended
            .stdout
            .contains("only webserver gets it; standalone cannot read it"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains(", by the keys of chart 1.x\n"),
        "{}",
        ended.stdout
    );
}

#[test]
fn no_secret_is_handed_to_the_chart_and_helm_is_called_once_a_release() {
    let canary = "s3cret-canary-that-nobody-may-see";
    let encoded = "czNjcmV0LWNhbmFyeS10aGF0LW5vYm9keS1tYXktc2Vl";
    let sandbox = Sandbox::new();
    let spy = sandbox.script(
        "helm",
        &format!(
            "if [ \"$1\" = template ]; then echo \"$*\" >>'{0}/calls'; tee -a '{0}/stdin' | '{1}' \"$@\"; exit; fi\nexec '{1}' \"$@\"",
            sandbox.root().display(),
            helm().display()
        ),
    );
    for release in ["a", "b"] {
        sandbox.file(
            &format!("{release}/values.yaml"),
            format!(
                "configurations: {{application: {{kestra: {{}}}}}}\ncommon:\n  extraEnv:\n    - {{name: SECRET_A, value: {encoded}}}\n    \
                 - {{name: SECRET_B, value: {canary}}}\n  extraEnvs: {{SECRET_C: {canary}}}\nextraManifests:\n  \
                 - {{apiVersion: v1, kind: Secret, metadata: {{name: x}}, stringData: {{SECRET_D: {encoded}}}}}\n"
            ),
        );
    }
    let mut command = sandbox.command([
        "lint",
        "a/values.yaml",
        "b/values.yaml",
        "--chart",
        "bundled@1.x",
        "--format",
        "json",
    ]);
    command.env("KESTRA_SECRETS_HELM", spy);
    let ended = run(command).with_code(1);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["coverage"]["reach"]["by"], "rendering");
    let calls = fs::read_to_string(sandbox.root().join("calls")).unwrap();
    assert_eq!(calls.lines().count(), 2, "{calls}");
    let stdin = fs::read(sandbox.root().join("stdin")).unwrap();
    assert!(String::from_utf8_lossy(&stdin).contains("SECRET_D"));
    let canaries = Redactor::new([canary, encoded]);
    for text in [
        stdin.as_slice(),
        calls.as_bytes(),
        ended.stdout.as_bytes(),
        ended.stderr.as_bytes(),
    ] {
        assert!(canaries.find(text).is_empty());
    }
    sandbox.assert_clean();
}

#[test]
fn a_chart_that_is_none_is_told_before_anything_is_read() {
    let sandbox = Sandbox::new();
    let ended = lint(&sandbox, &["nowhere.yaml", "--chart", "./charts/typo"]).with_code(2);
    assert!(
        ended.stderr.contains("there is no chart at ./charts/typo"),
        "{}",
        ended.stderr
    );
}
