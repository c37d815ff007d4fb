//! Documented ways to give Kestra its secrets as scenarios: as they are documented, and as they have to be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::document::{Values, source};
use super::{MarkdownPage, configuration, correct, strategy};
use crate::lint::ExpectedValues;
use crate::oracle::secret::Plaintext;
use crate::plan;
use crate::release::input::SourceFile;
use crate::scenario::{Expect, Expectation, Expected, Generation, Input, Literal, Manifest, Scenario, Start};

/// One documented way, and what becomes of it.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The edition of the page, or the lines on it.
    pub place: String,
    /// The way, in the words of the chart's keys.
    pub strategy: String,
    /// As it is documented, beside the harness's defaults.
    pub scenario: Arc<Scenario>,
    /// The same documents as they are printed, of which nothing is asked but whether they install.
    pub as_printed: Arc<Scenario>,
    /// The same with flows that read one secret each, by its name: one that is missing fails a flow as a whole.
    pub alone: Vec<(String, Arc<Scenario>)>,
    /// As it has to be; none where it is right or cannot be corrected.
    pub corrected: Option<CorrectedClaim>,
}

/// Documents as they have to be.
#[derive(Debug, Clone)]
pub struct CorrectedClaim {
    /// Beside the harness's defaults.
    pub scenario: Arc<Scenario>,
    /// As they would be printed then.
    pub as_printed: Arc<Scenario>,
}

impl CorrectedClaim {
    fn new(scenario: Scenario) -> Self {
        Self {
            as_printed: Arc::new(as_printed(&scenario, scenario.expect.first().and_then(|e| e.chart))),
            scenario: Arc::new(scenario),
        }
    }
}

impl Claim {
    /// Whether its values have no configuration of Kestra, without which chart 1.x refuses them.
    pub fn lacks_configuration(&self) -> bool {
        let Input::Literal(literal) = &self.scenario.given else {
            return false;
        };
        let text = String::from_utf8_lossy(literal.values.bytes());
        configuration::is_due(&[source(&literal.values_file, &text)], literal.chart)
    }

    fn scenarios(&self) -> Vec<Arc<Scenario>> {
        let alone = self.alone.iter().map(|(_, scenario)| scenario);
        let corrected = self.corrected.iter().flat_map(|c| [&c.scenario, &c.as_printed]);
        let all = [&self.as_printed, &self.scenario]
            .into_iter()
            .chain(alone)
            .chain(corrected);
        all.cloned().collect()
    }
}

/// All that is to be run of claims, each once: of two with the same documents what is printed is the same.
pub fn scenarios(claims: &[Claim]) -> Vec<Arc<Scenario>> {
    let mut named = BTreeSet::new();
    let all = claims.iter().flat_map(Claim::scenarios);
    all.filter(|scenario| named.insert(scenario.name.clone())).collect()
}

/// A file as it is, and as it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// Where it stands.
    pub file: String,
    /// Its text.
    pub old: String,
    /// What it has to be.
    pub new: String,
}

/// The claims of scenarios that hold a page's documents, and the corrections of those.
pub fn of_scenarios(scenarios: Vec<Scenario>) -> (Vec<Claim>, Vec<Correction>) {
    let mut corrections: Vec<Correction> = Vec::new();
    let mut claims = Vec::new();
    let (printed, scenarios): (Vec<Scenario>, Vec<Scenario>) = scenarios.into_iter().partition(is_as_printed);
    let printed: Vec<Arc<Scenario>> = printed.into_iter().map(Arc::new).collect();
    for scenario in scenarios {
        let Input::Literal(literal) = &scenario.given else {
            continue;
        };
        let corrected = corrected(&scenario, literal);
        if let Some(corrected) = &corrected {
            for (old, new) in files(literal).into_iter().zip(files(corrected)) {
                if old.1 != new.1 && corrections.iter().all(|known| known.file != old.0) {
                    let [(file, old), (_, new)] = [old, new];
                    corrections.push(Correction { file, old, new });
                }
            }
        }
        let edition = scenario.source.as_ref().and_then(|source| source.edition.clone());
        // What is written for 0.x no other chart takes notice of.
        let chart = Some(literal.chart).filter(|chart| *chart == Generation::V0);
        let corrected = corrected.map(|literal| CorrectedClaim::new(as_promised(&scenario, literal, chart)));
        // What the catalogue expects of these very documents goes before what is hoped for.
        let known = printed.iter().find(|known| !differ(&known.given, &scenario.given));
        claims.push(Claim {
            place: edition.unwrap_or_default(),
            strategy: scenario.name.clone(),
            as_printed: known.cloned().unwrap_or_else(|| Arc::new(as_printed(&scenario, chart))),
            scenario: Arc::new(scenario),
            alone: Vec::new(),
            corrected,
        });
    }
    (claims, corrections)
}

