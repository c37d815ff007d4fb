//! `--kestra exec:PATH` takes any executable that is called like Kestra's own.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::live;
use crate::support::sandbox::{Sandbox, files};
use crate::support::watched::Watched;
use crate::support::{ENGINE, processes};

pub fn trials() -> Vec<Trial> {
    vec![
        live(
            "exec",
            "an_executable_by_a_relative_path_is_asked_and_run",
            wrapped_engine,
        ),
        live(
            "exec",
            "values_that_set_port_and_storage_do_not_make_parallel_servers_meet",
            own_port_and_storage,
        ),
        live(
            "exec",
            "a_servers_escape_sequences_reach_no_terminal_and_no_evidence",
            escape_sequences,
        ),
    ]
}

/// How an engine is started, without the ports and folders of that start and without its arguments. A run of it shows
/// that, and builds it where it was not.
pub fn engine_command(sandbox: &Sandbox, kestra: &str) -> Vec<String> {
    let mut run = Watched::start(sandbox.command(["run", "extra-env", "--kestra", kestra]));
    run.wait_for(": extra-env");
    let java = processes::below(run.pid())
        .into_iter()
        .find(processes::Process::is_engine)
        .unwrap();
    run.end().with_code(0);
    let given = java.arguments.into_iter().filter(|a| !a.starts_with("-D"));
    given.take_while(|a| a != "server").collect()
}

/// Kestra as a file; `before` is done before each start.
fn executable(sandbox: &Sandbox, before: &str) {
    let engine = engine_command(sandbox, ENGINE);
    let engine = engine.iter().map(|a| format!("'{a}'")).collect::<Vec<_>>().join(" ");
    let version = "if [ \"$1\" = --version ]; then echo 'Kestra 2.0.0'; exit; fi";
    sandbox.script("kestra", &format!("{version}\n{before}\nexec {engine} \"$@\""));
}

fn wrapped_engine() {
    let sandbox = Sandbox::new();
    executable(&sandbox, "");
    let args = [
        "run",
        "extra-env",
        "docs-2024-extra-secret-env-from",
        "--kestra",
        "exec:./kestra",
    ];
    let ended = sandbox.run(args.into_iter().chain(["--report", "report"])).with_code(0);
    assert!(ended.stdout.contains("2 passed"), "{}", ended.stdout);
    let report = fs::read(sandbox.work().join("report/report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["results"][0]["provenance"]["kestra"], "exec:./kestra");
    // It is called like Kestra, and says itself that it is not Kestra's web server.
    let rest = &report["results"][0]["provenance"]["rest"];
    assert_eq!(rest, "our adapter around Kestra's engine, under Kestra's own paths");
    sandbox.assert_clean();
}

fn own_port_and_storage() {
    let sandbox = Sandbox::new();
    let work = sandbox.work();
    // Without the properties that our engine alone knows it reads its configuration as Kestra does.
    let before = format!(
        r#"export JAVA_TOOL_OPTIONS="$(printf %s "$JAVA_TOOL_OPTIONS" | sed 's/-Dengine[^ ]*//g')"
echo "$@" >>'{0}/arguments'
echo "$JAVA_TOOL_OPTIONS" >>'{0}/options'"#,
        work.display()
    );
    executable(&sandbox, &before);
    let storage = work.join("shared-storage");
    for name in ["one", "other"] {
        own_scenario(&sandbox, name, &storage);
    }

    let scenarios = ["run", "one.yaml", "other.yaml", "--kestra", "exec:./kestra"];
    let ended = sandbox.run(scenarios.into_iter().chain(["--no-defaults", "--parallel", "2"]));
    let ended = ended.with_code(0);
    assert!(ended.stdout.contains("2 passed"), "{}", ended.stdout);
    assert!(!storage.exists(), "the values' own storage was used");
    let arguments = fs::read_to_string(work.join("arguments")).unwrap();
    assert_eq!(arguments, "server standalone\n".repeat(2));
    let options = fs::read_to_string(work.join("options")).unwrap();
    // ~/.kestra/config.yml would be as good as a `-c`.
    assert_eq!(options.matches("-Duser.home=").count(), 2, "{options}");
    sandbox.assert_clean();
}

/// A literal whose values hold all that Kestra needs, port and storage too.
fn own_scenario(sandbox: &Sandbox, name: &str, storage: &Path) {
    let storage = storage.display();
    let values = format!(
        "common: {{extraEnv: [{{name: SECRET_NAME, value: {}}}]}}
configurations:
  application:
    micronaut: {{server: {{port: 28080}}}}
    endpoints: {{all: {{port: 28081}}}}
    datasources:
      h2:
        url: jdbc:h2:mem:public;TIME ZONE=UTC;DB_CLOSE_DELAY=-1;DB_CLOSE_ON_EXIT=FALSE
        username: sa
        driverClassName: org.h2.Driver
    kestra:
      queue: {{type: h2}}
      repository: {{type: h2}}
      storage: {{type: local, local: {{base-path: {storage}}}}}
      server: {{basic-auth: {{username: flow@demo.example, password: Correct-horse-1}}}}
",
        STANDARD.encode(name)
    );
    sandbox.file(&format!("{name}-values.yaml"), values);
    let flow = "id: f
namespace: company.team
tasks:
  - {id: t, type: io.kestra.plugin.core.output.OutputValues, values: {name: \"{{ secret('NAME') }}\"}}
";
    sandbox.file("flow.yaml", flow);
    let scenario = format!(
        "schema: 1
name: {name}
about: Port and storage of its own.
literal:
  chart: 1.x
  values: {name}-values.yaml
  flow: flow.yaml
  credentials: {{username: flow@demo.example, password: Correct-horse-1}}
public: true
expect: {{outputs: {{name: {name}}}}}
"
    );
    sandbox.file(&format!("{name}.yaml"), scenario);
}

fn escape_sequences() {
    let sandbox = Sandbox::new();
    let sequence = r"printf '\033]0;title\007\033[2J\302\2331mcleared\r\n'";
    let obeyed = |text: &str| text.chars().any(|c| c.is_control() && !"\n\t".contains(c));

    executable(&sandbox, sequence);
    sandbox.file("wrong.yaml", "schema: 1\nname: wrong\nabout: Another value.\nstrategy: extra-env\nsecrets: {A: {plain: a, public: true}}\nexpect: {outputs: {a: b}}\n");
    let args = ["run", "wrong.yaml", "--kestra", "exec:./kestra", "--report", "report"];
    sandbox.run(args).with_code(1);
    let evidence = files(&sandbox.work().join("report/evidence"));
    assert!(!evidence.is_empty());
    let mut cleared = 0;
    for file in evidence {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!obeyed(&text), "{}", file.display());
        cleared += text.matches(r"\u001b]0;title\u0007\u001b[2J\u009b1mcleared").count();
    }
    assert_eq!(cleared, 1);

    sandbox.script(
        "kestra",
        &format!("if [ \"$1\" = --version ]; then echo 2.0.0; exit; fi\n{sequence}\nexit 1"),
    );
    let ended = sandbox.run(args).with_code(3);
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(said.contains(r"\u001b[2J\u009b1mcleared"), "{said}");
    assert!(!obeyed(&said), "{said:?}");
    sandbox.assert_clean();
}
