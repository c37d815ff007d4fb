//! What describes a release, with values inside: a `HelmRelease`, an Application, a kustomization, a wrapper chart. After
//! a NUL the values that it may name.

#![no_main]

mod common;

use common::CANARY;
use kestra_secrets::internals::release::input::{FileForm, SourceFile};
use libfuzzer_sys::fuzz_target;

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
        common::fixed(&sources, text);
    }
});
