//! The program itself against stand-ins of each generation: `run`, `docs`, `prove` and `audit --run-flow`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wiremock::{Request, Respond as _};

use super::standin::{Kestra, install};
use crate::support::api_server::{ApiServer, serve};
use crate::support::sandbox::{Ended, Sandbox};
use crate::support::schemas;
use crate::support::schemas::assert_valid;
use crate::support::transcripts::VERSIONS;

const KESTRA: [&str; 2] = ["--kestra", "exec:./kestra"];

/// A test for each generation of Kestra's API.
macro_rules! on_each_version {
    ($check:ident: $v0:ident, $v1:ident, $v2:ident) => {
        on_each_version!($v0, $check, 0);
        on_each_version!($v1, $check, 1);
        on_each_version!($v2, $check, 2);
    };
    ($name:ident, $check:ident, $at:literal) => {
        #[test]
        fn $name() {
            $check(VERSIONS[$at]);
        }
    };
}

on_each_version!(scenarios_run: scenarios_run_on_0_20_7, scenarios_run_on_1_3_31, scenarios_run_on_2_0_0);
on_each_version!(
    random_secrets_are_as_predicted: random_secrets_are_as_predicted_on_0_20_7,
    random_secrets_are_as_predicted_on_1_3_31, random_secrets_are_as_predicted_on_2_0_0
);

/// A sandbox with a stand-in of this version.
fn with(version: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    install(&sandbox, version);
    sandbox
}

/// Those that put a flow twice, wait for a trigger, or miss a secret.
fn scenarios_run(version: &str) {
    let sandbox = with(version);
    let trigger: &[&str] = match version {
        "2.0.0" => &["consume-schedule", "consume-schedule-never"],
        "1.3.31" => &["consume-schedule-1", "consume-schedule-never-1"],
        // No transcript shows its triggers.
        _ => &[],
    };
    let some = [
        "run",
        "extra-env",
        "rotation",
        "upgrade",
        "docs-2024-extra-env",
        "docs-2024-extra-secret-env-from",
        "plaintext-is-not-base64",
        "newline-in-the-plaintext",
        "url-safe-alphabet",
    ];
    let ended = sandbox
        .run([&some, trigger, &KESTRA, &["--report", "report"]].concat())
        .with_code(0);
    // The steps of `rotation` and `upgrade` count too.
    let count = some.len() - 1 + 5 + trigger.len();
    assert!(ended.stdout.contains(&format!("{count} passed")), "{}", ended.stdout);
    schemas::assert_report(&sandbox.work().join("report/report.json"));
    sandbox.assert_clean();
}

/// Whatever text the server spoils, nothing of it reaches the terminal as it is.
#[test]
fn no_text_of_the_server_moves_the_cursor() {
    // A state that is none is a unit test's: such an execution never ends.
    for member in ["version", "id", "namespace", "taskId", "message", "values"] {
        let sandbox = with(&format!("2.0.0+{member}"));
        for args in [
            &["run", "-v", "extra-env", "plaintext-is-not-base64"][..],
            &["prove", "--count", "5", "--seed", "7"],
        ] {
            let ended = sandbox.run([args, &KESTRA].concat());
            // What is no answer of Kestra's is no verdict either.
            let codes: &[i32] = match member {
                "message" => &[0],
                "values" => &[1, 3],
                _ => &[3],
            };
            assert!(
                codes.contains(&ended.code.unwrap()),
                "{member}: {:?} {}",
                ended.code,
                ended.stderr
            );
            for text in [&ended.stdout, &ended.stderr] {
                let obeyed = text.find(['\u{1b}', '\u{9b}', '\u{202e}']);
                assert_eq!(obeyed, None, "{member} {args:?}: {text:?}");
            }
        }
        sandbox.assert_clean();
    }
}

fn random_secrets_are_as_predicted(version: &str) {
    let sandbox = with(version);
    let args = ["prove", "--count", "60", "--seed", "7"];
    let ended = sandbox.run([&args[..], &KESTRA].concat()).with_code(0);
    assert!(ended.stdout.contains(" as predicted, seed"), "{}", ended.stdout);
    sandbox.assert_clean();
}

#[test]
fn what_the_page_promises_is_asked_of_2_0() {
    let sandbox = with("2.0.0");
    let page = format!("{}/tests/pages/edition-2024.md", env!("CARGO_MANIFEST_DIR"));
    let ended = sandbox
        .run([&["docs", "--page", &page], &KESTRA[..]].concat())
        .with_code(1);
    let says = "1 promise kept, 2 broken, 0 not run";
    assert!(ended.stdout.contains(says), "{}", ended.stdout);
    sandbox.assert_clean();
}

