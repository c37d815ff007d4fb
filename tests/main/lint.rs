//! `lint`: the corpus in tests/lint, the formats, the exit codes, and that no value is shown, by `fix` neither.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use kestra_secrets::internals::oracle::secret::diagnosis::Code;
use kestra_secrets::internals::system::redact::Redactor;
use serde_json::Value;

use crate::support::sandbox::{Ended, Sandbox, files, run};
use crate::support::schemas;

/// A part of the corpus: good, bad or cured.
pub fn corpus(part: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint").join(part)
}

/// The names of its cases: files, and folders that belong together.
pub fn cases(part: &str) -> Vec<String> {
    let entries = fs::read_dir(corpus(part))
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    assert!(!names.is_empty());
    names
}

/// A copy of a case in the working directory.
pub fn copy(sandbox: &Sandbox, from: &Path, to: &str) {
    if from.is_dir() {
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(
                sandbox,
                &entry.path(),
                &format!("{to}/{}", entry.file_name().to_str().unwrap()),
            );
        }
    } else {
        sandbox.file(to, fs::read(from).unwrap());
    }
}

fn json(sandbox: &Sandbox, args: &[&str]) -> Value {
    let ended = sandbox.run(["lint", "--format", "json"].iter().chain(args));
    serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", ended.stdout, ended.stderr))
}

#[test]
fn a_good_file_raises_no_alarm() {
    for case in cases("good") {
        let sandbox = Sandbox::new();
        copy(&sandbox, &corpus("good").join(&case), &case);
        sandbox.run(["lint", &case, "--deny", "warnings"]).with_code(0);
        let before: Vec<_> = files(&sandbox.work()).iter().map(|f| fs::read(f).unwrap()).collect();
        sandbox.run(["lint", "--fix", &case]).with_code(0);
        let after: Vec<_> = files(&sandbox.work()).iter().map(|f| fs::read(f).unwrap()).collect();
        assert!(before == after, "{case} was changed");
    }
}

#[test]
fn what_is_not_knowable_is_noted_and_fails_nothing() {
    let mut said = String::new();
    for case in cases("good") {
        let sandbox = Sandbox::new();
        copy(&sandbox, &corpus("good").join(&case), &case);
        let ended = sandbox.run(["lint", &case]).with_code(0);
        if !ended.stdout.contains(" 0 notes") {
            said.push_str(&ended.stdout);
        }
    }
    assert_snapshot!("lint_notes", said);
}

#[test]
fn a_bad_file_is_told_where_why_and_what_to_do() {
    let mut said = String::new();
    for case in cases("bad") {
        let sandbox = Sandbox::new();
        copy(&sandbox, &corpus("bad").join(&case), &case);
        let ended = sandbox.run(["lint", &case, "--deny", "warnings"]).with_code(1);
        assert_eq!(ended.stderr, "");
        said.push_str(&ended.stdout);
        said.push('\n');
    }
    assert_snapshot!("lint_bad", said);
}

/// The codes of a report.
fn codes_of(report: &Value) -> BTreeSet<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|f| f["rule"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_code_a_file_can_show_has_an_example_and_a_cure_that_is_clean() {
    let mut shown = BTreeSet::new();
    for case in cases("bad") {
        let sandbox = Sandbox::new();
        copy(&sandbox, &corpus("bad").join(&case), &case);
        let before = codes_of(&json(&sandbox, &[&case]));
        if let Some(code) = case.get(..5).filter(|code| code.starts_with("ks")) {
            assert!(
                before.contains(&code.to_uppercase()),
                "{case} does not show {code}: {before:?}"
            );
        }
        shown.extend(before);
        // What fix cannot know, a person has written.
        sandbox.run(["lint", "--fix", &case]);
        let cured = corpus("cured").join(&case);
        if cured.exists() {
            copy(&sandbox, &cured, &case);
        }
        sandbox.run(["lint", &case, "--deny", "warnings"]).with_code(0);
    }
    // KS014 is about helm's command line, KS025 about a pod that runs; KS023 has a test of its own.
    let others = [Code::SetComma, Code::TooLong, Code::Stale];
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !shown.contains(code.code())).collect();
    let unread: Vec<_> = missing.into_iter().filter(|code| !others.contains(code)).collect();
    assert!(unread.is_empty(), "{unread:?}");
}

