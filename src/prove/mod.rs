//! Is the oracle true? Random secrets, right and wrong in every way the model knows, are given to a live
//! Kestra; what a flow gets is compared with what the model says, byte for byte.
//!
//! [`generate`] makes a set from a seed, [`pack`] arranges it into as few installations as the limits of
//! Kubernetes and the kernel allow, each is served by the provider and read in a handful of executions, and a
//! difference is made small by [`shrink`].
//!
//! # What may be shown
//! Every plaintext is made from a seed that is printed, so it is no secret: the samples are public by
//! construction, and a difference is shown in full.

mod bench;
mod generate;
mod kind;
mod pack;
pub mod report;
mod sample;
mod shrink;

use std::collections::BTreeMap;

use futures::StreamExt as _;

use crate::error::InfraError;
use crate::kestra::KestraRef;
use crate::oracle::environment::{Kubelet, MAX_STRING_BYTES};
use crate::plan::PlanTarget;
use crate::provider::{Provider, RunContext};
use bench::Harness;

pub use crate::run::probe::Observed;
pub use bench::{Checked, Predicted, Served};
pub use generate::generate;
pub use kind::Kind;
pub use pack::{Batch, pack};
pub use sample::{Sample, SampleVariable};
pub use shrink::{Shrunk, shrink};

/// The most that a name and its value may take together: the kernel counts the `=` and the NUL too.
const MAX_TEXT: usize = MAX_STRING_BYTES - 2;

/// What was found.
#[derive(Debug, Default)]
pub struct Proof {
    /// Every installation, but for those that made a difference smaller.
    pub served: Vec<Served>,
    /// By Kestra, the samples that no flow was asked for: they would hold up the pod of all others.
    pub aside: BTreeMap<KestraRef, Vec<Sample>>,
    /// By Kestra, the first difference, made small; or why it could not be. None where it was there once, and not
    /// again.
    pub shrunk: BTreeMap<KestraRef, Result<Option<(Shrunk, Checked)>, InfraError>>,
}

/// Proves the oracle with a set of samples, on each of the Kestras.
pub async fn prove(provider: &Provider, site: &RunContext, targets: &[PlanTarget], samples: &[Sample]) -> Proof {
    let bench = Harness { provider, site };
    let kubelet = provider.kubelet();
    let (held, good): (Vec<Sample>, Vec<Sample>) = samples.iter().cloned().partition(|s| s.holds_up(kubelet));
    // One shows that the kubelet does hold such a pod; each more would cost a pod.
    let mut packs = pack(good);
    packs.extend(pack(held.iter().take(1).cloned()).into_iter().map(Batch::holding));
    let work = targets
        .iter()
        .flat_map(|t| packs.iter().enumerate().map(move |(n, pack)| (t, n, pack)));
    let served: Vec<Served> = futures::stream::iter(work)
        .map(|(target, n, pack)| bench.serve_named(target, n, pack))
        .buffer_unordered(provider.capacity())
        .collect()
        .await;
    let mut proof = Proof {
        served,
        ..Proof::default()
    };
    proof.served.sort_by(|a, b| (&a.kestra, &a.id).cmp(&(&b.kestra, &b.id)));
    for target in targets {
        if held.len() > 1 {
            proof.aside.insert(target.kestra.clone(), held[1..].to_vec());
        }
        if let Some((first, others)) = proof.first_difference(&target.kestra) {
            let small = bench.shrink(target, first, &others).await;
            proof.shrunk.insert(target.kestra.clone(), small);
        }
    }
    proof
}

impl Proof {
    /// Every sample that was judged, with its Kestra.
    pub fn checked(&self) -> impl Iterator<Item = (&KestraRef, &Checked)> {
        let of = |s| Served::checked(s).map(move |c| (&s.kestra, c));
        self.served.iter().flat_map(of)
    }

    /// Every sample that is not as predicted, with its Kestra.
    pub fn differences(&self) -> impl Iterator<Item = (&KestraRef, &Checked)> {
        self.checked().filter(|(_, c)| c.differs.is_some())
    }

    /// The first on a Kestra, and what shared its installation.
    fn first_difference(&self, kestra: &KestraRef) -> Option<(&Sample, Vec<Sample>)> {
        let of_it = self.served.iter().filter(|s| s.kestra == *kestra);
        of_it.filter_map(|s| s.checked.as_ref().ok()).find_map(|checked| {
            let first = checked.iter().find(|c| c.differs.is_some())?;
            Some((&first.sample, checked.iter().map(|c| c.sample.clone()).collect()))
        })
    }
}

impl Harness<'_> {
    async fn serve_named(&self, target: &PlanTarget, n: usize, pack: &Batch) -> Served {
        self.serve(target, &format!("prove-{n}"), pack).await
    }

    async fn shrink(
        &self,
        target: &PlanTarget,
        first: &Sample,
        others: &[Sample],
    ) -> Result<Option<(Shrunk, Checked)>, InfraError> {
        let mut tries = 0;
        let mut check = async |samples: &[Sample]| {
            let mut found = BTreeMap::new();
            for pack in pack(samples.iter().cloned()) {
                tries += 1;
                let served = self.serve(target, &format!("shrink-{tries}"), &pack).await;
                found.extend(
                    served
                        .checked?
                        .into_iter()
                        .map(|checked| (checked.sample.number, checked)),
                );
            }
            Ok::<_, InfraError>(found)
        };
        let shrunk = shrink(first, others, async |samples: &[Sample]| {
            let found = check(samples).await?;
            let differs = |s: &Sample| found.get(&s.number).is_some_and(|c| c.differs.is_some());
            Ok::<_, InfraError>(samples.iter().map(differs).collect())
        })
        .await?;
        let Some(shrunk) = shrunk else { return Ok(None) };
        let all: Vec<Sample> = std::iter::once(&shrunk.sample)
            .chain(&shrunk.company)
            .cloned()
            .collect();
        let last = check(&all).await?.remove(&shrunk.sample.number);
        let last = last.ok_or_else(|| InfraError::new("make the example smaller", "it was not judged"))?;
        Ok(last.differs.is_some().then_some((shrunk, last)))
    }
}

impl Sample {
    /// Whether it keeps a pod from starting, with all that is in it.
    fn holds_up(&self, kubelet: Kubelet) -> bool {
        let bad = |v: &SampleVariable| std::str::from_utf8(v.text.bytes()).is_err();
        let odd = |v: &SampleVariable| {
            v.name
                .bytes()
                .any(|b| !b.is_ascii_alphanumeric() && !b"-._".contains(&b))
        };
        (kubelet.refuses_bad_utf8() && self.variables.iter().any(bad))
            || (!kubelet.takes_any_printable_name() && self.variables.iter().any(odd))
    }
}
