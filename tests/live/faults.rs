//! Bad days, as far as they take seconds: what breaks around a value is never told as a wrong value, and is told by
//! name. The longer ones are in `drills/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Completion, Trial};
use serde_json::Value;

use crate::live;
use crate::support::ENGINE;
use crate::support::requirements::helm;
use crate::support::sandbox::{Ended, Sandbox, run};
use crate::support::watched::Watched;

pub fn trials() -> Vec<Trial> {
    let live = |name, check: fn()| live("faults", name, check);
    vec![
        live("helm_that_is_killed_once_is_called_again", killed_once),
        live("helm_that_is_killed_each_time_exits_3", killed_each_time),
        live("an_engine_that_is_killed_once_is_booted_again", engine),
        live("a_wrong_value_is_never_tried_again", wrong_value),
        live("two_runs_and_a_clean_at_once_do_not_disturb_each_other", at_once),
        Trial::ignorable_test(
            "faults::a_full_disk_under_the_report_is_told_beside_the_verdict",
            || Ok(full_disk()),
        ),
    ]
}

/// A helm that is killed when it is to render a chart, at those of its calls.
fn mortal_helm(sandbox: &Sandbox, calls: &str) -> PathBuf {
    let body = format!(
        "n='{}'\nif [ \"$1\" = template ]; then\n  echo x >>\"$n\"\n  case $(wc -l <\"$n\") in {calls}) kill -9 $$ ;; esac\nfi\nexec '{}' \"$@\"",
        sandbox.work().join("calls").display(),
        helm().display()
    );
    sandbox.script("helm", &body)
}

fn with_helm(sandbox: &Sandbox, calls: &str, scenario: &str) -> Ended {
    let mut command = sandbox.command(["run", scenario, "--kestra", ENGINE, "--report", "report"]);
    command.env("KESTRA_SECRETS_HELM", mortal_helm(sandbox, calls));
    run(command)
}

