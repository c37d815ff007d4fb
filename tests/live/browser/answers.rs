//! The page says what the program says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use serde_json::{Value, json};

use super::{ROOT, assert_silent, opened};
use crate::support::sandbox::{Sandbox, files};

/// Every text that the tests of lint have, and the name of its file.
fn texts() -> Vec<(String, String)> {
    let folders = ["tests/lint/bad", "tests/lint/good", "tests/lint/cured", "tests/field"];
    let paths: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| files(&Path::new(ROOT).join(folder)))
        .collect();
    let texts: BTreeSet<_> = paths
        .iter()
        .filter_map(|path| {
            // A text field has line feeds alone.
            let text = fs::read_to_string(path).ok()?.replace("\r\n", "\n").replace('\r', "\n");
            Some((path.file_name()?.to_str()?.to_owned(), text))
        })
        .filter(|(name, _)| name != "case.json")
        .collect();
    assert!(texts.len() > 150, "{}", texts.len());
    texts.into_iter().collect()
}

/// Findings as the page should show them.
fn shown(report: &Value) -> Vec<String> {
    let texts = |of: &Value, keys: &[&str]| -> Vec<String> {
        let text = |key: &&str| of[*key].as_str().map_or_else(|| of[*key].to_string(), str::to_owned);
        keys.iter().map(text).collect()
    };
    let mut all = Vec::new();
    for one in report["findings"].as_array().unwrap() {
        let [file, line, column, severity, rule, subject, message, cure] = &texts(
            one,
            &[
                "file", "line", "column", "severity", "rule", "subject", "message", "cure",
            ],
        )[..] else {
            panic!("{one}")
        };
        all.push(format!(
            "{file}:{line}:{column} {severity}[{rule}]: {subject}: {message}cure: {cure}"
        ));
    }
    for one in report["unreadable"].as_array().unwrap() {
        let [file, line, column, message] = &texts(one, &["file", "line", "column", "message"])[..] else {
            panic!("{one}")
        };
        let place = if line == "0" {
            file.clone()
        } else {
            format!("{file}:{line}:{column}")
        };
        let cure = one["help"].as_str().map(|help| format!("cure: {help}"));
        all.push(format!("{place} unreadable: {message}{}", cure.unwrap_or_default()));
    }
    // What stands between backticks is code there.
    all.iter().map(|text| text.replace('`', "")).collect()
}

pub fn lint(chromium: &str) {
    let (_server, mut browser) = opened(chromium);
    let mut codes = BTreeSet::new();
    for (name, text) in texts() {
        let sandbox = Sandbox::new();
        sandbox.file(&name, &text);
        for assume_kestra in [true, false] {
            let flag = assume_kestra.then_some("--assume-kestra");
            let args = |format| {
                ["lint", "--format", format]
                    .into_iter()
                    .chain(flag)
                    .chain([name.as_str()])
            };
            let json = sandbox.run(args("json")).stdout;
            let report: Value = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{name}: {e}: {json}"));
            let answer = browser.evaluate(&format!(
                "(async () => {{
                    const [name, text, assume_kestra] = {};
                    element('file-name').value = name;
                    element('text').value = text;
                    element('assume-kestra').checked = assume_kestra;
                    await lint();
                    return {{
                        report: (await ask({{ask: 'lint', name, text, assume_kestra}})).linted.report,
                        shown: Array.from(element('findings').children, (item) => item.textContent),
                        links: Array.from(document.querySelectorAll('#findings a'), (link) => link.pathname),
                        summary: element('summary').textContent + '\\n' + element('lint-said').textContent,
                    }};
                }})()",
                json!([name, text, assume_kestra])
            ));
            assert_eq!(answer["report"], report, "{name}: {text}");
            assert_eq!(answer["shown"], json!(shown(&report)), "{name}: {text}");
            // The words below the findings hang on the report alone: once is enough.
            if assume_kestra {
                let human = sandbox.run(args("human")).stdout;
                for line in answer["summary"].as_str().unwrap().lines() {
                    assert!(human.contains(line), "{name}: {line:?} is not in {human}");
                }
            }
            codes.extend(
                answer["links"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|link| link.as_str().unwrap().to_owned()),
            );
        }
    }
    assert!(codes.len() > 30, "{codes:?}");
    for code in codes {
        let page = code.replace(".html", ".md");
        assert!(Path::new(ROOT).join(format!("docs{page}")).is_file(), "{page}");
    }
    assert_silent(&browser);
}

pub fn explain(chromium: &str) {
    let (_server, mut browser) = opened(chromium);
    // Each run has a key of its own.
    let hash = Regex::new("#[0-9a-f]{16}").unwrap();
    let same = |text: &str| hash.replace_all(text, "#").into_owned();
    let long = STANDARD.encode("x".repeat(4000));
    let values = [
        "",
        "YWRtaW4=",
        "YWRtaW4K",
        "WVdSdGFXNEsK",
        "admin",
        "1.2345678e+07",
        "YWRtaW4=\n",
        "ü€🗝",
        "/w==",
        "a\tb",
        "${TOKEN}",
        "changeme",
        "WVd\nSd",
        "$$x",
        &long,
    ];
    for value in values {
        for place in ["values", "data", "string-data", "env"] {
            for (name, meant, hide) in [
                ("", "", false),
                ("SECRET_DB-PASSWORD", "admin", false),
                ("SECRET_A", "", true),
            ] {
                let sandbox = Sandbox::new();
                let mut args = vec!["explain", "--as", place];
                if !name.is_empty() {
                    args.extend(["--name", name]);
                }
                if !meant.is_empty() {
                    sandbox.file("meant", meant);
                    args.extend(["--expect", "@meant"]);
                }
                args.extend(hide.then_some("--hide"));
                let told = sandbox.run_with(&args, value).stdout;
                let answer = browser.evaluate(&format!(
                    "(async () => {{
                        for (const [id, value] of Object.entries({})) element(id).value = value;
                        element('hide').checked = {hide};
                        await explain();
                        return element('explained').textContent + '\\n' + element('explain-said').textContent + '\\n';
                    }})()",
                    json!({"value": value, "place": place, "name": name, "meant": meant})
                ));
                assert_eq!(same(answer.as_str().unwrap()), same(&told), "{args:?} {value:?}");
            }
        }
    }
    assert_silent(&browser);
}
