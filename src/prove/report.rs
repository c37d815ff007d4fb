//! What was proved, for a person and for a program.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use comfy_table::{Cell, CellAlignment, Color, Table, presets};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bench::is_missing;
use super::{Checked, Kind, Observed, Predicted, Proof, Sample, Shrunk};
use crate::error::ExitCode;
use crate::kestra::KestraRef;
use crate::oracle::secret::{SecretRead, escaped};
use crate::report::{Provenance, Run};
use crate::system::words::{count, visible};

/// The longest value that is shown to a person.
const SHOWN: usize = 400;

/// What was proved; the content of `prove.json`. Nothing in it is a secret: the seed that is printed makes all.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "kestra-secrets proof, schema 1")]
pub struct ProofReport {
    /// The version of this format: 1.
    pub schema: u32,
    /// What was run.
    pub run: Run,
    /// The seed that makes the same set again.
    pub seed: u64,
    /// How many secrets the set has.
    pub count: usize,
    /// The command that does the same again.
    pub repeat: String,
    /// One for each kind of secret.
    pub kinds: Vec<KindLine>,
    /// One for each installation.
    pub installations: Vec<ProvedInstallation>,
    /// What was not as predicted.
    pub differences: Vec<Difference>,
}

/// A kind of secret, over all Kestras.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KindLine {
    /// Which.
    pub kind: String,
    /// How many were judged.
    pub secrets: usize,
    /// Of how many a text was predicted.
    pub present: usize,
    /// Of how many it was predicted that Kestra does not know them.
    pub missing: usize,
    /// Of how many it was predicted that they keep the pod from running.
    pub held: usize,
    /// How many were as predicted, byte for byte.
    pub agreed: usize,
    /// How many were not asked for, since they would keep the pod of all others from running.
    pub aside: usize,
}

/// A Kestra that was installed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ProvedInstallation {
    /// Its id.
    pub id: String,
    /// How many secrets it was given.
    pub secrets: usize,
    /// How many executions read them.
    pub executions: usize,
    /// To render the chart and foretell the pod, in milliseconds.
    pub prepare_ms: u64,
    /// To install Kestra and wait until it serves, in milliseconds.
    pub install_ms: u64,
    /// To read and compare every secret, in milliseconds.
    pub read_ms: u64,
    /// Why nothing can be said of its secrets; none where all were judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    /// What was real, and what was modelled or changed.
    pub provenance: Provenance,
}

/// A secret that is not as predicted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// The Kestra.
    pub kestra: KestraRef,
    /// Its number in the set; a number beyond the set is that of a smaller example made from one.
    pub number: usize,
    /// Its kind.
    pub kind: String,
    /// What the flow asked for.
    pub key: String,
    /// What was written, bytes escaped.
    pub written: String,
    /// What the flow's outputs were predicted to show, bytes escaped.
    pub predicted: String,
    /// What they showed, bytes escaped.
    pub observed: String,
    /// What is not as it should be.
    pub because: String,
    /// Whether it is the smallest example that was found.
    pub smallest: bool,
}

/// The JSON Schema of `prove.json`, generated from the types.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(ProofReport).to_value()
}

impl ProofReport {
    /// A report of a proof.
    pub fn new(proof: &Proof, run: Run, seed: u64, count: usize, repeat: String) -> Self {
        let differences = proof.differences().map(|(kestra, c)| Difference::new(kestra, c, false));
        let smallest = proof.shrunk.iter().filter_map(|(kestra, shrunk)| {
            let (_, checked) = shrunk.as_ref().ok()?.as_ref()?;
            Some(Difference::new(kestra, checked, true))
        });
        Self {
            schema: 1,
            run,
            seed,
            count,
            repeat,
            kinds: lines(proof),
            installations: proof
                .served
                .iter()
                .map(|s| ProvedInstallation {
                    id: s.id.clone(),
                    secrets: s.samples,
                    executions: s.executions,
                    prepare_ms: ms(s.prepared),
                    install_ms: ms(s.installed),
                    read_ms: ms(s.read),
                    broken: s.checked.as_ref().err().map(ToString::to_string),
                    provenance: s.provenance.clone(),
                })
                .collect(),
            differences: differences.chain(smallest).collect(),
        }
    }