/// The scenarios of these names prove on a live Kestra that nothing arrives.
#[test]
fn what_never_arrives_is_said_of_the_values_that_scenarios_install() {
    for (values, code) in [
        ("extra-envs", "KS033"),
        ("component-list", "KS034"),
        ("entries-as-a-map", "KS035"),
        ("no-value-from", "KS035"),
        ("reference-as-a-text", "KS035"),
        ("sidecar", "KS040"),
    ] {
        let sandbox = Sandbox::new();
        let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/never/{values}.yaml"));
        sandbox.file("kestra/values.yaml", fs::read(bundled).unwrap());
        let ended = sandbox
            .run(["lint", "--assume-kestra", "kestra/values.yaml"])
            .with_code(1);
        assert!(
            ended.stdout.contains(&format!("error[{code}]")),
            "{values}: {}",
            ended.stdout
        );
    }
}

/// Every way to write a value that lint reads, right, wrong and with comments that quote it.
fn with_canaries() -> (Vec<String>, Vec<(&'static str, String)>) {
    use base64::Engine as _;
    let b64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let mut canaries = Vec::new();
    let mut canary = || {
        let canary = format!("Ca9 {:032x}/+&é", rand::random::<u128>());
        canaries.push(canary.clone());
        canary
    };
    let (plain, newline, twice, quoted) = (canary(), canary(), canary(), canary());
    let (block, literal, env, whole) = (canary(), canary(), canary(), canary());
    let (data, once, sealed, inside) = (canary(), canary(), canary(), canary());
    let alias = format!("{:032x}", rand::random::<u128>());
    canaries.push(alias.clone());
    let values = format!(
        "common:\n  extraEnv:\n    - {{name: SECRET_A, value: \"{plain}\"}} # {plain}\n    - name: SECRET_B # {newline}\n      \
         value: {}\n    - {{name: SECRET_C, value: {}}}\n    - {{name: SECRET_D, value: \"b'{}'\", other: \"{plain}\"}}\n    \
         - name: SECRET_E\n      value: | # {block}\n        {block}\n        {block}\n    - {{name: secret_F, value: \"{plain}\"}}\n\
         configuration: {{password: \"{plain}\"}}\n",
        b64(&format!("{newline}\n")),
        b64(&b64(&twice)),
        b64(&quoted),
    );
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata:\n  SECRET_A: {} # {data}\n  SECRET_B: \"{}\"\n\
         stringData: {{SECRET_C: '{plain}', SECRET_c: '{data}', other: '{plain}'}}\n",
        b64(&data),
        b64(&b64(&format!("{once}\n"))),
    );
    let kustomization = format!(
        "secretGenerator:\n  - name: g\n    literals: ['SECRET_A={literal}', '{literal}', 'SECRET_{literal}=x']\n    envs: [e.env]\n    files: [SECRET_W=w.txt]\n"
    );
    // A slip can put a plaintext in the place of a name or of a key, too.
    let slips = format!(
        "common:\n  extraEnv:\n    - \"SECRET_A={inside}\"\n    - \"{inside}\"\n    - \"{inside}\": x\n    - {{name: \"{inside}\", \
         secretKeyRef: \"{inside}\"}}\n  extraEnvFrom: [{{secretRef: \"{inside}\"}}, \"{inside}\"]\n  extraEnvs: {{\"SECRET_{inside}\": \
         \"{inside}\"}}\nexistingSecret: \"{inside}\"\nenv: [\"SECRET_{inside}\"]\ndeployments: {{\"{inside}\": {{env: [{{name: SECRET_B, value: \
         \"{inside}\"}}], extraEnv: [{{name: SECRET_C, value: \"{inside}\"}}]}}}}\n"
    );
    let release = format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: kestra}}\nspec:\n  chart: {{spec: {{chart: kestra, \
         version: \"{inside}\"}}}}\n  valuesFrom:\n    - {{kind: ConfigMap, name: v}}\n    - {{kind: Secret, name: v, targetPath: \
         \"common.extraEnv[0].{inside}\"}}\n  values: {{common: {{extraEnv: [{{name: SECRET_A, value: \"{inside}\"}}]}}}}\n---\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: v}}\ndata:\n  values.yaml: |\n    common:\n      extraEnv:\n        \
         - {{name: SECRET_Z, value: \"{inside}\"}}\n"
    );
    let application = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: kestra}}\nspec:\n  source:\n    chart: kestra\n    helm:\n      \
         values: |\n        common: {{extraEnv: [{{name: SECRET_A, value: \"{inside}\"}}]}}\n      parameters:\n        \
         - {{name: \"common.extraEnv[0].value\", value: \"{inside}\"}}\n"
    );
    let compose = format!(
        "services:\n  kestra:\n    image: kestra/kestra\n    env_file: [kestra.env, \"{inside}\"]\n    environment:\n      SECRET_A: \"{inside}\"\n      \
         SECRET_B: \"${{X:-{inside}}}\"\n      \"{inside}\": x\n"
    );
    let flow = format!(
        "id: a\nnamespace: b\ntasks:\n  - {{id: t, type: x, message: \"{{{{ secret('{inside}') }}}} {inside}\"}}\n"
    );
    let files = vec![
        ("slips.yaml", slips),
        ("release.yaml", release),
        ("application.yaml", application),
        ("c/docker-compose.yml", compose),
        (
            "c/kestra.env",
            format!("SECRET_C=\"{inside}\nSECRET_D={inside} # {inside}\nexport SECRET_{inside}=x\n"),
        ),
        ("flow.yaml", flow),
        ("values.yaml", values),
        ("secret.yaml", secret),
        ("k/kustomization.yaml", kustomization),
        ("k/e.env", format!("{env}\nSECRET_X={env}\n")),
        ("k/w.txt", format!("{whole}\n")),
        ("broken.yaml", format!("a: [\"{sealed}\"\nb: {sealed}: {sealed}\n")),
        ("tab.yaml", format!("a:\n\t- {sealed}: @{sealed}\n")),
        ("anchor.yaml", format!("a: *{alias}\n")),
    ];
    (canaries, files)
}

#[test]
fn no_value_is_shown_in_any_format() {
    let (canaries, given) = with_canaries();
    let redactor = Redactor::new(&canaries);
    let sandbox = Sandbox::new();
    for (name, text) in &given {
        assert!(
            !redactor.find(text.as_bytes()).is_empty(),
            "it would be found in {name}"
        );
        sandbox.file(name, text);
    }
    let names: Vec<_> = given
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !name.ends_with("txt"))
        .collect();
    let readable: Vec<_> = names
        .iter()
        .filter(|name| !matches!(**name, "broken.yaml" | "tab.yaml" | "anchor.yaml"))
        .collect();
    let assert_shown_nothing = |ended: &Ended, what: &str| {
        for text in [&ended.stdout, &ended.stderr] {
            let found = redactor.find(text.as_bytes());
            assert!(found.is_empty(), "{what}: {found:?}\n{text}");
        }
    };
    for format in ["human", "json", "sarif", "github", "gitlab", "azure"] {
        let mut command = sandbox.command(["lint", "--format", format].iter().chain(&names));
        command.env("KESTRA_SECRETS_LOG", "trace");
        assert_shown_nothing(&run(command).with_code(2), format);
        let ended = sandbox
            .run(["lint", "--format", format].iter().chain(readable.iter().copied()))
            .with_code(1);
        assert_shown_nothing(&ended, format);
    }
    let report = json(&sandbox, &["values.yaml", "secret.yaml", "k"]);
    assert!(report["findings"].as_array().unwrap().len() > 10, "{report}");
    let args = ["values.yaml", "secret.yaml", "k"];
    let ended = sandbox.run(["lint", "--fix", "--diff"].iter().chain(&args));
    assert!(ended.stdout.contains("@@"), "{}", ended.stdout);
    assert_shown_nothing(&ended, "fix --dry-run");
    assert_shown_nothing(&sandbox.run(["lint", "--fix"].iter().chain(&args)), "fix");
    sandbox.assert_clean();
}

#[test]
fn json_is_as_its_schema_says_and_sarif_names_its_rules() {
    let sandbox = Sandbox::new();
    copy(&sandbox, &corpus("bad"), "bad");
    sandbox.file("broken.yaml", "a: [");
    let report = json(&sandbox, &["bad", "broken.yaml"]);
    schemas::assert_valid("lint", &report);
    let ended = sandbox
        .run(["lint", "--format", "sarif", "bad", "broken.yaml"])
        .with_code(2);
    let sarif: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), report["findings"].as_array().unwrap().len());
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let has_code = result["ruleId"].as_str().unwrap().starts_with("KS");
        assert!(rules[index]["help"]["text"].is_string() || !has_code);
        let region = &result["locations"][0]["physicalLocation"]["region"];
        assert!(region["startLine"].as_u64() > Some(0) && region["startColumn"].as_u64() > Some(0));
    }
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    let ended = sandbox
        .run(["lint", "--format", "github", "bad/ks001-trailing-newline.yaml"])
        .with_code(1);
    assert_snapshot!("lint_github", ended.stdout);
}

