//! `encode`: what it prints, proved.

use std::fmt::Write as _;
use std::fs;

use insta::assert_snapshot;
use libtest_mimic::Trial;

use crate::sandbox::Sandbox;
use crate::{ENGINE, live, test};

pub fn trials() -> Vec<Trial> {
    vec![
        test("encode", "values_and_manifest_are_ready_to_apply", documents),
        test(
            "encode",
            "plaintexts_come_from_arguments_files_and_the_environment",
            sources,
        ),
        test("encode", "what_cannot_be_carried_exits_2_and_is_not_repeated", unfit),
        live(
            "encode",
            "what_is_printed_carries_hard_plaintexts_to_a_flow_byte_for_byte",
            carried,
        ),
    ]
}

fn documents() {
    let sandbox = Sandbox::new();
    for (name, args) in [
        ("encode_extra_env", &["--strategy", "extra-env"][..]),
        ("encode_extra_env_from_0", &["--chart-generation", "0"]),
        (
            "encode_secret_key_ref",
            &["--strategy", "secret-key-ref", "--secret-name", "db"],
        ),
        (
            "encode_external_secrets",
            &[
                "--producer",
                "external-secrets",
                "--store",
                "ClusterSecretStore/vault",
                "--store-key",
                "prod/kestra",
            ],
        ),
    ] {
        let given = ["encode", "DB_USERNAME=admin", "DB_PASSWORD=it's \"$(HOME)\"\n"];
        let ended = sandbox.run(given.iter().chain(args)).with_code(0);
        assert_snapshot!(name, ended.stdout);
        let parts = ["values", "manifest"].map(|only| {
            let ended = sandbox.run(given.iter().chain(args).chain(&["--only", only]));
            if ended.code == Some(0) {
                ended.stdout
            } else {
                String::new()
            }
        });
        let whole = if parts[1].is_empty() {
            parts[0].clone()
        } else {
            parts.join("---\n")
        };
        assert_eq!(ended.stdout, whole);
    }
    sandbox.assert_clean();
}

fn sources() {
    let sandbox = Sandbox::new();
    sandbox.file("prod.env", "# comment\nA=a=b \nQUOTED=\"q\"\nSECRET_B=b\n");
    sandbox.file("key.pem", "line one\nline two\n");
    let args = [
        "encode",
        "--strategy",
        "extra-env",
        "C=c",
        "D",
        "--from-file",
        "PEM=key.pem",
        "--from-env-file",
    ];
    let mut command = sandbox.command(args.iter().chain(&["prod.env"]));
    command.env("D", "d");
    let ended = crate::sandbox::run(command).with_code(0);
    for value in ["YT1iIA==", "InEi", "Yg==", "Yw==", "ZA==", "bGluZSBvbmUKbGluZSB0d28K"] {
        assert!(
            ended.stdout.contains(&format!("value: \"{value}\"")),
            "{value}:\n{}",
            ended.stdout
        );
    }
    assert!(
        ended.stderr.contains("prod.env:3: the quotes are part of QUOTED"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("a flow calls secret('B')"), "{}", ended.stderr);
    let ended = sandbox
        .run_with(["encode", "--strategy", "extra-env"], "A=a\r\n")
        .with_code(0);
    assert!(ended.stdout.contains("value: \"YQ==\""), "{}", ended.stdout);
}

fn unfit() {
    let sandbox = Sandbox::new();
    sandbox.file("binary", b"hidden\xff");
    sandbox.file("long", "hidden".repeat(30_000));
    for args in [
        &["MY-KEY=hidden"][..],
        &["=hidden"],
        &["A=hidden", "a=hidden"],
        &["NOBODY_SET_THIS"],
        &["--from-file", "A=binary"],
        &["--from-file", "A=long"],
        &["--from-file", "A=nowhere"],
        &["--from-file", "A"],
        &["--from-env-file", "-", "--from-file", "A=-"],
        &[],
        &["A=hidden", "--secret-name", "Db_Creds"],
        &["A=hidden", "--store", "vault"],
        &["A=hidden", "--producer", "external-secrets"],
        &["A=hidden", "--producer", "external-secrets", "--store", "Vault/v"],
        &[
            "A=hidden",
            "--producer",
            "external-secrets",
            "--store",
            "v",
            "--strategy",
            "extra-env",
        ],
        &["A=hidden", "--strategy", "extra-env", "--only", "manifest"],
    ] {
        let ended = sandbox.run(["encode"].iter().chain(args)).with_code(2);
        assert!(!ended.stderr.contains("hidden"), "{args:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{args:?}");
    }
}

/// What accidents happen to, by the name a flow calls it.
const HARD: [(&str, &str); 11] = [
    ("NEWLINE", "line one\nline two\n"),
    ("CRLF", "line one\r\nline two\r\n"),
    ("QUOTES", "it's \"so\" `called` \\"),
    ("DOLLAR", "$(HOME) $$(HOME) ${HOME} $HOME"),
    ("EMOJI", "p\u{e4}ssw\u{f6}rd \u{5bc6}\u{7801} \u{1f5dd}\u{fe0f}"),
    ("SPACES", "   leading and trailing   "),
    ("EMPTY", ""),
    ("NUMBER", "0012345678e10"),
    ("NO", "true"),
    ("YAML", "a: [b, {c: d}] # e"),
    ("lower_case", "{{ secret('NO') }}"),
];

fn carried() {
    let sandbox = Sandbox::new();
    let mut args = Vec::new();
    let mut expect = String::new();
    for (name, plain) in HARD {
        sandbox.file(&format!("plain/{name}"), plain);
        args.push(format!("--from-file={name}=plain/{name}"));
        let _ = writeln!(expect, "--expect={name}=@plain/{name}");
    }
    for (strategy, generation) in [("extra-env", "0"), ("extra-env-from", "1"), ("secret-key-ref", "1")] {
        let chosen = [
            format!("--strategy={strategy}"),
            format!("--chart-generation={generation}"),
        ];
        let print = |only: &str| {
            let only = format!("--only={only}");
            sandbox.run(
                ["encode"]
                    .into_iter()
                    .chain(args.iter().chain(&chosen).map(String::as_str))
                    .chain([&*only]),
            )
        };
        sandbox.file("values.yaml", print("values").with_code(0).stdout);
        let mut check = vec!["check", "-f", "values.yaml", "--kestra", ENGINE, "--report", "report"];
        if strategy != "extra-env" {
            sandbox.file("secret.yaml", print("manifest").with_code(0).stdout);
            check.extend(["-f", "secret.yaml"]);
        }
        let ended = sandbox.run(check.into_iter().chain(expect.lines())).with_code(0);
        let passed = format!("{} passed, 0 failed", HARD.len());
        assert!(ended.stdout.contains(&passed), "{strategy}:\n{}", ended.stdout);
        let report = fs::read_to_string(sandbox.work().join("report/report.json")).unwrap();
        assert!(!report.contains("KS0"), "{strategy}: {report}");
    }
    sandbox.assert_clean();
}
