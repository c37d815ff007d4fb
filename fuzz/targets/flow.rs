//! A flow, and a text of one of its scalars: what is asked of `secret()`.

#![no_main]

use kestra_secrets::internals::lint::{self, LintOptions, fix};
use kestra_secrets::internals::release::input::{FileForm, SourceFile};
use libfuzzer_sys::fuzz_target;

/// Escapes can spell the word too.
fn escaped(text: &str) -> usize {
    text.matches('\\').count()
}

const COMPOSE: &str = "services: {kestra: {image: kestra/kestra, environment: [SECRET_A=YQ==]}}";

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let scalar = serde_json::Value::from(text);
    let flow = format!("id: a\nnamespace: b\ntasks:\n- {{id: c, type: d, message: {scalar}}}\n");
    for text in [text, &flow] {
        let file = |name: &str, text: &str| SourceFile::new(name, Some(name.into()), text, FileForm::Yaml);
        let sources = [file("flows/a.yaml", text), file("docker-compose.yml", COMPOSE)];
        let linted = lint::lint(&sources, LintOptions::default());
        for found in &linted.located {
            let source = &sources[found.source];
            let lines: Vec<&str> = source.text.split('\n').collect();
            assert!((1..=lines.len()).contains(&found.finding.line) && found.finding.column >= 1);
        }
        assert!(linted.coverage.asked <= text.matches("secret").count() + escaped(text));
        assert!(
            fix::fix(&sources, LintOptions::default())
                .fixed
                .iter()
                .all(|fixed| fixed.source != 1)
        );
    }
});
