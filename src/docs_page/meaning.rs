//! What a page means a secret to be: by what it says, by its recipes, by what a value most likely was made from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::document::PageVariable;
use super::markdown::{Markdown, Passage, Prose};
use super::recipe::Recipe;
use crate::oracle::secret::diagnosis::{self, diagnose};
use crate::oracle::secret::{PREFIX, Plaintext, decode};

/// A plaintext, and how it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeantValue {
    /// What a flow is meant to see.
    pub plain: Plaintext,
    /// How that is known.
    pub because: Because,
}

/// How it is known what a page means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// The page says it on this line.
    Said(usize),
    /// A recipe on this line makes the value.
    Recipe(usize),
    /// The value most likely was made from it.
    Likely,
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said(line) => write!(f, "line {line} says so"),
            Self::Recipe(line) => write!(f, "the recipe of line {line} encodes it"),
            Self::Likely => f.write_str("the value most likely was made from it"),
        }
    }
}

/// A recipe and the line of the page on which it stands.
pub type Placed<'a> = (usize, &'a Recipe);

/// What the prose says.
#[derive(Debug, Default)]
pub struct ProseStatement {
    /// The plaintexts that it gives.
    pub plains: BTreeMap<String, MeantValue>,
    /// Secrets of which two lines say something else: the page has to settle that itself.
    pub contradictions: Vec<(String, usize, usize)>,
}

/// What the prose says of these secrets.
pub fn said(page: &Markdown, keys: &BTreeSet<String>) -> ProseStatement {
    let mut said = ProseStatement::default();
    for passage in &page.passages {
        for (key, plain) in pairs(passage, keys) {
            let because = Because::Said(passage.line);
            let meant = MeantValue {
                plain: Plaintext::new(plain, true),
                because,
            };
            match said.plains.get(&key) {
                Some(MeantValue {
                    plain,
                    because: Because::Said(line),
                }) if *plain != meant.plain => {
                    said.contradictions.push((key.clone(), *line, passage.line));
                }
                Some(_) => {}
                None => {
                    said.plains.insert(key, meant);
                }
            }
        }
    }
    for (key, ..) in &said.contradictions {
        said.plains.remove(key);
    }
    said
}

/// What stands between a name and its value.
const BETWEEN: [&str; 7] = ["value", "=", ":", "→", "|", " is ", " to "];

/// `` `NAME` with the value `plaintext` ``, `` `NAME=plaintext` ``, and the cells of a table.
fn pairs(passage: &Passage, keys: &BTreeSet<String>) -> Vec<(String, String)> {
    let named = |word: &str| {
        let key = word.strip_prefix(PREFIX).unwrap_or(word).to_uppercase();
        keys.contains(&key).then_some(key)
    };
    let mut found = Vec::new();
    let mut name: Option<String> = None;
    let mut between = String::new();
    for words in &passage.words {
        match words {
            Prose::Text(text) => between.push_str(text),
            Prose::Code(code) => {
                if let Some((left, right)) = code.split_once('=')
                    && let Some(key) = named(left.trim())
                {
                    found.push((key, right.trim().trim_matches(['"', '\'']).to_owned()));
                    name = None;
                } else if let Some(key) = named(code) {
                    name = Some(key);
                } else if let Some(key) = name.take()
                    && BETWEEN.iter().any(|word| between.contains(word))
                {
                    found.push((key, code.clone()));
                }
                between.clear();
            }
        }
    }
    found
}

