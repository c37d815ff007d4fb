//! What describes a release, with values inside: a `HelmRelease`, an Application, a kustomization, a wrapper chart. After
//! a NUL the values that it may name.

#![no_main]

use kestra_secrets::internals::lint::{self, LintOptions, fix, format};
use kestra_secrets::internals::release::input::{FileForm, SourceFile};
use libfuzzer_sys::fuzz_target;

/// What values hold that no text can change.
const CANARY: &str = "kFq7-vT2p-Zx9w";

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (described, values) = text.split_once('\0').unwrap_or((text, ""));
    for name in ["release.yaml", "kustomization.yaml", "Chart.yaml", "helmfile.yaml"] {
        let file = |name: &str, text: &str| SourceFile::new(name, Some(name.into()), text, FileForm::Yaml);
        let sources = [
            file(name, described),
            file("values.yaml", values),
            file(
                "values-prod.yaml",
                &format!("common: {{extraEnv: [{{name: SECRET_CANARY, value: {CANARY}}}]}}\n"),
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
    }
});
