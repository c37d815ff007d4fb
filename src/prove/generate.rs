//! Random secrets from a seed: the same set on every machine.

mod plain;
mod text;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::sample::{Carrier, Sample, SampleVariable, SecretField};
use super::{Kind, MAX_TEXT};
use crate::oracle::secret::{PREFIX, Plaintext};
use text::encoded;

/// What names are made of; few underscores, of which Micronaut makes 2^n properties.
const WORDS: &[&str] = &[
    "PASSWORD",
    "TOKEN",
    "DB_USER",
    "API_KEY",
    "CERT",
    "URL",
    "X",
    "SECRET_SECRET_",
];

/// A value up to here may stand in the chart's values, which helm keeps in a Secret of its own.
const SHORT: usize = 2 * 1024;

/// The set of a seed. A longer set begins like a shorter one.
pub fn generate(seed: u64, count: usize) -> Vec<Sample> {
    (0..count).map(|number| sample(seed, number)).collect()
}

/// One of the set, whatever else is in it.
fn sample(seed: u64, number: usize) -> Sample {
    let mut start = [0; 32];
    start[..8].copy_from_slice(&seed.to_le_bytes());
    start[8..16].copy_from_slice(&(number as u64).to_le_bytes());
    Generator {
        rng: StdRng::from_seed(start),
        number,
        kind: Kind::numbered(number),
    }
    .sample()
}

struct Generator {
    rng: StdRng,
    number: usize,
    kind: Kind,
}

impl Generator {
    fn sample(mut self) -> Sample {
        let word = self.pick(WORDS);
        let key = format!("{word}{}", self.number);
        let variables = match self.kind {
            Kind::Absent => Vec::new(),
            Kind::OptionalKey => vec![SampleVariable {
                name: format!("{PREFIX}{key}"),
                carrier: Carrier::Nowhere,
                text: Plaintext::new("", true),
            }],
            Kind::LowerCase => vec![self.right(format!("{PREFIX}{}", key.to_lowercase()))],
            Kind::MixedCase => {
                let mixed = self.mixed(&key);
                vec![self.right(format!("{PREFIX}{mixed}"))]
            }
            Kind::Dotted => {
                let form = self.pick(&["db.{}", "{}.yaml", "db-{}", "1{}", ".{}", "-{}", "a..{}", "{}-x.1-"]);
                return self.named(form.replace("{}", &key));
            }
            Kind::OddName => {
                let odd: String = (0..self.rng.random_range(1..6)).map(|_| self.odd()).collect();
                let key = format!("{odd}X{}", self.number);
                return self.named(key);
            }
            Kind::NoName => return self.named(String::new()),
            Kind::NoPrefix => {
                let form = self.pick(&["secret_{}", "Secret_{}", "SECRET{}", "XSECRET_{}", "{}", "SECRET-{}"]);
                vec![self.right(form.replace("{}", &key.replace("SECRET_", "")))]
            }
            Kind::Collision => self.collision(&key),
            Kind::TwoSources => {
                let name = format!("{PREFIX}{key}");
                let first = self.right(name.clone());
                let second = self.right(name);
                vec![first.with(Carrier::EnvFrom(SecretField::Data)), second.unless_key_ref()]
            }
            Kind::Reference => self.reference(&key),
            _ => {
                let text = self.text(key.len());
                vec![self.variable(format!("{PREFIX}{key}"), text)]
            }
        };
        self.asked(key, variables)
    }

    /// With a key asked for in any case.
    fn asked(mut self, key: String, variables: Vec<SampleVariable>) -> Sample {
        let key = match self.rng.random_range(0..4) {
            0 => key.to_ascii_lowercase(),
            1 => self.mixed(&key),
            _ => key,
        };
        Sample {
            number: self.number,
            kind: self.kind,
            key,
            variables,
        }
    }

    /// A good secret under that name.
    fn named(mut self, key: String) -> Sample {
        let variable = self.right(format!("{PREFIX}{key}"));
        self.asked(key, vec![variable])
    }

    fn right(&mut self, name: String) -> SampleVariable {
        let text = encoded(plain::any(&mut self.rng));
        self.variable(name, text)
    }

    fn variable(&mut self, name: String, text: Vec<u8>) -> SampleVariable {
        let field = *self.pick(&[
            SecretField::Data,
            SecretField::Data,
            SecretField::StringData,
            SecretField::WrappedData,
        ]);
        // What no Secret's key can be called, `env` alone can.
        let only_env = !name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
        let carrier = match self.rng.random_range(0..20) {
            0..5 if text.len() < SHORT => Carrier::Value,
            5..9 => Carrier::KeyRef(field),
            _ if only_env => Carrier::KeyRef(field),
            _ => Carrier::EnvFrom(field),
        };
        let carrier = match carrier {
            fits if fits.bears(&text) => fits,
            Carrier::KeyRef(_) => Carrier::KeyRef(SecretField::Data),
            _ => Carrier::EnvFrom(SecretField::Data),
        };
        let text = Plaintext::new(text, true);
        SampleVariable { name, carrier, text }
    }

