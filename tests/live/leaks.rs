//! The canary test: random private plaintexts go through every strategy, and no encoding of them comes out
//! anywhere but in the outputs of the flow.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::Trial;
use serde_json::json;

use crate::live;
use crate::shared_cluster::{on_kind, shared};
use crate::support::ENGINE;
use crate::support::canary::Canaries;
use crate::support::processes;
use crate::support::requirements::helm;
use crate::support::sandbox::{Sandbox, files, run};
use crate::support::watched::Watched;

pub fn trials() -> Vec<Trial> {
    let embedded = || canary(&["--provider", "embedded"]);
    let on_docker = || canary(&["--provider", "docker"]);
    let on_cluster = || canary(&["--provider", "auto", "--kind-cluster", &shared().0]);
    vec![
        live(
            "leaks",
            "a_private_canary_is_nowhere_in_output_report_or_arguments",
            embedded,
        ),
        on_kind("leaks", "nor_is_it_where_kestra_runs_in_a_container", on_docker),
        on_kind("leaks", "nor_is_it_where_kestra_runs_in_a_cluster", on_cluster),
        live("leaks", "no_command_shows_one_in_any_format", commands),
    ]
}

/// Scenarios, and every private plaintext that is in them.
struct Given<'a> {
    sandbox: &'a Sandbox,
    canaries: Canaries,
    files: Vec<String>,
}

