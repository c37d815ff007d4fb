//! Standard error, of which a process has one: lines, and live ones below them while work goes on.

use std::cell::Cell;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
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

/// How many columns a stream has; none where it is no terminal, or does not say.
pub fn width(stream: &(impl IsTerminal + AsFd)) -> Option<usize> {
    let size = stream.is_terminal().then(|| terminal_size::terminal_size_of(stream));
    size.flatten().map(|(width, _)| usize::from(width.0))
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

thread_local! {
    /// Whether this thread writes above the live lines now.
    static ABOVE: Cell<bool> = const { Cell::new(false) };
}

/// Writes above the live lines. What is written may itself have to tell of an error, as a full standard output does:
/// that goes there too, where asking for the live lines again would wait for itself.
pub fn above<T>(write: impl FnOnce() -> T) -> T {
    if ABOVE.get() {
        return write();
    }
    LIVE.suspend(|| {
        ABOVE.set(true);
        let written = write();
        ABOVE.set(false);
        written
    })
}

/// A line above the live ones, whatever the loudness: for errors.
pub fn line(text: &str) {
    print(&format!("{text}\n"));
}

/// A text above the live lines.
pub fn print(text: &str) {
    // Where nothing is drawn, MultiProgress itself would swallow it. Where it cannot be written nobody can be told.
    above(|| {
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
        let _ = above(|| anstream::stderr().lock().write_all(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_while_a_line_is_written_does_not_wait_for_itself() {
        assert_eq!(above(|| above(|| 1)), 1);
        assert!(!ABOVE.get());
    }
}
