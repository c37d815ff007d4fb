//! `check` proves the user's own files as they are.

use std::fs;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kestra_secrets::internals::system::redact::Redactor;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::live;
use crate::support::sandbox::{Sandbox, files};
use crate::support::{ENGINE, schemas};

pub fn trials() -> Vec<Trial> {
    vec![
        live("check", "the_pages_own_documents_give_a_newline_and_why", page),
        live("check", "a_private_plaintext_is_nowhere_in_what_is_told_of_it", private),
        live(
            "check",
            "a_newline_in_the_password_file_is_called_that_and_no_hop_wrong",
            newline_in_the_file,
        ),
        live("check", "values_are_merged_as_helm_does_it", merged),
        live(
            "check",
            "each_secret_has_its_own_verdict_and_a_missing_object_holds_the_pod",
            missing,
        ),
        live("check", "a_helm_release_is_proved_as_it_is", helm_release),
        live(
            "check",
            "a_secret_that_never_arrives_is_found_in_the_files",
            never_arrives,
        ),
        live(
            "check",
            "what_kubernetes_does_not_understand_exits_2_at_its_line",
            malformed,
        ),
        live("check", "a_compose_file_is_proved_as_it_is", compose_file),
        live("check", "what_kustomize_generates_is_proved_as_it_is", kustomization),
        live(
            "check",
            "values_of_a_wrapper_chart_are_proved_as_they_are",
            wrapper_chart,
        ),
    ]
}

/// The documents of the page's edition of 2024.
fn page_document(name: &str) -> String {
    format!("{}/scenarios/docs-2024/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn page() {
    let sandbox = Sandbox::new();
    let (values, secret) = (
        page_document("extra-secret-env-from.yaml"),
        page_document("db-creds-env-from.yaml"),
    );
    let files = ["check", "-f", &values, "-f", &secret, "--public", "DB_USERNAME=admin"];
    let ended = sandbox
        .run(files.into_iter().chain(["--kestra", ENGINE, "--report", "report"]))
        .with_code(1);
    for words in [
        r#""admin\n""#,
        "first wrong: values or manifest",
        "KS001 the plaintext ends in a newline",
        r#"write "WVdSdGFXND0=""#,
    ] {
        assert!(ended.stdout.contains(words), "no {words}:\n{}", ended.stdout);
    }
    let report = sandbox.work().join("report/report.json");
    schemas::assert_report(&report);
    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    assert_eq!(report["results"][0]["first_wrong"]["DB_USERNAME"], "values-or-manifest");
    sandbox.assert_clean();
}

const RELEASE: &str = "\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: kestra, namespace: flows}
spec:
  chart: {spec: {chart: kestra, version: VERSION, sourceRef: {kind: HelmRepository, name: kestra}}}
  valuesFrom: [{kind: ConfigMap, name: kestra-values}]
  values:
    KEY:
      - {name: SECRET_A, value: YWxwaGE=}
---
apiVersion: v1
kind: Secret
metadata: {name: flows}
stringData: {SECRET_B: YmV0YQ==}
";

fn helm_release() {
    let sandbox = Sandbox::new();
    // The values of the ConfigMap are those of chart 1.x, and 0.x ignores them.
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kestra-values}\ndata:\n  values.yaml: |\n    \
               common:\n      extraEnvFrom: [{secretRef: {name: flows}}]\n";
    sandbox.file("map.yaml", map);
    for (version, key, code, says) in [
        (
            "1.0.54",
            "common:\n      extraEnv",
            0,
            ["the HelmRelease, chart version 1.0.54", "2 passed"],
        ),
        ("0.23.9", "extraEnv", 1, ["map.yaml:7:7", "KS021"]),
    ] {
        let text = RELEASE
            .replace("VERSION", &format!("\"{version}\""))
            .replace("KEY", key);
        let text = if key.contains('\n') {
            text.replace("      - {name", "        - {name")
        } else {
            text
        };
        sandbox.file("release.yaml", text);
        let args = [
            "check",
            "-f",
            "release.yaml",
            "-f",
            "map.yaml",
            "--public",
            "A=alpha",
            "--public",
            "B=beta",
        ];
        let ended = sandbox
            .run(args.into_iter().chain(["--kestra", ENGINE]))
            .with_code(code);
        let said = format!("{}{}", ended.stdout_words(), ended.stderr_words());
        for words in says {
            assert!(said.contains(words), "{version}: no {words}:\n{said}");
        }
    }
    sandbox.assert_clean();
}