#[test]
fn what_cannot_be_read_exits_2_with_its_place() {
    let sandbox = Sandbox::new();
    sandbox.file("bad.yaml", "a: 1\nb: [1, 2\nc: hidden\n");
    sandbox.file("bytes.yaml", b"a: x\nb: \xff\n");
    let utf16: Vec<u8> = "\u{feff}a: 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    sandbox.file("utf16.yaml", utf16);
    sandbox.file("template.yaml", "{{- if .Values.x }}\na: {{ .Values.x }}\n{{- end }}\n");
    sandbox.file("empty/readme.txt", "nothing to lint");
    sandbox.file("fine.yaml", "common: {extraEnv: [{name: SECRET_A, value: admin}]}\n");
    let names = [
        "bad.yaml",
        "bytes.yaml",
        "utf16.yaml",
        "template.yaml",
        "empty",
        "nowhere.yaml",
        "fine.yaml",
    ];
    let ended = sandbox.run(["lint"].iter().chain(&names)).with_code(2);
    assert_snapshot!("lint_unreadable", ended.stdout);
    let ended = sandbox.run(["lint", "--fix", "fine.yaml", "bad.yaml"]).with_code(2);
    assert!(ended.stderr.contains("bad.yaml:"), "{}", ended.stderr);
    let fine = fs::read_to_string(sandbox.work().join("fine.yaml")).unwrap();
    assert!(
        fine.contains("admin"),
        "nothing is written when something cannot be read"
    );
    sandbox.run(["lint", "-", "-"]).with_code(2);
}

