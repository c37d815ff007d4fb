//! What holds of all that the linter and its fixes make of files.

use kestra_secrets::internals::lint::{self, LintOptions, fix, format};
use kestra_secrets::internals::release::input::SourceFile;

/// A value that no text can change: a target writes it into one of its files.
pub const CANARY: &str = "kFq7-vT2p-Zx9w";

/// Each finding stands in its file, nothing shows the canary unless `text` gives it, and what is fixed can be read. The
/// files as they are then.
pub fn fixed(sources: &[SourceFile], text: &str) -> Vec<SourceFile> {
    let linted = lint::lint(sources, LintOptions::default());
    for found in &linted.located {
        let lines = sources[found.source].text.split('\n').count();
        assert!((1..=lines).contains(&found.finding.line) && found.finding.column >= 1);
    }
    let unreadable = linted.unreadable.len();
    let outcome = fix::fix(sources, LintOptions::default());
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
    now
}