fn never_arrives() {
    let sandbox = Sandbox::new();
    let values = "common:\n  extraEnvs:\n    - {name: SECRET_A, value: YWxwaGE=}\n  extraEnv:\n    - {name: SECRET_DB_PASWORD, value: YmV0YQ==}\n";
    sandbox.file("values.yaml", values);
    let args = [
        "check",
        "-f",
        "values.yaml",
        "--public",
        "A=alpha",
        "--public",
        "DB_PASSWORD=beta",
    ];
    let ended = sandbox
        .run(args.into_iter().chain(["--kestra", ENGINE, "--report", "report"]))
        .with_code(1);
    let said = ended.stdout_words();
    for words in [
        "values.yaml:2:3 KS033: common.extraEnvs: chart 1.x does not read this key: SECRET_A reaches no pod",
        "values.yaml:3:31 SECRET_A stands here",
        "no file gives SECRET_DB_PASSWORD; SECRET_DB_PASWORD stands here",
    ] {
        assert!(said.contains(words), "no {words}:\n{said}");
    }
    schemas::assert_report(&sandbox.work().join("report/report.json"));
    sandbox.assert_clean();
}

/// What `check` prints of these files, where it expects `SECRET_A` to be `alpha` and `SECRET_B` to be `beta`.
fn checked(sandbox: &Sandbox, files: &[&str], code: i32) -> String {
    let files = files.iter().flat_map(|file| ["-f", *file]);
    let expected = ["--public", "A=alpha", "--public", "B=beta", "--kestra", ENGINE];
    let ended = sandbox
        .run(["check"].into_iter().chain(files).chain(expected))
        .with_code(code);
    format!("{}{}", ended.stdout_words(), ended.stderr_words())
}

fn assert_says(said: &str, all: &[&str]) {
    for words in all {
        assert!(said.contains(words), "no {words}:\n{said}");
    }
}

fn compose_file() {
    let sandbox = Sandbox::new();
    let service = "services:\n  kestra:\n    image: kestra/kestra:v1.3.31\n    env_file: secrets.env\n    environment:\n      \
                   KESTRA_CONFIGURATION: \"datasources: {postgres: {url: nowhere}}\"\n      SECRET_A: ${A}\n      SECRET_C: ${FROM_THE_SHELL}\n";
    sandbox.file("compose.yaml", service);
    sandbox.file(".env", "A=YWxwaGE=\n");
    sandbox.file("secrets.env", "SECRET_A=d3Jvbmc=\nSECRET_B=YmV0YQ==\n");
    let said = checked(&sandbox, &["compose.yaml"], 0);
    assert_says(
        &said,
        &[
            "2 passed",
            "from compose.yaml Kestra gets the variables whose names begin with SECRET_",
            "SECRET_C comes from the shell that starts compose",
        ],
    );
    sandbox.file("secrets.env", "SECRET_B=beta\n");
    let said = checked(&sandbox, &["compose.yaml"], 1);
    assert_says(&said, &["1 passed", "secrets.env:1:10", "KS005"]);
    sandbox.assert_clean();
}

