//! A scenario's file and the documents it names: before the first NUL the scenario, after it each document.

#![no_main]

use std::path::Path;

use kestra_secrets::internals::error::InputError;
use kestra_secrets::internals::scenario::{self, Input, Scenario};
use libfuzzer_sys::fuzz_target;

/// A plaintext that is not public, in a place which no text after it can change.
const CANARY: &str = "kFq7-vT2p-Zx9w";
const INTENT: &str = "schema: 1\nstrategy: extra-env\nsecrets: {CANARY: {plain: kFq7-vT2p-Zx9w}}\n";

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (text, document) = text.split_once('\0').unwrap_or((text, "id: secret_test\n"));
    if let Ok(scenario) = parse(text, document) {
        holds(&scenario);
    }
    match parse(&format!("{INTENT}{text}"), document) {
        Ok(scenario) => {
            assert!(!format!("{scenario:?}").contains(CANARY));
            let private = scenario::private_texts(&scenario);
            assert!(private.iter().any(|plain| plain.bytes() == CANARY.as_bytes()));
            holds(&scenario);
        }
        Err(error) => {
            let help = error.help.as_deref().unwrap_or_default();
            assert!(!format!("{error} {help}").contains(CANARY), "{error}");
        }
    }
});

fn parse(text: &str, document: &str) -> Result<Scenario, InputError> {
    let beside = |path: &Path| {
        assert!(path.is_relative() && !path.components().any(|c| c == std::path::Component::ParentDir));
        Ok(document.as_bytes().to_vec())
    };
    scenario::parse("fuzz.yaml", text, &beside)
}

/// What is true of every scenario that was read.
fn holds(scenario: &Scenario) {
    let of_a_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    assert!(!scenario.name.is_empty() && scenario.name.len() <= 53 && scenario.name.chars().all(of_a_name));
    assert!(!scenario.expect.is_empty() && scenario.steps.iter().all(|step| !step.expect.is_empty()));
    assert!(scenario.at.0 > 0);
    if let Input::Intent(intent) = &scenario.given {
        assert!(!intent.secrets.is_empty());
        let reads = intent.reads.values();
        assert!(intent.flow.is_some() || reads.clone().all(|secret| intent.secrets.contains_key(secret)));
    }
    for private in scenario::private_texts(scenario) {
        assert!(!private.is_public());
    }
}
