//! One case: a line, and below it what is not as expected.

use std::collections::BTreeMap;
use std::time::Duration;

use owo_colors::{OwoColorize as _, Style};
use textwrap::core::display_width;

use super::layout::{Layout, harmless, harmless_line};
use super::value_lines::value_lines;
use crate::oracle::secret::{DisplayValue, HopKind, HopValue};
use crate::report::{CaseResult, OutcomeView, hop_tables};
use crate::verdict::Status;

/// Details stand below the time.
const INDENT: &str = "       ";
/// Of somebody's words so many lines are shown; the report has all.
const MOST_LINES: usize = 4;

/// A case as the console shows it; nothing for one that a quiet console leaves out.
pub fn case_lines(result: &CaseResult, label: &str, layout: Layout) -> Vec<String> {
    if layout.is_quiet() && matches!(result.status, Status::Pass | Status::Skipped) {
        return Vec::new();
    }
    let mut lines = head(result, label, layout);
    match result.status {
        Status::Fail => lines.extend(failure(result, layout)),
        // What the environment failed at is told once for all cases, at the end.
        Status::Error | Status::Pass | Status::Skipped => {}
    }
    if layout.is_verbose() {
        lines.extend(everything(result, layout));
    }
    lines
}

/// The word for a status, and how it is drawn.
pub fn status_word(status: Status) -> (&'static str, Style) {
    match status {
        Status::Pass => ("PASS", Style::new().green()),
        Status::Fail => ("FAIL", Style::new().red().bold()),
        Status::Error => ("ERROR", Style::new().yellow().bold()),
        Status::Skipped => ("SKIP", Style::new().dimmed()),
    }
}

fn head(result: &CaseResult, label: &str, layout: Layout) -> Vec<String> {
    let (word, style) = status_word(result.status);
    let word = format!("{word:>6}");
    let word = word.style(style);
    let name = harmless_line(&result.scenario);
    let label = harmless(label);
    if result.status == Status::Skipped {
        let reason = result.because.as_deref().unwrap_or("not run");
        let label = format!("{word} [       ] {label}  ");
        let line = format!("{name}: {}", harmless_line(reason));
        return if layout.is_verbose() {
            layout.labelled(&label, &line)
        } else {
            vec![layout.cut(&format!("{label}{line}"))]
        };
    }
    let ms: u64 = result.phases.iter().map(|phase| phase.ms).sum();
    let seconds = Duration::from_millis(ms).as_secs_f32();
    layout.labelled(&format!("{word} [{seconds:>6.2}s] {label}  "), &name.bold().to_string())
}

/// What was expected, what came, the first wrong hop, and the cure.
fn failure(result: &CaseResult, layout: Layout) -> Vec<String> {
    let mut lines = match (&result.expected, &result.observed) {
        (Some(OutcomeView::Outputs(expected)), Some(OutcomeView::Outputs(got))) => {
            different_outputs(result, expected, got, layout)
        }
        (Some(expected), Some(got)) if expected != got => {
            let mut lines = outcome_lines("expected  ", expected, layout);
            lines.extend(outcome_lines("got       ", got, layout));
            for (output, hop) in &result.first_wrong {
                lines.extend(layout.labelled(INDENT, &first_wrong(result, output, *hop)));
            }
            lines
        }
        _ => Vec::new(),
    };
    if lines.is_empty() {
        lines.extend(result.because.iter().flat_map(|because| detail("", because, layout)));
    }
    if result.model_drift {
        let predicted = result.predicted.iter();
        lines.extend(predicted.flat_map(|predicted| outcome_lines("predicted ", predicted, layout)));
    }
    lines.extend(findings(result, layout));
    lines.extend(in_files(result, layout));
    lines.extend(result.help.iter().flat_map(|help| detail("help  ", help, layout)));
    lines
}

/// The first wrong hop of an output, and why there is nothing where nothing is.
fn first_wrong(result: &CaseResult, output: &str, at: HopKind) -> String {
    let hops = result.hops.get(output).into_iter().flatten();
    let here = hops.filter(|hop| hop.at == at).find_map(|hop| hop.predicted.as_ref());
    match here {
        Some(HopValue::Nothing(why)) => format!("first wrong: {at}: {}", harmless_line(why)),
        _ => format!("first wrong: {at}"),
    }
}

fn different_outputs(
    result: &CaseResult,
    expected: &BTreeMap<String, DisplayValue>,
    got: &BTreeMap<String, DisplayValue>,
    layout: Layout,
) -> Vec<String> {
    let names: Vec<_> = expected
        .keys()
        .filter(|name| expected.get(*name) != got.get(*name))
        .collect();
    // `check` calls a case by its only output.
    let is_named = names != [&result.scenario];
    let widths = names
        .iter()
        .filter(|_| is_named)
        .map(|name| display_width(&harmless_line(name)) + 2);
    let width = widths.max().unwrap_or_default();
    let room = layout.width.saturating_sub(INDENT.len() + width);
    let mut lines = Vec::new();
    for name in names {
        let mut values = value_lines(expected.get(name), got.get(name), room);
        let hop = result.first_wrong.get(name);
        values.extend(hop.map(|hop| first_wrong(result, name, *hop)));
        for (number, line) in values.into_iter().enumerate() {
            let name = if number == 0 && is_named {
                harmless_line(name)
            } else {
                String::new()
            };
            let padding = " ".repeat(width - display_width(&name));
            lines.extend(layout.labelled(&format!("{INDENT}{name}{padding}"), &line));
        }
    }
    lines
}

