//! One case on the page.

use std::collections::BTreeMap;
use std::path::Path;

use super::value::{HopLine, OutcomeLine, lines, sights};
use super::{CombinationView, seconds, word};
use crate::oracle::secret::DisplayValue;
use crate::oracle::secret::diagnosis::Code;
use crate::report::{CaseResult, Phase, Provenance, ServedBy, evidence};
use crate::system::words::visible;
use crate::verdict::Status;

/// The most bytes of a file of evidence.
const EXHIBIT: u64 = 64 << 10;
/// The bar's length.
const BAR: u64 = 1000;

pub struct CasePage {
    pub number: usize,
    pub scenario: String,
    pub about: String,
    pub source: Option<String>,
    pub of: CombinationView,
    pub chart: String,
    pub status: &'static str,
    pub mark: &'static str,
    /// Whether it is open from the beginning.
    pub wrong: bool,
    pub because: Option<String>,
    pub help: Option<String>,
    pub sights: Vec<OutcomeLine>,
    pub findings: Vec<DiagnosisView>,
    pub warnings: Vec<String>,
    pub ways: Vec<HopTable>,
    pub phases: Vec<Part>,
    pub total: String,
    pub bar: String,
    pub provenance: Vec<(&'static str, String)>,
    pub evidence: Vec<EvidenceView>,
}

/// A code, once for all the outputs that show it.
pub struct DiagnosisView {
    pub code: Code,
    pub title: String,
    pub outputs: String,
    pub cause: &'static str,
    pub effect: &'static str,
    pub cure: String,
    pub corrected: Option<String>,
}

pub struct HopTable {
    pub output: String,
    pub wrong: bool,
    pub lines: Vec<HopLine>,
}

/// A phase as a part of the bar.
pub struct Part {
    pub name: String,
    pub took: String,
    pub whose: &'static str,
    pub x: u64,
    pub width: u64,
}

pub struct EvidenceView {
    pub name: String,
    pub text: String,
    pub left: Option<String>,
}

impl CasePage {
    /// A case; `left` is how many bytes of evidence the page still takes.
    pub fn new(number: usize, result: &CaseResult, folder: &Path, left: &mut u64) -> Self {
        let (status, mark) = word(result.status);
        let total: u64 = result.phases.iter().map(|p| p.ms).sum();
        let phases = parts(&result.phases, total);
        let expected = result.expected.as_ref();
        Self {
            number,
            scenario: visible(&result.scenario),
            about: visible(&result.about),
            source: result.source.as_ref().map(|s| visible(&s.to_string())),
            of: CombinationView::from(&result.combination()),
            chart: visible(&result.provenance.chart),
            status,
            mark,
            wrong: matches!(result.status, Status::Fail | Status::Error),
            because: result.because.as_deref().map(visible),
            help: result.help.as_deref().map(visible),
            sights: [
                sights("promised", result.promised.as_ref(), expected),
                sights("expected", expected, None),
                sights("predicted", result.predicted.as_ref(), expected),
                sights("observed", result.observed.as_ref(), expected),
            ]
            .into_iter()
            .flatten()
            .collect(),
            findings: findings(result),
            warnings: result.warnings.iter().map(|w| visible(w)).collect(),
            ways: result
                .hops
                .iter()
                .map(|(output, hops)| {
                    let first_wrong = result.first_wrong.get(output).copied();
                    HopTable {
                        output: visible(output),
                        wrong: first_wrong.is_some(),
                        lines: lines(hops, first_wrong),
                    }
                })
                .collect(),
            bar: phases
                .iter()
                .map(|p| format!("{} {}", p.name, p.took))
                .collect::<Vec<_>>()
                .join(", "),
            phases,
            total: seconds(total),
            provenance: provenance(&result.provenance),
            evidence: exhibits(result, folder, left),
        }
    }
}

fn findings(result: &CaseResult) -> Vec<DiagnosisView> {
    let mut told: BTreeMap<(Code, &str), DiagnosisView> = BTreeMap::new();
    for finding in &result.diagnosis {
        let output = visible(&finding.output);
        let corrected = match &finding.corrected {
            // What is made from a private one is as private, and a hash is no advice.
            Some(public @ DisplayValue::Public(_)) => Some(public.to_string()),
            _ => None,
        };
        let of = told
            .entry((finding.code, &finding.cure))
            .or_insert_with(|| DiagnosisView {
                code: finding.code,
                title: visible(&finding.title),
                outputs: String::new(),
                cause: finding.code.cause(),
                effect: finding.code.effect(),
                cure: visible(&finding.cure),
                corrected: None,
            });
        if !of.outputs.is_empty() {
            of.outputs.push_str(", ");
        }
        of.outputs.push_str(&output);
        if let Some(corrected) = corrected {
            let line = format!("{output}: {corrected}");
            of.corrected = Some(
                of.corrected
                    .take()
                    .map_or(line.clone(), |before| format!("{before}\n{line}")),
            );
        }
    }
    told.into_values().collect()
}

fn parts(phases: &[Phase], total: u64) -> Vec<Part> {
    let mut before = 0;
    let mut parts = Vec::new();
    for phase in phases {
        let at = |ms: u64| ms.saturating_mul(BAR) / total.max(1);
        let (x, end) = (at(before), at(before + phase.ms));
        before += phase.ms;
        let (name, whose) = match phase.name.as_str() {
            Phase::BOOT => ("Kestra's boot".to_owned(), "kestra"),
            "flow" => ("flow".to_owned(), "flow"),
            other => (visible(other), "ours"),
        };
        parts.push(Part {
            name,
            took: seconds(phase.ms),
            whose,
            x,
            width: end - x,
        });
    }
    parts
}

fn provenance(of: &Provenance) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("Provider", visible(&of.provider)),
        ("Chart", visible(&of.chart)),
        ("Kestra", visible(&of.kestra.to_string())),
    ];
    lines.extend(of.upgraded_from.iter().map(|from| {
        let before = format!("Kestra {}, chart {}", from.kestra, from.chart);
        ("Upgraded from", visible(&before))
    }));
    lines.extend(of.image.iter().map(|image| ("Image", visible(image))));
    lines.push(("REST served by", visible(&of.rest.to_string())));
    lines.extend(of.kubernetes.iter().map(|k| ("Kubernetes", visible(k))));
    lines.extend(of.helm.iter().map(|helm| ("helm", visible(helm))));
    lines.extend(of.modelled.iter().map(|m| ("Modelled, not real", visible(m))));
    if of.modelled.is_empty() && of.rest != ServedBy::Nobody {
        lines.push(("Modelled, not real", "nothing".into()));
    }
    lines.extend(of.deviations.iter().map(|d| ("Changed to run here", visible(d))));
    if of.shared_with.len() > 1 {
        lines.push(("On one installation", visible(&of.shared_with.join(", "))));
    }
    lines.extend(of.note.iter().map(|note| ("Note", visible(note))));
    lines
}

fn exhibits(result: &CaseResult, folder: &Path, left: &mut u64) -> Vec<EvidenceView> {
    let mut shown = Vec::new();
    for path in &result.evidence {
        for exhibit in evidence::read(folder, path, EXHIBIT.min(*left)) {
            *left = left.saturating_sub(exhibit.bytes.len() as u64);
            shown.push(EvidenceView {
                name: visible(&exhibit.name.display().to_string()),
                text: visible(&String::from_utf8_lossy(&exhibit.bytes)),
                left: (exhibit.left > 0).then(|| format!("{} bytes more are in {}", exhibit.left, visible(path))),
            });
        }
    }
    shown
}