/// The documents of a literal under the names that they have in the repository.
fn files(literal: &Literal) -> Vec<(String, String)> {
    let values = (&literal.values_file, &literal.values);
    let manifests = literal
        .manifests
        .iter()
        .map(|manifest| (&manifest.file, &manifest.text));
    let named = |(file, text): (&String, &Plaintext)| {
        (
            format!("scenarios/{file}"),
            String::from_utf8_lossy(text.bytes()).into_owned(),
        )
    };
    [values].into_iter().chain(manifests).map(named).collect()
}

/// A literal whose documents keep the scenario's promise; none where nothing is to be changed or nobody can tell what.
fn corrected(scenario: &Scenario, literal: &Literal) -> Option<Literal> {
    let Some(Expect::Outputs(promised)) = &scenario.promise else {
        return None;
    };
    let reads = plan::reads_of(&literal.flow);
    let mut meanings = ExpectedValues::default();
    for (output, plain) in promised {
        meanings.say(reads.get(output)?, plain.clone(), Vec::new());
    }
    let documents = files(literal);
    let sources: Vec<SourceFile> = documents.iter().map(|(file, text)| source(file, text)).collect();
    let only_mounts = Values::read(&documents.first()?.1).is_some_and(|values| values.only_mounts());
    let keys: Vec<String> = reads.into_values().collect();
    let texts = correct::documents(&sources, literal.chart, only_mounts, &keys, &meanings)?;
    if documents.iter().map(|(_, text)| text).eq(&texts) {
        return None;
    }
    let mut texts = texts.into_iter().map(|text| Plaintext::new(text, literal.public));
    let mut new = literal.clone();
    new.values = texts.next()?;
    for manifest in &mut new.manifests {
        manifest.text = texts.next()?;
    }
    Some(new)
}

/// The same scenario with other documents, of which nothing less than the promise is expected.
fn as_promised(scenario: &Scenario, literal: Literal, chart: Option<Generation>) -> Scenario {
    Scenario {
        name: format!("{}-corrected", scenario.name),
        about: format!("{}, corrected", scenario.name),
        given: Input::Literal(literal),
        expect: scenario
            .promise
            .iter()
            .map(|promise| expectation(promise.clone(), chart))
            .collect(),
        ..scenario.clone()
    }
}

fn is_as_printed(scenario: &Scenario) -> bool {
    matches!(&scenario.given, Input::Literal(literal) if literal.as_printed)
}

/// The same documents with nothing added, of which it is hoped that they install.
fn as_printed(scenario: &Scenario, chart: Option<Generation>) -> Scenario {
    let given = match &scenario.given {
        Input::Literal(literal) => Input::Literal(Literal {
            as_printed: true,
            ..literal.clone()
        }),
        Input::Intent(_) => scenario.given.clone(),
    };
    Scenario {
        name: format!("{}-printed", scenario.name),
        about: format!("{}, as printed", scenario.about),
        given,
        promise: Some(Expect::Installs),
        expect: vec![expectation(Expect::Installs, chart)],
        ..scenario.clone()
    }
}

