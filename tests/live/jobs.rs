//! The manifests of `deploy/` that run the program in a pod, with an image of the program.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::shards;
use crate::shared_cluster::{apply_text, apply_to, install, kubectl, load, on_kind, say, shipped};
use crate::support::requirements::helm;
use crate::support::sandbox::{FOREVER, Sandbox, program};
use crate::support::{ENGINE, schemas};

pub const NAMESPACE: &str = "kestra-secrets";

pub fn trials() -> Vec<Trial> {
    vec![
        on_kind(
            "jobs",
            "an_indexed_job_says_what_one_run_says_whatever_becomes_of_its_pods",
            qualify,
        ),
        on_kind(
            "jobs",
            "a_nightly_audit_turns_red_by_a_changed_secret_and_green_by_a_restart",
            nightly,
        ),
    ]
}

/// An image of the program, on the nodes of the shared cluster: the testbed's image of Kestra, which has a Debian, with
/// the program and helm on top.
static IMAGE: LazyLock<String> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let stripped = folder.path().join("kestra-secrets");
    // Most of a debug build is for a debugger.
    let built = program().into_string().unwrap();
    say("strip", &["--strip-all", "-o", stripped.to_str().unwrap(), &built]);
    let image = format!("kestra-secrets/program:{:08x}", rand::random::<u32>());
    let container = say("docker", &["create", "kestra-secrets/kestra:2.0.0"]);
    let container = container.trim();
    for file in [&stripped, &helm()] {
        let name = if file == &stripped { "kestra-secrets" } else { "helm" };
        let to = format!("{container}:/usr/local/bin/{name}");
        say("docker", &["cp", "--follow-link", file.to_str().unwrap(), &to]);
    }
    let entrypoint = r#"ENTRYPOINT ["kestra-secrets"]"#;
    say("docker", &["commit", "--change", entrypoint, container, &image]);
    say("docker", &["rm", container]);
    load(&image);
    say("docker", &["rmi", &image]);
    image
});

/// A manifest of `deploy/` with the image of the program, and other words in the place of some.
pub fn manifest(file: &str, changes: &[(&str, &str)]) -> String {
    const SHIPPED: &str = "image: registry.example.com/kestra-secrets:0.1.0\n";
    let mut text = shipped(file);
    let line = text.lines().find(|line| line.ends_with(SHIPPED.trim_end())).unwrap();
    let indent = " ".repeat(line.find("image:").unwrap());
    let image = format!("image: {}\n{indent}imagePullPolicy: Never\n", *IMAGE);
    for (from, to) in [(SHIPPED, image.as_str())].iter().chain(changes) {
        assert!(text.contains(from), "no {from} in {file}");
        text = text.replace(from, to);
    }
    text
}

/// Waits for what `kubectl` with these words comes to say.
#[track_caller]
pub fn until(words: &[&str], is_so: impl Fn(&str) -> bool) -> String {
    ask_until(&format!("kubectl {}", words.join(" ")), || kubectl(words), is_so)
}