    /// Two names, of which both may decode, or one, or none.
    fn collision(&mut self, key: &str) -> Vec<SampleVariable> {
        let same = self.rng.random_range(0..6) == 0;
        let text = encoded(plain::any(&mut self.rng));
        let mut variables = Vec::new();
        for name in [key.to_owned(), key.to_lowercase()] {
            let text = match self.rng.random_range(0..6) {
                _ if same => text.clone(),
                0 => plain::line(&mut self.rng),
                _ => encoded(plain::any(&mut self.rng)),
            };
            variables.push(self.variable(format!("{PREFIX}{name}"), text));
        }
        variables
    }

    /// A value that names another variable, or one that is not there, or that escapes the name.
    fn reference(&mut self, key: &str) -> Vec<SampleVariable> {
        let name = format!("{PREFIX}{key}");
        let other = format!("{PREFIX}REF{key}");
        let good = String::from_utf8_lossy(&encoded(plain::line(&mut self.rng))).into_owned();
        let text = match self.rng.random_range(0..8) {
            0 => format!("$$({other})"),
            1 => "$(HOME)".into(),
            2 => format!("{good}$(NONE)"),
            3 => format!("$$$({other})"),
            // The escape alone makes Base64 of it, or what is left of it.
            4 => format!("$({other}"),
            _ => format!("$({other})"),
        };
        let referred = self.variable(other, good.into_bytes());
        let mut refers = self.variable(name, text.into_bytes());
        if self.rng.random_range(0..4) > 0 {
            refers.carrier = Carrier::Value;
        }
        vec![referred, refers]
    }

    fn mixed(&mut self, key: &str) -> String {
        let case = |c: char| {
            if self.rng.random() {
                c.to_ascii_lowercase()
            } else {
                c.to_ascii_uppercase()
            }
        };
        key.chars().map(case).collect()
    }

    /// A printable character of ASCII; the equals sign would end the name.
    fn odd(&mut self) -> char {
        match self.rng.random_range(b' '..=b'~') {
            b'=' => '\'',
            other => char::from(other),
        }
    }

    fn pick<T: Copy + 'static>(&mut self, of: &'static [T]) -> &'static T {
        of.choose(&mut self.rng).unwrap_or(&of[0])
    }

    /// The text of the kinds that are told apart by it; `name` is the length of the key.
    fn text(&mut self, name: usize) -> Vec<u8> {
        let longest = MAX_TEXT - PREFIX.len() - name;
        text::text_for(self.kind, &mut self.rng, self.number < Kind::ALL.len(), longest)
    }
}

impl SampleVariable {
    fn with(self, carrier: Carrier) -> Self {
        Self { carrier, ..self }
    }

    /// In `env` a name may stand once.
    fn unless_key_ref(self) -> Self {
        match self.carrier {
            Carrier::KeyRef(field) => self.with(Carrier::EnvFrom(field)),
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_seed_gives_the_same_set_whatever_its_length() {
        let long = generate(7, 300);
        assert_eq!(long[..120], generate(7, 120));
        assert_ne!(long, generate(8, 300));
    }

    #[test]
    fn a_seed_gives_this_set_on_every_machine() {
        let told: Vec<_> = generate(42, 3).iter().map(Sample::describe).collect();
        insta::assert_debug_snapshot!(told);
    }

    #[test]
    fn no_two_samples_claim_one_key() {
        let samples = generate(1, 3000);
        let mut seen = HashSet::new();
        for sample in &samples {
            for key in sample.keys().collect::<HashSet<_>>() {
                assert!(seen.insert(key), "{}", sample.describe());
            }
        }
    }

    #[test]
    fn every_text_fits_its_place_and_an_environment() {
        for sample in generate(3, 3000) {
            for variable in &sample.variables {
                let bytes = variable.text.bytes();
                assert!(variable.carrier.bears(bytes), "{}", sample.describe());
                assert!(!bytes.contains(&0), "{}", sample.describe());
                let string = variable.name.len() + bytes.len() + 2;
                assert!(
                    string <= crate::oracle::environment::MAX_STRING_BYTES,
                    "{}",
                    variable.name
                );
            }
        }
    }

    #[test]
    fn one_of_the_set_is_as_long_as_an_environment_takes() {
        let longest = generate(5, Kind::ALL.len())
            .iter()
            .flat_map(|s| s.variables.clone())
            .map(|v| v.name.len() + v.text.bytes().len() + 2)
            .max();
        assert_eq!(longest, Some(crate::oracle::environment::MAX_STRING_BYTES));
    }
}
