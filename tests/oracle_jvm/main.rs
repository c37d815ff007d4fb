//! The model of Kestra's decoder against a real JVM: the same bytes in, the same text or the same words
//! of refusal out.
//!
//! Needs a JDK (`JAVA_HOME`, /usr/lib/jvm or PATH). Without one the trials are ignored with that reason,
//! unless `KESTRA_SECRETS_REQUIRE` holds `embedded`: then they fail. `KESTRA_SECRETS_SEED` chooses other
//! values than the usual ones.

mod jvm;
mod values;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use kestra_secrets::internals::oracle::secret::{Plaintext, SecretStore, StoredSecret, Undecodable, decode};
use libtest_mimic::{Arguments, Completion, Failed, Trial};

use jvm::{Jdk, Oracle};

/// How many random values are compared, beside the exhaustive ones.
const RANDOM: usize = 60_000;

/// How many random values make one question to the JVM.
const BATCH: usize = 2_000;

fn main() {
    let args = Arguments::from_args();
    let seed = seed();
    // One JVM for all trials, started by the first that runs; `--list` starts none.
    let oracle = Arc::new(Mutex::new(None));
    let trial = |name: &str, check: fn(&mut Oracle, u64) -> Result<(), Failed>| {
        let oracle = Arc::clone(&oracle);
        Trial::ignorable_test(name, move || {
            let Some(jdk) = Jdk::find() else {
                return without_java();
            };
            // A trial that panicked has said so itself.
            let mut oracle = oracle.lock().unwrap_or_else(PoisonError::into_inner);
            if oracle.is_none() {
                *oracle = Some(Oracle::start(&jdk, &values::environment(seed))?);
            }
            let oracle = oracle.as_mut().ok_or("the JVM is gone")?;
            check(oracle, seed)
                .map(|()| Completion::Completed)
                .map_err(|e| format!("{} (KESTRA_SECRETS_SEED={seed})", e.message().unwrap_or_default()).into())
        })
    };
    let trials = vec![
        trial("random_values_decode_as_in_java", random_values),
        trial("every_short_value_decodes_as_in_java", short_values),
        trial("malformed_utf_8_is_replaced_as_in_java", malformed_texts),
        trial("a_key_has_the_capitals_it_has_in_java", capitals),
        trial("an_environment_becomes_the_keys_it_becomes_in_java", environments),
    ];
    libtest_mimic::run(&args, trials).exit();
}

fn seed() -> u64 {
    std::env::var("KESTRA_SECRETS_SEED")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(0x5ec_2e75)
}

fn without_java() -> Result<Completion, Failed> {
    let required = std::env::var("KESTRA_SECRETS_REQUIRE").unwrap_or_default();
    if required.split([',', ' ']).any(|word| word == "embedded") {
        return Err("no JDK in JAVA_HOME, /usr/lib/jvm or PATH, and KESTRA_SECRETS_REQUIRE names embedded".into());
    }
    Ok(Completion::ignored_with("no JDK in JAVA_HOME, /usr/lib/jvm or PATH"))
}

fn random_values(oracle: &mut Oracle, seed: u64) -> Result<(), Failed> {
    let mut values = values::random(seed);
    for _ in 0..RANDOM / BATCH {
        let batch: Vec<_> = values.by_ref().take(BATCH).collect();
        compare(oracle, &batch)?;
    }
    Ok(())
}

fn short_values(oracle: &mut Oracle, _seed: u64) -> Result<(), Failed> {
    compare(oracle, &values::short())
}

fn malformed_texts(oracle: &mut Oracle, _seed: u64) -> Result<(), Failed> {
    compare(oracle, &values::malformed())
}

