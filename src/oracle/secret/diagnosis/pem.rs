//! PEM whose line breaks were lost on the way.

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// Where PEM wraps its Base64.
const COLUMNS: usize = 64;

/// A text in PEM that no library reads, since its first or its last line is not a line of its own.
pub(super) struct BrokenPem {
    /// The same with its lines; none where nobody can tell them, as with headers.
    pub(super) relined: Option<Vec<u8>>,
}

/// Looks for one; `None` for any other text, and for PEM that is right.
pub(super) fn broken(bytes: &[u8]) -> Option<BrokenPem> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let (label, rest) = text.strip_prefix(BEGIN)?.split_once(DASHES)?;
    let (body, _) = rest.split_once(END)?;
    let is_label = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == ' ';
    if !label.chars().all(is_label) || begins_line(rest) && body.ends_with('\n') {
        return None;
    }
    let relined = if text.contains("\\n") {
        Some(format!(
            "{}\n",
            text.replace("\\r\\n", "\n").replace("\\n", "\n").trim_end()
        ))
    } else {
        relined(text)
    };
    Some(BrokenPem {
        relined: relined.map(String::into_bytes),
    })
}

fn begins_line(after: &str) -> bool {
    after.trim_start_matches([' ', '\t', '\r']).starts_with('\n')
}

/// Every block with its lines, as long as there is nothing but Base64 in it.
fn relined(text: &str) -> Option<String> {
    let mut lines = String::with_capacity(text.len() + text.len() / COLUMNS + 8);
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (label, after) = rest.strip_prefix(BEGIN)?.split_once(DASHES)?;
        let (body, after) = after.split_once(END)?;
        let after = after.strip_prefix(label)?.strip_prefix(DASHES)?;
        let body: Vec<char> = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        if !body
            .iter()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='))
        {
            return None;
        }
        lines.extend([BEGIN, label, DASHES, "\n"]);
        for line in body.chunks(COLUMNS) {
            lines.extend(line);
            lines.push('\n');
        }
        lines.extend([END, label, DASHES, "\n"]);
        rest = after.trim_start();
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Option<String> {
        let relined = broken(text.as_bytes())?.relined?;
        Some(String::from_utf8(relined).unwrap())
    }

    #[test]
    fn lines_that_were_lost_are_known_and_given_back() {
        let body = "QUJD".repeat(20);
        let right = format!(
            "-----BEGIN EC PRIVATE KEY-----\n{}\n{}\n-----END EC PRIVATE KEY-----\n",
            &body[..64],
            &body[64..]
        );
        let flat = right.replace('\n', "");
        for text in [
            flat.clone(),
            format!("{flat}\n"),
            right.trim_end().replace('\n', " "),
            right.replace('\n', "\\n"),
            right.replace('\n', "\\r\\n"),
        ] {
            assert_eq!(lines(&text), Some(right.clone()), "{text}");
        }
        assert_eq!(lines(&format!("{flat}{flat}")), Some(format!("{right}{right}")));
    }

    #[test]
    fn what_nobody_can_put_into_lines_is_only_known() {
        let flat = "-----BEGIN RSA PRIVATE KEY-----Proc-Type: 4,ENCRYPTEDQUJD-----END RSA PRIVATE KEY-----";
        assert!(broken(flat.as_bytes()).is_some_and(|found| found.relined.is_none()));
    }

    #[test]
    fn other_texts_are_none() {
        for text in [
            "-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\r\nQUJD\r\n-----END PRIVATE KEY-----\r\n",
            "-----BEGIN PRIVATE KEY-----",
            "{\"private_key\": \"-----BEGIN PRIVATE KEY-----\\nQUJD\\n-----END PRIVATE KEY-----\\n\"}",
            "admin",
            "",
        ] {
            assert!(broken(text.as_bytes()).is_none(), "{text}");
        }
    }
}
