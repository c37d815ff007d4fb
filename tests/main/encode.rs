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