impl<'a> Given<'a> {
    fn new(sandbox: &'a Sandbox) -> Self {
        let mut given = Self {
            sandbox,
            canaries: Canaries::default(),
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

    fn canary(&mut self) -> String {
        self.canaries.quoted()
    }

    fn write(&mut self, name: &str, body: &str) {
        let file = format!("{name}.yaml");
        self.sandbox
            .file(&file, format!("schema: 1\nname: {name}\nabout: A canary.\n{body}"));
        self.files.push(file);
    }
}

fn canary(place: &[&str]) {
    let sandbox = Sandbox::new();
    let given = Given::new(&sandbox);

    // helm's arguments are gone before anybody could look for them, so a stand-in writes them down.
    let written = sandbox.work().join("arguments");
    let stand_in = format!(
        "printf '%s\\n' \"$@\" >>'{}'\nexec '{}' \"$@\"",
        written.display(),
        helm().display()
    );
    let stand_in = sandbox.script("helm", &stand_in);

    let flags = ["--kestra", ENGINE, "--report", "report"].map(str::to_owned);
    let place = place.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let words = ["run".to_owned()];
    let words = words.iter().chain(&given.files).chain(&flags).chain(&place);
    let mut command = sandbox.command(words);
    command
        .env("KESTRA_SECRETS_LOG", "trace")
        .env("KESTRA_SECRETS_HELM", stand_in);
    let mut watched = Watched::start(command);
    let mut seen = HashSet::new();
    while let Some(line) = watched.line() {
        // A phase begins: of the run's own lines, and not of the thousands of its trace.
        if line.starts_with("  …") {
            seen.extend(processes::below(watched.pid()));
        }
    }
    let ended = watched.end().with_code(1);

    let leaks = |what: &str, text: &[u8]| given.canaries.find(what, text);
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
        // Kestra's own environment is where secrets have to be.
        if !process.arguments.iter().any(|a| a == "engine.Engine") {
            found.extend(leaks("environment", &process.environment));
        }
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
    assert!(place[1] != "embedded" || seen.iter().any(processes::Process::is_engine));
    assert!(ended.stderr.contains("TRACE"));
    assert!(report.iter().any(|f| f.ends_with("report.json")));
    assert!(report.iter().any(|f| f.ends_with("junit.xml")));
    let cases = ended
        .stdout
        .lines()
        .filter(|l| l.starts_with("  PASS [") || l.starts_with("  FAIL ["))
        .count();
    assert_eq!(cases, given.files.len(), "{}", ended.stdout);
    println!("{} searches", given.canaries.searched());
    sandbox.assert_clean();
}

/// Every command that is not asked to print a value, with private ones in all that it reads: files, variables, and
/// reports of what went wrong.
fn commands() {
    let sandbox = Sandbox::new();
    let mut canaries = Canaries::default();
    let (right, wrong, word) = (canaries.plain(), canaries.plain(), canaries.word());
    let (token, proxy) = (canaries.word(), canaries.word());
    let once = |text: &str| STANDARD.encode(text);
    sandbox.file("right.txt", &right);
    let values = format!(
        "common:\n  extraEnv:\n    - {{name: SECRET_A, value: {}}}\n    - {{name: SECRET_RAW, value: {word}!}} # {word}\n    \
         - {{name: SECRET_B, valueFrom: {{secretKeyRef: {{name: s, key: B}}}}}}\n",
        once(&format!("{wrong}\n")),
    );
    let manifest = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata: {{B: {}}}\nstringData: {{C: {}}}\n",
        once(&once(&format!("{right}\n"))),
        once(&wrong)
    );
    sandbox.file("files/values.yaml", values);
    sandbox.file("files/secret.yaml", manifest);
    sandbox.file(
        "broken.yaml",
        format!("schema: 1\nname: x\nsecrets: {{A: [{word}, {word}]}}\n"),
    );
    sandbox.file("unclosed.yaml", format!("common: {{extraEnv: [{word}"));
    // Where it cannot be decoded, 0.20 gives an empty text, and 0.21 fails.
    let secrets = json!({"A": {"plain": right}, "RAW": {"env": format!("{word}!")}});
    let expect = json!({"outputs": {"a": wrong, "raw": ""}});
    sandbox.file(
        "private.yaml",
        format!(
            "schema: 1\nname: private\nabout: A canary.\nstrategy: extra-env\nsecrets: {secrets}\n\
             reads: {{a: A, raw: RAW}}\nexpect: {expect}\n"
        ),
    );
    let named = ["-f", "files/values.yaml", "-f", "files/secret.yaml"];
    let check = [
        &["check"],
        &named[..],
        &[
            "--expect",
            "A=@right.txt",
            "--expect",
            "B=@right.txt",
            "--report",
            "report",
        ],
    ]
    .concat();

    let mut lines: Vec<Vec<&str>> = vec![
        check.clone(),
        [&check[..], &["--format", "github"]].concat(),
        vec!["check", "-f", "unclosed.yaml", "--expect-present", "A"],
        vec!["run", "broken.yaml"],
        vec!["list", "broken.yaml"],
        vec!["lint", "unclosed.yaml"],
        vec!["lint", "--fix", "--diff", "files"],
        vec!["lint", "--fix", "files"],
        vec!["lint", "files", "--chart", "bundled"],
        vec![
            "bisect",
            "private.yaml",
            "--good",
            "0.20",
            "--bad",
            "0.21",
            "--report",
            "bisected",
        ],
        vec!["docs", "--page", "files/values.yaml"],
        vec!["doctor"],
        vec!["doctor", "--json"],
        vec!["config", "show"],
        vec!["clean"],
        vec!["clean", "--context", "nowhere"],
        vec!["audit", "--context", "nowhere", "--namespace", "n", "--run-flow"],
        vec!["explain", "--env", "SECRET_A", "--hide"],
        vec!["explain", "--env", "SECRET_A", "--hide", "--json"],
        vec!["report", "merge", "report", "--output", "merged"],
    ];
    for format in ["human", "json", "sarif", "github"] {
        lines.insert(2, vec!["lint", "files", "--format", format]);
    }
    for format in ["json", "junit", "markdown", "html", "github", "versions"] {
        lines.push(vec!["report", "convert", "report", "--to", format]);
    }
    let mut found = Vec::new();
    for line in &lines {
        for level in ["off", "trace"] {
            let mut command = sandbox.command(line);
            command
                .env("KESTRA_SECRETS_LOG", level)
                .env("KESTRA_SECRETS_KESTRA", ENGINE)
                .env("KESTRA_SECRETS_PASSWORD", &word)
                .env("KESTRA_SECRETS_TOKEN", &token)
                .env("KESTRA_SECRETS_EXPECT_A", &right)
                .env("SECRET_A", once(&wrong))
                .env("HTTPS_PROXY", format!("http://user:{proxy}@127.0.0.1:9"));
            let ended = run(command);
            let what = format!("{} at {level}", line.join(" "));
            found.extend(canaries.find(&what, ended.stdout.as_bytes()));
            found.extend(canaries.find(&what, ended.stderr.as_bytes()));
            assert!(ended.code.is_some_and(|code| code <= 3), "{what}: {}", ended.stderr);
        }
    }
    for folder in ["report", "merged", "bisected"] {
        let written = files(&sandbox.work().join(folder));
        assert!(written.len() > 3, "{folder}: {written:?}");
        for file in written {
            found.extend(canaries.find(&file.display().to_string(), &fs::read(&file).unwrap()));
            let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", file.display());
        }
    }
    assert!(found.is_empty(), "{} leaks:\n{}", found.len(), found.join("\n"));
    println!(
        "{} command lines at two levels, {} searches",
        lines.len(),
        canaries.searched()
    );
    sandbox.assert_clean();
}