fn kustomization() {
    let sandbox = Sandbox::new();
    let values =
        "common:\n  extraEnv: [{name: SECRET_A, value: YWxwaGE=}]\n  extraEnvFrom: [{secretRef: {name: flows}}]\n";
    sandbox.file("values.yaml", values);
    sandbox.file("flows.env", "SECRET_B=YmV0YQ==\n");
    let generator = "secretGenerator:\n  - name: flows\n    envs: [flows.env]\n";
    sandbox.file(
        "kustomization.yaml",
        format!("helmCharts:\n  - {{name: kestra, version: 1.0.54, releaseName: kestra, valuesFile: values.yaml}}\n{generator}"),
    );
    let said = checked(&sandbox, &["kustomization.yaml"], 0);
    assert_says(
        &said,
        &["2 passed", "values from the kustomization, chart version 1.0.54"],
    );
    // Where helm is called by somebody else, nobody follows the name with its hash.
    sandbox.file("kustomization.yaml", generator);
    let said = checked(&sandbox, &["kustomization.yaml", "values.yaml"], 1);
    assert_says(&said, &["kustomize adds a hash to the name of Secret flows", "KS020"]);
    sandbox.assert_clean();
}

fn wrapper_chart() {
    let sandbox = Sandbox::new();
    let chart = "apiVersion: v2\nname: platform\nversion: 0.1.0\ndependencies:\n  - {name: kestra, alias: flows, version: 1.0.54}\n";
    sandbox.file("Chart.yaml", chart);
    let list = "common:\n    extraEnv:\n      - {name: SECRET_A, value: YWxwaGE=}\n      - {name: SECRET_B, value: YmV0YQ==}\n";
    sandbox.file("values.yaml", format!("flows:\n  {list}"));
    let said = checked(&sandbox, &["values.yaml"], 0);
    assert_says(&said, &["2 passed", "is installed alone, without the chart around it"]);
    // One level too high.
    sandbox.file("values.yaml", list.replace("\n  ", "\n"));
    let said = checked(&sandbox, &["values.yaml"], 1);
    assert_says(&said, &["KS033", "move it to `flows.common.extraEnv`"]);
    sandbox.assert_clean();
}

fn malformed() {
    let sandbox = Sandbox::new();
    sandbox.file("values.yaml", "common:\n  extraEnv:\n    SECRET_A: YWxwaGE=\n");
    let args = ["check", "-f", "values.yaml", "--public", "A=alpha", "--kestra", ENGINE];
    let ended = sandbox.run(args).with_code(2);
    let said = ended.stderr_words();
    assert!(
        said.contains("values.yaml:3:5") && said.contains("SECRET_A never arrives"),
        "{said}"
    );
    sandbox.assert_clean();
}

fn private() {
    let sandbox = Sandbox::new();
    let canary = format!("Ca9\" {:032x}/+&é", rand::random::<u128>());
    let other = format!("Ot9\" {:032x}/+&é", rand::random::<u128>());
    let data = |plain: &str| STANDARD.encode(STANDARD.encode(plain));
    // One that arrives, one that arrives as something else, one that Kestra cannot decode.
    sandbox.file(
        "secret.yaml",
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: db}}\ndata: {{RIGHT: {}, WRONG: {}}}\n\
             stringData: {{PLAIN: {}}}\n",
            data(&canary),
            data(&other),
            serde_json::to_string(&canary).unwrap()
        ),
    );
    let variable =
        |name: &str| format!("  - {{name: SECRET_{name}, valueFrom: {{secretKeyRef: {{name: db, key: {name}}}}}}}\n");
    let names = ["RIGHT", "WRONG", "PLAIN"];
    let variables: String = names.map(variable).concat();
    sandbox.file("values.yaml", format!("common:\n  extraEnv:\n{variables}"));
    let plaintext = sandbox.file("plaintext", &canary);
    let expect = names.map(|name| format!("{name}=@{}", plaintext.display()));
    let mut args = vec!["check", "-f", "values.yaml", "-f", "secret.yaml", "--kestra", ENGINE];
    args.extend(["--report", "report"]);
    args.extend(expect.iter().flat_map(|word| ["--expect", word]));
    let mut command = sandbox.command(args);
    command.env("KESTRA_SECRETS_LOG", "trace");
    let ended = crate::support::sandbox::run(command).with_code(1);

    assert!(ended.stdout.contains("1 passed, 2 failed"), "{}", ended.stdout);
    assert!(ended.stdout.contains("KS004"), "{}", ended.stdout);
    let redactor = Redactor::new([&canary, &other]);
    let given = fs::read(sandbox.work().join("secret.yaml")).unwrap();
    assert!(!redactor.find(&given).is_empty(), "it would be found if it were there");
    for text in [ended.stdout, ended.stderr] {
        let found = redactor.find(text.as_bytes());
        assert!(found.is_empty(), "{found:?}");
    }
    for file in files(&sandbox.work().join("report")) {
        let found = redactor.find(&fs::read(&file).unwrap());
        assert!(found.is_empty(), "{}: {found:?}", file.display());
    }
    sandbox.assert_clean();
}

