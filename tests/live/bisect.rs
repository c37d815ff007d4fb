//! `bisect` finds the version at which a scenario comes out otherwise.

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::live;
use crate::support::requirements::helm;
use crate::support::sandbox::{Ended, Sandbox};
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
        live("bisect", "the_turn_is_found_among_the_tags_of_a_repository", tags),
        live("bisect", "the_turn_is_found_among_the_charts_of_an_index", index),
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
    let ended = over_charts(&sandbox, "charts", "1.3.31").with_code(0);
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

/// A repository in which each version is a commit and a tag; subcharts are named and not there, as in the publisher's.
fn tags() {
    let sandbox = Sandbox::new();
    let repository = sandbox.work().join("charts");
    let git = |args: &[&str]| {
        let identity = [
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@example.org",
            "-c",
            "commit.gpgsign=false",
        ];
        let mut git = Command::new("git");
        git.arg("-C").arg(&repository).args(identity).args(args);
        assert!(git.output().unwrap().status.success(), "{args:?}");
    };
    fs::create_dir(&repository).unwrap();
    git(&["init", "--quiet"]);
    sandbox.file("charts/README.md", "Charts.");
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "Begin"]);
    git(&["tag", "before-any-chart"]);
    for version in ["0.22.0", "0.23.9", "1.0.0", "1.0.54"] {
        chart(&sandbox, version);
        let folder = repository.join("kestra");
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::rename(repository.join(format!("kestra-{version}")), &folder).unwrap();
        let about = folder.join("Chart.yaml");
        let text = fs::read_to_string(&about).unwrap();
        let subchart = "dependencies:\n- {name: minio, version: 1.0.0, repository: \"https://charts.example\"}\n";
        fs::write(about, text + subchart).unwrap();
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "-m", version]);
        git(&["tag", &format!("kestra-{version}")]);
    }
    let said = turn_of(&sandbox, "git:charts//kestra");
    let repeat = "--chart git:charts//kestra@kestra-1.0.0";
    assert!(said.contains(repeat), "{said}");
    let report = fs::read_to_string(sandbox.work().join("report/report.json")).unwrap();
    assert!(
        report.contains("git:charts//kestra@kestra-1.0.0, without its subcharts"),
        "{report}"
    );
    let absent = [
        "bisect",
        "docs-2024-extra-env",
        "--over",
        "chart",
        "--charts",
        "git:charts//nowhere",
    ];
    let ended = sandbox.run(absent.into_iter().chain(["--good", "1.0.0", "--bad", "1.0.54"]));
    ended.with_code(2);
    sandbox.assert_clean();
}

fn index() {
    let sandbox = Sandbox::new();
    let mut entries = String::new();
    for version in ["0.22.0", "0.23.9", "1.0.0", "1.0.54"] {
        chart(&sandbox, version);
        let folder = sandbox.work().join(format!("charts/kestra-{version}"));
        let helm = Command::new(helm())
            .arg("package")
            .arg(&folder)
            .current_dir(sandbox.work().join("charts"))
            .output();
        assert!(helm.unwrap().status.success());
        fs::remove_dir_all(folder).unwrap();
        entries += &format!("  - {{version: {version}, urls: [kestra-{version}.tgz]}}\n");
    }
    sandbox.file(
        "charts/index.yaml",
        format!("apiVersion: v1\nentries:\n  kestra:\n{entries}"),
    );
    let said = turn_of(&sandbox, "charts/index.yaml");
    assert!(said.contains("--chart charts/kestra-1.0.0.tgz"), "{said}");
    sandbox.assert_clean();
}

/// Searches among charts from 0.22.0 on.
fn over_charts(sandbox: &Sandbox, charts: &str, bad: &str) -> Ended {
    let args = ["bisect", "docs-2024-extra-env", "--over", "chart", "--charts", charts];
    let ends = ["--good", "0.22.0", "--bad", bad];
    let more = ["--kestra", ENGINE, "--report", "report"];
    sandbox.run(args.into_iter().chain(ends).chain(more))
}

/// What is said of the charts of 0.22.0 to 1.0.54, among which 1.0.0 is the turn.
fn turn_of(sandbox: &Sandbox, charts: &str) -> String {
    let ended = over_charts(sandbox, charts, "1.0.54").with_code(0);
    let said = ended.stdout_words();
    let found = "comes out otherwise since chart 1.0.0; 2 of 4 versions were run";
    assert!(said.contains(found), "{}\n{}", ended.stdout, ended.stderr);
    said
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
