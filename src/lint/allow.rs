//! Comments that allow a finding: `# kestra-secrets: allow KS003`.

use super::finding::LintRule;
use crate::release::input::SourceFile;

/// What the comments of one file allow: a line, and a rule.
pub struct Allowances(Vec<(usize, LintRule)>);

impl Allowances {
    /// Reads the comments of a file.
    pub fn read(source: &SourceFile) -> Self {
        const MARK: &str = "kestra-secrets: allow";
        let mut all = Vec::new();
        for (at, _) in source.text.match_indices(MARK) {
            let before = source.text[..at].rsplit('\n').next().unwrap_or_default();
            if !before.contains('#') {
                continue;
            }
            let (line, _) = source.line_and_column(at);
            let words = source.text[at + MARK.len()..].lines().next().unwrap_or_default();
            let words = words.split([',', ' ', '\t']).filter(|word| !word.is_empty());
            all.extend(words.map_while(LintRule::named).map(|rule| (line, rule)));
        }
        Self(all)
    }

    /// Whether a comment on the line, or on the one above, allows the rule.
    pub fn allows(&self, rule: LintRule, line: usize) -> bool {
        self.0
            .iter()
            .any(|(at, what)| *what == rule && (*at == line || at + 1 == line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::secret::diagnosis::Code;
    use crate::release::input::FileForm;

    #[test]
    fn a_comment_allows_rules_on_its_line_and_the_next() {
        let source = SourceFile::new(
            "x",
            None,
            "a: 1 # kestra-secrets: allow KS003, ks005 because\nb: 2\nc: 3\nd: kestra-secrets: allow KS001\n",
            FileForm::Yaml,
        );
        let allowed = Allowances::read(&source);
        let allows = |code, line| allowed.allows(LintRule::Fault(code), line);
        assert!(allows(Code::EncodedTooOften, 1) && allows(Code::PlaintextDecodes, 2));
        assert!(!allows(Code::EncodedTooOften, 3) && !allows(Code::TrailingNewline, 4) && !allows(Code::Crlf, 1));
    }
}
