//! What commands read that may be a plaintext.

use std::io::{IsTerminal as _, Read};

use crate::error::InputError;
use crate::system::terminal;

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
                terminal::line("reading standard input; Ctrl-D ends it");
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
