//! The way of a value in full, for a person: every hop, the first wrong one, and what to do.

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};

use super::CaseResult;
use crate::oracle::secret::diagnosis::Code;
use crate::oracle::secret::{DisplayValue, Hop, HopValue};
use crate::verdict::Status;

/// For each output that is wrong or suspicious: its hops, then each code with cause, effect and cure.
pub fn ways(result: &CaseResult) -> Vec<String> {
    let wrong = |output: &&String| {
        result.status == Status::Fail
            || result.first_wrong.contains_key(*output)
            || result.diagnosis.iter().any(|f| f.output == **output)
    };
    let mut told = Vec::new();
    for output in result.hops.keys().filter(wrong) {
        told.push(format!("\n{output} on {}, hop by hop:", result.provenance.kestra));
        told.push(table(result, output).trim_fmt());
        for finding in result.diagnosis.iter().filter(|f| f.output == *output) {
            told.push(about(finding.code));
        }
        // One value cures all that is wrong with it. What is made from a private one is as private.
        let corrected = result
            .diagnosis
            .iter()
            .filter(|f| f.output == *output)
            .find_map(|f| f.corrected.as_ref());
        if let Some(corrected @ DisplayValue::Public(_)) = corrected {
            told.push(format!("  write instead: {corrected}"));
        }
    }
    told
}

/// A code with its cause, effect and cure, a line each.
pub fn about(code: Code) -> String {
    format!(
        "{code} {}\n  cause: {}\n  effect: {}\n  cure: {}",
        code.title(),
        code.cause(),
        code.effect(),
        code.cure()
    )
}

fn table(result: &CaseResult, output: &str) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["", "hop", "meant", "predicted", "observed"]);
    let first = result.first_wrong.get(output);
    for Hop {
        at,
        meant,
        predicted,
        observed,
    } in result.hops.get(output).into_iter().flatten()
    {
        let wrong = first == Some(at);
        let color = if wrong { Color::Red } else { Color::Reset };
        let mark = if wrong { "wrong from here on" } else { "" };
        table.add_row([
            Cell::new(mark).fg(color),
            Cell::new(at).fg(color),
            Cell::new(shown(meant.as_ref())),
            Cell::new(shown(predicted.as_ref())),
            Cell::new(shown(observed.as_ref())),
        ]);
    }
    table
}

fn shown(value: Option<&HopValue>) -> String {
    match value {
        None => String::new(),
        Some(HopValue::Is(one)) => one.brief(),
        Some(HopValue::OneOf(several)) => several.iter().map(DisplayValue::brief).collect::<Vec<_>>().join(" or "),
        Some(HopValue::Nothing(why)) => format!("nothing: {why}"),
    }
}