fn merged() {
    let sandbox = Sandbox::new();
    let value = |plain: &str| format!("common: {{extraEnv: [{{name: SECRET_A, value: {plain}}}]}}\n");
    // Read by the rules of YAML 1.1, as helm does it: a name that is `yes` would be a boolean.
    sandbox.file("first.yaml", format!("{}podLabels: {{a: \"yes\"}}\n", value("eA==")));
    sandbox.file("second.yaml", value("aGVsbG8="));
    let mut args = vec!["check", "-f", "first.yaml", "-f", "second.yaml", "--expect", "A=@-"];
    args.extend(["--kestra", ENGINE]);
    let mut command = sandbox.command(args);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"hello").unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(
        ended.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&ended.stdout)
    );
    sandbox.assert_clean();
}

fn missing() {
    let sandbox = Sandbox::new();
    let (values, other) = (
        page_document("extra-secret-env-from.yaml"),
        page_document("extra-env.yaml"),
    );
    let present = |names: &[&'static str]| {
        let flags = names.iter().flat_map(|name| ["--expect-present", name]);
        flags.chain(["--kestra", ENGINE]).collect::<Vec<_>>()
    };
    let ended = sandbox
        .run(["check", "-f", &values].into_iter().chain(present(&["DB_USERNAME"])))
        .with_code(1);
    assert!(ended.stdout.contains("CreateContainerConfigError"), "{}", ended.stdout);
    let names = present(&["DB_USERNAME", "DB_NOTHING"]);
    let ended = sandbox
        .run(["check", "-f", &other].into_iter().chain(names))
        .with_code(1);
    assert!(ended.stdout.contains("1 passed, 1 failed"), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("Cannot find secret for key 'DB_NOTHING'"),
        "{}",
        ended.stdout
    );
    sandbox.assert_clean();
}

/// The file with the plaintext ends in a newline that was never meant.
fn newline_in_the_file() {
    let sandbox = Sandbox::new();
    sandbox.file(
        "values.yaml",
        "common: {extraEnv: [{name: SECRET_A, value: YWRtaW4=}]}\n",
    );
    sandbox.file("pw.txt", "admin\n");
    let args = [
        "check",
        "-f",
        "values.yaml",
        "--expect",
        "A=@pw.txt",
        "--kestra",
        ENGINE,
    ];
    let ended = sandbox.run(args).with_code(1);
    assert!(
        ended.stderr.contains("note: pw.txt ends in a newline"),
        "{}",
        ended.stderr
    );
    let said = ended.stdout_words();
    for words in ["6 bytes", "5 bytes", "remove the last newline from pw.txt"] {
        assert!(said.contains(words), "no {words}:\n{}", ended.stdout);
    }
    assert!(
        !said.contains("first wrong") && !said.contains("KS0"),
        "{}",
        ended.stdout
    );
    sandbox.assert_clean();
}
