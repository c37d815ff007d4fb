//! Keeps private plaintexts, in every encoding, out of foreign text.
//!
//! Our own output cannot hold a private plaintext, by type. Text of others can: pod logs, events,
//! helm's standard error. It goes through one [`Redactor`], shared by all, before it is shown,
//! logged or written. What would move a terminal's cursor is spelt out on the way ([`visible`]).
//!
//! What is known of a secret of four bytes or more is listed at [`Encoding`]. Of one of two or
//! three bytes only the raw form and its Base64 are, and only where they stand alone, not inside
//! a word: anything else would blot out half of every text. One of a single byte is not hidden at
//! all; there is nothing in it to hide.

mod forms;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use parking_lot::RwLock;

use crate::system::process::Scrub;
use crate::system::words::visible;
use forms::WrittenForm;

/// What stands where a secret was.
pub const REDACTED: &str = "[redacted]";

/// What stands in the place of a text when there are more plaintexts than can be looked for.
const ALL_REDACTED: &str = "[all redacted: there is more than 1 MiB of plaintexts to look for]";

/// The most bytes of all plaintexts together: an environment takes about 2 MiB of their Base64. Each byte is in some
/// hundred forms, and a search for more would take gigabytes; all text is secret then.
const MOST: usize = 1024 * 1024;

/// How a secret was written where it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Encoding {
    /// As it is, with or without the white space around it; what is not UTF-8 also as U+FFFD.
    Raw,
    /// One line of eight bytes or more of several.
    Line,
    /// Base64 in the standard or the URL-safe alphabet, padded or not, wrapped at 64 or 76 or
    /// not; also inside the Base64 of something longer, at whichever of the three offsets.
    Base64,
    /// The Base64 of any of that.
    DoubleBase64,
    /// Two hexadecimal digits a byte, in either case.
    Hex,
    /// As in a URL or a form, by the usual choices of what to escape.
    Percent,
    /// As inside a JSON string, by the usual choices of what to escape, or inside JSON in JSON.
    Json,
    /// As inside a quoted YAML scalar, of either kind of quote.
    Yaml,
}

/// Where a secret was found. It does not hold the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretHit {
    /// Which bytes of the text.
    pub range: Range<usize>,
    /// How it was written.
    pub encoding: Encoding,
    /// Which secret, counted from 0 in the order in which they were added.
    pub secret: usize,
}

/// Takes the secrets out of text. Clones are one redactor: what is added to one, all know.
#[derive(Clone, Default)]
pub struct Redactor(Arc<RwLock<RedactorState>>);

#[derive(Default)]
struct RedactorState {
    secrets: usize,
    /// How long they are together.
    bytes: usize,
    known: HashSet<Vec<u8>>,
    /// The forms of all secrets, and which secret each is of.
    forms: Vec<(WrittenForm, usize)>,
    /// Made when text is first scrubbed after a secret was added.
    search: Option<Arc<Search>>,
}

/// A search for all forms at once; by default there are more than it can hold. What it finds is an index of `forms`.
#[derive(Default)]
struct Search {
    /// `None` when there are more forms than a search can hold: then all text is secret.
    automaton: Option<AhoCorasick>,
    forms: Vec<(WrittenForm, usize)>,
}

impl Redactor {
    /// A redactor of these plaintexts.
    pub fn new(plaintexts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        let redactor = Self::default();
        plaintexts.into_iter().for_each(|plaintext| redactor.add(plaintext));
        redactor
    }

    /// From now on takes this plaintext out as well.
    pub fn add(&self, plaintext: impl AsRef<[u8]>) {
        let mut state = self.0.write();
        let secret = state.secrets;
        state.secrets += 1;
        state.search = None;
        if !state.known.contains(plaintext.as_ref()) {
            state.bytes = state.bytes.saturating_add(plaintext.as_ref().len());
        }
        if state.bytes > MOST {
            state.forms = Vec::new();
            return;
        }
        for form in forms::written_forms(plaintext.as_ref()) {
            if state.known.insert(form.bytes.clone()) {
                state.forms.push((form, secret));
            }
        }
    }

    /// The text with `[redacted]` where secrets were, and its control characters spelt out.
    pub fn scrub(&self, text: &str) -> String {
        let bytes = self.scrub_bytes(text.as_bytes());
        // A secret that is not UTF-8 may end within a character of the text.
        visible(&String::from_utf8_lossy(&bytes))
    }

    /// The bytes with `[redacted]` where secrets were.
    pub fn scrub_bytes(&self, text: &[u8]) -> Vec<u8> {
        if self.search().is_some_and(|search| search.automaton.is_none()) {
            return ALL_REDACTED.into();
        }
        // All that overlaps goes as one: two secrets that share an end must not leave the rest
        // of the one when the other is taken.
        let mut findings = self.find(text);
        findings.dedup_by(|next, last| {
            let overlap = next.range.start < last.range.end;
            if overlap {
                last.range.end = last.range.end.max(next.range.end);
            }
            overlap
        });
        let mut scrubbed = Vec::with_capacity(text.len());
        let mut done = 0;
        for SecretHit { range, .. } in findings {
            scrubbed.extend_from_slice(&text[done..range.start]);
            scrubbed.extend_from_slice(REDACTED.as_bytes());
            done = range.end;
        }
        scrubbed.extend_from_slice(&text[done..]);
        scrubbed
    }

    /// Every place where a secret is, in the order of the text; they may overlap. For tests that
    /// nothing leaks.
    pub fn find(&self, text: &[u8]) -> Vec<SecretHit> {
        let Some(search) = self.search() else {
            return Vec::new();
        };
        let Some(automaton) = &search.automaton else {
            return vec![SecretHit {
                range: 0..text.len(),
                encoding: Encoding::Raw,
                secret: 0,
            }];
        };
        let mut findings: Vec<SecretHit> = automaton
            .find_overlapping_iter(text)
            .filter_map(|found| {
                let (form, secret) = &search.forms[found.pattern().as_usize()];
                let range = form.locate(text, found.range())?;
                Some(SecretHit {
                    range,
                    encoding: form.encoding,
                    secret: *secret,
                })
            })
            .collect();
        findings.sort_unstable_by_key(|f| (f.range.start, f.range.end, f.encoding));
        findings
    }

    /// [`scrub`](Self::scrub) for a [`Command`](crate::system::process::Command).
    pub fn scrubber(&self) -> Scrub {
        let redactor = self.clone();
        Arc::new(move |text| redactor.scrub(text))
    }

    fn search(&self) -> Option<Arc<Search>> {
        let current = self.0.read().search.clone();
        current.or_else(|| {
            let mut state = self.0.write();
            if state.forms.is_empty() && state.bytes <= MOST {
                return None;
            }
            let search = Arc::new(if state.bytes > MOST {
                Search::default()
            } else {
                Search::new(&state.forms)
            });
            state.search = Some(Arc::clone(&search));
            Some(search)
        })
    }
}

impl Search {
    fn new(forms: &[(WrittenForm, usize)]) -> Self {
        let automaton = AhoCorasick::builder()
            // A table of all transitions is faster to search, but slow and large to make, and
            // secrets may be thousands.
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(forms.iter().map(|(form, _)| &form.bytes))
            .ok();
        Self {
            automaton,
            forms: forms.to_vec(),
        }
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.0.read();
        f.debug_struct("Redactor")
            .field("secrets", &state.secrets)
            .finish_non_exhaustive()
    }
}
