//! Decodes values to plaintexts, one JSON object per line.
//!
//! Each line is read, decoded and written before the next is read, so memory does not grow with the input. Output is
//! flushed before the reader waits for more.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Write};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::oracle::secret::{self, Plaintext};

/// The longest line, in bytes. An environment takes 128 KiB of a value, and JSON may spend six bytes on one.
pub const LONGEST_LINE: usize = 1024 * 1024;

/// A line of the input. Other fields are passed over.
#[derive(Deserialize)]
struct DecodeRequest {
    env: String,
    #[serde(default)]
    name: Option<String>,
}

/// A line of the output.
#[derive(Serialize)]
struct Answered<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    plain: Option<&'a str>,
    error: Option<&'a str>,
}

/// What came of an input.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// Lines that could not be read; what does not decode is not among them.
    pub unread: u64,
    /// Line and column of the first of them, from 1.
    pub first: Option<(u64, u64)>,
}

/// Answers each line of `input` by a line of `output`, in order. Blank lines are passed over.
///
/// A value that Kestra would drop has Kestra's own reason for its `error`. A line that cannot be read is
/// answered too, by an `error` that begins with `line N, column M:`, so that answers stay beside their
/// questions; and the work goes on.
///
/// # Errors
/// What the system says of `input` or `output`.
pub fn lines(input: impl io::Read, mut output: impl Write) -> io::Result<Decoded> {
    let mut input = BufReader::with_capacity(64 * 1024, input);
    let mut decoded = Decoded::default();
    let mut line = Zeroizing::new(Vec::new());
    for number in 1.. {
        line.clear();
        let read = match read_line(&mut input, &mut line, &mut output)? {
            Read::End => break,
            Read::TooLong => Err((LONGEST_LINE as u64 + 1, format!("longer than {LONGEST_LINE} bytes"))),
            Read::Line if line.trim_ascii().is_empty() => continue,
            // PowerShell begins with a byte-order mark.
            Read::Line if number == 1 => asked(line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line)),
            Read::Line => asked(&line),
        };
        match read {
            Ok(asked) => answer(&mut output, asked)?,
            Err((column, why)) => {
                decoded.unread += 1;
                decoded.first.get_or_insert((number, column));
                let error = format!("line {number}, column {column}: {why}");
                write(
                    &mut output,
                    &Answered {
                        name: None,
                        plain: None,
                        error: Some(&error),
                    },
                )?;
            }
        }
    }
    output.flush()?;
    Ok(decoded)
}

fn asked(line: &[u8]) -> Result<DecodeRequest, (u64, String)> {
    serde_json::from_slice(line).map_err(|e| {
        // The parser's words can quote a value.
        let why = match e.classify() {
            serde_json::error::Category::Eof => "the JSON ends too early",
            serde_json::error::Category::Data => "not an object with a text `env`",
            _ => "not JSON",
        };
        (e.column() as u64, why.into())
    })
}

fn answer(output: &mut impl Write, asked: DecodeRequest) -> io::Result<()> {
    let env = Plaintext::new(asked.env.into_bytes(), false);
    let name = asked.name.as_deref();
    match secret::decode(&env) {
        Ok(plain) => {
            // Kestra's text is UTF-8 whatever the bytes were.
            let plain = str::from_utf8(plain.bytes()).map_err(|e| io::Error::new(ErrorKind::InvalidData, e))?;
            write(
                output,
                &Answered {
                    name,
                    plain: Some(plain),
                    error: None,
                },
            )
        }
        Err(error) => write(
            output,
            &Answered {
                name,
                plain: None,
                error: Some(&error.to_string()),
            },
        ),
    }
}

fn write(output: &mut impl Write, answer: &Answered<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *output, answer)?;
    output.write_all(b"\n")
}

/// How a line ended.
enum Read {
    Line,
    TooLong,
    End,
}

/// Reads a line without its end; of one that is too long, nothing is kept.
fn read_line(input: &mut BufReader<impl io::Read>, line: &mut Vec<u8>, output: &mut impl Write) -> io::Result<Read> {
    let mut any = false;
    let mut too_long = false;
    loop {
        // Nothing is left of what came: the next may be long in coming.
        if input.buffer().is_empty() {
            output.flush()?;
        }
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        if buffer.is_empty() {
            return Ok(match (any, too_long) {
                (_, true) => Read::TooLong,
                (true, _) => Read::Line,
                (false, _) => Read::End,
            });
        }
        any = true;
        let end = buffer.iter().position(|b| *b == b'\n');
        let piece = &buffer[..end.unwrap_or(buffer.len())];
        too_long |= line.len() + piece.len() > LONGEST_LINE;
        if too_long {
            line.clear();
        } else {
            line.extend_from_slice(piece);
        }
        let used = end.map_or(buffer.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(if too_long { Read::TooLong } else { Read::Line });
        }
    }
}

#[cfg(test)]
mod tests;
