//! Every hop of a value as a table, the first wrong one marked, and what to do about it.

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};

use super::CaseResult;
use crate::oracle::secret::{DisplayValue, Hop, HopValue};
use crate::system::words::visible;
use crate::verdict::Status;

/// For each output that is wrong or suspicious: its hops in a table of this width, then each code with cause, effect
/// and cure.
pub fn hop_tables(result: &CaseResult, width: usize) -> Vec<String> {
    let wrong = |output: &&String| {
        result.status == Status::Fail
            || result.first_wrong.contains_key(*output)
            || result.diagnosis.iter().any(|f| f.output == **output)
    };
    let mut paragraphs = Vec::new();
    for output in result.hops.keys().filter(wrong) {
        let title = format!("{output} on {}, hop by hop:", result.provenance.kestra);
        paragraphs.push(visible(&title).replace('\r', "\\r"));
        paragraphs.push(hop_table(result, output, width).trim_fmt());
        for finding in result.diagnosis.iter().filter(|f| f.output == *output) {
            paragraphs.push(finding.code.describe());
        }
        // One value cures all that is wrong with it. What is made from a private one is as private.
        let corrected = result
            .diagnosis
            .iter()
            .filter(|f| f.output == *output)
            .find_map(|f| f.corrected.as_ref());
        if let Some(corrected @ DisplayValue::Public(_)) = corrected {
            paragraphs.push(format!("  write instead: {corrected}"));
        }
    }
    paragraphs
}

fn hop_table(result: &CaseResult, output: &str, width: usize) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX));
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
            Cell::new(hop_text(meant.as_ref())),
            Cell::new(hop_text(predicted.as_ref())),
            Cell::new(hop_text(observed.as_ref())),
        ]);
    }
    table
}

fn hop_text(value: Option<&HopValue>) -> String {
    match value {
        None => String::new(),
        Some(HopValue::Is(one)) => one.brief(),
        Some(HopValue::OneOf(several)) => several.iter().map(DisplayValue::brief).collect::<Vec<_>>().join(" or "),
        Some(HopValue::Nothing(why)) => format!("nothing: {}", visible(why).replace('\r', "\\r")),
    }
}
