//! Standard output, of which a process has one: all that a command prints goes through here.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use super::{terminal, wrap};

/// Nothing more is written: a pipe whose reader has had enough, or a disk that is full.
static CLOSED: AtomicBool = AtomicBool::new(false);
/// What was to be written is lost; that has been told.
static LOST: AtomicBool = AtomicBool::new(false);

/// Prints a text; its colours go where they are wanted.
pub fn print(text: &str) {
    let _ = Door(anstream::stdout).write_all(text.as_bytes());
}

/// Prints a line.
pub fn line(text: impl Display) {
    print(&format!("{text}\n"));
}

/// Prints a text for people. On a terminal it is wrapped by words; in a pipe every line stays whole, for `grep`.
pub fn prose(text: &str) {
    match terminal::width(&io::stdout()) {
        Some(width) => print(&wrap::prose(text, width)),
        None => print(text),
    }
}

/// Standard output for bytes as they are. A failure is told here; to the writer it is a pipe that was closed.
pub fn raw() -> impl Write {
    Door(io::stdout)
}

/// Whether something that was printed is lost.
pub fn is_lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Writes each piece at once: what is held back until the process ends fails unseen.
struct Door<F>(F);

impl<W: Write, F: Fn() -> W> Write for Door<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if CLOSED.load(Ordering::Relaxed) {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let mut out = (self.0)();
        let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) else {
            return Ok(());
        };
        CLOSED.store(true, Ordering::Relaxed);
        if error.kind() != ErrorKind::BrokenPipe {
            LOST.store(true, Ordering::Relaxed);
            terminal::line(&format!(
                "error: failed to write to standard output: {error}\nhelp: make room, or send it elsewhere"
            ));
        }
        Err(ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