/// Fails with the shortest value on which the two differ that can be had by leaving bytes out.
fn compare(oracle: &mut Oracle, values: &[Vec<u8>]) -> Result<(), Failed> {
    let answers = oracle.ask(values)?;
    let Some(different) = values
        .iter()
        .zip(&answers)
        .find(|(value, answer)| model(value) != **answer)
    else {
        return Ok(());
    };
    let mut value = different.0.clone();
    loop {
        // Whole units of four first, so that long Base64 stays Base64.
        let without = |size: usize| {
            let value = &value;
            (0..(value.len() + 1).saturating_sub(size)).map(move |at| [&value[..at], &value[at + size..]].concat())
        };
        let half = value.len() / 8 * 4;
        let shorter: Vec<Vec<u8>> = [half, 4, 1]
            .into_iter()
            .filter(|size| *size > 0)
            .flat_map(without)
            .collect();
        let answers = oracle.ask(&shorter)?;
        match shorter
            .into_iter()
            .zip(answers)
            .find(|(value, answer)| model(value) != *answer)
        {
            Some((still_different, _)) => value = still_different,
            None => break,
        }
    }
    let java = oracle.ask(std::slice::from_ref(&value))?.concat();
    Err(format!(
        "the value {} is {java} to Java, {} to the model",
        hex::encode(&value),
        model(&value)
    )
    .into())
}

/// The model's answer, in the form of the JVM's.
fn model(value: &[u8]) -> String {
    match decode(&Plaintext::from(value)) {
        Ok(text) => format!("+{}", hex::encode(text.bytes())),
        Err(error) => format!("-{error}"),
    }
}

/// Every character of Unicode on its own. Java's `toUpperCase` looks at one character at a time, so a word has
/// the capitals of its characters.
fn capitals(oracle: &mut Oracle, _seed: u64) -> Result<(), Failed> {
    let java = oracle.capitals()?;
    for character in char::MIN..=char::MAX {
        let c = String::from(character);
        let capitals = java.get(&c).unwrap_or(&c);
        // Only what one of the two changes takes a whole keyring to compare.
        if *capitals == c && c.to_uppercase() == c {
            continue;
        }
        let keyring: SecretStore = [(format!("SECRET_a{c}z"), "YQ==")].into_iter().collect();
        let key: Vec<&str> = keyring.keys().collect();
        if key == [format!("A{capitals}Z")] {
            continue;
        }
        // A letter that is younger than this Java, or whose capital is, stands in no name of today's.
        let mut known = true;
        for c in c.to_uppercase().chars().chain([character]) {
            known &= oracle.knows(c)?;
        }
        if known {
            return Err(format!(
                "{} is {capitals:?} in capitals to Java, {key:?} to the model",
                c.escape_unicode()
            )
            .into());
        }
    }
    if java.len() < 1_000 {
        return Err(format!("Java has capitals for {} characters: it proves too little", java.len()).into());
    }
    Ok(())
}

fn environments(oracle: &mut Oracle, seed: u64) -> Result<(), Failed> {
    let java = oracle.environment()?;
    let given = values::environment(seed);
    let model: SecretStore = given.iter().map(|(name, value)| (name, value.as_slice())).collect();

    let keys: BTreeSet<&str> = model.keys().collect();
    if keys != java.secrets.keys().map(String::as_str).collect() {
        return Err(format!(
            "other keys: {:?}",
            keys.symmetric_difference(&java.secrets.keys().map(String::as_str).collect())
        )
        .into());
    }
    for (key, text) in &java.secrets {
        let agrees = match model.entry(key) {
            Some(StoredSecret::Found(found)) => found.bytes() == text,
            Some(StoredSecret::Collision(several)) => several.iter().any(|(_, one)| one.bytes() == text),
            Some(StoredSecret::Undecodable(_)) | None => false,
        };
        if !agrees {
            return Err(format!("another text for {key}: {}", hex::encode(text)).into());
        }
    }
    let predicted: BTreeSet<String> = model.log_lines().into_iter().collect();
    if let Some(line) = java.log.iter().find(|line| !predicted.contains(*line)) {
        return Err(format!("not predicted: {line}").into());
    }
    let silent: Vec<_> = model
        .undecodable()
        .map(Undecodable::log_line)
        .filter(|line| !java.log.contains(line))
        .collect();
    let lost: usize = model.collisions().map(|(_, names)| names.len() - 1).sum();
    if !silent.is_empty() || java.log.len() != model.undecodable().count() + lost {
        return Err(format!("predicted, but not logged: {silent:?}").into());
    }
    if model.collisions().next().is_none() || model.undecodable().next().is_none() || model.ignored().is_empty() {
        return Err(
            "the environment has no collision, nothing undecodable or nothing ignored: it proves too little".into(),
        );
    }
    Ok(())
}
