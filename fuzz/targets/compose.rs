//! A compose file, after a NUL the `.env` beside it, and after another the env file that it may name; and what
//! `docker inspect` prints, which is a file of its own.

#![no_main]

mod common;

use common::CANARY;
use kestra_secrets::internals::lint::{LintOptions, fix};
use kestra_secrets::internals::release::env_file::EnvDialect;
use kestra_secrets::internals::release::input::{FileForm, SourceFile};
use libfuzzer_sys::fuzz_target;

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
    let now = common::fixed(&sources, text);
    assert!(
        fix::fix(&now, LintOptions::default()).fixed.is_empty(),
        "a second fix changes something"
    );
});
