//! The publisher's image and chart, on loopback: the distribution project's registry and a chart repository hold
//! stand-ins under the publisher's names. Taken where they can be had; where not, the next best, and why.

mod stage;

use std::process::Command;

use kestra_secrets::internals::kestra::CURRENT_ENGINES;
use libtest_mimic::Trial;
use serde_json::Value;
use stage::{Stage, docker, forget_image};

use crate::live;
use crate::on_provider;
use crate::support::publisher::{IMAGE, Server, TAG, asks, assert_says, pins};
use crate::support::requirements;
use crate::support::sandbox::{Ended, NOWHERE, Sandbox, run};

pub fn trials() -> Vec<Trial> {
    vec![
        live(
            "official",
            "without_docker_a_run_is_embedded_and_says_so",
            without_docker,
        ),
        live(
            "official",
            "a_pull_that_breaks_off_gives_way_to_the_next_best",
            broken_pull,
        ),
        whole_path(),
    ]
}

fn without_docker() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["run", "extra-env"]);
    command
        .env_remove("KESTRA_SECRETS_PROVIDER")
        .env("DOCKER_HOST", "tcp://127.0.0.1:1");
    let ended = run(command).with_code(0);
    assert_says(
        &ended,
        &["on embedded (no Docker daemon answers), chart kestra-minimal"],
    );
    sandbox.assert_clean();
}

fn broken_pull() {
    let publisher = Server::of_publisher();
    let sandbox = Sandbox::new();
    pins(&sandbox, "");
    sandbox.script(
        "bin/docker",
        r#"case "$*" in
version*) echo 28.1.0 ;;
"image ls"*) echo kestra-secrets/node:v1.34.4 ;;
pull*) printf '%s\n' 'a1: Pulling fs layer' 'b2: Pulling fs layer' 'a1: Pull complete'; echo 'unexpected EOF' >&2; exit 1 ;;
*) exit 1 ;;
esac"#,
    );
    let path = std::env::var("PATH").unwrap();
    let mut command = asks(
        sandbox.command(["run", "extra-env"]),
        &sandbox,
        &publisher.url(),
        &publisher.url(),
    );
    command
        .env_remove("KESTRA_SECRETS_PROVIDER")
        .env("PATH", format!("{}:{path}", sandbox.work().join("bin").display()));
    let ended = run(command).with_code(0);
    assert_says(
        &ended,
        &[
            "pull 351 MiB from the mirror http://127.0.0.1:",
            "layers, 1 of 2 are here",
            "on embedded (not the official image and chart: failed to pull kestra/kestra:v2.0.0-no-plugins: ",
            "unexpected EOF; Docker has no image of engine@2.0.0",
        ],
    );
    sandbox.assert_clean();
}

fn run_on(stage: &Stage, sandbox: &Sandbox, args: &[&str], charts: &str) -> Ended {
    let mut command = asks(
        sandbox.command([&["run"], args].concat()),
        sandbox,
        &stage.url(),
        charts,
    );
    command.env_remove("KESTRA_SECRETS_PROVIDER");
    run(command)
}

/// One trial, as all of its parts change what the one daemon has.
fn whole_path() -> Trial {
    on_provider(
        "kind",
        "official::the_main_command_takes_image_and_chart_on_kind_and_without_one_of_them_the_next_best".into(),
        || requirements::lacking_for_cluster(&CURRENT_ENGINES[0]).or_else(lacking_registry),
        whole,
    )
}

fn lacking_registry() -> Option<String> {
    let asked = Command::new("registry").arg("--version").output();
    asked
        .err()
        .map(|e| format!("`testbed/testbed build` makes the registry: {e}"))
}

fn whole() {
    forget_image();
    let mut stage = Stage::new();
    let sandbox = Sandbox::new();
    pins(&sandbox, "");
    let charts = stage.charts.url();

    let scenarios = ["extra-env", "secret-key-ref"];
    let ended = run_on(
        &stage,
        &sandbox,
        &[&scenarios[..], &["--report", "report"]].concat(),
        &charts,
    )
    .with_code(0);
    assert_says(
        &ended,
        &[
            "on kind (the official image and chart: Docker ",
            "kestra/kestra:v2.0.0-no-plugins can be pulled, ",
            &format!("chart kestra 2.0.0 (official@2.0.0, from the mirror {charts}"),
            "Kestra official@2.0.0 (pulled ",
            &format!("mirror {}, which is not pinned)", stage.url()),
        ],
    );
    let report = std::fs::read_to_string(sandbox.work().join("report/report.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    let passed = |result: &&Value| result["status"] == "pass";
    let results = report["results"].as_array().unwrap();
    assert_eq!(results.iter().filter(passed).count(), 2, "{results:#?}");
    let provenance = &results.iter().find(passed).unwrap()["provenance"];
    assert_eq!(provenance["image"], "kestra/kestra:v2.0.0-no-plugins");
    let digest = docker(&[
        "image",
        "inspect",
        "--format",
        "{{json .RepoDigests}}",
        &format!("{IMAGE}:{TAG}"),
    ]);
    let digest = digest
        .split_once("sha256:")
        .unwrap()
        .1
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let deviations = provenance["deviations"].to_string();
    assert!(
        deviations.contains(&format!("@sha256:{digest}, pulled ")),
        "{deviations}"
    );

    // A pin that the image has, and one that nobody has; without a cluster, which takes less time.
    let docker_alone = ["extra-env", "--kestra", "official", "--provider", "docker"];
    pins(&sandbox, &digest);
    let ended = run_on(&stage, &sandbox, &docker_alone, &charts).with_code(0);
    assert_says(
        &ended,
        &[
            "official@2.0.0 (the daemon had it)",
            "chart kestra 2.0.0 (official@2.0.0",
        ],
    );
    pins(&sandbox, &"ab".repeat(32));
    let ended = run_on(&stage, &sandbox, &docker_alone, &charts).with_code(3);
    assert_says(
        &ended,
        &[
            "has no kestra/kestra@sha256:abab",
            "the digest that is pinned for v2.0.0-no-plugins",
        ],
    );

    pins(&sandbox, "");
    let ended = run_on(&stage, &sandbox, &["extra-env"], NOWHERE).with_code(0);
    let testbed = "answers, and the node image kestra-secrets/node";
    let engines = "Kestra engine@2.0.0 and engine@1.3.31";
    assert_says(
        &ended,
        &[
            "on kind (not the official image and chart: the chart repository http://127.0.0.1:1",
            testbed,
            engines,
        ],
    );

    stage.registry.end();
    forget_image();
    // Values that name an image: the one that the run names runs, and the result says so.
    sandbox.file(
        "own-image.yaml",
        "schema: 1\nname: own-image\nabout: Values that name an image.\nstrategy: extra-env\nsecrets: {DB_PASSWORD: \
         {plain: hunter2, public: true}}\nreads: {password: DB_PASSWORD}\nvalues: {image: {tag: v1.3.15}}\n",
    );
    let ended = run_on(&stage, &sandbox, &["own-image.yaml"], &charts).with_code(0);
    assert_says(
        &ended,
        &[
            "the values name the image kestra/kestra:v1.3.15, and what ran is engine@2.0.0 (kestra-secrets/kestra:2.0.0)",
        ],
    );
    assert_says(
        &ended,
        &[
            "on kind (not the official image and chart: failed to ask 127.0.0.1:",
            "Connection refused",
            testbed,
            engines,
        ],
    );
    sandbox.file("pins.toml", "");
    std::fs::remove_dir_all(sandbox.work().join("report")).unwrap();
    sandbox.assert_clean();
}
