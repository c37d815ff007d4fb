//! The canary test: random private plaintexts go through every strategy, and no encoding of them comes out
//! anywhere but in the outputs of the flow.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use kestra_secrets::redact::Redactor;
use libtest_mimic::Trial;

use crate::processes;
use crate::sandbox::{Sandbox, files};
use crate::watched::Watched;
use crate::{ENGINE, live};

pub fn trials() -> Vec<Trial> {
    vec![live(
        "leaks",
        "a_private_canary_is_nowhere_in_output_report_or_arguments",
        canary,
    )]
}

/// A plaintext that nobody would write by chance, with all that encodings escape.
fn random_canary() -> String {
    format!("Ca9\"\\ {:032x}/+&é\n'end", rand::random::<u128>())
}

/// Scenarios, and every private plaintext that is in them.
struct Given<'a> {
    sandbox: &'a Sandbox,
    canaries: Vec<String>,
    files: Vec<String>,
}

impl<'a> Given<'a> {
    fn new(sandbox: &'a Sandbox) -> Self {
        let mut given = Self {
            sandbox,
            canaries: Vec::new(),
            files: Vec::new(),
        };
        for strategy in ["extra-env", "extra-env-from", "secret-key-ref"] {
            let right = given.canary();
            given.write(
                &format!("right-{strategy}"),
                &format!("strategy: {strategy}\nsecrets: {{DB_PASSWORD: {{plain: {right}}}}}\n"),
            );
            let (other, wrong) = (given.canary(), given.canary());
            given.write(
                &format!("wrong-{strategy}"),
                &format!(
                    "strategy: {strategy}\nsecrets: {{DB_PASSWORD: {{plain: {other}}}}}\n\
                     expect: {{outputs: {{db_password: {wrong}}}}}\n"
                ),
            );
        }
        // Kestra logs both values of two names that differ only in case.
        let (one, two) = (given.canary(), given.canary());
        given.write(
            "two-cases",
            &format!(
                "strategy: secret-key-ref\nsecrets: {{Twice: {{plain: {one}}}, TWICE: {{plain: {two}}}}}\n\
                 reads: {{a: TWICE}}\n"
            ),
        );
        // It logs that it cannot decode a value.
        let raw = given.canary();
        given.write(
            "not-encoded",
            &format!("strategy: extra-env\nsecrets: {{RAW: {{env: {raw}}}}}\nexpect: {{missing: {{key: RAW}}}}\n"),
        );
        // The API server quotes what it refuses.
        let refused = given.canary();
        let manifest = format!("{{apiVersion: v1, kind: Secret, metadata: {{name: s}}, data: {{A: {refused}}}}}");
        sandbox.file("secret.yaml", manifest);
        sandbox.file("values.yaml", "{}");
        sandbox.file("flow.yaml", "{id: f, namespace: company.team, tasks: []}");
        given.write(
            "refused",
            "literal: {chart: 1.x, values: values.yaml, manifests: [secret.yaml], flow: flow.yaml}\n\
             expect: {refused: {by: apply, says: no such words}}\n",
        );
        given
    }

    /// A new canary, quoted as YAML wants it.
    fn canary(&mut self) -> String {
        let canary = random_canary();
        let quoted = serde_json::to_string(&canary).unwrap();
        self.canaries.push(canary);
        quoted
    }

    fn write(&mut self, name: &str, body: &str) {
        let file = format!("{name}.yaml");
        self.sandbox
            .file(&file, format!("schema: 1\nname: {name}\nabout: A canary.\n{body}"));
        self.files.push(file);
    }
}

fn canary() {
    let sandbox = Sandbox::new();
    let given = Given::new(&sandbox);

    // helm's arguments are gone before anybody could look for them, so a stand-in writes them down.
    let written = sandbox.work().join("arguments");
    let stand_in = format!(
        "printf '%s\\n' \"$@\" >>'{}'\nexec '{}' \"$@\"",
        written.display(),
        helm()
    );
    let stand_in = sandbox.script("helm", &stand_in);

    let flags = ["--kestra", ENGINE, "--report", "report"].map(str::to_owned);
    let mut command = sandbox.command(["run".to_owned()].iter().chain(&given.files).chain(&flags));
    command
        .env("KESTRA_SECRETS_LOG", "trace")
        .env("KESTRA_SECRETS_HELM", stand_in);
    let mut run = Watched::start(command);
    let mut seen = HashSet::new();
    while let Some(line) = run.line() {
        // A phase begins: of the run's own lines, and not of the thousands of its trace.
        if line.starts_with("  …") {
            seen.extend(processes::below(run.pid()));
        }
    }
    let ended = run.end().with_code(1);

    let redactor = Redactor::new(&given.canaries);
    let leaks = |what: &str, text: &[u8]| -> Vec<String> {
        let found = redactor.find(text);
        found.iter().map(|f| format!("{what}: {f:?}")).collect()
    };
    // It would be found if it were there.
    let file = fs::read(sandbox.work().join("right-extra-env.yaml")).unwrap();
    assert!(!leaks("given", &file).is_empty());

    let mut found = leaks("stdout", ended.stdout.as_bytes());
    for line in ended.stderr.lines() {
        found.extend(leaks(
            &format!("stderr, {} …", &line[..line.len().min(60)]),
            line.as_bytes(),
        ));
    }
    found.extend(leaks("stderr as a whole", ended.stderr.as_bytes()));
    for process in &seen {
        found.extend(leaks("arguments", process.arguments.join("\0").as_bytes()));
    }
    let arguments = fs::read(written).unwrap();
    found.extend(leaks("helm's arguments", &arguments));
    let report = files(&sandbox.work().join("report"));
    for file in &report {
        found.extend(leaks(&file.display().to_string(), &fs::read(file).unwrap()));
        let mode = fs::metadata(file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.display());
    }
    assert!(found.is_empty(), "{} leaks:\n{}", found.len(), found.join("\n"));

    // All that was looked at was there to be looked at.
    assert!(String::from_utf8_lossy(&arguments).contains("template"));
    assert!(seen.iter().any(|p| p.arguments.iter().any(|a| a == "engine.Engine")));
    assert!(ended.stderr.contains("TRACE"));
    assert!(report.iter().any(|f| f.ends_with("report.json")));
    assert!(report.iter().any(|f| f.ends_with("junit.xml")));
    let cases = ended
        .stderr
        .lines()
        .filter(|l| l.starts_with("pass") || l.starts_with("FAIL"))
        .count();
    assert_eq!(cases, given.files.len(), "{}", ended.stdout);
    sandbox.assert_clean();
}

/// The helm that the program would find.
pub fn helm() -> String {
    use kestra_secrets::toolbox::{Tool, Toolbox};
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let toolbox = Toolbox::from_env(tokio_util::sync::CancellationToken::new()).unwrap();
    let found = runtime.block_on(toolbox.find(Tool::Helm)).unwrap();
    found.path.display().to_string()
}
