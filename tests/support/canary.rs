//! Private plaintexts that nobody would write by chance, and the search for them in everything that comes out.

use std::cell::{Cell, OnceCell};
use std::fmt::Write as _;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kestra_secrets::internals::system::redact::Redactor;

/// Plaintexts, and how each could be written. The forms are made here, independent of the program's own redactor, which
/// is asked beside them.
#[derive(Default)]
pub struct Canaries {
    redactor: Redactor,
    forms: Vec<(&'static str, Vec<u8>)>,
    /// All forms at once; made by the first search, when all canaries are there.
    search: OnceCell<AhoCorasick>,
    searched: Cell<usize>,
}

impl Canaries {
    /// A new one with all that encodings escape, quoted as YAML and JSON want it.
    pub fn quoted(&mut self) -> String {
        serde_json::to_string(&self.plain()).unwrap()
    }

    /// A new one.
    pub fn plain(&mut self) -> String {
        let canary = format!("Ca9\"\\ {:032x}/+&é\n'end", rand::random::<u128>());
        self.add(&canary);
        canary
    }

    /// A new one of characters that every place takes: a variable, a URL, a header.
    pub fn word(&mut self) -> String {
        let canary = format!("Ca9{:032x}", rand::random::<u128>());
        self.add(&canary);
        canary
    }

    /// One that stands somewhere else too: a word as [`word`](Self::word) makes it.
    pub fn known(&mut self, word: &str) {
        self.add(word);
    }

    fn add(&mut self, canary: &str) {
        self.redactor.add(canary);
        // The part that no escape touches stands for what is escaped by rules that nobody thought of.
        let core: String = canary.chars().filter(char::is_ascii_hexdigit).collect();
        let core = core[core.len() - 34..core.len() - 2].to_owned();
        let json = serde_json::to_string(canary).unwrap();
        let percent = canary.bytes().fold(String::new(), |mut out, byte| {
            if byte.is_ascii_alphanumeric() {
                out.push(char::from(byte));
            } else {
                let _ = write!(out, "%{byte:02X}");
            }
            out
        });
        let hex = hex::encode(canary);
        self.forms.extend([
            ("raw", canary.into()),
            ("its middle", core.into()),
            ("JSON", json.trim_matches('"').into()),
            ("percent", percent.into()),
            ("hex", hex.clone().into()),
            ("HEX", hex.to_uppercase().into()),
        ]);
        for text in [canary.to_owned(), STANDARD.encode(canary)] {
            for offset in 0..3 {
                // What stands before it shifts it; the digits that it shares with others are left out.
                let encoded = STANDARD.encode([&vec![b'x'; offset], text.as_bytes()].concat());
                let inner = encoded.trim_end_matches('=');
                let shared = if offset == 0 { 0 } else { offset + 1 };
                self.forms
                    .push(("Base64", inner.as_bytes()[shared..inner.len() - 1].to_vec()));
            }
        }
    }

    /// Where a text holds one, in whatever form.
    pub fn find(&self, what: &str, text: &[u8]) -> Vec<String> {
        self.searched.set(self.searched.get() + self.forms.len());
        let search = self
            .search
            .get_or_init(|| AhoCorasick::new(self.forms.iter().map(|(_, form)| form)).unwrap());
        let named = search.find_overlapping_iter(text).map(|at| self.forms[at.pattern()].0);
        let mut found: Vec<_> = named.map(|form| format!("{what}: {form}")).collect();
        found.extend(self.redactor.find(text).iter().map(|f| format!("{what}: {f:?}")));
        found
    }

    /// How many searches there were, of one form in one text.
    pub fn searched(&self) -> usize {
        self.searched.get()
    }
}
