//! `encode`: what it prints, proved.

use insta::assert_snapshot;

use crate::support::sandbox::Sandbox;

#[test]
fn values_and_manifest_are_ready_to_apply() {
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

#[test]
fn plaintexts_come_from_arguments_files_and_the_environment() {
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
    let ended = crate::support::sandbox::run(command).with_code(0);
    for value in ["YT1iIA==", "InEi", "Yg==", "Yw==", "ZA==", "bGluZSBvbmUKbGluZSB0d28K"] {
        assert!(
            ended.stdout.contains(&format!("value: \"{value}\"")),
            "{value}:\n{}",
            ended.stdout
        );
    }
    assert!(
        ended
            .stderr
            .contains("prod.env:3: the quotes are part of the value of QUOTED"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("flows call secret('B')"), "{}", ended.stderr);
    let ended = sandbox
        .run_with(["encode", "--strategy", "extra-env"], "A=a\r\n")
        .with_code(0);
    assert!(ended.stdout.contains("value: \"YQ==\""), "{}", ended.stdout);
}

#[test]
fn what_cannot_be_carried_exits_2_and_is_not_repeated() {
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

/// An env file as people have it, on Unix or Windows.
const PLAIN: &str = "# Warehouse\nWAREHOUSE_USER=loader\nWAREHOUSE_PASSWORD=\"s3a gull!\"\n\nexport mail_token=mt-4471-zz # since May\n\
                     SECRET_API_PW='$ecret'\nPEM=\"one\ntwo\n\"\nEMPTY=\nLAST=arrives";

#[test]
fn an_env_file_of_plaintexts_becomes_one_that_lint_takes_as_clean() {
    for plain in [
        PLAIN.to_owned(),
        PLAIN.replace('\n', "\r\n"),
        format!("\u{feff}{PLAIN}\n"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.file(".env", plain);
        let ended = sandbox.run(["encode", "--env-file", ".env"]).with_code(0);
        let expected = "SECRET_WAREHOUSE_USER=bG9hZGVy\nSECRET_WAREHOUSE_PASSWORD=czNhIGd1bGwh\n\
                        SECRET_MAIL_TOKEN=bXQtNDQ3MS16eg==\nSECRET_API_PW=JGVjcmV0\nSECRET_PEM=b25lCnR3bwo=\nSECRET_EMPTY=\n\
                        SECRET_LAST=YXJyaXZlcw==\n";
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), (expected, ""));
        sandbox.file(".env_encoded", ended.stdout);
        let linted = sandbox.run(["lint", ".env_encoded", "--deny", "warnings"]).with_code(0);
        assert!(linted.stdout.contains("7 secrets"), "{}", linted.stdout);
        sandbox.assert_clean();
    }
}

#[test]
fn an_env_file_that_cannot_be_read_is_refused_by_its_line_and_without_its_value() {
    let canary = "c4nary";
    for (line, says) in [
        ("B C=c4nary", "not NAME=VALUE"),
        ("=c4nary", "no name"),
        ("B=\"c4nary", "never closed"),
        ("B=${c4nary}", "not known here"),
        ("B=$c4nary", "not known here"),
        ("B", "no value"),
        ("B-C=c4nary", "character"),
        ("secret_a=c4nary", "SECRET_A is given twice"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.file("x.env", format!("A=1\n{line}\n"));
        let ended = sandbox.run(["encode", "--env-file", "x.env"]).with_code(2);
        assert!(
            ended.stderr.contains("x.env:2:1") && ended.stderr.contains(says),
            "{line}: {}",
            ended.stderr
        );
        assert_eq!(ended.stdout, "");
        assert!(
            line.starts_with('B') && line.len() == 1 || !ended.stderr.contains(canary),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn a_plaintext_of_an_env_file_that_looks_wrong_is_told() {
    let sandbox = Sandbox::new();
    sandbox.file("x.env", "A='\"quoted\"'\nB=YWRtaW4=\n");
    let ended = sandbox.run(["encode", "--env-file", "x.env"]).with_code(0);
    assert!(
        ended
            .stderr
            .contains("x.env:1: SECRET_A: the plaintext stands in quotes (KS028)"),
        "{}",
        ended.stderr
    );
    assert!(
        ended
            .stderr
            .contains("x.env:2: SECRET_B: encoded once too often (KS003)"),
        "{}",
        ended.stderr
    );
}
