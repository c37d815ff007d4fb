//! What files say of one secret: where it stands, and what keeps it from arriving.

use super::finding::{Finding, LintRule, Severity, printable_name};
use super::{Linted, NodePosition};
use crate::oracle::secret::PREFIX;
use crate::oracle::secret::diagnosis::Code;
use crate::plan::FileRemark;
use crate::system::words::nearest;

/// Faults of a whole file, which may cost any of its secrets.
const OF_ANY_SECRET: [Code; 7] = [
    Code::KeyMissing,
    Code::OtherGeneration,
    Code::NoConfiguration,
    Code::UnknownKey,
    Code::ReplacedList,
    Code::MalformedEntry,
    Code::ComponentLacks,
];

/// What the files say of the secret that flows call `key`; of one that no file gives, that.
pub fn whereabouts(linted: &Linted, key: &str) -> Vec<FileRemark> {
    let variable = format!("{PREFIX}{}", key.to_uppercase());
    let is_it = |name: &str| name.eq_ignore_ascii_case(&variable);
    let mut all: Vec<FileRemark> = linted
        .given
        .iter()
        .filter(|(name, _)| is_it(name))
        .map(|(name, at)| remark(at, format!("{} stands here", printable_name(name)), None))
        .collect();
    let findings = linted.located.iter().map(|located| &located.finding);
    all.extend(
        findings
            .filter(|finding| concerns(finding, &variable))
            .map(|finding| FileRemark {
                file: finding.file.clone(),
                line: finding.line,
                column: finding.column,
                message: format!("{}: {}: {}", finding.rule, finding.subject, finding.message),
                cure: Some(finding.cure.clone()),
            }),
    );
    if all.is_empty() {
        let names: Vec<&str> = linted.given.iter().map(|(name, _)| name.as_str()).collect();
        let near = nearest(&variable, names.iter().copied());
        let near = near.and_then(|near| linted.given.iter().find(|(name, _)| name == near));
        all.extend(near.map(|(name, at)| {
            let message = format!(
                "no file gives {}; {} stands here",
                printable_name(&variable),
                printable_name(name)
            );
            remark(
                at,
                message,
                Some("correct the name in the file, or the one that is expected".into()),
            )
        }));
    }
    // Where a finding is, the secret stands, and nobody needs to be told.
    let found: Vec<_> = all
        .iter()
        .filter(|r| r.cure.is_some())
        .map(|r| (r.file.clone(), r.line, r.column))
        .collect();
    all.retain(|r| r.cure.is_some() || !found.contains(&(r.file.clone(), r.line, r.column)));
    all.sort();
    all.dedup();
    all
}

/// Whether a finding is about the variable, or about something that may be what costs it.
fn concerns(finding: &Finding, variable: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let words = text
            .split(|c| !is_name(c))
            .filter(|word| word.get(..PREFIX.len()).is_some_and(|p| p.eq_ignore_ascii_case(PREFIX)));
        words.map(|word| word.trim_end_matches('.').to_uppercase()).collect()
    };
    let mut named = [words(&finding.subject), words(&finding.message)].concat();
    if finding.rule == LintRule::Fault(Code::Name) {
        // Only the cure says what the name should be.
        named.extend(words(&finding.cure));
    }
    if finding.severity == Severity::Note {
        return false;
    }
    let of_any = matches!(finding.rule, LintRule::Fault(code) if OF_ANY_SECRET.contains(&code));
    named.iter().any(|name| name == variable) || of_any && named.is_empty()
}

fn remark(at: &NodePosition, message: String, cure: Option<String>) -> FileRemark {
    FileRemark {
        file: at.file.clone(),
        line: at.line,
        column: at.column,
        message,
        cure,
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::{LintOptions, lint, whereabouts};
    use crate::release::input::{FileForm, SourceFile};

    fn said(text: &str, key: &str) -> Vec<String> {
        let source = SourceFile::new("values.yaml", Some("values.yaml".into()), text, FileForm::Yaml);
        let linted = lint(&[source], LintOptions::default());
        let remarks = whereabouts(&linted, key).into_iter();
        remarks
            .map(|r| format!("{}:{} {}", r.line, r.column, r.message))
            .collect()
    }

    #[test]
    fn a_secret_under_a_key_that_nobody_reads_is_found_there() {
        let values = "common:\n  extraEnvs:\n    - {name: SECRET_A, value: YQ==}\n  extraEnv:\n    - {name: SECRET_B, value: Yg==}\n";
        assert_eq!(
            said(values, "a"),
            [
                "2:3 KS033: common.extraEnvs: chart 1.x does not read this key: SECRET_A reaches no pod",
                "3:31 SECRET_A stands here"
            ]
        );
        assert_eq!(said(values, "B"), ["5:31 SECRET_B stands here"]);
    }

    #[test]
    fn a_variable_whose_prefix_is_misspelt_is_the_one_that_is_meant() {
        let values =
            "common:\n  extraEnv:\n    - {name: SECRET_A, value: YQ==}\n    - {name: SERCET_C, value: YmV0YQ==}\n";
        assert_eq!(
            said(values, "C"),
            ["4:14 KS016: SERCET_C: the name begins almost with SECRET_, and Kestra ignores it"]
        );
    }

    #[test]
    fn of_a_secret_that_no_file_gives_the_near_one_is_named() {
        let values = "common:\n  extraEnv:\n    - {name: SECRET_DB_PASWORD, value: YQ==}\n";
        assert_eq!(
            said(values, "DB_PASSWORD"),
            ["3:40 no file gives SECRET_DB_PASSWORD; SECRET_DB_PASWORD stands here"]
        );
    }
}
