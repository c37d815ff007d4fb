//! A summary for a pull request: what went wrong first, all cases folded away.

use std::fmt::Write as _;

use super::{CaseResult, OutcomeView, Report};
use crate::error::ExitCode;
use crate::verdict::Status;

/// The most characters of a cell: GitHub takes a summary of 1 MiB at most.
const CELL: usize = 240;
/// The most cases that are told one by one.
const CASES: usize = 500;

/// The report as Markdown.
pub fn markdown(report: &Report) -> String {
    let mark = match report.exit() {
        ExitCode::Success => "✅",
        ExitCode::Failure => "❌",
        _ => "⚠️",
    };
    let mut out = format!("## {mark} kestra-secrets: {}\n", text(&report.verdict()));
    let wrong: Vec<_> = report
        .results
        .iter()
        .filter(|r| matches!(r.status, Status::Fail | Status::Error))
        .collect();
    if !wrong.is_empty() {
        table(&mut out, &wrong);
        for result in wrong.iter().take(CASES) {
            for finding in &result.diagnosis {
                line(&mut out, &format!("- {}", finding_line(result, finding)));
            }
            if let Some(help) = &result.help {
                line(&mut out, &format!("- {}: {}", code(&result.scenario), text(help)));
            }
        }
    }
    line(&mut out, "\n<details><summary>All cases</summary>");
    table(&mut out, &report.results.iter().collect::<Vec<_>>());
    line(&mut out, "\n</details>\n");
    for run in report.run.runs() {
        let shard = run.shard.as_ref().map(|s| format!(", shard {}/{}", s.index, s.of));
        let seconds = std::time::Duration::from_millis(run.wall_ms).as_secs_f32();
        line(
            &mut out,
            &format!(
                "Run {} on {}, chart {}, {}, Kestra {}{}: {seconds:.1} s.  ",
                code(&run.id),
                text(&run.provider),
                text(&run.chart),
                text(&run.helm),
                text(&run.kestras()),
                shard.unwrap_or_default(),
            ),
        );
    }
    let modelled: Vec<_> = report.modelled().into_iter().map(text).collect();
    if !modelled.is_empty() {
        line(&mut out, &format!("Modelled, not real: {}.", modelled.join("; ")));
    }
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn table(out: &mut String, results: &[&CaseResult]) {
    out.push_str("\n| | scenario | Kestra | chart | provider | promised | expected | observed |\n|---|---|---|---|---|---|---|---|\n");
    for result in results.iter().take(CASES) {
        let of = result.combination();
        let word = match result.status {
            Status::Pass => "✅ pass",
            Status::Fail => "❌ **fail**",
            Status::Error => "⚠️ **error**",
            Status::Skipped => "skipped",
        };
        let observed = match &result.observed {
            Some(observed) => seen(Some(observed)),
            None => text(result.because.as_deref().unwrap_or_default()),
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "| {word} | {} | {} | {} | {} | {} | {} | {observed} |",
            code(&result.scenario),
            text(&of.kestra.to_string()),
            text(&of.chart),
            text(&of.provider),
            seen(result.promised.as_ref()),
            seen(result.expected.as_ref()),
        );
    }
    if results.len() > CASES {
        line(out, &format!("\n{} more are in report.json.", results.len() - CASES));
    }
}

fn seen(seen: Option<&OutcomeView>) -> String {
    let lines = seen.map(ToString::to_string).unwrap_or_default();
    let lines: Vec<_> = lines.lines().map(code).collect();
    lines.join("<br>")
}

fn finding_line(result: &CaseResult, finding: &super::Diagnosed) -> String {
    format!(
        "**{}** {} ({}): {}. {}",
        finding.code,
        code(&result.scenario),
        code(&finding.output),
        text(&finding.title),
        text(&finding.cure)
    )
}

/// At most so many characters of a line, and none that is drawn as nothing.
fn short(text: &str) -> String {
    let mut short: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(CELL)
        .collect();
    if text.chars().nth(CELL).is_some() {
        short.push('…');
    }
    short
}

/// Text that is no markup, wherever it stands.
fn text(text: &str) -> String {
    let mut out = String::new();
    for c in short(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A mention would call somebody.
            '@' => out.push_str("&#64;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// The same in a fixed width: an element, for backticks cannot hold every text.
fn code(of: &str) -> String {
    format!("<code>{}</code>", text(of))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{hostile, public_outputs, report, result};

    #[test]
    fn what_went_wrong_comes_before_what_is_folded_away() {
        let mut wrong = result("wrong", Status::Fail);
        wrong.expected = Some(public_outputs("username", "admin"));
        wrong.observed = Some(public_outputs("username", "admin\n"));
        let summary = markdown(&report([result("fine", Status::Pass), wrong]));
        insta::assert_snapshot!(summary);
    }

    #[test]
    fn hostile_texts_make_no_markup_and_no_cell() {
        let results = hostile();
        let summary = markdown(&report(results.clone()));
        for line in summary.lines().filter(|l| l.starts_with('|')) {
            let cells = line.replace("\\|", "").matches('|').count();
            assert_eq!(cells, 9, "{line}");
        }
        assert!(
            !summary.contains("<script") && !summary.contains("</script"),
            "{summary}"
        );
        assert_eq!(summary.matches("</details>").count(), 1);
        assert!(summary.chars().all(|c| c == '\n' || !c.is_control()));
    }
}
