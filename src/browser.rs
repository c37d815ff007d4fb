//! What a page in a browser may ask: to lint one pasted text, or to explain one value. Questions and answers are JSON.
//!
//! It is the program's own judgement, built for WebAssembly by the crate in `browser/`. It reads no file and asks nobody.

use serde::{Deserialize, Serialize};

use crate::kestra::ENGINES;
use crate::lint::baseline::FileNames;
use crate::lint::{self, LintOptions, LintReport, format};
use crate::oracle::secret::{Location, Plaintext, RunKey};
use crate::release::walk;
use crate::values::explain::{self, Explanation};

/// The most bytes of a text: a page that judges does nothing else meanwhile.
const LARGEST: usize = 1024 * 1024;

/// A question. No `Debug`: it holds secrets.
#[derive(Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
enum PageQuestion {
    /// `kestra-secrets lint NAME`, where the file holds this text and nothing is beside it.
    Lint {
        name: String,
        text: String,
        /// As `--assume-kestra`.
        assume_kestra: bool,
    },
    /// `kestra-secrets explain`, with the value on standard input.
    Explain {
        value: String,
        /// As `--as`.
        place: Location,
        /// As `--name`.
        name: Option<String>,
        /// As `--expect`.
        meant: Option<String>,
        /// As `--hide`.
        hide: bool,
        /// Random bytes, which this side has no way to draw: the key of the hashes that stand for hidden values.
        key: [u8; 32],
    },
}

/// An answer.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum PageAnswer {
    /// What `lint` prints with `--format json`, and the lines that it prints below the findings.
    Linted { report: LintReport, summary: String },
    /// What `explain` prints with `--json`, and without.
    Explained { explanation: Explanation, text: String },
    /// The question cannot be answered; why.
    Refused(String),
}

/// Answers a question. What is no question is refused.
pub fn answer(asked: &[u8]) -> Vec<u8> {
    // The words of an error could quote the question.
    let answer = match serde_json::from_slice(asked) {
        Ok(asked) => answered(asked),
        Err(e) => PageAnswer::Refused(format!("column {}: this is no question", e.column())),
    };
    serde_json::to_vec(&answer).unwrap_or_default()
}

fn answered(asked: PageQuestion) -> PageAnswer {
    match asked {
        PageQuestion::Lint { text, .. } if text.len() > LARGEST => too_large(text.len()),
        PageQuestion::Lint {
            name,
            text,
            assume_kestra,
        } => {
            let options = LintOptions {
                generation: None,
                assume_kestra,
            };
            let flag = assume_kestra.then(|| "--assume-kestra".to_owned());
            let report = linted(&name, &text, options);
            let arguments: Vec<_> = flag.into_iter().chain([name]).collect();
            let summary = format::summary(&report, &arguments);
            PageAnswer::Linted { report, summary }
        }
        PageQuestion::Explain { value, meant, .. }
            if value.len().max(meant.as_ref().map_or(0, String::len)) > LARGEST =>
        {
            too_large(value.len())
        }
        PageQuestion::Explain {
            value,
            place,
            name,
            meant,
            hide,
            key,
        } => {
            let [kestra, ..] = ENGINES;
            let question = explain::Question {
                name,
                place,
                value: Plaintext::new(value, !hide),
                meant: meant.map(|meant| Plaintext::new(meant, !hide)),
                kestra,
            };
            let explanation = question.explained(&RunKey::new(key));
            let text = format!("{explanation}\n");
            PageAnswer::Explained { explanation, text }
        }
    }
}

fn too_large(bytes: usize) -> PageAnswer {
    PageAnswer::Refused(format!(
        "the text has {bytes} bytes, and this page takes {LARGEST}: run `kestra-secrets` on your own machine"
    ))
}

fn linted(name: &str, text: &str, options: LintOptions) -> LintReport {
    let inputs = walk::pasted(name, text, walk::LARGEST);
    let linted = lint::lint(&inputs.sources, options);
    let (sources, mut linted) = lint::with_inputs(inputs, linted);
    linted.fingerprint(&FileNames::as_read());
    linted.report(sources.len())
}
