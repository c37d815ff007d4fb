//! Env files: what lint says of a line, and what Kestra makes of it when each reader has read it.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use kestra_secrets::internals::kestra::CURRENT_ENGINES;
use kestra_secrets::internals::release::env_file::{EnvDialect, EnvText, read};
use libtest_mimic::Trial;
use serde_json::json;

use crate::support::ENGINE;
use crate::support::requirements;
use crate::support::sandbox::{Ended, Sandbox};
use crate::{live, on_provider};

pub fn trials() -> Vec<Trial> {
    vec![
        live(
            "env_file",
            "what_lint_says_of_a_line_is_what_kestra_makes_of_it_by_each_reader",
            judged,
        ),
        live("env_file", "an_encoded_env_file_arrives_by_each_reader", encoded),
        on_provider(
            "docker",
            "env_file::docker_itself_refuses_the_lines_that_lint_calls_refused".into(),
            || requirements::lacking_for_image(&CURRENT_ENGINES[0]),
            refused,
        ),
    ]
}

/// KS038 is of the whole file: docker's own words against lint's, line by line.
fn refused() {
    let lines = [
        "SECRET_export TOKEN=cm9vdA==",
        "=cm9vdA==",
        "export SECRET_TOKEN=cm9vdA==",
        "SECRET_TOKEN =cm9vdA==",
        "SECRET_TOKEN\t=cm9vdA==",
        "  SECRET_TOKEN=cm9vdA==",
        "SECRET_TOKEN=cm9v dA==",
        "SECRET.TOKEN=cm9vdA==",
        "SECRET_TOKEN",
        "# SECRET TOKEN",
        "SECRET_TOKEN=\"cm9vdA==",
    ];
    for line in lines {
        let sandbox = Sandbox::new();
        let file = sandbox.file("kestra.env", format!("SECRET_OTHER=cm9vdA==\n{line}\n"));
        let docker = Command::new("docker")
            .args(["run", "--rm", "--pull", "never", "--env-file"])
            .arg(file)
            .arg("kestra-secrets/no-such-image")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&docker.stderr).into_owned();
        assert_eq!(docker.status.code(), Some(125), "{line:?}: {said}");
        let refused = said.contains("invalid env file");
        let linted = sandbox.run(["lint", "kestra.env"]).stdout;
        let mut findings = linted.lines().filter(|l| l.contains("[KS038]"));
        let told = findings.any(|l| l.contains("docker") || l.contains("every reader"));
        assert_eq!(told, refused, "{line:?}: docker says {said}and lint {linted}");
    }
}

/// Proves the variables that a reader finds in a file.
fn check(sandbox: &Sandbox, text: &str, reader: EnvDialect, expected: &[(&str, &str)]) -> Ended {
    let variables = read(text, reader)
        .into_iter()
        .filter_map(|variable| match variable.read {
            EnvText::Text(value) => Some(json!({"name": &text[variable.name.clone()], "value": value})),
            EnvText::Inherited | EnvText::Interpolated => None,
        });
    let values = json!({"common": {"extraEnv": variables.collect::<Vec<_>>()}});
    sandbox.file("values.json", values.to_string());
    let mut args = String::new();
    for (name, plain) in expected {
        sandbox.file(&format!("plain/{name}"), plain);
        let _ = writeln!(args, "--expect={name}=@plain/{name}");
    }
    let given = ["check", "-f", "values.json", "--kestra", ENGINE, "--report", "report"];
    sandbox.run(given.into_iter().chain(args.lines()))
}

fn judged() {
    let sandbox = Sandbox::new();
    let plain = "correct horse battery staple, and a few more words to fill two lines of Base64";
    let text = "SECRET_CUT=Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZSwgYW5kIGEgZmV3IG1vcmUgd29yZHMgdG8gZmls\n\
                bCB0d28gbGluZXMgb2YgQmFzZTY0\nSECRET_QUOTED=\"YWRtaW4=\"\nSECRET_COMMENT=YWRtaW4= # the user\n";
    let file = sandbox.file("x.env", text);
    let linted = sandbox.run(["lint", "x.env"]).with_code(1).stdout;
    for finding in [
        "error[KS029]: SECRET_CUT",
        "76 of 104 bytes",
        "warning[KS039]: SECRET_QUOTED",
        "warning[KS039]: SECRET_COMMENT",
    ] {
        assert!(linted.contains(finding), "no {finding}:\n{linted}");
    }
    let start = ("CUT", &plain[..57]);
    let admin = [start, ("QUOTED", "admin"), ("COMMENT", "admin")];
    let composed = check(&sandbox, text, EnvDialect::Compose, &admin).with_code(0);
    assert!(composed.stdout.contains("3 passed, 0 failed"), "{}", composed.stdout);
    let kept = check(&sandbox, text, EnvDialect::Docker, &admin).with_code(1);
    assert!(kept.stdout.contains("1 passed, 2 failed"), "{}", kept.stdout);
    assert_eq!(kept.stdout.matches("KS008 spaces").count(), 2, "{}", kept.stdout);

    sandbox.run(["lint", "--fix", "x.env"]).with_code(0);
    let fixed = fs::read_to_string(file).unwrap();
    let right = [("CUT", plain), ("QUOTED", "admin"), ("COMMENT", "admin")];
    for reader in [EnvDialect::Compose, EnvDialect::Docker] {
        check(&sandbox, &fixed, reader, &right).with_code(0);
    }
    sandbox.assert_clean();
}

fn encoded() {
    let sandbox = Sandbox::new();
    let plain = "# Warehouse\r\nWAREHOUSE_USER=loader\r\nPASSWORD=\"s3a gull!\"\r\n\r\nexport TOKEN='$ecret # 1' # since May\r\n\
                 PEM=\"one\r\ntwo\r\n\"\r\nLAST=arrives";
    sandbox.file("x.env", plain);
    let encoded = sandbox.run(["encode", "--env-file", "x.env"]).with_code(0).stdout;
    let expected = [
        ("WAREHOUSE_USER", "loader"),
        ("PASSWORD", "s3a gull!"),
        ("TOKEN", "$ecret # 1"),
        ("PEM", "one\ntwo\n"),
        ("LAST", "arrives"),
    ];
    for reader in [EnvDialect::Compose, EnvDialect::Docker] {
        check(&sandbox, &encoded, reader, &expected).with_code(0);
    }
    sandbox.assert_clean();
}
