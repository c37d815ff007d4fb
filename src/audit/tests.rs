mod key_list;

use insta::assert_snapshot;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service};
use serde_json::{Value as Json, json};

use super::judge::audit_containers;
use super::report::{AuditedPlace, AuditedVariable, OriginKind, Stale};
use super::{AuditReport, Gathered, Unread, exec, judge, prometheus};
use crate::lint::Severity;
use crate::oracle::secret::{HopValue, Plaintext, RunKey};

const STARTED: &str = "2026-01-01T10:00:00Z";

fn pod(name: &str, component: &str, env: &Json, env_from: &Json) -> Pod {
    serde_json::from_value(json!({
        "metadata": {
            "name": name, "namespace": "kestra",
            "labels": {"app.kubernetes.io/name": "kestra", "app.kubernetes.io/component": component},
        },
        "spec": {"containers": [
            {
                "name": "kestra", "image": "registry.example.com:5000/kestra/kestra:v2.0.0",
                "command": ["sh", "-c", "exec /app/kestra server standalone"],
                "env": env, "envFrom": env_from,
            },
            {"name": "side", "image": "busybox", "env": [{"name": "SECRET_SIDE", "value": "x"}]},
        ]},
        "status": {"containerStatuses": [{
            "name": "kestra", "image": "", "imageID": "", "ready": true, "restartCount": 0,
            "state": {"running": {"startedAt": STARTED}},
        }]},
    }))
    .unwrap()
}

/// A Secret whose data changed at that time.
fn secret(name: &str, changed: &str, data: &[(&str, &str)]) -> Secret {
    let data: serde_json::Map<String, Json> = data
        .iter()
        .map(|(key, bytes)| {
            let encoded = crate::oracle::secret::Location::Env.encode(&Plaintext::from(*bytes));
            (
                (*key).to_owned(),
                String::from_utf8(encoded.bytes().to_vec()).unwrap().into(),
            )
        })
        .collect();
    serde_json::from_value(json!({
        "metadata": {
            "name": name, "namespace": "kestra", "creationTimestamp": "2026-01-01T09:00:00Z",
            "managedFields": [
                {"manager": "kubectl", "operation": "Update", "time": changed, "fieldsV1": {"f:data": {}}},
                {"manager": "labels", "operation": "Update", "time": "2026-02-01T00:00:00Z",
                 "fieldsV1": {"f:metadata": {}}},
            ],
        },
        "data": data,
    }))
    .unwrap()
}

const BEFORE: &str = "2026-01-01T09:30:00Z";
const AFTER: &str = "2026-01-01T11:00:00Z";

fn key_ref(name: &str, object: &str, key: &str) -> Json {
    json!({"name": name, "valueFrom": {"secretKeyRef": {"name": object, "key": key}}})
}

fn audit(gathered: Gathered) -> AuditReport {
    let audit_containers = audit_containers(&gathered, &RunKey::random());
    let place = AuditedPlace {
        namespace: "kestra".into(),
        ..AuditedPlace::default()
    };
    judge(place, gathered, audit_containers)
}

fn cluster_with(pods: Vec<Pod>, secrets: Vec<Secret>) -> Gathered {
    Gathered {
        pods,
        secrets,
        ..Gathered::default()
    }
}

fn variable<'a>(report: &'a AuditReport, name: &str) -> &'a AuditedVariable {
    let mut all = report.containers.iter().flat_map(|seen| &seen.variables);
    all.find(|variable| variable.name == name).unwrap()
}

/// Rule, severity and subject of each finding.
fn said(report: &AuditReport) -> Vec<String> {
    let each = report.findings.iter();
    each.map(|f| format!("{} {}[{}] {}", f.file, f.severity, f.rule, f.subject))
        .collect()
}