    /// Writes `prove.json` whole, or not at all, into a folder.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        crate::system::atomic::write_private(&folder.join("prove.json"), &serde_json::to_vec_pretty(self)?)
    }

    /// How it ended, as an exit code.
    pub fn exit(&self) -> ExitCode {
        if !self.differences.is_empty() {
            ExitCode::Failure
        } else if self.kinds.is_empty() || self.installations.iter().any(|i| i.broken.is_some()) {
            ExitCode::Infra
        } else {
            ExitCode::Success
        }
    }

    /// The table, the figures and the differences, for a person.
    pub fn describe(&self, proof: &Proof) -> String {
        let mut text = vec![self.table()];
        text.extend(self.installations.iter().map(ProvedInstallation::describe));
        for (kestra, aside) in &proof.aside {
            text.push(format!(
                "{kestra}: {} not asked for: like the one that was tried alone they keep a pod from running on this \
                 kubelet",
                aside.len()
            ));
        }
        let (smallest, all): (Vec<_>, Vec<_>) = self.differences.iter().partition(|d| d.smallest);
        text.extend(all.iter().take(5).map(|d| d.describe("DIFFERENCE")));
        if all.len() > 5 {
            text.push(format!("… and {} more", all.len() - 5));
        }
        text.extend(smallest.iter().map(|d| d.describe("SMALLEST EXAMPLE")));
        for (kestra, shrunk) in &proof.shrunk {
            match shrunk {
                Ok(None) => text.push(format!(
                    "The first difference of {kestra} did not come again with the same secrets: no example was made \
                     of it"
                )),
                Ok(Some((Shrunk { company, .. }, _))) if !company.is_empty() => text.push(format!(
                    "  it differs only together with {}",
                    company
                        .iter()
                        .take(3)
                        .map(Sample::describe)
                        .collect::<Vec<_>>()
                        .join("; ")
                )),
                Ok(Some(_)) => {}
                Err(infra) => text.push(format!("failed to make the example of {kestra} smaller: {infra}")),
            }
        }
        if !all.is_empty() {
            text.push(format!("repeat it with: {}", self.repeat));
        }
        text.push(self.summary());
        text.join("\n")
    }

    fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["", "secrets", "predicted present", "predicted missing", "agreed"]);
        let row = |line: &KindLine| {
            let all = line.agreed == line.secrets;
            let number = |n: usize| Cell::new(n).set_alignment(CellAlignment::Right);
            [
                Cell::new(&line.kind),
                number(line.secrets),
                number(line.present),
                number(line.missing + line.held),
                number(line.agreed).fg(if all { Color::Green } else { Color::Red }),
            ]
        };
        for line in &self.kinds {
            table.add_row(row(line));
        }
        table.add_row(row(&self.sum()));
        table.trim_fmt()
    }

    fn sum(&self) -> KindLine {
        let mut sum = KindLine {
            kind: "all".into(),
            ..KindLine::default()
        };
        for line in &self.kinds {
            sum.secrets += line.secrets;
            sum.present += line.present;
            sum.missing += line.missing;
            sum.held += line.held;
            sum.agreed += line.agreed;
            sum.aside += line.aside;
        }
        sum
    }

    fn summary(&self) -> String {
        let sum = self.sum();
        let seconds = Duration::from_millis(self.run.wall_ms).as_secs_f32();
        format!(
            "{} of {} as predicted, seed {}, in {seconds:.1} s on {} with chart {} (exit {})",
            sum.agreed,
            sum.secrets,
            self.seed,
            self.run.provider,
            self.run.chart,
            self.exit().code()
        )
    }
}

impl ProvedInstallation {
    fn describe(&self) -> String {
        let seconds = |ms: u64| Duration::from_millis(ms).as_secs_f32();
        let broken = self.broken.as_ref().map(|b| format!("; {b}")).unwrap_or_default();
        format!(
            "{}: {}; chart {:.1} s, Kestra's boot {:.1} s, {} and comparison {:.1} s{broken}",
            self.id,
            count(self.secrets, "secret"),
            seconds(self.prepare_ms),
            seconds(self.install_ms),
            count(self.executions, "execution"),
            seconds(self.read_ms),
        )
    }
}

impl Difference {
    fn new(kestra: &KestraRef, checked: &Checked, smallest: bool) -> Self {
        Self {
            kestra: kestra.clone(),
            number: checked.sample.number,
            kind: checked.sample.kind.title().into(),
            key: checked.sample.key.clone(),
            written: checked.sample.describe(),
            predicted: predicted(&checked.predicted),
            observed: observed(&checked.observed),
            because: checked.differs.clone().unwrap_or_default(),
            smallest,
        }
    }

    fn describe(&self, what: &str) -> String {
        format!(
            "{what} on {}, number {} ({}): {}\n  written    {}\n  asked for  {}\n  predicted  {}\n  observed   {}",
            self.kestra,
            self.number,
            self.kind,
            self.because,
            cut(&self.written),
            escaped(self.key.as_bytes()),
            cut(&self.predicted),
            cut(&self.observed),
        )
    }
}

fn predicted(predicted: &Predicted) -> String {
    match predicted {
        Predicted::Read(SecretRead::Text(text)) => escaped(text.bytes()),
        Predicted::Read(SecretRead::OneOf(texts)) => {
            let texts: Vec<String> = texts.iter().map(|t| escaped(t.bytes())).collect();
            format!("one of {}", texts.join(", "))
        }
        Predicted::Read(SecretRead::EmptyString) => "the empty text, since it is missing".into(),
        Predicted::Read(SecretRead::Fails(sentence)) => sentence.clone(),
        Predicted::Never(why) => format!("never runs: {why}"),
    }
}

fn observed(observed: &Observed) -> String {
    match observed {
        Observed::Text(text) => escaped(text.bytes()),
        Observed::Missing(words) => visible(words),
        Observed::Never(why) => format!("never ran: {}", visible(why)),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}… ({} bytes in all)", &text[..at], text.len()),
        None => text.to_owned(),
    }
}

fn lines(proof: &Proof) -> Vec<KindLine> {
    let mut lines: BTreeMap<Kind, KindLine> = BTreeMap::new();
    for (_, checked) in proof.checked() {
        let line = lines.entry(checked.sample.kind).or_default();
        line.secrets += 1;
        match &checked.predicted {
            Predicted::Never(_) => line.held += 1,
            missing if is_missing(missing) => line.missing += 1,
            Predicted::Read(_) => line.present += 1,
        }
        line.agreed += usize::from(checked.differs.is_none());
    }
    for sample in proof.aside.values().flatten() {
        lines.entry(sample.kind).or_default().aside += 1;
    }
    let named = lines.into_iter().map(|(kind, line)| KindLine {
        kind: kind.title().into(),
        ..line
    });
    named.collect()
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