/// Asks until the answer is so; `question` is what a failure calls it.
#[track_caller]
pub fn ask_until(question: &str, ask: impl Fn() -> String, is_so: impl Fn(&str) -> bool) -> String {
    let began = Instant::now();
    loop {
        let says = ask();
        if is_so(&says) {
            return says;
        }
        assert!(began.elapsed() < FOREVER, "{question} still says {says}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// The rights that the Jobs are shipped with, and no other.
pub fn grant() {
    apply_to("rbac-namespaces.yaml", NAMESPACE);
}

/// Starts a Job of so many parts.
fn start(name: &str, parts: &str, args: &[&str]) {
    let words: Vec<_> = args.iter().map(|word| format!("{word:?}")).collect();
    let job = manifest(
        "qualify-job.yaml",
        &[
            ("name: qualify\n", &format!("name: {name}\n")),
            ("completions: 3 ", &format!("completions: {parts} ")),
            ("parallelism: 3 ", &format!("parallelism: {parts} ")),
            (r#"value: "3""#, &format!("value: {parts:?}")),
            (
                r#"[--chart, official, --kestra, official, --require, official, --require, observed, --parallel, "1"]"#,
                &format!("[{}]", words.join(", ")),
            ),
        ],
    );
    apply_text(&job, NAMESPACE);
}

pub fn of_job(name: &str) -> String {
    format!("batch.kubernetes.io/job-name={name}")
}

pub fn log(selector: &str) -> String {
    kubectl(&["logs", "-n", NAMESPACE, "--selector", selector, "--tail=-1"])
}

fn field(name: &str, path: &str, is_so: impl Fn(&str) -> bool) -> String {
    let path = format!("jsonpath={path}");
    until(&["get", "job", name, "-n", NAMESPACE, "--output", &path], is_so)
}

/// What `report merge` makes of a log, handed to it on standard input.
fn merged(sandbox: &Sandbox, log: String, folder: &str) -> Value {
    let ended = sandbox
        .run_with(["report", "merge", "-", "--output", folder], log)
        .with_code(0);
    assert!(ended.stdout.contains("3 passed"), "{}", ended.stdout);
    let report = shards::report(sandbox, folder);
    // In a pod helm is another file than here.
    shards::results(&report)
}

fn qualify() {
    let sandbox = Sandbox::new();
    grant();
    let image = format!("{ENGINE}=kestra-secrets/kestra:2.0.0");
    let strategies = ["extra-env", "extra-env-from", "secret-key-ref"];
    let rest = ["--isolate", "--parallel", "1", "--kestra", ENGINE, "--image", &image];
    let run = [&strategies[..], &rest].concat();
    start("parts", "3", &run);
    start("whole", "1", &run);
    start("mistaken", "1", &["no-such-scenario"]);
    start(
        "broken",
        "1",
        &["--context", "nowhere", "--kestra", ENGINE, "extra-env"],
    );

    // A pod is lost while its Kestra boots.
    let second = format!("{},batch.kubernetes.io/job-completion-index=1", of_job("parts"));
    let pods = [
        "get",
        "pods",
        "-n",
        NAMESPACE,
        "--selector",
        &second,
        "--output",
        "name",
    ];
    let lost = until(&pods, |pods| !pods.is_empty());
    let lost = lost.trim();
    let running = ["get", "-n", NAMESPACE, lost, "--output", "jsonpath={.status.phase}"];
    until(&running, |phase| phase == "Running");
    let booting = until(&["logs", "-n", NAMESPACE, lost], |log| {
        log.contains("waiting for Kestra")
    });
    let named = booting.split("run ").nth(1).and_then(|rest| rest.split(':').next());
    let lost_run = named.unwrap().to_owned();
    assert!(
        booting.contains("on context in-cluster (service account kestra-secrets/kestra-secrets of"),
        "{booting}"
    );
    kubectl(&["delete", "-n", NAMESPACE, lost, "--force", "--grace-period=0"]);

    // Bad input fails at once, a broken environment is tried again.
    assert_eq!(
        field("mistaken", "{.status.failedIndexes}", |failed| !failed.is_empty()),
        "0"
    );
    let pods = |name: &str| {
        kubectl(&[
            "get",
            "pods",
            "-n",
            NAMESPACE,
            "--selector",
            &of_job(name),
            "--output",
            "name",
        ])
    };
    assert_eq!(pods("mistaken").lines().count(), 1);
    assert!(log(&of_job("mistaken")).contains("no-such-scenario"));
    field("broken", "{.status.failed}", |failed| {
        failed.parse::<u32>().is_ok_and(|failed| failed >= 2)
    });

    // Both at once, and one of them with a pod less, say the same.
    for name in ["parts", "whole"] {
        field(name, "{.status.conditions[*].type}", |types| {
            assert!(!types.contains("Failed"), "{}", log(&of_job(name)));
            types.contains("Complete")
        });
    }
    let (parts, whole) = (log(&of_job("parts")), log(&of_job("whole")));
    for line in whole.lines().filter(|line| line.starts_with('{')) {
        schemas::assert_valid("report-line", &serde_json::from_str(line).unwrap());
    }
    assert_eq!(
        merged(&sandbox, parts.clone(), "parts"),
        merged(&sandbox, whole, "whole")
    );
    schemas::assert_report(&sandbox.work().join("parts/report.json"));

    let first = log(&format!(
        "{},batch.kubernetes.io/job-completion-index=0",
        of_job("parts")
    ));
    let ended = sandbox
        .run_with(["report", "merge", "-", "--output", "part"], first)
        .with_code(2);
    assert!(ended.stderr.contains("shard 2/3 is missing"), "{}", ended.stderr);

    // Nothing is left but perhaps the lost pod's namespace, which bears its run's name.
    let ours = [
        "get",
        "namespaces",
        "--selector",
        "kestra-secrets/run",
        // An empty one that is about to go is not counted.
        "--field-selector",
        "status.phase=Active",
        "--output",
        "jsonpath={.items[*].metadata.name}",
    ];
    let left = kubectl(&ours);
    for folder in ["parts", "whole"] {
        for id in shards::report(&sandbox, folder)["run"]["id"]
            .as_str()
            .unwrap()
            .split(", ")
        {
            assert!(!left.contains(id), "{id} of {folder} left {left}");
        }
    }
    for namespace in left.split_whitespace().filter(|name| name.contains(&lost_run)) {
        kubectl(&["delete", "namespace", namespace]);
    }
    kubectl(&[
        "delete", "jobs", "-n", NAMESPACE, "parts", "whole", "mistaken", "broken",
    ]);
}

const NIGHTLY: &str = "nightly";

/// What one run of the nightly job says: whether it is green, and its report.
fn audited(name: &str) -> (bool, Value) {
    let from = "--from=cronjob/kestra-secrets-audit";
    kubectl(&["create", "job", name, "-n", NIGHTLY, from]);
    let conditions = "jsonpath={.status.conditions[*].type}";
    let ended = until(&["get", "job", name, "-n", NIGHTLY, "--output", conditions], |types| {
        types.contains("Complete") || types.ends_with("Failed")
    });
    let log = kubectl(&["logs", "-n", NIGHTLY, "--selector", &of_job(name), "--tail=-1"]);
    let report = serde_json::from_str(&log).unwrap_or_else(|e| panic!("{e}: {log}"));
    schemas::assert_valid("audit", &report);
    assert_eq!(report["place"]["context"], "in-cluster");
    (ended.contains("Complete"), report)
}

fn nightly() {
    let sandbox = Sandbox::new();
    apply_to("rbac-audit.yaml", NIGHTLY);
    let creds = |encoded: &str| {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "creds"},
                            "stringData": {"SECRET_TOKEN": encoded}});
        apply_text(&secret.to_string(), NIGHTLY);
    };
    creds("Zmlyc3Q=");
    let common = json!({"extraEnvFrom": [{"secretRef": {"name": "creds"}}]});
    install(&sandbox, NIGHTLY, common, &json!({}));
    apply_text(&manifest("audit-cronjob.yaml", &[]), NIGHTLY);

    let (green, report) = audited("first");
    assert!(green, "{report:#}");
    creds("c2Vjb25k");
    let (green, report) = audited("changed");
    assert!(!green, "{report:#}");
    assert_eq!(report["findings"][0]["rule"], "KS025", "{report:#}");
    kubectl(&["rollout", "restart", "-n", NIGHTLY, "deployment/kestra-standalone"]);
    kubectl(&[
        "rollout",
        "status",
        "-n",
        NIGHTLY,
        "deployment/kestra-standalone",
        "--timeout=5m",
    ]);
    let (green, report) = audited("restarted");
    assert!(green, "{report:#}");
    kubectl(&["delete", "namespace", NIGHTLY, "--wait=false"]);
}
