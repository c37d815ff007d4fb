//! The publisher's image and chart, on loopback: the distribution project's registry and a chart repository hold
//! stand-ins under the publisher's names. Taken where they can be had; where not, the next best, and why.

use crate::doctor;
use crate::support::proxy::{Fate, Proxy};
use crate::support::publisher::{Server, asks, assert_says, pins};
use crate::support::sandbox::{Ended, NOWHERE, Sandbox, run};

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

fn doctors(sandbox: &Sandbox, args: &[&str], registry: &str, charts: &str) -> Ended {
    run(asks(doctor::doctor(sandbox, args), sandbox, registry, charts))
}

#[test]
fn doctor_says_what_a_registry_answered_and_what_a_run_takes_instead() {
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
                "a run works without it",
                "a run would use kind (not the official image and chart: ",
            ],
        );
    }
    let ended = doctors(&sandbox, &[], &charts, NOWHERE).with_code(0);
    assert_says(
        &ended,
        &[
            "the chart repository http://127.0.0.1:1 does not answer",
            "a run uses the bundled chart",
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

#[test]
fn doctor_says_how_much_would_be_pulled_and_what_it_takes() {
    let publisher = Server::of_publisher();
    let url = publisher.url();
    let sandbox = machine();
    let ended = doctors(&sandbox, &[], &url, &url).with_code(0);
    assert_says(
        &ended,
        &[
            "kestra/kestra:v2.0.0-no-plugins can be pulled, 351 MiB",
            "it needs about 1.7 GiB of disk for the daemon and a node, and 2.0 GiB of memory for a run",
            "official@2.0.0 is available from http://127.0.0.1:",
            "a run would use kind (the official image and chart: Docker 28.1.0 answers, kestra/kestra:v2.0.0-no-plugins \
             can be pulled, 351 MiB",
        ],
    );
}

#[test]
fn a_kestra_that_is_named_and_cannot_be_had_exits_3_and_says_why() {
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

#[test]
fn a_minor_is_its_newest_patch_by_the_registrys_tags() {
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

#[test]
fn the_pins_are_written_anew_by_what_the_registry_has() {
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
