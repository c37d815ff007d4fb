//! `lint` and `fix` on a file of values.

#![no_main]

use kestra_secrets::internals::lint::{self, Severity, fix, format};
use kestra_secrets::internals::release::input::{FileForm, SourceFile};
use libfuzzer_sys::fuzz_target;

/// A value with a fault, and another that has none, in places which no text after them can change.
const CANARIES: [&str; 2] = ["a0ZxNy12VDJwCg==", "kFq7-vT2p-Zx9w"];
const VALUES: &str = "extraEnv:\n- {name: SECRET_A, value: a0ZxNy12VDJwCg==}\n- {name: B, value: kFq7-vT2p-Zx9w}\n";

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (env, text) = text.strip_prefix('#').map_or((false, text), |text| (true, text));
    let form = if env { FileForm::EnvFile(None) } else { FileForm::Yaml };
    let source = |text: &str| SourceFile::new("values.yaml", Some("values.yaml".into()), text, form.clone());
    linted(&source(text));
    for text in [&told(&source(&format!("{VALUES}{text}"))), &told(&source(text))] {
        assert!(
            !CANARIES
                .iter()
                .any(|canary| text.contains(canary) && !bytes_hold(bytes, canary)),
            "{text}"
        );
    }
});

fn bytes_hold(bytes: &[u8], canary: &str) -> bool {
    bytes.windows(canary.len()).any(|window| window == canary.as_bytes())
}

/// Each finding stands in the file, and what `fix` writes is no worse and has nothing left to fix.
fn linted(source: &SourceFile) {
    let sources = std::slice::from_ref(source);
    let before = lint::lint(
        sources,
        lint::LintOptions {
            generation: None,
            assume_kestra: true,
        },
    );
    let lines = source.text.split('\n').count();
    for found in &before.located {
        assert!((1..=lines).contains(&found.finding.line) && found.finding.column >= 1);
    }
    let (errors, unreadable) = (errors(&before), before.unreadable.len());
    let outcome = fix::fix(
        sources,
        lint::LintOptions {
            generation: None,
            assume_kestra: true,
        },
    );
    let Some(fixed) = outcome.fixed.first() else { return };
    assert_ne!(*fixed.text, *source.text);
    let again = source.with_text(fixed.text.as_str());
    let after = lint::lint(
        std::slice::from_ref(&again),
        lint::LintOptions {
            generation: None,
            assume_kestra: true,
        },
    );
    assert!(after.unreadable.len() <= unreadable, "what was fixed cannot be read");
    assert!(
        self::errors(&after) <= errors,
        "what was fixed has more errors than before"
    );
    assert_eq!(self::errors(&after), self::errors(&outcome.left));
}

fn errors(linted: &lint::Linted) -> usize {
    let findings = linted.located.iter().map(|located| &located.finding);
    findings.filter(|finding| finding.severity == Severity::Error).count()
}

/// All that is said of a file, in every format, and the diff of its cure.
fn told(source: &SourceFile) -> String {
    let sources = std::slice::from_ref(source);
    let diffs: String = fix::fix(
        sources,
        lint::LintOptions {
            generation: None,
            assume_kestra: true,
        },
    )
    .fixed
    .iter()
    .map(|fixed| fixed.diff.as_str())
    .collect();
    let report = lint::lint(
        sources,
        lint::LintOptions {
            generation: None,
            assume_kestra: true,
        },
    )
    .report(1);
    let json = serde_json::to_string(&report).expect("a report is JSON");
    let human = format::human(&report, &["values.yaml".into()]);
    format!(
        "{human}{json}{}{}{diffs}",
        format::sarif(&report),
        format::github(&report)
    )
}
