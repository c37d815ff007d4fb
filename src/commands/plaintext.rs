//! What commands read and print that may be a plaintext.

use std::io::{ErrorKind, IsTerminal as _, Read, Write as _};

use miette::IntoDiagnostic as _;

use crate::scenario::InputError;

/// What stands for standard input among file names.
pub const STDIN: &str = "-";

/// The most bytes of a file: twice what a whole environment takes.
const LONGEST: u64 = 4 * 1024 * 1024;

/// The bytes of a file, or of standard input, as they are.
///
/// # Errors
/// [`InputError`] with the system's words, or for a file that no environment could take.
pub fn of_file(file: &str) -> Result<Vec<u8>, InputError> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let source: Box<dyn Read> = if file == STDIN {
            if std::io::stdin().is_terminal() {
                anstream::eprintln!("reading standard input; Ctrl-D ends it");
            }
            Box::new(std::io::stdin().lock())
        } else {
            Box::new(std::fs::File::open(file)?)
        };
        source.take(LONGEST + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let called = if file == STDIN { "standard input" } else { file };
    match read() {
        Ok(bytes) if bytes.len() as u64 > LONGEST => Err(InputError::whole(
            called,
            format!("is longer than {LONGEST} bytes"),
            Some("Linux takes 128 KiB a variable and about 2 MiB an environment".into()),
        )),
        Ok(bytes) => Ok(bytes),
        Err(e) => Err(InputError::whole(called, format!("failed to read: {e}"), None)),
    }
}

/// Prints to standard output, and is content when whoever read it has had enough.
///
/// # Errors
/// What the system says, as of a full disk.
pub fn stdout(text: &str) -> miette::Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(e).into_diagnostic(),
        _ => Ok(()),
    }
}
