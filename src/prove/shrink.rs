//! A difference, made small: the fewest other samples that it needs, and the shortest value that shows it.

use super::Kind;
use super::sample::{Carrier, Sample, SampleVariable, SecretField};
use crate::oracle::secret::{PREFIX, Plaintext};

/// How often a set is halved, and a value made simpler. Each time costs an installation or a few.
const ROUNDS: usize = 8;
/// How many simpler values are tried at once, and how many bytes they may have: what one installation holds.
const AT_ONCE: usize = 200;
const BYTES: usize = 1024 * 1024;
/// How many that cannot share one, since it is the name that matters.
const ALONE: usize = 4;

/// A difference as small as it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    /// What differs.
    pub sample: Sample,
    /// The other samples that must be there for it to differ; mostly none.
    pub company: Vec<Sample>,
}

/// Makes a failing sample smaller; none where it is as predicted when it is tried once more with all others.
/// `differs` says of each of some samples, tried together where they can be, whether it is not as predicted.
///
/// # Errors
/// Those of `differs`.
pub async fn shrink<E>(
    failing: &Sample,
    others: &[Sample],
    mut differs: impl AsyncFnMut(&[Sample]) -> Result<Vec<bool>, E>,
) -> Result<Option<Shrunk>, E> {
    let mut company = Vec::new();
    if !differs(std::slice::from_ref(failing)).await?[0] {
        company = others.iter().filter(|s| s.number != failing.number).cloned().collect();
        if !differs(&with(failing, &company)).await?[0] {
            return Ok(None);
        }
        for _ in 0..ROUNDS {
            let (left, right) = company.split_at(company.len() / 2);
            let mut half = None;
            for part in [left, right] {
                if part.len() < company.len() && differs(&with(failing, part)).await?[0] {
                    half = Some(part.to_vec());
                    break;
                }
            }
            match half {
                Some(part) => company = part,
                None => break,
            }
        }
    }
    let mut sample = failing.clone();
    for _ in 0..ROUNDS {
        let Some(simpler) = simplest(&sample, &company, &mut differs).await? else {
            break;
        };
        sample = simpler;
    }
    Ok(Some(Shrunk { sample, company }))
}

fn with(sample: &Sample, company: &[Sample]) -> Vec<Sample> {
    std::iter::once(sample).chain(company).cloned().collect()
}

/// The simplest of the simpler ones that still differs.
async fn simplest<E>(
    sample: &Sample,
    company: &[Sample],
    differs: &mut impl AsyncFnMut(&[Sample]) -> Result<Vec<bool>, E>,
) -> Result<Option<Sample>, E> {
    let first = 1 + company.iter().map(|s| s.number).max().unwrap_or(0).max(sample.number);
    let mut simpler = simpler(sample);
    simpler.sort_by_key(weight);
    let mut room = BYTES;
    simpler.retain(|s| {
        let fits = s.size() <= room;
        room -= if fits { s.size() } else { 0 };
        fits
    });
    simpler.truncate(AT_ONCE);
    let renamed: Vec<Sample> = simpler.iter().enumerate().map(|(n, s)| renamed(s, first + n)).collect();
    let set: Vec<Sample> = renamed.iter().chain(company).cloned().collect();
    let found = differs(&set).await?;
    if let Some(at) = found[..renamed.len()].iter().position(|differs| *differs) {
        return Ok(Some(renamed[at].clone()));
    }
    for alone in simpler.into_iter().take(ALONE) {
        if differs(&with(&alone, company)).await?[0] {
            return Ok(Some(alone));
        }
    }
    Ok(None)
}

/// What a shrink makes smaller: variables, then bytes, then odd bytes, then the ways they are written.
fn weight(sample: &Sample) -> (usize, usize, usize, usize, usize) {
    let texts = || sample.variables.iter().map(|v| v.text.bytes());
    (
        sample.variables.len(),
        texts().map(<[u8]>::len).sum(),
        texts().flatten().filter(|b| **b != b'A').count(),
        sample.variables.iter().filter(|v| v.carrier != Carrier::Value).count(),
        odd(sample),
    )
}

/// How many characters of its names are not those of a number's.
fn odd(sample: &Sample) -> usize {
    let plain = |c: char| c.is_ascii_digit();
    let names = sample
        .variables
        .iter()
        .map(|v| v.name.strip_prefix(PREFIX).unwrap_or(&v.name));
    names
        .chain([sample.key.as_str()])
        .flat_map(str::chars)
        .filter(|c| !plain(*c))
        .count()
}

/// Samples that are smaller by one step.
fn simpler(sample: &Sample) -> Vec<Sample> {
    let mut all = Vec::new();
    for (at, variable) in sample.variables.iter().enumerate() {
        let mut without = sample.clone();
        without.variables.remove(at);
        if !without.variables.is_empty() {
            all.push(without);
        }
        let carriers = [Carrier::Value, Carrier::EnvFrom(SecretField::Data)].into_iter();
        let carried = carriers.map(|carrier| (carrier, variable.text.bytes().to_vec()));
        let texts = shorter(variable.text.bytes())
            .into_iter()
            .map(|text| (variable.carrier, text));
        for (carrier, text) in carried.chain(texts) {
            if carrier.bears(&text) {
                let text = Plaintext::new(text, true);
                let name = variable.name.clone();
                let mut changed = sample.clone();
                changed.variables[at] = SampleVariable { name, carrier, text };
                all.push(changed);
            }
        }
    }
    let now = weight(sample);
    all.retain(|simpler| weight(simpler) < now);
    all
}

/// Shorter texts, and those of the same length with an `A` more.
fn shorter(text: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    let mut piece = text.len();
    while piece > 0 && all.len() < AT_ONCE {
        for start in (0..text.len()).step_by(piece) {
            let end = (start + piece).min(text.len());
            all.push([&text[..start], &text[end..]].concat());
            all.push(text[start..end].to_vec());
        }
        piece /= 2;
    }
    let plain = (0..text.len()).map(|at| [&text[..at], b"A", &text[at + 1..]].concat());
    all.extend(plain.take(AT_ONCE));
    all
}

/// The same under a name of its own, so that many of one sample live in one environment. What the name is
/// like stays, as far as can be.
fn renamed(sample: &Sample, number: usize) -> Sample {
    let mut sample = sample.clone();
    sample.number = number;
    let old = sample.key.to_uppercase();
    let of_names = sample.kind.is_of_names();
    let rename_key = |key: &str| {
        if key.to_uppercase() == old && !of_names {
            number.to_string()
        } else {
            format!("{key}x{number}")
        }
    };
    let rename = |name: &str| match name.strip_prefix(PREFIX) {
        Some(rest) => format!("{PREFIX}{}", rename_key(rest)),
        None => rename_key(name),
    };
    let names: Vec<(String, String)> = sample
        .variables
        .iter()
        .map(|v| (v.name.clone(), rename(&v.name)))
        .collect();
    for variable in &mut sample.variables {
        variable.name = rename(&variable.name);
        // A reference to a variable of the sample's own goes on referring to it.
        if let Ok(text) = std::str::from_utf8(variable.text.bytes()) {
            let mut text = text.to_owned();
            for (was, is) in &names {
                text = text.replace(&format!("({was})"), &format!("({is})"));
            }
            variable.text = Plaintext::new(text, true);
        }
    }
    sample.key = rename_key(&sample.key);
    sample
}

impl Kind {
    /// Whether it is told apart by the names of its variables.
    fn is_of_names(self) -> bool {
        self >= Self::LowerCase
    }
}

#[cfg(test)]
mod tests;