/// Each code once, with its cure; whose it is where outputs differ in it.
fn findings(result: &CaseResult, layout: Layout) -> Vec<String> {
    let mut lines = Vec::new();
    let mut told = Vec::new();
    for finding in &result.diagnosis {
        if told.contains(&finding.code) {
            continue;
        }
        told.push(finding.code);
        let alike: Vec<_> = result
            .diagnosis
            .iter()
            .filter(|other| other.code == finding.code)
            .collect();
        let outputs: Vec<_> = alike.iter().map(|finding| finding.output.as_str()).collect();
        let of_all = result.hops.len() == outputs.len();
        let whose = if of_all {
            String::new()
        } else {
            format!(" ({})", outputs.join(", "))
        };
        let code = format!("{} ", finding.code.code());
        lines.extend(detail(&code, &format!("{}{whose}", finding.title), layout));
        lines.extend(detail("cure  ", &finding.cure, layout));
        for finding in &alike {
            // What is made from a private value is as private.
            if let Some(corrected @ DisplayValue::Public(_)) = &finding.corrected {
                let of = if alike.len() > 1 {
                    format!(" for {}", finding.output)
                } else {
                    String::new()
                };
                lines.extend(detail("      ", &format!("write {}{of}", corrected.brief()), layout));
            }
        }
    }
    lines
}

/// What the user's files have to do with it.
fn in_files(result: &CaseResult, layout: Layout) -> Vec<String> {
    let mut lines = Vec::new();
    for remark in &result.in_files {
        let at = format!("{}:{}:{} ", harmless_line(&remark.file), remark.line, remark.column);
        // What a hop showed already has its title and its cure above.
        let code = remark.message.split(':').next().unwrap_or_default();
        if result.diagnosis.iter().any(|finding| finding.code.code() == code) {
            lines.extend(detail(&at, code, layout));
            continue;
        }
        lines.extend(detail(&at, &remark.message, layout));
        lines.extend(remark.cure.iter().flat_map(|cure| detail("cure  ", cure, layout)));
    }
    lines
}

/// What only somebody wants to know who asks for it: promise, every hop, warnings.
fn everything(result: &CaseResult, layout: Layout) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(
        result
            .promised
            .iter()
            .flat_map(|view| outcome_lines("promised  ", view, layout)),
    );
    if result.status != Status::Fail {
        lines.extend(
            result
                .expected
                .iter()
                .flat_map(|view| outcome_lines("expected  ", view, layout)),
        );
        lines.extend(
            result
                .observed
                .iter()
                .flat_map(|view| outcome_lines("got       ", view, layout)),
        );
        lines.extend(findings(result, layout));
    }
    let texts = [
        ("warning  ", &result.warnings),
        ("changed  ", &result.provenance.deviations),
    ];
    for (label, texts) in texts {
        lines.extend(texts.iter().flat_map(|text| detail(label, text, layout)));
    }
    lines.extend(
        result
            .provenance
            .note
            .iter()
            .flat_map(|note| detail("note  ", note, layout)),
    );
    let tables = hop_tables::hop_tables(result, layout.width - INDENT.len());
    lines.extend(
        tables
            .iter()
            .flat_map(|table| table.lines())
            .flat_map(|line| layout.labelled(INDENT, line)),
    );
    lines
}

fn outcome_lines(label: &str, outcome: &OutcomeView, layout: Layout) -> Vec<String> {
    let text = outcome.to_string();
    // Kestra wraps this sentence into a stack of exceptions.
    let missing = text
        .find("Cannot find secret for key '")
        .and_then(|start| Some(&text[start..=start + text[start..].match_indices('\'').nth(1)?.0]));
    match missing {
        Some(sentence) if !layout.is_verbose() => detail(label, &format!("nothing: {sentence}"), layout),
        _ => detail(label, &text, layout),
    }
}

/// A text behind a label, below the case; cut after a few lines unless everything is asked for.
fn detail(label: &str, text: &str, layout: Layout) -> Vec<String> {
    let mut lines = layout.labelled(&format!("{INDENT}{label}"), &harmless(text));
    if lines.len() > MOST_LINES && !layout.is_verbose() {
        lines.truncate(MOST_LINES);
        if let Some(last) = lines.last_mut() {
            *last = layout.cut(&format!("{last} …"));
        }
    }
    lines
}
