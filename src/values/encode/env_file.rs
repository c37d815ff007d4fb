//! Lines of `NAME=VALUE`, as `docker --env-file` and `kubectl --from-env-file` read them.

use crate::oracle::secret::Plaintext;

/// A line that names a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvLine {
    /// Its number, from 1.
    pub number: usize,
    /// What stands before the first `=`, without blanks before it.
    pub name: String,
    /// All that stands behind it, byte for byte: quotes and blanks are part of the value. None without a
    /// `=`: then the environment is asked.
    pub plain: Option<Plaintext>,
}

impl EnvLine {
    /// Whether quotes stand around the value, which other tools would take off.
    pub fn is_quoted(&self) -> bool {
        let value = self.plain.as_ref().map(Plaintext::bytes);
        matches!(value, Some([b'"', .., b'"'] | [b'\'', .., b'\'']))
    }
}

/// Reads the lines. Blank ones and those that begin with `#` say nothing; a carriage return ends a line with
/// its newline, and a byte-order mark begins the file.
///
/// # Errors
/// The number of a line whose name is not UTF-8.
pub fn read(text: &[u8]) -> Result<Vec<EnvLine>, usize> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let lines = text.split(|b| *b == b'\n').enumerate();
    let lines = lines.map(|(n, line)| (n + 1, line.strip_suffix(b"\r").unwrap_or(line).trim_ascii_start()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with(b"#"));
    let read = lines.map(|(number, line)| {
        let (name, plain) = match line.iter().position(|b| *b == b'=') {
            Some(at) => (&line[..at], Some(line[at + 1..].into())),
            None => (line.trim_ascii_end(), None),
        };
        let name = std::str::from_utf8(name).map_err(|_| number)?.to_owned();
        Ok(EnvLine { number, name, plain })
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_behind_the_first_sign_is_the_value() {
        let text = b"\xef\xbb\xbfA=a=b \r\n# B=b\n\n  C= 'c'\nD=\nE\r\nF=\"f\"\n=g";
        let read = read(text).unwrap();
        let read: Vec<_> = read
            .iter()
            .map(|l| {
                (
                    l.number,
                    l.name.as_str(),
                    l.plain.as_ref().map(Plaintext::bytes),
                    l.is_quoted(),
                )
            })
            .collect();
        assert_eq!(
            read,
            [
                (1, "A", Some(&b"a=b "[..]), false),
                (4, "C", Some(b" 'c'"), false),
                (5, "D", Some(b""), false),
                (6, "E", None, false),
                (7, "F", Some(b"\"f\""), true),
                (8, "", Some(b"g"), false),
            ]
        );
    }

    #[test]
    fn a_name_that_is_not_utf_8_is_told_by_its_line() {
        assert_eq!(read(b"A=\xff\n\xff=a"), Err(2));
    }
}
