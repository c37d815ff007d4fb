//! What `audit --format prometheus` writes and the alerts of `deploy/audit-alerts.yaml`, as Prometheus' own promtool
//! reads them.

use std::process::Command;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::on_provider;
use crate::support::api_server::{ApiServer, FORBIDDEN};
use crate::support::sandbox::{Ended, Sandbox};

pub fn trials() -> Vec<Trial> {
    let test = |name: &str, check: fn()| on_provider("promtool", format!("prometheus::{name}"), lacking, check);
    vec![
        test("promtool_takes_what_an_audit_writes", metrics),
        test("each_alert_fires_when_it_must_and_no_sooner", alerts),
        test("the_alerts_read_what_an_audit_writes", both),
    ]
}

fn lacking() -> Option<String> {
    let asked = Command::new("promtool").arg("--version").output();
    let runs = asked.is_ok_and(|answer| answer.status.success());
    (!runs).then(|| "there is no promtool on PATH: Debian's package `prometheus` has it".into())
}

/// A context may have any name.
const NAME: &str = "a\"b\\c\nd {e=\"f\"} 1";

/// A right value, a wrong one and one that nobody may read.
fn exposition(sandbox: &Sandbox, env: &Value) -> String {
    let args = ["--format", "prometheus=a.prom"];
    let ended = ApiServer::with(env).audit(sandbox, NAME, &args);
    assert!(matches!(ended.code, Some(0 | 1)), "{}", ended.stderr);
    std::fs::read_to_string(sandbox.work().join("a.prom")).unwrap()
}

fn faulty() -> Value {
    json!([
        {"name": "SECRET_RIGHT", "value": "YWRtaW4="},
        {"name": "SECRET_WRONG", "value": "tern-77!"},
        {"name": "SECRET_TWICE", "value": "WVdSdGFXND0="},
        {"name": "SECRET_UNREAD", "valueFrom": {"secretKeyRef": {"name": FORBIDDEN, "key": "a"}}},
    ])
}

fn promtool(args: &[&str], stdin: &str) -> Ended {
    let output = assert_cmd::Command::new("promtool")
        .args(args)
        .write_stdin(stdin)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

fn metrics() {
    let sandbox = Sandbox::new();
    for env in [json!([]), faulty()] {
        let text = exposition(&sandbox, &env);
        let checked = promtool(&["check", "metrics"], &text).with_code(0);
        assert_eq!((checked.stdout.as_str(), checked.stderr.as_str()), ("", ""), "{text}");
    }
}

fn alerts() {
    let file = |name: &str| format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
    promtool(&["check", "rules", &file("deploy/audit-alerts.yaml")], "").with_code(0);
    promtool(&["test", "rules", &file("tests/live/audit-alerts-test.yaml")], "").with_code(0);
}

/// Feeds what the program wrote to the rules. To promtool it is 1970, so that nothing is old.
fn both() {
    let sandbox = Sandbox::new();
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/audit-alerts.yaml");
    let fires = [
        ("KestraSecretWrong", "critical"),
        ("KestraSecretDoubtful", "warning"),
        ("KestraSecretsAuditIncomplete", "warning"),
    ];
    for (env, fires) in [(json!([]), &[][..]), (faulty(), &fires)] {
        let text = exposition(&sandbox, &env);
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let samples = samples.map(|line| line.rsplit_once(' ').unwrap());
        let series = samples.map(|(series, value)| json!({"series": series, "values": format!("{value} {value}")}));
        let place = text
            .lines()
            .find_map(|line| line.strip_prefix("kestra_secrets_audit_success{")?.rsplit_once("} "));
        let place = place.unwrap().0;
        let firing = fires.iter().map(|(name, severity)| {
            let labels = format!("alertname=\"{name}\",alertstate=\"firing\",severity=\"{severity}\",{place}");
            json!({"labels": format!("ALERTS{{{labels}}}"), "value": 1})
        });
        let test = json!({"rule_files": [rules], "evaluation_interval": "1m", "tests": [{
            "interval": "1m",
            "input_series": series.collect::<Value>(),
            "promql_expr_test": [{"expr": "ALERTS", "eval_time": "1m", "exp_samples": firing.collect::<Value>()}],
        }]});
        let test = sandbox.file("test.yaml", test.to_string());
        promtool(&["test", "rules", test.to_str().unwrap()], "").with_code(0);
    }
}
