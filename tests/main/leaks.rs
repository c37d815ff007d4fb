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

/// What a scenario's file says of one way for a secret to go.
fn scenario(name: &str, body: &str) -> String {
    format!("schema: 1\nname: {name}\nabout: A canary.\n{body}")
}

fn canary() {
    let sandbox = Sandbox::new();
    let mut canaries = Vec::new();
    let mut names = Vec::new();
    let mut canary = || {
        let canary = random_canary();
        canaries.push(canary.clone());
        serde_json::to_string(&canary).unwrap()
    };
    let mut write = |name: &str, body: String| {
        sandbox.file(&format!("{name}.yaml"), scenario(name, &body));
        names.push(format!("{name}.yaml"));
    };
    for strategy in ["extra-env", "extra-env-from", "secret-key-ref"] {
        let given = |plain: &str| format!("strategy: {strategy}\nsecrets: {{DB_PASSWORD: {{plain: {plain}}}}}\n");
        write(&format!("right-{strategy}"), given(&canary()));
        let wrong = format!(
            "{}expect: {{outputs: {{db_password: {}}}}}\n",
            given(&canary()),
            canary()
        );
        write(&format!("wrong-{strategy}"), wrong);
    }
    // Kestra logs both values of two names that differ only in case, and the value it cannot decode.
    let (one, two) = (canary(), canary());
    write(
        "two-cases",
        format!(
            "strategy: extra-env\nsecrets: {{Twice: {{plain: {one}}}, TWICE: {{plain: {two}}}}}\nreads: {{a: TWICE}}\n"
        ),
    );
    write(
        "not-encoded",
        format!(
            "strategy: extra-env-from\nsecrets: {{RAW: {{env: {}}}}}\nexpect: {{missing: {{key: RAW}}}}\n",
            canary()
        ),
    );
    // The API server quotes what it refuses.
    let refused = canary();
    let manifest = format!("{{apiVersion: v1, kind: Secret, metadata: {{name: s}}, data: {{A: {refused}}}}}");
    sandbox.file("secret.yaml", manifest);
    sandbox.file("values.yaml", "{}");
    sandbox.file("flow.yaml", "{id: f, namespace: company.team, tasks: []}");
    write(
        "refused",
        "literal: {chart: 1.x, values: values.yaml, manifests: [secret.yaml], flow: flow.yaml}\n\
         expect: {refused: {by: apply, says: no such words}}\n"
            .into(),
    );

    // helm's arguments are gone before anybody could look for them, so a stand-in writes them down.
    let helm = helm();
    let stand_in = format!("printf '%s\\n' \"$@\" >>arguments\nexec '{helm}' \"$@\"");
    let stand_in = sandbox.script(
        "helm",
        &stand_in.replace(
            ">>arguments",
            &format!(">>'{}'", sandbox.work().join("arguments").display()),
        ),
    );

    let flags = ["--kestra", ENGINE, "--report", "report"].map(str::to_owned);
    let mut command = sandbox.command(["run".to_owned()].into_iter().chain(names.clone()).chain(flags));
    command
        .env("KESTRA_SECRETS_LOG", "trace")
        .env("KESTRA_SECRETS_HELM", stand_in);
    let mut run = Watched::start(command);
    let mut seen = HashSet::new();
    while run.line().is_some() {
        seen.extend(processes::below(run.pid()));
    }
    let ended = run.end().with_code(1);

    let redactor = Redactor::new(&canaries);
    let leaks = |what: &str, text: &[u8]| -> Vec<String> {
        let found = redactor.find(text);
        found.iter().map(|f| format!("{what}: {f:?}")).collect()
    };
    // It would be found if it were there.
    let given = fs::read(sandbox.work().join("right-extra-env.yaml")).unwrap();
    assert!(!leaks("given", &given).is_empty());

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
    let arguments = fs::read(sandbox.work().join("arguments")).unwrap();
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
    assert_eq!(cases, names.len(), "{}", ended.stdout);
    sandbox.assert_clean();
}

/// The helm that the program would find.
fn helm() -> String {
    use kestra_secrets::toolbox::{Tool, Toolbox};
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let toolbox = Toolbox::from_env(tokio_util::sync::CancellationToken::new()).unwrap();
    let found = runtime.block_on(toolbox.find(Tool::Helm)).unwrap();
    found.path.display().to_string()
}
