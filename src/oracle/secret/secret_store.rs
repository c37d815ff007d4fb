//! The whole environment: which secrets Kestra has, and what a flow gets when it asks.

use std::collections::BTreeMap;

use semver::Version;

use super::{JavaBase64Error, Plaintext, decode, utf8_java};

/// What the name of a variable must start with, in this very case, for Kestra to take it for a secret.
pub const PREFIX: &str = "SECRET_";

/// The secrets Kestra makes of an environment.
///
/// Collected from names and values. Where a name comes twice the first wins, as it does in Java
/// (`ProcessEnvironment`); a container runtime lets each name through once.
#[derive(Debug, Clone, Default)]
pub struct SecretStore {
    secrets: BTreeMap<String, Candidates>,
    ignored: Vec<String>,
}

/// The variables that claim one key.
#[derive(Debug, Clone, Default)]
struct Candidates {
    decoded: Vec<(String, Plaintext)>,
    undecodable: Vec<Undecodable>,
}

/// A variable that Kestra logs and drops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable {
    /// The variable's name.
    pub name: String,
    /// Java's reason.
    pub error: JavaBase64Error,
}

impl Undecodable {
    /// What the server logs, at level ERROR: at start-up, or at the first `secret()` of any flow.
    pub fn log_line(&self) -> String {
        log_line(&self.name, &self.error.to_string())
    }
}

fn log_line(name: &str, reason: &str) -> String {
    format!("Could not decode secret '{name}', make sure it is Base64-encoded: {reason}")
}

/// What Kestra holds under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredSecret<'a> {
    /// One text.
    Found(&'a Plaintext),
    /// Every variable for this key was dropped.
    Undecodable(&'a [Undecodable]),
    /// Names that differ only in case, each with its text: the first in the order of a Java `HashMap`
    /// wins. The server logs the texts of the winner and of each loser.
    Collision(&'a [(String, Plaintext)]),
}

/// What `secret(key)` does in a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRead {
    /// It is this text.
    Text(Plaintext),
    /// It is one of these texts, which differ; nothing says beforehand which.
    OneOf(Vec<Plaintext>),
    /// There is no such secret, and it is the empty text without a word: Kestra before 0.21.
    EmptyString,
    /// There is no such secret, and the task fails with this message.
    Fails(String),
}

impl SecretStore {
    /// What is held under `key`, in whatever case it is written.
    pub fn entry(&self, key: &str) -> Option<StoredSecret<'_>> {
        let candidates = self.secrets.get(&upper_case(key))?;
        Some(match candidates.decoded.as_slice() {
            [] => StoredSecret::Undecodable(&candidates.undecodable),
            [(_, text)] => StoredSecret::Found(text),
            several => StoredSecret::Collision(several),
        })
    }

    /// What `secret(key)` does in a flow on a Kestra of this version.
    ///
    /// 0.20.7 was seen to be silent about what is missing, 1.3.31 and 2.0.0 were seen to fail; the turn
    /// is kestra#6495, merged between 0.20 and 0.21. Versions before kestra#3213 (March 2024), which
    /// failed in other words, are not modelled.
    pub fn secret(&self, key: &str, kestra: &Version) -> SecretRead {
        match self.entry(key) {
            Some(StoredSecret::Found(text)) => SecretRead::Text(text.clone()),
            Some(StoredSecret::Collision(several)) => {
                let mut texts: Vec<Plaintext> = Vec::new();
                for (_, text) in several {
                    if !texts.contains(text) {
                        texts.push(text.clone());
                    }
                }
                if let [text] = texts.as_slice() {
                    SecretRead::Text(text.clone())
                } else {
                    SecretRead::OneOf(texts)
                }
            }
            // Not `kestra < 0.21.0`: a snapshot of 0.21.0 precedes it but behaves like it.
            Some(StoredSecret::Undecodable(_)) | None if (kestra.major, kestra.minor) < (0, 21) => {
                SecretRead::EmptyString
            }
            Some(StoredSecret::Undecodable(_)) | None => {
                SecretRead::Fails(format!("Cannot find secret for key '{key}'."))
            }
        }
    }

    /// The keys a flow can read, upper-cased.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.secrets
            .iter()
            .filter(|(_, c)| !c.decoded.is_empty())
            .map(|(key, _)| key.as_str())
    }

    /// The variables that Kestra drops.
    pub fn undecodable(&self) -> impl Iterator<Item = &Undecodable> {
        self.secrets.values().flat_map(|c| &c.undecodable)
    }

    /// For each key with more than one text: the key and the names of the variables.
    pub fn collisions(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        let several = self.secrets.iter().filter(|(_, c)| c.decoded.len() > 1);
        several.map(|(key, c)| (key.as_str(), c.decoded.iter().map(|(name, _)| name.as_str()).collect()))
    }

    /// Names that only differ from a secret's by the case of their `SECRET_`: Kestra ignores them.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// What the server's log will hold. A collision's line is cut before the two plaintexts that Kestra
    /// prints in it; which of its variables is named is not knowable, so there is one line for each, of
    /// which all but one appear.
    pub fn log_lines(&self) -> Vec<String> {
        let collisions = self.collisions().flat_map(|(key, names)| {
            let reason = format!("Duplicate key {key} (attempted merging values ");
            names
                .into_iter()
                .map(move |name| log_line(name, &reason))
                .collect::<Vec<_>>()
        });
        self.undecodable()
            .map(Undecodable::log_line)
            .chain(collisions)
            .collect()
    }
}

