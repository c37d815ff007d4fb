//! What a drill found, as a Markdown table.

use std::fmt;

/// Rows of what was tried, how often, and how often the promise held.
#[derive(Default)]
pub struct Table {
    title: String,
    rows: Vec<Row>,
    broken: Vec<String>,
}

struct Row {
    tried: String,
    held: usize,
    of: usize,
    /// What else was seen.
    seen: String,
}

impl Table {
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            ..Self::default()
        }
    }

    /// One kind of trial: each is good, or says what is not.
    pub fn row(&mut self, tried: impl Into<String>, trials: &[Result<(), String>], seen: impl Into<String>) {
        let tried = tried.into();
        for broken in trials.iter().filter_map(|t| t.as_ref().err()) {
            self.broken.push(format!("{tried}: {broken}"));
        }
        self.rows.push(Row {
            tried,
            held: trials.iter().filter(|t| t.is_ok()).count(),
            of: trials.len(),
            seen: seen.into(),
        });
    }

    pub fn all_held(&self) -> bool {
        self.broken.is_empty() && self.rows.iter().any(|r| r.of > 0)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n\n| tried | held | seen |\n|---|---|---|", self.title)?;
        for Row { tried, held, of, seen } in &self.rows {
            writeln!(f, "| {tried} | {held} of {of} | {seen} |")?;
        }
        for broken in &self.broken {
            writeln!(f, "\nNOT HELD: {broken}")?;
        }
        Ok(())
    }
}
