//! A compose file, after a NUL the `.env` beside it, and after another the env file that it may name; and what
//! `docker inspect` prints, which is a file of its own.

#![no_main]

use kestra_secrets::internals::lint::{self, LintOptions, fix, format};
use kestra_secrets::internals::release::env_file::EnvDialect;
use kestra_secrets::internals::release::input::{FileForm, SourceFile};
use libfuzzer_sys::fuzz_target;

/// What an env file holds that no text can change.
const CANARY: &str = "kFq7-vT2p-Zx9w";

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut parts = text.splitn(3, '\0');
    let mut next = || parts.next().unwrap_or_default();
    let env = || FileForm::EnvFile(Some(EnvDialect::Compose));
    let file = |name: &str, text: &str, form| SourceFile::new(name, Some(name.into()), text, form);
    let compose = next();
    let sources = [
        file("docker-compose.yml", compose, FileForm::Yaml),
        file(".env", next(), env()),
        file("a.env", &format!("SECRET_CANARY={CANARY}\n{}", next()), env()),
        file(
            "docker-compose.override.yml",
            "services: {kestra: {env_file: [a.env]}}",
            FileForm::Yaml,
        ),
    ];
    let linted = lint::lint(&sources, LintOptions::default());
    for found in &linted.located {
        let lines = sources[found.source].text.split('\n').count();
        assert!((1..=lines).contains(&found.finding.line) && found.finding.column >= 1);
    }
    let unreadable = linted.unreadable.len();
    let outcome = fix::fix(&sources, LintOptions::default());
    let mut said: String = outcome.fixed.iter().map(|fixed| fixed.diff.as_str()).collect();
    said += &format::human(&linted.report(sources.len()), &[".".into()]);
    assert!(!said.contains(CANARY) || text.contains(CANARY), "{said}");
    assert!(
        outcome.left.unreadable.len() <= unreadable,
        "what was fixed cannot be read"
    );
    let mut now: Vec<SourceFile> = sources
        .iter()
        .map(|source| source.with_text(source.text.as_str()))
        .collect();
    for fixed in &outcome.fixed {
        now[fixed.source] = now[fixed.source].with_text(fixed.text.as_str());
    }
    assert!(
        fix::fix(&now, LintOptions::default()).fixed.is_empty(),
        "a second fix changes something"
    );
});