#[test]
fn every_source_is_named_and_right_values_are_right() {
    let env = json!([{"name": "SECRET_PLAIN", "value": "YWRtaW4="}, key_ref("SECRET_KEY", "creds", "one")]);
    let from = json!([{"prefix": "SECRET_", "secretRef": {"name": "creds"}}, {"configMapRef": {"name": "map"}}]);
    let map: ConfigMap = serde_json::from_value(json!({
        "metadata": {"name": "map", "namespace": "kestra"}, "data": {"SECRET_MAP": "YWRtaW4="},
    }))
    .unwrap();
    let gathered = Gathered {
        config_maps: vec![map],
        ..cluster_with(
            vec![pod("p", "standalone", &env, &from)],
            vec![secret("creds", BEFORE, &[("one", "YWRtaW4=")])],
        )
    };
    let report = audit(gathered);
    assert_eq!(said(&report), [""; 0]);
    let origin = |name| variable(&report, name).origin.to_string();
    assert_eq!(origin("SECRET_PLAIN"), "value (env[0])");
    assert_eq!(origin("SECRET_KEY"), "Secret creds key one (env[1])");
    assert_eq!(
        origin("SECRET_one"),
        "Secret creds key one (envFrom[0], prefix SECRET_)"
    );
    assert_eq!(origin("SECRET_MAP"), "ConfigMap map key SECRET_MAP (envFrom[1])");
    assert_eq!(variable(&report, "SECRET_one").key.as_deref(), Some("ONE"));
    // All are of one value, so of one hash; and a sidecar is no Kestra.
    let gives = variable(&report, "SECRET_PLAIN").gives.clone().unwrap();
    assert!(matches!(&gives, HopValue::Is(shown) if shown.to_string().starts_with("[private, 5 bytes")));
    for other in &report.containers[0].variables {
        assert_eq!(other.gives.as_ref(), Some(&gives), "{}", other.name);
    }
    assert_eq!(report.containers.len(), 1);
    assert_eq!(report.containers[0].kestra.to_string(), "2.0.0");
}

#[test]
fn what_is_wrong_with_a_value_or_a_name_is_told_with_its_code() {
    let env = json!([
        {"name": "SECRET_NEWLINE", "value": "YWRtaW4K"},
        {"name": "SECRET_PADDING", "value": "cGFzc3dvcmQxMg"},
        {"name": "SECRET_RAW", "value": "hunter2!"},
        {"name": "secret_case", "value": "YWRtaW4="},
        {"name": "SECRET_A-B", "value": "YWRtaW4="},
        {"name": "DB_PASSWORD", "value": "Y29ycmVjdCBob3JzZQ=="},
        {"name": "SECRET_Twin", "value": "YQ=="},
        {"name": "SECRET_TWIN", "value": "Yg=="},
        key_ref("SECRET_ONCE", "creds", "plain"),
        key_ref("SECRET_GONE", "creds", "nothing"),
    ]);
    let secrets = vec![secret("creds", BEFORE, &[("plain", "admin!")])];
    let report = audit(cluster_with(vec![pod("p", "standalone", &env, &json!([]))], secrets));
    let found = said(&report);
    for wanted in [
        "kestra/standalone error[KS001] SECRET_NEWLINE",
        "kestra/standalone error[KS004] SECRET_RAW",
        "kestra/standalone error[KS016] secret_case",
        "kestra/standalone error[KS024] SECRET_A-B",
        "kestra/standalone warning[KS016] DB_PASSWORD",
        "kestra/standalone error[KS002] SECRET_ONCE",
        "kestra/standalone error[KS020] SECRET_GONE",
    ] {
        assert!(found.iter().any(|f| f == wanted), "no {wanted}: {found:#?}");
    }
    assert!(found.iter().any(|f| f.contains("[KS017]")), "{found:#?}");
    // Missing padding decodes, so nothing is wrong.
    assert!(!found.iter().any(|f| f.contains("SECRET_PADDING")), "{found:#?}");
    for never in ["secret_case", "SECRET_A-B", "DB_PASSWORD"] {
        assert_eq!(variable(&report, never).key, None, "{never}");
    }
    assert!(matches!(
        variable(&report, "SECRET_RAW").gives,
        Some(HopValue::Nothing(_))
    ));
    assert!(matches!(
        variable(&report, "SECRET_TWIN").gives,
        Some(HopValue::OneOf(_))
    ));
    let gone = report.findings.iter().find(|f| f.subject == "SECRET_GONE").unwrap();
    assert!(
        gone.message.contains("this container started before"),
        "{}",
        gone.message
    );
}

