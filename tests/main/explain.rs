//! `explain`, one value.

use insta::assert_snapshot;
use kestra_secrets::internals::system::redact::Redactor;
use serde_json::Value;

use crate::support::sandbox::Sandbox;
use crate::support::schemas;

#[test]
fn the_pages_value_is_followed_hop_by_hop_and_corrected() {
    let ended = Sandbox::new()
        .run_with(
            ["explain", "--as", "data", "--name", "SECRET_DB_USERNAME"],
            "WVdSdGFXNEsK",
        )
        .with_code(1);
    assert_snapshot!("explain_page", ended.stdout);
    assert_eq!(ended.stderr, "");
}

#[test]
fn it_exits_0_when_right_1_when_wrong_and_2_on_bad_input() {
    let sandbox = Sandbox::new();
    sandbox.file("plain", "admin");
    let long = "x".repeat(5 * 1024 * 1024);
    for (args, stdin, code) in [
        (&[][..], "YWRtaW4=", 0),
        (&[], "YWRtaW4=\n", 0),
        (&[], "", 0),
        (&[], "admin", 1),
        (&["YWRtaW4=", "WVdSdGFXND0="], "", 1),
        (&["--as", "data", "YWRtaW4="], "", 1),
        (&["--as", "string-data", "YWRtaW4="], "", 0),
        (&["--name", "DB_USERNAME", "YWRtaW4="], "", 1),
        (&["--name", "SECRET_DB-USERNAME", "YWRtaW4="], "", 1),
        (&["--kestra", "0.20.7", "admin"], "", 1),
        (&["--kestra", "newest", "YWRtaW4="], "", 2),
        (&["--as", "nowhere", "YWRtaW4="], "", 2),
        (&["--env", "NOBODY_SET_THIS"], "", 2),
        (&["--expect", "admin", "YWRtaW4="], "", 2),
        (&["--expect", "@nowhere", "YWRtaW4="], "", 2),
        (&["--expect", "@-"], "YWRtaW4=", 2),
        (&[], &long, 2),
    ] {
        let ended = sandbox.run_with(["explain"].iter().chain(args), stdin);
        assert_eq!(ended.code, Some(code), "{args:?}\n{}\n{}", ended.stdout, ended.stderr);
    }
    let noted = sandbox.run_with(["explain"], "YWRtaW4=\n").with_code(0);
    assert!(noted.stderr.contains("ends in a newline"), "{}", noted.stderr);
    let mut command = sandbox.command(["explain", "--env", "SECRET_A"]);
    command.env("SECRET_A", "YWRtaW4K");
    assert!(
        crate::support::sandbox::run(command)
            .with_code(1)
            .stdout
            .contains("KS001")
    );
    sandbox.assert_clean();
}

#[test]
fn what_is_meant_comes_from_a_file_byte_for_byte() {
    let sandbox = Sandbox::new();
    sandbox.file("plain", "admin");
    sandbox.file("lined", "admin\n");
    for (value, file, code) in [
        ("YWRtaW4=", "@plain", 0),
        ("YWRtaW4K", "@lined", 0),
        ("YWRtaW4=", "@lined", 1),
        ("cm9vdA==", "@plain", 1),
    ] {
        let ended = sandbox.run(["explain", value, "--expect", file]).with_code(code);
        let corrected = ended.stdout.contains("write instead");
        assert_eq!(corrected, code == 1, "{}", ended.stdout);
    }
    let plain = sandbox
        .run_with(["explain", "YWRtaW4=", "--expect", "@-"], "root")
        .with_code(1);
    assert!(plain.stdout.contains("write instead: cm9vdA=="), "{}", plain.stdout);
}

#[test]
fn its_json_is_as_the_schema_says() {
    let sandbox = Sandbox::new();
    for hide in [&[][..], &["--hide"]] {
        let args = ["explain", "--json", "YWRtaW4=", "password", "1.2345678e+07", "\u{e9}"];
        let ended = sandbox.run(args.iter().chain(hide)).with_code(1);
        let told: Value = serde_json::from_str(&ended.stdout).unwrap();
        schemas::assert_valid("explain", &told);
        let right: Vec<_> = told["values"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v["right"] == true)
            .collect();
        assert_eq!(right, [true, false, false, false]);
        assert_eq!(told["values"][2]["diagnosis"][1]["code"], "KS012");
    }
}

#[test]
fn a_hidden_value_is_nowhere_in_what_is_told_of_it() {
    let sandbox = Sandbox::new();
    let canary = format!("Ca9\"\\ {:032x}/+&é\n'end", rand::random::<u128>());
    sandbox.file("plain", &canary);
    let once = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &canary);
    let redactor = Redactor::new([&canary]);
    assert!(
        !redactor.find(once.as_bytes()).is_empty(),
        "it would be found if it were there"
    );
    for value in [
        canary.clone(),
        once.clone(),
        format!("b'{once}' "),
        once.replace('=', "%3D"),
    ] {
        for place in ["env", "values", "string-data", "data"] {
            for more in [&[][..], &["--json"], &["--expect", "@plain"]] {
                let args = [&["explain", "--hide", "--as", place][..], more].concat();
                let ended = assert_cmd::Command::from_std(sandbox.command(args))
                    .env("KESTRA_SECRETS_LOG", "trace")
                    .write_stdin(value.clone())
                    .output()
                    .unwrap();
                for said in [&ended.stdout, &ended.stderr] {
                    assert_eq!(redactor.find(said), [], "{place} {more:?}");
                }
                assert!(!ended.stdout.is_empty());
            }
        }
    }
    sandbox.assert_clean();
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let sandbox = Sandbox::new();
    // More than a pipe holds, and nobody who reads it.
    let values = vec!["password"; 400];
    let mut child = sandbox.command(["explain"].into_iter().chain(values)).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(
        ended.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}
