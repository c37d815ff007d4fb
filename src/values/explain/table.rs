//! Prints an explanation for people.

use std::fmt;

use comfy_table::{Cell, ContentArrangement, Table, presets};

use super::{ExpectedValue, Explanation};
use crate::oracle::secret::{DisplayValue, Hop, HopValue};

/// The most characters of a value that a line of the table shows.
const WIDEST: usize = 240;

/// The table of hops, then each code with cause, effect and cure, then what to write.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.table().trim_fmt())?;
        for finding in &self.diagnosis {
            writeln!(f, "{}", finding.code.describe())?;
        }
        if let Some(corrected) = &self.corrected {
            let corrected = match corrected {
                // Base64 needs no escapes: it can be copied as it stands.
                DisplayValue::Public(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                hidden @ DisplayValue::Private { .. } => hidden.to_string(),
            };
            writeln!(f, "  write instead: {corrected}")?;
        }
        if let Some(name) = &self.corrected_name {
            writeln!(f, "  name the variable: {name}")?;
        }
        f.write_str(self.verdict())
    }
}

impl Explanation {
    fn verdict(&self) -> &'static str {
        match (self.right, self.meant) {
            (true, Some(ExpectedValue::Told)) => "right: a flow gets the expected value",
            (true, _) => "nothing is wrong with the value; --expect compares it with the one you mean",
            (false, _) => "wrong",
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic);
        let meant = match self.meant {
            Some(ExpectedValue::Guessed) if !self.right => "likely meant",
            _ => "meant",
        };
        table.set_header(["", "hop", "here", "bytes", meant]);
        for Hop {
            at, meant, predicted, ..
        } in &self.hops
        {
            let wrong = self.first_wrong == Some(*at);
            let mark = if wrong { "wrong from here on" } else { "" };
            let meant = meant.as_ref().filter(|meant| predicted.as_ref() != Some(meant));
            table.add_row([
                marked(mark, wrong),
                marked(at, wrong),
                Cell::new(value_text(predicted.as_ref())),
                Cell::new(bytes(predicted.as_ref())),
                Cell::new(value_text(meant)),
            ]);
        }
        table
    }
}

/// A cell that a terminal shows red where the value is wrong from here on.
#[cfg(not(target_family = "wasm"))]
fn marked(text: impl ToString, wrong: bool) -> Cell {
    use comfy_table::Color;

    Cell::new(text).fg(if wrong { Color::Red } else { Color::Reset })
}

/// A page in a browser has the words alone.
#[cfg(target_family = "wasm")]
fn marked(text: impl ToString, _wrong: bool) -> Cell {
    Cell::new(text)
}

fn value_text(value: Option<&HopValue>) -> String {
    match value {
        None => String::new(),
        Some(HopValue::Is(one)) => cut(&one.to_string()),
        Some(HopValue::OneOf(several)) => several
            .iter()
            .map(|one| cut(&one.to_string()))
            .collect::<Vec<_>>()
            .join(" or "),
        Some(HopValue::Nothing(why)) => format!("nothing: {why}"),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

fn bytes(value: Option<&HopValue>) -> String {
    match value {
        Some(HopValue::Is(DisplayValue::Public(bytes))) => bytes.len().to_string(),
        Some(HopValue::Is(DisplayValue::Private { len, .. })) => len.to_string(),
        _ => String::new(),
    }
}