#[test]
fn a_template_in_a_folder_is_left_out_and_said() {
    let sandbox = Sandbox::new();
    sandbox.file(
        "chart/templates/secret.yaml",
        "{{- if .Values.x }}\na: {{ .Values.x }}\n{{- end }}\n",
    );
    sandbox.file("chart/values.yaml", "x: 1\n");
    let ended = sandbox.run(["lint", "chart"]).with_code(0);
    assert!(
        ended.stdout.contains("chart/templates/secret.yaml: skipped"),
        "{}",
        ended.stdout
    );
}

#[test]
fn hostile_yaml_ends_in_bounded_time() {
    let sandbox = Sandbox::new();
    let alias = |n: u32| format!("a{n}: &a{n} [{}]", vec![format!("*a{}", n - 1); 9].join(", "));
    let bomb: Vec<_> = (1..30).map(alias).collect();
    let containers = format!("containers: [{}]", "*c, ".repeat(100_000));
    let env = "{name: SECRET_A, value: x}, ".repeat(20_000);
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: kestra}\n";
    let secrets = |n: usize| {
        (0..n)
            .map(|n| format!("  SECRET_{n}: WVdSdGFXNEsK\n"))
            .collect::<String>()
    };
    let cases = [
        (
            "aliases",
            format!(
                "common: &a0 {{extraEnv: [x, x]}}\n{}\ndeployments: *a29\n",
                bomb.join("\n")
            ),
            1,
        ),
        (
            "containers",
            format!("{pod}x: &c {{image: kestra, env: &e [{env}]}}\nspec: {{{containers}}}\n"),
            2,
        ),
        (
            "nested",
            format!("a: {}{}\n", "{a: ".repeat(100_000), "}".repeat(100_000)),
            2,
        ),
        ("open", format!("a: {}\n", "[".repeat(1_000_000)), 2),
        ("itself", "common: &a {<<: *a, extraEnv: *a}\n".into(), 1),
        (
            "scalar",
            format!(
                "common: {{extraEnv: [{{name: SECRET_A, value: '{}'}}]}}\n",
                "x".repeat(10_000_000)
            ),
            1,
        ),
        (
            "block",
            format!(
                "common:\n  extraEnv:\n    - name: SECRET_A\n      value: |\n        {}\n",
                "x\n        ".repeat(1_000_000)
            ),
            1,
        ),
        ("key", format!("{}: 1\n", "k".repeat(10_000_000)), 2),
        (
            "many",
            format!(
                "apiVersion: v1\nkind: Secret\nmetadata: {{name: kestra}}\ndata:\n{}",
                secrets(50_000)
            ),
            1,
        ),
    ];
    for (name, text, code) in cases {
        let file = format!("{name}.yaml");
        sandbox.file(&file, text);
        let start = Instant::now();
        let ended = sandbox.run(["lint", &file]);
        assert_eq!(
            ended.code,
            Some(code),
            "{name}: {}",
            ended.stdout.get(..2000).unwrap_or(&ended.stdout)
        );
        // Unoptimised, on a busy machine; a quadratic walk would take hours.
        assert!(
            start.elapsed() < Duration::from_secs(120),
            "{name} took {:?}",
            start.elapsed()
        );
    }
}

