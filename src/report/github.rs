//! Annotations for GitHub's workflow runs: `::error file=…,line=…,col=…,title=…::…`.

use std::fmt::Write as _;

use super::{CaseResult, Report, ScenarioPosition};
use crate::verdict::Status;

/// An error for each case that went wrong, a warning for each that was not judged, a notice for each that was
/// skipped. A bundled scenario is no file of the repository, so its annotation has no place.
pub fn github(report: &Report) -> String {
    let mut out = String::new();
    for result in &report.results {
        let command = match result.status {
            Status::Pass => continue,
            Status::Fail => "error",
            Status::Error => "warning",
            Status::Skipped => "notice",
        };
        let at = result.at.as_ref().filter(|at| !at.file.starts_with("bundled:"));
        let place = at.map(position).unwrap_or_default();
        let of = result.combination();
        let title = format!("{} on {}, {}", result.scenario, of.kestra, of.provider);
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "::{command} {place}title={}::{}",
            property(&title),
            data(&message(result))
        );
    }
    out
}

fn position(at: &ScenarioPosition) -> String {
    format!(
        "file={},line={},col={},",
        property(&at.file),
        at.line.max(1),
        at.column.max(1)
    )
}

fn message(result: &CaseResult) -> String {
    let mut lines = vec![result.because.clone().unwrap_or_else(|| "no reason is known".into())];
    for (what, seen) in [("expected", &result.expected), ("observed", &result.observed)] {
        lines.extend(seen.iter().map(|s| format!("{what}: {s}")));
    }
    for finding in &result.diagnosis {
        lines.push(format!("{} {}: {}", finding.code, finding.title, finding.output));
        lines.push(format!("cure: {}", finding.cure));
    }
    lines.extend(result.help.iter().map(|help| format!("help: {help}")));
    lines.dedup();
    lines.join("\n")
}

/// What the runner's `escapeData` does.
pub(crate) fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What the runner's `escapeProperty` does.
pub(crate) fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{report, result};

    #[test]
    fn what_would_end_a_property_or_a_line_is_escaped() {
        assert_eq!(property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
        assert_eq!(data("a:b,c%\r\n"), "a:b,c%25%0D%0A");
    }

    #[test]
    fn a_case_is_one_line_with_the_place_of_its_scenario() {
        let at = |file: &str| ScenarioPosition {
            file: file.into(),
            line: 3,
            column: 7,
        };
        let mut wrong = result("wrong", Status::Fail);
        wrong.because = Some("output a\nholds other bytes".into());
        wrong.at = Some(at("my,own.yaml"));
        let mut broken = result("broken", Status::Error);
        broken.at = Some(at("bundled:broken.yaml"));
        let out = github(&report([wrong, broken, result("fine", Status::Pass)]));
        let lines: Vec<_> = out.lines().collect();
        assert_eq!(
            lines,
            [
                "::error file=my%2Cown.yaml,line=3,col=7,title=wrong on engine@2.0.0%2C embedded::output a%0Aholds other bytes",
                "::warning title=broken on engine@2.0.0%2C embedded::no reason is known",
            ]
        );
    }
}
