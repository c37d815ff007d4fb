use std::convert::Infallible;

use super::super::bench::{difference, reported};
use super::super::{Observed, Predicted, generate};
use super::*;
use crate::oracle::secret::{SecretRead, SecretStore};

const NEW: semver::Version = semver::Version::new(2, 0, 0);

/// What a live Kestra does, as far as names and values alone decide it.
fn observed(sample: &Sample, keyring: &SecretStore) -> Observed {
    match keyring.secret(&sample.key, &NEW).reported(&NEW).unwrap() {
        SecretRead::Text(text) => Observed::Text(text),
        SecretRead::OneOf(texts) => Observed::Text(texts[0].clone()),
        SecretRead::EmptyString => Observed::Text("".into()),
        SecretRead::Fails(words) => Observed::Missing(words),
    }
}

/// Which samples differ from what a model says that sees every value through `wrong`.
fn differs(samples: &[Sample], wrong: impl Fn(&[u8]) -> Vec<u8>) -> Vec<bool> {
    let variables = || samples.iter().flat_map(|s| &s.variables);
    let truth: SecretStore = variables().map(|v| (&v.name, v.text.clone())).collect();
    let model: SecretStore = variables()
        .map(|v| (&v.name, v.text.map(|bytes| wrong(bytes))))
        .collect();
    let one = |s: &Sample| {
        let predicted = Predicted::Read(reported(model.secret(&s.key, &NEW), &NEW));
        difference(&predicted, &observed(s, &truth)).is_some()
    };
    samples.iter().map(one).collect()
}

async fn shrunk(seed: u64, wrong: impl Fn(&[u8]) -> Vec<u8>) -> Shrunk {
    let samples = generate(seed, 400);
    let found = differs(&samples, &wrong);
    let at = found.iter().position(|differs| *differs).unwrap();
    let shrunk = shrink(&samples[at], &samples, async |s: &[Sample]| {
        Ok::<_, Infallible>(differs(s, &wrong))
    });
    shrunk.await.unwrap().unwrap()
}

#[tokio::test]
async fn a_true_model_differs_nowhere() {
    assert_eq!(differs(&generate(1, 500), <[u8]>::to_vec), vec![false; 500]);
}

#[tokio::test]
async fn a_model_that_takes_blanks_for_nothing_is_found_and_its_example_is_one_blank() {
    // A lenient cousin of the decoder: it takes blanks for nothing.
    let lenient = |bytes: &[u8]| bytes.iter().copied().filter(|b| !b" \t".contains(b)).collect();
    for seed in 0..3 {
        let Shrunk { sample, company } = shrunk(seed, lenient).await;
        assert_eq!(company, []);
        let [variable] = &sample.variables[..] else {
            panic!("{}", sample.describe())
        };
        assert!(
            [b" ", b"\t"].iter().any(|blank| variable.text.bytes() == *blank),
            "{}",
            sample.describe()
        );
        assert_eq!(variable.carrier, Carrier::Value);
    }
}

#[tokio::test]
async fn a_model_with_the_url_safe_alphabet_is_found_and_its_example_is_two_characters() {
    let lenient = |bytes: &[u8]| bytes.iter().map(|b| if *b == b'_' { b'/' } else { *b }).collect();
    let Shrunk { sample, .. } = shrunk(3, lenient).await;
    let text = sample.variables[0].text.bytes();
    assert!(text == b"A_" || text == b"_A", "{}", sample.describe());
}

#[tokio::test]
async fn what_differs_in_company_alone_is_told_with_its_company() {
    let samples = generate(2, 64);
    let (failing, cause) = (samples[40].clone(), samples[11].number);
    let mut tries = 0;
    let shrunk = shrink(&failing, &samples, async |s: &[Sample]| {
        tries += 1;
        let guilty = s.iter().any(|s| s.number == cause);
        Ok::<_, Infallible>(
            s.iter()
                .map(|s| guilty && s.number >= failing.number && s.number != cause)
                .collect(),
        )
    });
    let shrunk = shrunk.await.unwrap().unwrap();
    assert_eq!(shrunk.company.iter().map(|s| s.number).collect::<Vec<_>>(), [cause]);
    assert!(tries < 60, "{tries}");
}

#[tokio::test]
async fn a_difference_that_hangs_on_the_name_keeps_it() {
    let samples = generate(4, Kind::ALL.len());
    let of = |kind| samples.iter().find(|s| s.kind == kind).unwrap();
    let nameless = of(Kind::NoName);
    let shrunk = shrink(nameless, &samples, async |s: &[Sample]| {
        Ok::<_, Infallible>(s.iter().map(|s| s.key.is_empty()).collect())
    });
    let Shrunk { sample, .. } = shrunk.await.unwrap().unwrap();
    assert_eq!((sample.key.as_str(), sample.variables[0].text.bytes()), ("", &b""[..]));
}

#[tokio::test]
async fn of_a_difference_that_does_not_come_again_no_example_is_made() {
    let samples = generate(5, 64);
    let mut tries = 0;
    let shrunk = shrink(&samples[40], &samples, async |s: &[Sample]| {
        tries += 1;
        Ok::<_, Infallible>(vec![false; s.len()])
    });
    assert_eq!(shrunk.await.unwrap(), None);
    assert_eq!(tries, 2, "alone, and with all others");
}
