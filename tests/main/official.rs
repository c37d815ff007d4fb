//! The publisher's image and chart, on loopback: the distribution project's registry and a chart repository hold
//! stand-ins under the publisher's names. Taken where they can be had; where not, the next best, and why.

mod server;
mod stage;

use std::process::Command;

use kestra_secrets::provider::ENGINES;
use libtest_mimic::{Completion, Trial};
use serde_json::Value;
use server::Server;
use stage::{Stage, docker, forget_image};

use crate::proxy::{Fate, Proxy};
use crate::sandbox::{Ended, NOWHERE, Sandbox, run};
use crate::{doctor, live, requirements, test};

/// The version that the stand-ins bear: that of the engine which is in them.
const VERSION: &str = "2.0.0";
const IMAGE: &str = "kestra/kestra";
const TAG: &str = "v2.0.0-no-plugins";

pub fn trials() -> Vec<Trial> {
    vec![
        test(
            "official",
            "doctor_says_what_a_registry_answered_and_what_a_run_takes_instead",
            answers,
        ),
        test(
            "official",
            "doctor_says_how_much_would_be_pulled_and_what_it_takes",
            sizes,
        ),
        test(
            "official",
            "a_kestra_that_is_named_and_cannot_be_had_exits_3_and_says_why",
            named,
        ),
        test(
            "official",
            "the_pins_are_written_anew_by_what_the_registry_has",
            written,
        ),
        test("official", "a_minor_is_its_newest_patch_by_the_registrys_tags", minor),
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

/// A machine whose daemon has the testbed's images and pulls nothing.
fn machine() -> Sandbox {
    let sandbox = doctor::complete();
    sandbox.script(
        "bin/docker",
        r#"case "$*" in
info*) echo '{"ServerVersion": "28.1.0", "CgroupVersion": "2", "NCPU": 4, "MemTotal": 17179869184}' ;;
version*) echo 28.1.0 ;;
"image ls"*) echo kestra-secrets/node:v1.34.4 ;;
"image inspect"*kestra-secrets/*) echo sha256:0 ;;
*) exit 1 ;;
esac"#,
    );
    pins(&sandbox, "");
    sandbox
}

/// The pins with the stand-ins' version, and a digest of their tag.
fn pins(sandbox: &Sandbox, digest: &str) {
    let digests = match digest {
        "" => String::new(),
        digest => format!("\"{TAG}\" = \"sha256:{digest}\""),
    };
    let text = include_str!("../../src/tools/toolbox/pins.toml");
    let text = text.replace("version = \"2.0.7\"", &format!("version = \"{VERSION}\""));
    sandbox.file(
        "pins.toml",
        text.replace("[kestra.digests]", &format!("[kestra.digests]\n{digests}")),
    );
}

fn asks(mut command: Command, sandbox: &Sandbox, registry: &str, charts: &str) -> Command {
    command
        .env("KESTRA_SECRETS_PINS", sandbox.work().join("pins.toml"))
        .env("KESTRA_SECRETS_IMAGE_MIRROR", registry)
        .env("KESTRA_SECRETS_CHART_MIRROR", charts);
    command
}

fn doctors(sandbox: &Sandbox, args: &[&str], registry: &str, charts: &str) -> Ended {
    run(asks(doctor::doctor(sandbox, args), sandbox, registry, charts))
}

#[track_caller]
fn assert_says(ended: &Ended, texts: &[&str]) {
    let said = format!("{}\n{}", ended.stdout, ended.stderr);
    for text in texts {
        assert!(said.contains(text), "{text:?} is not in\n{said}");
    }
}

fn answers() {
    let publisher = Server::of_publisher();
    let (charts, upstream) = (publisher.url(), publisher.address);
    let sandbox = machine();
    for (fate, says) in [
        (
            Fate::Answered(401),
            "it answered 401 and wants credentials for kestra/kestra:v2.0.0-no-plugins",
        ),
        (
            Fate::Answered(429),
            "it answered 429, too many requests; it says to try again after 1 s",
        ),
        (
            Fate::Answered(404),
            "has no kestra/kestra for Kestra 2.0.0: none of v2.0.0-no-plugins, v2.0.0-slim, v2.0.0",
        ),
        (Fate::Cut(40), "connection closed before message completed"),
        (Fate::Silence, "the deadline for an answer of the registry, 5s passed"),
    ] {
        let registry = Proxy::start(Some(upstream), move |_| fate);
        let ended = doctors(&sandbox, &[], &registry.url(), &charts).with_code(0);
        assert_says(
            &ended,
            &[
                says,
                "a run goes without it",
                "a run would use kind (not the official image and chart: ",
            ],
        );
    }
    let ended = doctors(&sandbox, &[], &charts, NOWHERE).with_code(0);
    assert_says(
        &ended,
        &[
            "the chart repository http://127.0.0.1:1 does not answer",
            "takes the bundled one",
        ],
    );
    pins(&sandbox, &"ab".repeat(32));
    let ended = doctors(&sandbox, &[], &charts, &charts).with_code(0);
    assert_says(
        &ended,
        &[
            "the digest that is pinned for v2.0.0-no-plugins",
            "a run would use kind (not the official",
        ],
    );
}

fn sizes() {
    let publisher = Server::of_publisher();
    let url = publisher.url();
    let sandbox = machine();
    let ended = doctors(&sandbox, &[], &url, &url).with_code(0);
    assert_says(
        &ended,
        &[
            "kestra/kestra:v2.0.0-no-plugins can be pulled, 351 MiB",
            "takes about 1.7 GiB of disk, and a run 2.0 GiB of memory",
            "official@2.0.0 can be had from http://127.0.0.1:",
            "a run would use kind (the official image and chart: Docker 28.1.0 answers, kestra/kestra:v2.0.0-no-plugins \
             can be pulled, 351 MiB",
        ],
    );
}

fn named() {
    let sandbox = machine();
    let registry = Proxy::start(None, |_| Fate::Answered(401));
    let command = |args: &[&str]| {
        let mut command = asks(sandbox.command(args), &sandbox, &registry.url(), NOWHERE);
        command.env("PATH", sandbox.work().join("bin"));
        command
    };
    for provider in ["kind", "docker"] {
        let args = [
            "run",
            "extra-env",
            "--kestra",
            "official",
            "--chart",
            "bundled",
            "--provider",
            provider,
        ];
        let ended = run(command(&args)).with_code(3);
        assert_says(
            &ended,
            &[
                "find the image of official@2.0.0",
                "it answered 401",
                "KESTRA_SECRETS_IMAGE_MIRROR",
            ],
        );
    }
    sandbox.assert_clean();
}

fn minor() {
    let publisher = Server::of_publisher();
    let sandbox = machine();
    let ended = doctors(
        &sandbox,
        &["--kestra", "official@1.3"],
        &publisher.url(),
        &publisher.url(),
    );
    assert_says(&ended, &["image of official@1.3.31"]);
    let ended = doctors(
        &sandbox,
        &["--kestra", "official@1.4"],
        &publisher.url(),
        &publisher.url(),
    )
    .with_code(3);
    assert_says(
        &ended,
        &["find the newest Kestra 1.4: no tag of kestra/kestra is a release of 1.4"],
    );
}

fn written() {
    let publisher = Server::of_publisher();
    let sandbox = machine();
    sandbox.file("new.toml", include_str!("../../src/tools/toolbox/pins.toml"));
    let command = |registry: &str| asks(sandbox.command(["pins", "new.toml"]), &sandbox, registry, NOWHERE);
    let ended = run(command(&publisher.url())).with_code(0);
    assert_says(&ended, &["Kestra 2.0.0, 1 digests: new.toml"]);
    let new = std::fs::read_to_string(sandbox.work().join("new.toml")).unwrap();
    assert!(new.contains("[kestra]\nversion = \"2.0.0\"\n"), "{new}");
    assert!(
        new.contains("[kestra.digests]\n\"v2.0.0-no-plugins\" = \"sha256:"),
        "{new}"
    );
    let ended = run(command(NOWHERE)).with_code(3);
    assert_says(&ended, &["failed to ask 127.0.0.1:1"]);
    let kept = std::fs::read_to_string(sandbox.work().join("new.toml")).unwrap();
    assert_eq!(kept, new);
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
    Trial::ignorable_test(
        "official::the_main_command_takes_image_and_chart_on_kind_and_without_one_of_them_the_next_best",
        || match requirements::lacking_for_cluster(&ENGINES[0]).or_else(lacking_registry) {
            Some(lacking) if requirements::is_required("kind") => Err(lacking.into()),
            Some(lacking) => Ok(Completion::ignored_with(lacking)),
            None => {
                whole();
                Ok(Completion::Completed)
            }
        },
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

    stage.registry.kill().unwrap();
    stage.registry.wait().unwrap();
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