#[test]
fn a_secret_that_changed_since_may_be_stale_and_the_process_tells_for_certain() {
    let env = json!([key_ref("SECRET_A", "creds", "a"), key_ref("SECRET_B", "creds", "b")]);
    let secrets = vec![secret("creds", AFTER, &[("a", "YWRtaW4="), ("b", "cGFzc3dvcmQ=")])];
    let gathered = || cluster_with(vec![pod("p", "standalone", &env, &json!([]))], secrets.clone());
    let report = audit(gathered());
    assert_eq!(said(&report), ["kestra/standalone warning[KS025] Secret creds"]);
    assert_eq!(variable(&report, "SECRET_A").stale, Some(Stale::Maybe));

    let mut observed = gathered();
    let process = exec::variables(b"PATH=/bin\0SECRET_A=b2xk\0SECRET_B=cGFzc3dvcmQ=\0");
    observed.processes.insert(("p".into(), "kestra".into()), Ok(process));
    let report = audit(observed);
    assert_eq!(said(&report), ["kestra/standalone error[KS025] Secret creds"]);
    assert_eq!(variable(&report, "SECRET_A").stale, Some(Stale::Certainly));
    assert_eq!(variable(&report, "SECRET_B").stale, None);
    assert!(report.findings[0].message.contains("SECRET_A") && !report.findings[0].message.contains("SECRET_B"));
    // What a flow gets is what the process has.
    assert!(matches!(&variable(&report, "SECRET_A").gives,
        Some(HopValue::Is(shown)) if shown.to_string().starts_with("[private, 3 bytes")));
    let hop = &variable(&report, "SECRET_A").hops[1];
    assert_ne!(hop.observed, hop.predicted);
}

#[test]
fn a_process_that_has_another_value_than_its_spec_gives_is_drift() {
    let env = json!([{"name": "SECRET_A", "value": "YWRtaW4="}]);
    let mut gathered = cluster_with(vec![pod("p", "standalone", &env, &json!([]))], Vec::new());
    let process = exec::variables(b"SECRET_A=b2xk\0SECRET_IMAGE=YWRtaW4K\0");
    gathered.processes.insert(("p".into(), "kestra".into()), Ok(process));
    let report = audit(gathered);
    assert_eq!(
        said(&report),
        [
            "kestra/standalone error[KS001] SECRET_IMAGE",
            "kestra/standalone error[drift] SECRET_A"
        ]
    );
    assert_eq!(variable(&report, "SECRET_IMAGE").origin.kind, OriginKind::Process);
}

#[test]
fn what_may_not_be_read_is_told_and_blames_nobody() {
    let env = json!([key_ref("SECRET_A", "creds", "a"), {"name": "SECRET_B", "value": "YWRtaW4="}]);
    let mut gathered = cluster_with(vec![pod("p", "standalone", &env, &json!([]))], Vec::new());
    gathered.unread.push(Unread {
        object: "Secret creds".into(),
        says: "secrets \"creds\" is forbidden".into(),
    });
    let report = audit(gathered);
    assert_eq!(said(&report), ["kestra warning[not-knowable] Secret creds"]);
    assert_eq!(variable(&report, "SECRET_A").gives, None);
    assert_eq!(variable(&report, "SECRET_A").key.as_deref(), Some("A"));
    assert!(variable(&report, "SECRET_B").gives.is_some());
    assert_eq!(report.findings[0].severity, Severity::Warning);
}

#[test]
fn pods_that_are_alike_are_told_once_and_what_one_component_lacks_is_told() {
    let both = json!([{"name": "SECRET_A", "value": "YWRtaW4="}, {"name": "SECRET_B", "value": "YWRtaW4="}]);
    let one = json!([{"name": "SECRET_A", "value": "b3RoZXI="}]);
    let none = json!([]);
    let pods = vec![
        pod("w1", "worker", &both, &none),
        pod("w2", "worker", &both, &none),
        pod("e", "executor", &one, &none),
        pod("h", "webserver", &both, &none),
    ];
    let report = audit(cluster_with(pods, Vec::new()));
    let pods: Vec<_> = report
        .containers
        .iter()
        .map(|seen| (seen.component.as_str(), seen.pods.len()))
        .collect();
    assert_eq!(pods, [("executor", 1), ("webserver", 1), ("worker", 2)]);
    assert_eq!(
        said(&report),
        ["kestra/all warning[uneven] A", "kestra/executor warning[uneven] B"]
    );
}

