//! The values that secrets are expected to have, as a page of documentation or a scenario's promise states.

use std::collections::BTreeMap;

use crate::oracle::secret::{Location, PREFIX, Plaintext, decode};

/// Secrets by the name a flow calls them, without regard to case.
#[derive(Debug, Clone, Default)]
pub struct ExpectedValues(BTreeMap<String, Meaning>);

#[derive(Debug, Clone)]
struct Meaning {
    plain: Plaintext,
    encodings: Vec<Plaintext>,
}

impl ExpectedValues {
    /// Says what a secret is. `encodings` are some that people have at hand: of those, the one that arrives is
    /// written where the value is wrong, rather than one of the same plaintext that nobody has seen.
    pub fn say(&mut self, key: &str, plain: Plaintext, encodings: Vec<Plaintext>) {
        self.0.insert(key.to_uppercase(), Meaning { plain, encodings });
    }

    /// What the secret of a variable is meant to be.
    pub fn plain(&self, variable: &str) -> Option<&Plaintext> {
        self.meaning_of(variable).map(|meaning| &meaning.plain)
    }

    /// The encoding at hand that gives the secret when it is written there.
    pub fn written(&self, variable: &str, place: Location) -> Option<Plaintext> {
        let Meaning { plain, encodings } = self.meaning_of(variable)?;
        let arrives = |written: &&Plaintext| {
            let environment = place.environment(written);
            environment.is_some_and(|env| decode(&env).is_ok_and(|text| text == *plain))
        };
        encodings.iter().find(arrives).cloned()
    }

    fn meaning_of(&self, variable: &str) -> Option<&Meaning> {
        let key = variable.get(PREFIX.len()..)?;
        self.0.get(&key.to_uppercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_at_hand_is_taken_where_it_arrives() {
        let mut meanings = ExpectedValues::default();
        let texts = ["YWRtaW4=", "WVdSdGFXNEsK", "WVdSdGFXND0K"].map(|text| Plaintext::new(text, true));
        meanings.say("db_username", Plaintext::new("admin", true), texts.to_vec());
        let written = |place| meanings.written("SECRET_DB_USERNAME", place);
        assert_eq!(written(Location::Values), Some(Plaintext::new("YWRtaW4=", true)));
        assert_eq!(written(Location::Data), Some(Plaintext::new("WVdSdGFXND0K", true)));
        assert_eq!(meanings.written("SECRET_OTHER", Location::Data), None);
    }
}
