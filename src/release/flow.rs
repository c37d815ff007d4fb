//! What a flow's expressions ask of `secret()`: a scanner of Pebble, Kestra's template language.

use super::tree::{Id, Tree};
use std::path::Path;

/// One call of `secret()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretCall<'t> {
    /// The byte of the text at which `secret` begins.
    pub at: usize,
    /// The key that it asks for; none where it is computed.
    pub key: Option<&'t str>,
}

/// The longest list of arguments that is read.
const LONGEST: usize = 4096;

const WORD: &str = "secret";

/// Whether a document is a flow: it has an id, tasks, and a namespace, which may be left out below a folder `flows`.
pub fn is_flow(tree: &Tree, root: Id, path: Option<&Path>) -> bool {
    let below_flows = || {
        let folders = path.and_then(Path::parent).into_iter().flat_map(Path::components);
        folders
            .into_iter()
            .any(|folder| matches!(folder.as_os_str().to_str(), Some("flows" | "_flows")))
    };
    tree.text_at(root, &["id"]).is_some()
        && tree
            .get(root, "tasks")
            .is_some_and(|tasks| !tree.items(tasks).is_empty())
        && tree.get(root, "kind").is_none()
        && (tree.text_at(root, &["namespace"]).is_some() || below_flows())
}

/// The calls in all expressions of a text, in order.
pub fn secret_calls(text: &str) -> Vec<SecretCall<'_>> {
    let mut scanner = PebbleScanner {
        text,
        at: 0,
        calls: Vec::new(),
    };
    while let Some(open) = scanner.rest().find('{') {
        scanner.at += open;
        let rest = scanner.rest();
        if rest.starts_with("{#") {
            scanner.skip_past("#}");
        } else if rest.starts_with("{{") {
            scanner.at += 2;
            scanner.expression("}}");
        } else if let Some(tag) = rest.strip_prefix("{%") {
            let tag = tag.trim_start_matches('-').trim_start();
            let verbatim = ["verbatim", "raw"].into_iter().find(|word| tag.starts_with(word));
            scanner.at += 2;
            match verbatim {
                Some(word) => {
                    scanner.skip_past(&format!("end{word}"));
                    scanner.skip_past("%}");
                }
                None => scanner.expression("%}"),
            }
        } else {
            scanner.at += 1;
        }
    }
    scanner.calls
}

struct PebbleScanner<'t> {
    text: &'t str,
    at: usize,
    calls: Vec<SecretCall<'t>>,
}

impl<'t> PebbleScanner<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip_past(&mut self, end: &str) {
        self.at += self.rest().find(end).map_or(self.rest().len(), |at| at + end.len());
    }

    /// Everything up to what closes the expression.
    fn expression(&mut self, close: &str) {
        let mut open = 0usize;
        while let Some(c) = self.rest().chars().next() {
            match c {
                '\'' | '"' => self.at += literal(self.rest()).0,
                '{' => {
                    open += 1;
                    self.at += 1;
                }
                '}' if open > 0 => {
                    open -= 1;
                    self.at += 1;
                }
                _ if self.rest().starts_with(close) => {
                    self.at += close.len();
                    return;
                }
                _ if is_word(c) => self.word(),
                _ => self.at += c.len_utf8(),
            }
        }
    }

    fn word(&mut self) {
        let rest = self.rest();
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        let is_member = self.text[..self.at].trim_end().ends_with('.');
        if word == WORD
            && !is_member
            && let Some(arguments) = after.trim_start().strip_prefix('(')
        {
            self.calls.push(SecretCall {
                at: self.at,
                key: key(arguments),
            });
        }
        self.at += length;
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The key among the arguments that follow a parenthesis: the one named so, or the first.
fn key(arguments: &str) -> Option<&str> {
    let all = split(arguments)?;
    let named = all.iter().find_map(|argument| {
        let (name, value) = argument.split_once('=')?;
        (name.trim() == "key" && !value.starts_with('=')).then_some(value)
    });
    let value = named.or(all.first().copied())?.trim();
    let (length, text) = literal(value);
    // An escape, or `#{…}` within double quotes, makes another text of it.
    let is_plain = |text: &&str| !(text.contains('\\') || value.starts_with('"') && text.contains("#{"));
    text.filter(|_| length == value.len()).filter(is_plain)
}

/// The arguments up to the closing parenthesis; none where there is none.
fn split(text: &str) -> Option<Vec<&str>> {
    let (mut all, mut begin, mut at, mut open) = (Vec::new(), 0, 0, 0usize);
    while at < LONGEST {
        let c = text[at..].chars().next()?;
        match c {
            '\'' | '"' => {
                at += literal(&text[at..]).0;
                continue;
            }
            '(' | '[' | '{' => open += 1,
            ')' if open == 0 => {
                all.push(&text[begin..at]);
                return Some(all);
            }
            ')' | ']' | '}' => open = open.saturating_sub(1),
            ',' if open == 0 => {
                all.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
        at += c.len_utf8();
    }
    None
}

/// The length of the literal at the start of a text, and what stands in its quotes; none where it is no literal, or one
/// that is never closed.
fn literal(text: &str) -> (usize, Option<&str>) {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
        return (0, None);
    };
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return (at + 1, Some(&text[1..at]));
        }
        escaped = c == '\\' && !escaped;
    }
    (text.len(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<Option<&str>> {
        secret_calls(text).into_iter().map(|call| call.key).collect()
    }

    #[test]
    fn calls_are_found_in_expressions_and_nowhere_else() {
        for (text, expected) in [
            ("{{ secret('A') }}", vec![Some("A")]),
            (
                "x {{secret(\"A\")}} y {{ secret( 'B' ) | upper }}",
                vec![Some("A"), Some("B")],
            ),
            ("{{ secret('A', subkey='user') }}", vec![Some("A")]),
            ("{{ secret(namespace='x.y', key='A') }}", vec![Some("A")]),
            (
                "{% if secret('A') == 'x' %}{{ secret('B') }}{% endif %}",
                vec![Some("A"), Some("B")],
            ),
            (
                "{{ {'a': {'b': secret('A')}} }} {{ secret('B') }}",
                vec![Some("A"), Some("B")],
            ),
            ("{{ fromJson(secret('A')).user }}", vec![Some("A")]),
            ("{{ secret(inputs.x) }}", vec![None]),
            ("{{ secret('A' ~ inputs.x) }}", vec![None]),
            ("{{ secret(\"#{inputs.x}\") }}", vec![None]),
            ("{{ secret() }}", vec![None]),
            ("{{ secret('A\\'B') }}", vec![None]),
            ("secret('A')", vec![]),
            ("{# {{ secret('A') }} #}", vec![]),
            (
                "{% verbatim %}{{ secret('A') }}{% endverbatim %}{{ secret('B') }}",
                vec![Some("B")],
            ),
            ("{{ 'secret(\"A\")' }}", vec![]),
            (
                "{{ my.secret('A') }} {{ mysecret('A') }} {{ secrets('A') }} {{ secret }}",
                vec![],
            ),
        ] {
            assert_eq!(keys(text), expected, "{text}");
        }
    }

    #[test]
    fn calls_that_are_not_closed_end_with_the_text() {
        for text in [
            "{{ secret('A",
            "{{ secret('A'",
            "{{ secret(",
            "{# x",
            "{{ 'x",
            "{% raw %}",
            "{{",
        ] {
            assert!(keys(text).iter().all(Option::is_none), "{text}");
        }
        let many = "{{ ".to_owned() + &"secret(".repeat(20_000);
        assert_eq!(keys(&many).len(), 20_000);
    }
}
