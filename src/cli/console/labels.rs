//! What a case ran on, in as few words as tell the cases of one console apart.

use std::collections::{BTreeMap, BTreeSet};

use textwrap::core::display_width;

use crate::report::Provenance;

/// Which words are needed, and how wide they become.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each word of a label is needed or not, whatever the others are"
)]
pub struct Labels {
    full_kestra: bool,
    with_generation: bool,
    with_chart: bool,
    full_chart: bool,
    with_provider: bool,
    width: usize,
}

impl Labels {
    /// For cases by scenario and what they run on.
    pub fn for_cases<'a>(cases: impl IntoIterator<Item = (&'a str, &'a Provenance)>) -> Self {
        let cases: Vec<_> = cases.into_iter().collect();
        let all = || cases.iter().map(|(_, provenance)| *provenance);
        let kestras: BTreeSet<_> = all().map(|p| &p.kestra).collect();
        let short: BTreeSet<_> = kestras.iter().map(|kestra| kestra.short_name()).collect();
        let charts: BTreeSet<_> = all().map(|p| split_chart(&p.chart).0).collect();
        let brief: BTreeSet<_> = charts.iter().map(|chart| brief_chart(chart)).collect();
        let providers: BTreeSet<_> = all().map(|p| p.provider.as_str()).collect();
        let mut generations: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (scenario, p) in &cases {
            let (chart, generation) = split_chart(&p.chart);
            let case = (*scenario, &p.kestra, chart, p.provider.as_str());
            generations.entry(case).or_default().insert(generation);
        }
        let mut labels = Self {
            full_kestra: short.len() < kestras.len(),
            with_generation: generations.values().any(|several| several.len() > 1),
            with_chart: charts.len() > 1,
            full_chart: brief.len() < charts.len(),
            with_provider: providers.len() > 1,
            width: 0,
        };
        let widths = all().map(|provenance| display_width(&labels.words(provenance)));
        labels.width = widths.max().unwrap_or_default();
        labels
    }

    /// What a case ran on, as wide as the widest.
    pub fn label(&self, provenance: &Provenance) -> String {
        let words = self.words(provenance);
        let missing = self.width.saturating_sub(display_width(&words));
        words + &" ".repeat(missing)
    }

    fn words(&self, provenance: &Provenance) -> String {
        let (chart, generation) = split_chart(&provenance.chart);
        let kestra = if self.full_kestra {
            provenance.kestra.to_string()
        } else {
            provenance.kestra.short_name()
        };
        let mut words = vec![kestra];
        if self.with_chart {
            let chart = if self.full_chart { chart } else { brief_chart(chart) };
            words.push(format!("chart {chart}"));
        }
        if self.with_generation {
            words.push(format!("as {generation}"));
        }
        if self.with_provider {
            words.push(format!("on {}", provenance.provider));
        }
        words.join(" ")
    }
}

/// A chart's name and version, without where it came from.
fn brief_chart(chart: &str) -> &str {
    chart.split_once(" (").map_or(chart, |(brief, _)| brief)
}

/// A chart as a result names it: the chart, and the generation that it played.
fn split_chart(chart: &str) -> (&str, &str) {
    chart.rsplit_once(" as ").unwrap_or((chart, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(cases: &[(&str, &str, &str)]) -> Vec<String> {
        let cases: Vec<_> = cases
            .iter()
            .map(|(scenario, kestra, chart)| {
                let chart = format!("kestra-minimal 0.1.0 (bundled) as {chart}");
                (*scenario, Provenance::new("embedded", chart, kestra.parse().unwrap()))
            })
            .collect();
        let labels = Labels::for_cases(cases.iter().map(|(scenario, p)| (*scenario, p)));
        cases.iter().map(|(_, p)| labels.label(p)).collect()
    }

    #[test]
    fn a_version_is_enough_where_it_is_unique() {
        let cases = [("a", "engine@2.0.0", "1.x"), ("b", "engine@1.3.31", "0.x")];
        assert_eq!(labels(&cases), ["2.0.0 ", "1.3.31"]);
        assert_eq!(labels(&[("a", "exec:/opt/kestra", "1.x")]), ["kestra"]);
    }

    #[test]
    fn two_kestras_of_one_version_and_two_generations_are_told_apart() {
        let cases = [("a", "engine@2.0.0", "1.x"), ("a", "official@2.0.0", "1.x")];
        assert_eq!(labels(&cases), ["engine@2.0.0  ", "official@2.0.0"]);
        let cases = [("a", "engine@2.0.0", "1.x"), ("a", "engine@2.0.0", "0.x")];
        assert_eq!(labels(&cases), ["2.0.0 as 1.x", "2.0.0 as 0.x"]);
    }
}