impl<N: AsRef<[u8]>, V: Into<Plaintext>> FromIterator<(N, V)> for SecretStore {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(environment: I) -> Self {
        let mut keyring = Self::default();
        let mut seen = std::collections::HashSet::new();
        for (name, value) in environment {
            if !seen.insert(name.as_ref().to_vec()) {
                continue;
            }
            let name = utf8_java::decode(name.as_ref()).to_string();
            let Some(key) = name.strip_prefix(PREFIX) else {
                if name
                    .get(..PREFIX.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
                {
                    keyring.ignored.push(name);
                }
                continue;
            };
            let candidates = keyring.secrets.entry(upper_case(key)).or_default();
            match decode(&value.into()) {
                Ok(text) => candidates.decoded.push((name, text)),
                Err(error) => candidates.undecodable.push(Undecodable { name, error }),
            }
        }
        keyring
    }
}

/// `toUpperCase()` of Java in a locale with no rules of its own, as Kestra's image has.
fn upper_case(key: &str) -> String {
    key.to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Version = Version::new(0, 20, 7);
    const NEW: Version = Version::new(2, 0, 0);

    fn keyring(environment: &[(&str, &str)]) -> SecretStore {
        environment.iter().copied().collect()
    }

    fn text(text: &str) -> SecretRead {
        SecretRead::Text(text.into())
    }

    #[test]
    fn a_key_is_found_under_either_case() {
        let keyring = keyring(&[("SECRET_lower_key", "YWRtaW4="), ("PATH", "/bin")]);
        for key in ["lower_key", "LOWER_KEY", "Lower_Key"] {
            assert_eq!(keyring.secret(key, &NEW), text("admin"));
        }
        assert_eq!(keyring.keys().collect::<Vec<_>>(), ["LOWER_KEY"]);
    }

    #[test]
    fn missing_or_undecodable_secrets_are_empty_before_0_21_and_fail_since() {
        let keyring = keyring(&[("SECRET_DB_USERNAME", "admin")]);
        for key in ["DB_USERNAME", "nobody"] {
            assert_eq!(keyring.secret(key, &OLD), SecretRead::EmptyString);
            assert_eq!(
                keyring.secret(key, &NEW),
                SecretRead::Fails(format!("Cannot find secret for key '{key}'."))
            );
        }
        let snapshot = Version {
            pre: semver::Prerelease::new("SNAPSHOT").unwrap(),
            ..Version::new(0, 21, 0)
        };
        assert!(matches!(keyring.secret("nobody", &snapshot), SecretRead::Fails(_)));
        assert_eq!(
            keyring.log_lines(),
            [
                "Could not decode secret 'SECRET_DB_USERNAME', make sure it is Base64-encoded: Last unit does not have enough valid bits"
            ]
        );
    }

    #[test]
    fn the_prefix_in_another_case_is_ignored() {
        let keyring = keyring(&[("secret_FOO", "YWRtaW4="), ("SECRETS", "x"), ("SECRÉT_", "x")]);
        assert!(matches!(keyring.secret("FOO", &NEW), SecretRead::Fails(_)));
        assert_eq!(keyring.ignored(), ["secret_FOO"]);
    }

    #[test]
    fn names_that_differ_in_case_give_either_text_and_log_both() {
        let keyring = keyring(&[("SECRET_Key", "YQ=="), ("SECRET_KEY", "Yg=="), ("SECRET_key", "YQ")]);
        assert_eq!(
            keyring.secret("key", &NEW),
            SecretRead::OneOf(vec!["a".into(), "b".into()])
        );
        assert!(matches!(keyring.entry("key"), Some(StoredSecret::Collision(several)) if several.len() == 3));
        assert!(keyring.log_lines().contains(
            &"Could not decode secret 'SECRET_KEY', make sure it is Base64-encoded: Duplicate key KEY (attempted merging values ".to_owned()
        ));
        assert_eq!(keyring.log_lines().len(), 3);
    }

    #[test]
    fn equal_texts_under_colliding_names_are_unambiguous() {
        assert_eq!(
            keyring(&[("SECRET_A", "YQ=="), ("SECRET_a", "YQ")]).secret("a", &NEW),
            text("a")
        );
    }

    #[test]
    fn a_variable_that_does_not_decode_collides_with_nothing() {
        let keyring = keyring(&[("SECRET_A", "YQ="), ("SECRET_a", "YQ==")]);
        assert_eq!(keyring.secret("A", &NEW), text("a"));
        assert_eq!(keyring.undecodable().count(), 1);
    }

    #[test]
    fn an_empty_value_and_an_empty_key_make_a_secret() {
        let keyring = keyring(&[("SECRET_", "YQ=="), ("SECRET_EMPTY", "")]);
        assert_eq!(keyring.secret("", &NEW), text("a"));
        assert_eq!(keyring.secret("EMPTY", &NEW), text(""));
    }

    #[test]
    fn the_first_of_two_equal_names_wins() {
        assert_eq!(
            keyring(&[("SECRET_A", "YQ=="), ("SECRET_A", "Yg==")]).secret("A", &NEW),
            text("a")
        );
    }

    #[test]
    fn debug_shows_no_plaintext() {
        assert!(!format!("{:?}", keyring(&[("SECRET_A", "YWRtaW4=")])).contains("admin"));
    }
}
