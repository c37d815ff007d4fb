//! `bisect` finds the version at which a scenario comes out otherwise.

use std::fs;
use std::path::Path;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::live;
use crate::support::sandbox::Sandbox;
use crate::support::{ENGINE, schemas};

pub fn trials() -> Vec<Trial> {
    vec![
        live(
            "bisect",
            "over_charts_the_turn_is_found_by_rendering_and_proved_on_two",
            charts,
        ),
        live(
            "bisect",
            "a_chart_is_known_by_what_it_renders_and_not_by_its_number",
            recognised,
        ),
        live("bisect", "two_kestras_that_do_the_same_have_no_turn", alike),
    ]
}

/// Our own chart under the name of the publisher's, which plays the generation of its version.
fn chart(sandbox: &Sandbox, version: &str) {
    chart_as(sandbox, version, if version.starts_with('0') { "0.x" } else { "1.x" });
}

/// The same, which plays this generation.
fn chart_as(sandbox: &Sandbox, version: &str, generation: &str) {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/kestra-minimal");
    let folder = format!("charts/kestra-{version}");
    for entry in fs::read_dir(ours.join("templates")).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{folder}/templates/{}", entry.file_name().to_str().unwrap());
        sandbox.file(&name, fs::read(entry.path()).unwrap());
    }
    let values = fs::read_to_string(ours.join("values.yaml")).unwrap();
    let values = values.replace("generation: \"1.x\"", &format!("generation: \"{generation}\""));
    sandbox.file(&format!("{folder}/values.yaml"), values);
    let chart = format!("apiVersion: v2\nname: kestra\nversion: {version}\nappVersion: v1.3.15\n");
    sandbox.file(&format!("{folder}/Chart.yaml"), chart);
}

fn recognised() {
    let sandbox = Sandbox::new();
    for (version, generation) in [("0.99.0", "1.x"), ("1.99.0", "0.x")] {
        chart_as(&sandbox, version, generation);
        let folder = format!("charts/kestra-{version}");
        let args = [
            "run",
            "extra-env",
            "--chart",
            &folder,
            "--kestra",
            ENGINE,
            "--report",
            "report",
        ];
        sandbox.run(args).with_code(0);
        let report = fs::read(sandbox.work().join("report/report.json")).unwrap();
        let report: Value = serde_json::from_slice(&report).unwrap();
        let used = report["results"][0]["provenance"]["chart"].as_str().unwrap();
        assert!(used.ends_with(&format!("as {generation}")), "{used}");
    }
    sandbox.assert_clean();
}

fn charts() {
    let sandbox = Sandbox::new();
    for version in ["0.22.0", "0.23.9", "1.0.0", "1.0.54", "1.3.31"] {
        chart(&sandbox, version);
    }
    // One that nobody can render.
    chart(&sandbox, "0.23.4");
    sandbox.file(
        "charts/kestra-0.23.4/templates/broken.yaml",
        "{{ fail \"not this one\" }}",
    );
    let args = [
        "bisect",
        "docs-2024-extra-env",
        "--over",
        "chart",
        "--charts",
        "charts",
        "--good",
        "0.22.0",
        "--bad",
    ];
    let more = ["1.3.31", "--kestra", ENGINE, "--report", "report"];
    let ended = sandbox.run(args.into_iter().chain(more)).with_code(0);
    let said = ended.stdout_words();
    for words in [
        "docs-2024-extra-env comes out otherwise since chart 1.0.0; 2 of 6 versions were run",
        "chart 0.23.9 password \"password\" username \"admin\"",
        "Cannot find secret for key 'DB_USERNAME'",
        "repeat: kestra-secrets run docs-2024-extra-env --kestra engine@2.0.0 --chart charts/kestra-1.0.0",
    ] {
        assert!(said.contains(words), "no {words}:\n{}\n{}", ended.stdout, ended.stderr);
    }
    let report = sandbox.work().join("report/report.json");
    schemas::assert_report(&report);
    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    assert_eq!(report["results"].as_array().map(Vec::len), Some(2));
    sandbox.assert_clean();
}

fn alike() {
    let sandbox = Sandbox::new();
    let args = [
        "bisect",
        "extra-env",
        "--good",
        "1.3.31",
        "--bad",
        "2.0.0",
        "--provider",
        "embedded",
    ];
    let ended = sandbox.run(args).with_code(1);
    assert!(
        ended.stdout.contains("1.3.31 and 2.0.0 come out alike: "),
        "{}",
        ended.stdout
    );
    sandbox.assert_clean();
    let wrong = ["bisect", "extra-env", "--good", "2.0", "--bad", "1.3"];
    let ended = sandbox.run(wrong).with_code(2);
    assert!(
        ended.stderr.contains("--good 2.0 is not before --bad 1.3"),
        "{}",
        ended.stderr
    );
}
