//! Describes a code as a page of Markdown.

use std::fmt::Write as _;

use semver::Version;

use super::{Question, explain};
use crate::oracle::secret::diagnosis::{Code, Example};
use crate::oracle::secret::{Plaintext, RunKey};

/// The page: title, cause, effect, cure, and an example that was worked out by the oracle itself.
pub fn page(code: Code, kestra: &Version) -> String {
    let [title, cause, effect, cure] = [code.title(), code.cause(), code.effect(), code.cure()];
    let mut page = format!(
        "# {code}: {title}\n\n**Cause.** {}.\n\n**Effect.** {}.\n\n**Cure.** {}.\n",
        capital(cause),
        capital(effect),
        capital(cure)
    );
    // Writing to a String cannot fail.
    let _ = match code.example() {
        Example::Documents { wrong, right } => {
            write!(
                page,
                "\n## Example\n\nWrong:\n\n```yaml\n{wrong}```\n\nRight:\n\n```yaml\n{right}```\n"
            )
        }
        Example::Value {
            name,
            place,
            value,
            meant,
        } => {
            let question = Question {
                name: Some(name.into()),
                place,
                value: Plaintext::new(value, true),
                meant: meant.map(|meant| Plaintext::new(meant, true)),
                kestra: kestra.clone(),
            };
            let explained = explain(&[question], &RunKey::random());
            let explained: String = explained.values.iter().map(ToString::to_string).collect();
            let place = serde_json::to_string(&place).unwrap_or_default();
            let (given, expect) = match meant {
                Some(meant) => (
                    format!("printf {} >plaintext\n$ ", quoted(meant)),
                    " --expect @plaintext",
                ),
                None => (String::new(), ""),
            };
            // Lines of a table end in blanks.
            let told: Vec<&str> = explained.lines().map(str::trim_end).collect();
            write!(
                page,
                "\n## Example\n\n```console\n$ {given}printf {} | kestra-secrets explain --as {} --name {name}{expect}\n{}\n```\n",
                quoted(value),
                place.trim_matches('"'),
                told.join("\n")
            )
        }
    };
    page
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

/// As the shell and its `printf` read it.
fn quoted(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('%', "%%")
        .replace('\n', "\\n")
        .replace('\'', "'\\''");
    format!("'{escaped}'")
}