#[test]
fn a_service_gives_secrets_to_what_starts_after_it() {
    let service = |made: &str| -> Service {
        serde_json::from_value(json!({
            "metadata": {"name": "secret-db", "namespace": "kestra", "creationTimestamp": made},
            "spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 5432}]},
        }))
        .unwrap()
    };
    for (made, there) in [(BEFORE, true), (AFTER, false)] {
        let gathered = Gathered {
            services: vec![service(made)],
            ..cluster_with(vec![pod("p", "standalone", &json!([]), &json!([]))], Vec::new())
        };
        let report = audit(gathered);
        assert_eq!(!report.containers[0].variables.is_empty(), there);
        assert_eq!(said(&report).iter().any(|f| f.contains("warning[KS018]")), there);
    }
}

#[test]
fn no_value_is_in_any_format() {
    let plain = "c4nary-plain";
    let encoded = crate::oracle::secret::Location::Env.encode(&Plaintext::from(plain));
    let encoded = std::str::from_utf8(encoded.bytes()).unwrap();
    let env = json!([
        {"name": "SECRET_RIGHT", "value": encoded},
        {"name": "SECRET_RAW", "value": plain},
        {"name": "SECRET_right", "value": format!("{encoded}\n")},
        key_ref("SECRET_REF", "creds", "a"),
    ]);
    let secrets = vec![secret("creds", AFTER, &[("a", plain)])];
    let mut gathered = cluster_with(vec![pod("p", "standalone", &env, &json!([]))], secrets);
    let process = exec::variables(format!("SECRET_RIGHT={plain}\0SECRET_REF={encoded}\0").as_bytes());
    gathered.processes.insert(("p".into(), "kestra".into()), Ok(process));
    let report = audit(gathered);
    assert!(report.findings.len() > 3);
    let redactor = crate::system::redact::Redactor::new([plain]);
    for text in [
        super::format::human(&report),
        serde_json::to_string(&report).unwrap(),
        crate::lint::format::sarif(&report.as_lint()).to_string(),
        crate::lint::format::github(&report.as_lint()),
    ] {
        assert_eq!(redactor.find(text.as_bytes()), []);
    }
    assert!(crate::lint::format::github(&report.as_lint()).starts_with("::error title=KS"));
}

#[test]
fn prometheus_gets_numbers_of_findings_and_no_value() {
    let exposition = |report: &AuditReport, asked| {
        let ended = jiff::Timestamp::from_second(1_767_268_800).unwrap();
        prometheus::exposition(report, ended, asked)
    };
    let env = json!([{"name": "SECRET_A", "value": "YWRtaW4="}]);
    let clean = |name| pod(name, "standalone", &env, &json!([]));
    let right = audit(cluster_with(vec![clean("p"), clean("q")], Vec::new()));
    assert_snapshot!("prometheus_right", exposition(&right, true));
    let success = |report, asked| {
        let text = exposition(report, asked);
        let sample = text
            .lines()
            .find(|line| line.starts_with("kestra_secrets_audit_success{"));
        sample.unwrap().ends_with(" 1")
    };
    assert!(success(&right, true) && !success(&right, false));

    let env = json!([
        {"name": "SECRET_A", "value": "YWRtaW4K"}, {"name": "SECRET_B", "value": "hunter2!"},
        {"name": "SECRET_C", "value": "hunter2?"}, key_ref("SECRET_D", "creds", "d"),
    ]);
    let mut gathered = cluster_with(vec![pod("p", "standalone", &env, &json!([]))], Vec::new());
    gathered.unread.push(Unread {
        object: "Secret creds".into(),
        says: "secrets \"creds\" is forbidden".into(),
    });
    let wrong = audit(gathered);
    assert_snapshot!("prometheus_wrong", exposition(&wrong, true));
    assert!(!success(&wrong, true));
}