fn report(sandbox: &Sandbox) -> Value {
    let text = fs::read(sandbox.work().join("report/report.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn killed_once() {
    let sandbox = Sandbox::new();
    let ended = with_helm(&sandbox, "1", "extra-env").with_code(0);
    assert!(
        ended.stderr_words().contains("it is tried once more"),
        "{}",
        ended.stderr
    );
    let warning = &report(&sandbox)["results"][0]["warnings"][0];
    assert!(warning.as_str().unwrap().contains("SIGKILL"), "{warning}");
    sandbox.assert_clean();
}

fn killed_each_time() {
    let sandbox = Sandbox::new();
    let ended = with_helm(&sandbox, "*", "extra-env").with_code(3);
    for words in ["render the chart", "SIGKILL", "not judged"] {
        assert!(ended.stdout.contains(words), "no {words}:\n{}", ended.stdout);
    }
    assert_eq!(report(&sandbox)["results"].as_array().unwrap().len(), 1);
    sandbox.assert_clean();
}

/// A flow that takes long enough to be disturbed.
const SLOW: &str = "schema: 1\nname: slow\nabout: Slow.\nstrategy: extra-env\nsecrets: {A: {plain: plaintext, public: true}}\n\
                    flow: flow.yaml\nexpect: {outputs: {a: plaintext}}\n";
const SLOW_FLOW: &str = "id: slow\nnamespace: company.team\ntasks:\n  - id: wait\n    type: io.kestra.plugin.core.flow.Sleep\n    \
                         duration: PT5S\n  - id: read\n    type: io.kestra.plugin.core.output.OutputValues\n    values:\n      \
                         a: \"{{ secret('A') }}\"\n";

fn engine() {
    let sandbox = Sandbox::new();
    sandbox.file("slow.yaml", SLOW);
    sandbox.file("flow.yaml", SLOW_FLOW);
    let mut watched = Watched::start(sandbox.command(["run", "slow.yaml", "--kestra", ENGINE]));
    watched.wait_for(": slow");
    let below = crate::support::processes::below(watched.pid());
    let engine = below.iter().find(|p| p.is_engine());
    let pid = i32::try_from(engine.unwrap().pid).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    let ended = watched.end().with_code(0);
    assert!(
        ended.stderr_words().contains("it is tried once more"),
        "{}",
        ended.stderr
    );
    sandbox.assert_clean();
}

/// The environment breaks after the wrong value: neither is tried again.
fn wrong_value() {
    let sandbox = Sandbox::new();
    let scenario = "schema: 1\nname: wrong\nabout: Wrong.\nstrategy: extra-env\nsecrets: {A: {plain: a, public: true}}\n\
                    reads: {a: A}\nexpect: {outputs: {a: other}}\n\
                    steps:\n  - upgrade: {A: {plain: b, public: true}}\n    expect: {outputs: {a: b}}\n";
    sandbox.file("wrong.yaml", scenario);
    let ended = with_helm(&sandbox, "2", "wrong.yaml").with_code(1);
    assert!(!ended.stderr_words().contains("once more"), "{}", ended.stderr);
    let report = report(&sandbox);
    let results = report["results"].as_array().unwrap();
    let statuses: Vec<_> = results.iter().map(|r| r["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["fail", "error"]);
    sandbox.assert_clean();
}

/// In the same folders, as one user's runs are.
fn at_once() {
    let sandbox = Sandbox::new();
    let start = || Watched::start(sandbox.command(["run", "extra-env", "secret-key-ref", "--kestra", ENGINE]));
    let mut runs = [start(), start()];
    for run in &mut runs {
        run.wait_for(": install");
    }
    let clean = sandbox.run(["clean"]).with_code(0);
    assert_eq!(clean.stdout, "nothing was left behind\n");
    for run in runs {
        let ended = run.end().with_code(0);
        assert!(ended.stdout.contains("2 passed, 0 failed"), "{}", ended.stdout);
        assert!(!ended.stderr_words().contains("once more"), "{}", ended.stderr);
    }
    sandbox.assert_clean();
}

/// A file system of 16 KiB, gone when dropped.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path) -> Result<Self, String> {
        fs::create_dir(at).unwrap();
        let options = ["-t", "tmpfs", "-o", "size=16k", "drill"];
        let mount = Command::new("mount").args(options).arg(at).output();
        match mount {
            Ok(output) if output.status.success() => Ok(Self(at.to_owned())),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(e) => Err(e.to_string()),
        }
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn full_disk() -> Completion {
    let sandbox = Sandbox::new();
    let _small = match Small::mount(&sandbox.work().join("report")) {
        Ok(small) => small,
        Err(why) => {
            return Completion::ignored_with(format!("no file system can be mounted: {why}"));
        }
    };
    // Both are judged without a Kestra; the second is wrong, and so has evidence to write too.
    let right = "refused: {by: render, says: configuration is not authorized anymore}";
    for (says, code) in [(right, 3), ("refused: {by: render, says: other words}", 1)] {
        let scenarios = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/refused");
        for file in ["configuration-of-0.yaml", "read.yaml"] {
            sandbox.file(
                &format!("refused/{file}"),
                fs::read(format!("{scenarios}/{file}")).unwrap(),
            );
        }
        sandbox.file(
            "full.yaml",
            format!(
                "schema: 1\nname: full\nabout: Full.\nliteral: {{chart: 1.x, values: refused/configuration-of-0.yaml, \
                 manifests: [], flow: refused/read.yaml}}\npublic: true\nexpect:\n  {says}\n"
            ),
        );
        let run = ["run", "full.yaml", "--kestra", ENGINE, "--report", "report"];
        let ended = sandbox.run(run).with_code(code);
        for words in ["write the report into report", "No space left on device"] {
            assert!(ended.stderr.contains(words), "no {words}:\n{}", ended.stderr);
        }
        assert!(ended.stdout.contains("Summary  "), "{}", ended.stdout);
        sandbox.assert_clean();
    }
    Completion::Completed
}