/// What the value of a secret is meant to be by the value itself.
pub fn of_value(given: &PageVariable, recipes: &[Placed]) -> Option<MeantValue> {
    let written = given.written.as_ref()?;
    let text = std::str::from_utf8(written.bytes()).ok()?;
    let makes = |(_, recipe): &&Placed| {
        let printed = recipe.printed.as_ref().map(|(word, _)| word.as_str());
        printed == Some(text) || recipe.result == text
    };
    if let Some((line, recipe)) = recipes.iter().find(makes) {
        return Some(MeantValue {
            plain: Plaintext::new(recipe.plain.as_str(), true),
            because: Because::Recipe(*line),
        });
    }
    let found = diagnose(&diagnosis::WrittenValue {
        name: None,
        place: given.place,
        value: written,
        meant: None,
    });
    // Of what is right as it is, the plaintext is what arrives.
    let right = found.corrected.unwrap_or_else(|| written.clone());
    let plain = decode(&given.place.environment(&right)?).ok()?;
    let is_text = std::str::from_utf8(plain.bytes()).is_ok_and(|text| !text.contains('\u{fffd}'));
    is_text.then_some(MeantValue {
        plain,
        because: Because::Likely,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docs_page::markdown::read;
    use crate::docs_page::recipe::{Reading, recipes};
    use crate::oracle::secret::Location;

    fn keys() -> BTreeSet<String> {
        ["DB_USERNAME", "DB_PASSWORD"].map(str::to_owned).into()
    }

    fn meanings_of(text: &str) -> Vec<(String, String)> {
        let said = said(&read(text), &keys()).plains;
        let text = |m: &MeantValue| String::from_utf8_lossy(m.plain.bytes()).into_owned();
        said.iter().map(|(key, meant)| (key.clone(), text(meant))).collect()
    }

    #[test]
    fn a_page_says_what_a_secret_is_in_several_ways() {
        let both = [("DB_PASSWORD", "password"), ("DB_USERNAME", "admin")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        for text in [
            "1. `DB_USERNAME` with the value `admin`\n2. `DB_PASSWORD` with the value `password`\n",
            "Set `SECRET_DB_USERNAME` to `admin` and `SECRET_DB_PASSWORD` to `password`.\n",
            "`DB_USERNAME=admin`, `DB_PASSWORD=\"password\"`\n",
            "| name | value |\n|---|---|\n| `DB_USERNAME` | `admin` |\n| `DB_PASSWORD` | `password` |\n",
        ] {
            assert_eq!(meanings_of(text), both, "{text}");
        }
        for text in [
            "You should see the values `admin` and `password`.",
            "`DB_USERNAME` and `DB_PASSWORD` begin with `SECRET_`, the value too",
            "`DB_USERNAME`, `extraEnv`",
        ] {
            assert!(meanings_of(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn of_two_sayings_neither_is_taken() {
        let page = read("`DB_USERNAME` is `a`.\n\n`DB_USERNAME` is `b`.\n");
        let said = said(&page, &keys());
        assert!(said.plains.is_empty());
        assert_eq!(said.contradictions, [("DB_USERNAME".to_owned(), 1, 3)]);
    }

    fn meant(place: Location, text: &str, shell: &str) -> Option<(String, Because)> {
        let recipes: Vec<Recipe> = recipes(shell)
            .into_iter()
            .filter_map(|r| match r {
                Reading::Recipe(recipe) => Some(recipe),
                Reading::Unknown(..) => None,
            })
            .collect();
        let placed: Vec<Placed> = recipes.iter().map(|r| (7, r)).collect();
        let given = PageVariable {
            key: "A".into(),
            place,
            written: Some(Plaintext::new(text, true)),
        };
        let meant = of_value(&given, &placed)?;
        Some((String::from_utf8_lossy(meant.plain.bytes()).into_owned(), meant.because))
    }

    #[test]
    fn a_value_is_meant_to_be_what_its_recipe_encodes_and_else_what_it_likely_was_made_from() {
        let recipe = "echo -n admin | base64 | base64 # it should give you WVdSdGFXNEsK\n";
        let by_recipe = Some(("admin".to_owned(), Because::Recipe(7)));
        assert_eq!(meant(Location::Data, "WVdSdGFXNEsK", recipe), by_recipe);
        assert_eq!(meant(Location::Data, "WVdSdGFXND0K", recipe), by_recipe);
        let likely = |text: &str| Some((text.to_owned(), Because::Likely));
        assert_eq!(
            meant(Location::Data, "Y0dGemMzZHZjbVFLCg==", recipe),
            likely("password")
        );
        assert_eq!(meant(Location::StringData, "password", ""), likely("password"));
        assert_eq!(meant(Location::Values, "admin", ""), likely("admin"));
        assert_eq!(meant(Location::Values, "/u36zg==", ""), None);
    }
}