#[test]
fn standard_input_is_linted_like_a_file() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["lint", "-", "--format", "json"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let text = b"USER-SUPPLIED VALUES:\ncommon:\n  extraEnv:\n  - name: SECRET_A\n    value: admin\n";
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let finding = &report["findings"][0];
    assert_eq!(
        (&finding["file"], &finding["rule"], &finding["line"]),
        (&"<stdin>".into(), &"KS004".into(), &5.into())
    );
    assert_eq!(finding["fixable"], false);
}

#[test]
fn a_value_too_long_for_an_environment_is_told() {
    let sandbox = Sandbox::new();
    let values = |length: usize| {
        format!(
            "common: {{extraEnv: [{{name: SECRET_A, value: '{}'}}]}}\n",
            "QUJD".repeat(length / 4)
        )
    };
    sandbox.file("long.yaml", values(128 * 1024));
    sandbox.file("fits.yaml", values(128 * 1024 - 12));
    assert_eq!(codes_of(&json(&sandbox, &["long.yaml"])), ["KS023".to_owned()].into());
    sandbox.run(["lint", "fits.yaml"]).with_code(0);
}

#[test]
fn the_generation_of_the_chart_can_be_said() {
    let sandbox = Sandbox::new();
    sandbox.file("values.yaml", "extraEnv: [{name: SECRET_A, value: YQ==}]\n");
    sandbox.run(["lint", "values.yaml"]).with_code(0);
    sandbox
        .run(["lint", "values.yaml", "--chart-generation", "0"])
        .with_code(0);
    let ended = sandbox
        .run(["lint", "values.yaml", "--chart-generation", "1"])
        .with_code(1);
    assert!(ended.stdout.contains("write `common.extraEnv`"), "{}", ended.stdout);
    sandbox
        .run(["lint", "values.yaml", "--chart-generation", "7"])
        .with_code(2);
}

/// What is told, the files, and how bad KS026 is in them.
type Layers<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn values_without_a_configuration_are_told_where_they_may_be_all_that_a_release_is_given() {
    let env = "common: {extraEnv: [{name: SECRET_A, value: YQ==}]}\n";
    let whole = format!("deployments: {{standalone: {{enabled: true}}}}\n{env}");
    let configured = "configurations: {secrets: [{name: kestra-config, key: application.yml}]}\n";
    let release = |more: &str| {
        let values = "values: {common: {extraEnv: [{name: SECRET_A, value: YQ==}]}}";
        format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: kestra}}\nspec:\n  {more}\n  {values}\n"
        )
    };
    let of_0 = "deployments: {standalone: {enabled: true}}\nextraEnv: [{name: SECRET_A, value: YQ==}]\n";
    let cases: [Layers; 11] = [
        (
            "a file that deploys Kestra may be all",
            &[("v.yaml", &whole)],
            &["note"],
        ),
        (
            "so it may with empty ones",
            &[("v.yaml", &format!("{whole}configurations: {{application: {{}}}}\n"))],
            &["note"],
        ),
        ("a snippet is an addition", &[("v.yaml", env)], &[]),
        (
            "one of several files is a layer",
            &[("v.yaml", &whole), ("base.yaml", configured)],
            &[],
        ),
        (
            "several without one are layers of another",
            &[("v.yaml", &whole), ("w.yaml", &whole)],
            &[],
        ),
        (
            "with one it is whole",
            &[("v.yaml", &format!("{whole}{configured}"))],
            &[],
        ),
        (
            "a template fills it in",
            &[(
                "v.yaml",
                &format!("{whole}configurations: {{application: '{{{{ .x }}}}'}}\n"),
            )],
            &[],
        ),
        ("chart 0.x asks for none", &[("v.yaml", of_0)], &[]),
        (
            "a release that names its chart is whole",
            &[("r.yaml", &release("chart: {spec: {chart: kestra}}"))],
            &["warning"],
        ),
        (
            "with values from elsewhere it is not",
            &[(
                "r.yaml",
                &release("chart: {spec: {chart: kestra}}\n  valuesFrom: [{kind: Secret, name: x}]"),
            )],
            &[],
        ),
        ("nor is a patch of one", &[("r.yaml", &release("interval: 5m"))], &[]),
    ];
    for (what, given, expected) in cases {
        let sandbox = Sandbox::new();
        for (name, text) in given {
            sandbox.file(name, text);
        }
        let names: Vec<&str> = given.iter().map(|(name, _)| *name).collect();
        let report = json(&sandbox, &names);
        let findings = report["findings"].as_array().unwrap().iter();
        let said: Vec<_> = findings
            .filter(|finding| finding["rule"] == "KS026")
            .map(|finding| finding["severity"].as_str().unwrap())
            .collect();
        assert_eq!(said, expected, "{what}: {report}");
    }
}
