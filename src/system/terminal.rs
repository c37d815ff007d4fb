//! Standard error, of which a process has one: lines, and live ones below them while work goes on.

use std::io::{self, Write};
use std::sync::{LazyLock, OnceLock};

use indicatif::MultiProgress;

static LIVE: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);
static LOUDNESS: OnceLock<Verbosity> = OnceLock::new();

/// How much is told while work goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// Live lines on a terminal, else a line a step, and a line for each case.
    #[default]
    Normal,
    /// A line a step on a terminal too.
    Verbose,
}

/// Says once for the whole process how much is told; a later call changes nothing.
pub fn set_loudness(loudness: Verbosity) {
    let _ = LOUDNESS.set(loudness);
}

/// How much is told.
pub fn loudness() -> Verbosity {
    LOUDNESS.get().copied().unwrap_or_default()
}

/// Where live lines are drawn: nowhere when standard error is no terminal.
pub fn bars() -> &'static MultiProgress {
    &LIVE
}

/// A line above the live ones, whatever the loudness: for errors.
pub fn line(text: &str) {
    print(&format!("{text}\n"));
}

/// A text above the live lines.
pub fn print(text: &str) {
    // Where nothing is drawn, MultiProgress itself would swallow it. Where it cannot be written nobody can be told.
    LIVE.suspend(|| {
        let _ = anstream::stderr().lock().write_all(text.as_bytes());
    });
}

/// A line above the live ones, unless the user wants quiet.
pub fn tell(text: &str) {
    if loudness() != Verbosity::Quiet {
        line(text);
    }
}

/// Standard error for a log: what is written goes above the live lines.
pub struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A log that cannot be written is no reason to end; tracing would panic to say so.
        let _ = LIVE.suspend(|| anstream::stderr().lock().write_all(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