fn expectation(expect: Expect, chart: Option<Generation>) -> Expectation {
    Expectation {
        kestra: None,
        chart,
        wanted: Expected::only(expect),
    }
}

/// The claims of a page and of the same page corrected, strategy by strategy.
pub fn of_page(page: &MarkdownPage, corrected: &MarkdownPage) -> Vec<Claim> {
    let same_shape = page.strategies.len() == corrected.strategies.len();
    let claims = page.strategies.iter().enumerate().map(|(number, strategy)| {
        let name = format!("page-{}", number + 1);
        let scenario = of_strategy(page, number, &name, &strategy.flow.text, &strategy.flow.reads);
        let mut alone = Vec::new();
        if strategy.flow.reads.len() > 1 {
            for (output, key) in &strategy.flow.reads {
                let reads: BTreeMap<String, String> = [(output.clone(), key.clone())].into();
                let name = format!("{name}-{}", plan::slug(key));
                let flow = strategy::own_flow("secret_alone", &reads);
                alone.push((key.clone(), Arc::new(of_strategy(page, number, &name, &flow, &reads))));
            }
        }
        let right = corrected.strategies.get(number).filter(|_| same_shape);
        let right = right.map(|right| {
            let name = format!("{name}-corrected");
            of_strategy(corrected, number, &name, &right.flow.text, &right.flow.reads)
        });
        Claim {
            place: strategy.position(&page.markdown),
            strategy: strategy.name.clone(),
            corrected: right
                .filter(|right| differ(&scenario.given, &right.given) || flow_of(&scenario) != flow_of(right))
                .map(CorrectedClaim::new),
            as_printed: Arc::new(as_printed(&scenario, None)),
            scenario: Arc::new(scenario),
            alone,
        }
    });
    claims.collect()
}

/// Whether a release would be given other documents.
fn differ(one: &Input, other: &Input) -> bool {
    let (Input::Literal(one), Input::Literal(other)) = (one, other) else {
        return true;
    };
    let manifests = |literal: &Literal| literal.manifests.iter().map(|m| m.text.clone()).collect::<Vec<_>>();
    one.values != other.values || manifests(one) != manifests(other)
}

fn flow_of(scenario: &Scenario) -> &str {
    match &scenario.given {
        Input::Literal(literal) => &literal.flow,
        Input::Intent(_) => "",
    }
}

fn of_strategy(
    page: &MarkdownPage,
    number: usize,
    name: &str,
    flow: &str,
    reads: &BTreeMap<String, String>,
) -> Scenario {
    let strategy = &page.strategies[number];
    let meant = page.meant.get(number);
    let promised = reads.iter().filter_map(|(output, key)| {
        let meant = meant?.get(&key.to_uppercase())?;
        Some((output.clone(), meant.plain.clone()))
    });
    let promise = Expect::Outputs(promised.collect());
    let blocks = strategy
        .manifests
        .iter()
        .filter_map(|block| page.markdown.blocks.get(*block));
    let first = strategy
        .values
        .first()
        .and_then(|block| page.markdown.blocks.get(*block));
    Scenario {
        name: name.into(),
        about: format!("{} at {}", strategy.name, strategy.position(&page.markdown)),
        source: None,
        given: Input::Literal(Literal {
            chart: strategy.generation,
            values: Plaintext::new(strategy.values_text(&page.markdown), true),
            values_file: page.name.clone(),
            manifests: blocks
                .map(|block| Manifest {
                    file: format!("{}:{}", page.name, block.line),
                    text: Plaintext::new(block.text.as_str(), true),
                })
                .collect(),
            flow: flow.into(),
            public: true,
            as_printed: false,
            credentials: None,
        }),
        flows: Vec::new(),
        start: Start::default(),
        promise: Some(promise.clone()),
        expect: vec![expectation(promise, None)],
        steps: Vec::new(),
        not_on_engine: None,
        file: page.name.clone(),
        at: (first.map_or(0, |block| block.line as u64), 1),
    }
}