/// Audits a pod with these variables, beside a Kestra that was started with those. Only a flow sends more than GET.
fn asked(sandbox: &Sandbox, (version, kestra): (&str, &[(&str, &str)]), pod: &[(&str, &str)], args: &[&str]) -> Ended {
    let env = pod.iter().map(|(name, value)| json!({"name": name, "value": value}));
    let cluster = ApiServer::with(&env.collect());
    let environment = kestra.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    let kestra = Arc::new(Kestra::new(version.into(), environment));
    let shared = Arc::clone(&kestra);
    let (server, runtime) = serve(move |request: &Request| shared.respond(request));
    let uri = server.uri();
    let ended = cluster.audit(sandbox, "stub", &[&["--url", &uri], args].concat());
    assert!(kestra.is_empty(), "a flow or an execution was left");
    let requests = runtime.block_on(server.received_requests()).unwrap();
    let only_reads = requests.iter().all(|request| request.method.as_str() == "GET");
    assert_eq!(only_reads, !args.contains(&"--run-flow"));
    ended
}

/// Audits by a flow on 2.0.0.
fn audited(sandbox: &Sandbox, pod: &[(&str, &str)], kestra: &[(&str, &str)]) -> (Ended, Value) {
    let ended = asked(sandbox, ("2.0.0", kestra), pod, &["--run-flow", "--format", "json"]);
    let report = serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {}", ended.stderr));
    assert_valid("audit", &report);
    (ended, report)
}

#[test]
fn an_audit_compares_the_list_of_secrets_and_changes_nothing() {
    let sandbox = Sandbox::new();
    let right = [("SECRET_A", "YWRtaW4="), ("SECRET_b", "YWRtaW4=")];
    let ended = asked(&sandbox, ("1.3.31", &right), &right, &["--ask-kestra"]).with_code(0);
    let says = "in 1 container; nothing was changed; the list of Kestra 1.3.31 has 2 of 2 secrets as predicted\n";
    assert!(ended.stdout.ends_with(says), "{}", ended.stdout);

    let other = [("SECRET_A", "YWRtaW4="), ("SECRET_C", "YWRtaW4=")];
    let args = ["--ask-kestra", "--format", "json"];
    let ended = asked(&sandbox, ("2.0.0", &other), &right, &args).with_code(1);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_valid("audit", &report);
    let listed = json!({"agreed": 1, "missing": ["B"], "unexpected": ["C"], "unknown": 0, "inherited": 0});
    assert_eq!(report["key_list"]["answer"]["listed"], listed);
    assert_eq!(report.get("flow"), None);
    let findings = report["findings"].as_array().unwrap().iter();
    let findings: Vec<_> = findings.map(|found| (&found["severity"], &found["subject"])).collect();
    assert_eq!(
        findings,
        [(&json!("error"), &json!("B")), (&json!("warning"), &json!("C"))]
    );

    // A Kestra that has no list is no fault.
    let ended = asked(&sandbox, ("0.20.7", &right), &right, &["--ask-kestra"]).with_code(0);
    let says = "Kestra 0.20.7 offers no list of its secrets (status 404";
    assert!(ended.stdout.contains(says), "{}", ended.stdout);
    sandbox.assert_clean();
}

#[test]
fn an_audit_asks_2_0_and_takes_away_what_it_made() {
    let sandbox = Sandbox::new();
    let good = STANDARD.encode("correct horse");
    let other = STANDARD.encode("battery staple");
    let all = [
        ("SECRET_A", good.as_str()),
        ("SECRET_RAW", "plaintext!"),
        ("SECRET_B", &good),
    ];
    let (ended, report) = audited(&sandbox, &all, &all);
    let ended = ended.with_code(1);
    let listed = json!({"agreed": 2, "missing": [], "unexpected": [], "unknown": 0, "inherited": 0});
    assert_eq!(report["key_list"]["answer"]["listed"], listed);
    assert_eq!(
        (
            &report["flow"]["asked"],
            &report["flow"]["agreed"],
            &report["flow"]["engine_adapter"]
        ),
        (&json!(3), &json!(3), &json!(false)),
        "{}",
        ended.stderr
    );
    // What the process lacks, though the pod should have it, makes the flow that reads all of them fail; it is then
    // put again, under its name, without the one.
    let (_, report) = audited(&sandbox, &all, &[("SECRET_A", &good), ("SECRET_RAW", "plaintext!")]);
    assert_eq!(
        (&report["flow"]["asked"], &report["flow"]["agreed"]),
        (&json!(3), &json!(2))
    );
    let (_, report) = audited(&sandbox, &all, &[("SECRET_A", &good), ("SECRET_B", &other)]);
    assert_eq!(
        (&report["flow"]["asked"], &report["flow"]["agreed"]),
        (&json!(3), &json!(2))
    );
    sandbox.assert_clean();
}
