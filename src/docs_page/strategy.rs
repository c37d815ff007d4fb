//! What belongs together on a page: values, the Secrets that they name, and the flow that reads them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::document::{self, BlockKind, PageVariable, Values, source};
use super::markdown::{Block, Markdown};
use crate::plan;
use crate::scenario::Generation;
use crate::system::yaml;

/// One way that a page shows to give Kestra its secrets.
#[derive(Debug, Clone)]
pub struct PageStrategy {
    /// In the words of the chart's keys.
    pub name: String,
    /// The chart's generation, by the keys.
    pub generation: Generation,
    /// The blocks that together are the values; the first one gives the variables.
    pub values: Vec<usize>,
    /// The blocks of manifests that the values name.
    pub manifests: Vec<usize>,
    /// What the values name and the page does not have.
    pub missing: Vec<String>,
    /// Whether it mounts files and gives no variable.
    pub only_mounts: bool,
    /// The flow that reads the secrets.
    pub flow: PageFlow,
    /// The secrets that it gives.
    pub given: Vec<PageVariable>,
}

/// The flow of a strategy.
#[derive(Debug, Clone)]
pub struct PageFlow {
    /// Its source.
    pub text: String,
    /// Its outputs, and the secret that each reads.
    pub reads: BTreeMap<String, String>,
}

impl PageStrategy {
    /// All its blocks of values and manifests.
    pub fn blocks(&self) -> impl Iterator<Item = usize> {
        self.values.iter().chain(&self.manifests).copied()
    }

    /// Where its documents stand on the page, for a person.
    pub fn position(&self, page: &Markdown) -> String {
        let mut blocks: Vec<&Block> = self.blocks().filter_map(|number| page.blocks.get(number)).collect();
        blocks.sort_by_key(|block| block.line);
        blocks.iter().map(|block| block.lines()).collect::<Vec<_>>().join(", ")
    }

    /// The values as one file: the parts have no key in common.
    pub fn values_text(&self, page: &Markdown) -> String {
        let parts = self.values.iter().filter_map(|number| page.blocks.get(*number));
        parts.map(|block| with_newline(&block.text)).collect()
    }
}

fn with_newline(text: &str) -> String {
    if text.ends_with('\n') {
        text.to_owned()
    } else {
        format!("{text}\n")
    }
}

/// Finds the strategies of a page whose blocks are of these kinds.
pub fn strategies(page: &Markdown, kinds: &[BlockKind]) -> Vec<PageStrategy> {
    let found = kinds.iter().enumerate().filter_map(|(number, kind)| match kind {
        BlockKind::Values(values) if !values.ways.is_empty() => Some((number, values)),
        _ => None,
    });
    found
        .map(|(number, values)| strategy(page, kinds, number, values))
        .collect()
}

fn strategy(page: &Markdown, kinds: &[BlockKind], number: usize, values: &Values) -> PageStrategy {
    let mut strategy = PageStrategy {
        name: values.ways.join(" and "),
        generation: values.generation,
        values: vec![number],
        manifests: Vec::new(),
        missing: Vec::new(),
        only_mounts: values.only_mounts(),
        flow: PageFlow {
            text: String::new(),
            reads: BTreeMap::new(),
        },
        given: Vec::new(),
    };
    for name in values.names.iter().filter(|name| !values.defines.contains(name)) {
        let defines = |kind: &BlockKind| match kind {
            BlockKind::Manifests(names) => names.contains(name),
            BlockKind::Values(other) => {
                other.defines.contains(name) && other.keys.iter().all(|key| !values.keys.contains(key))
            }
            _ => false,
        };
        let candidates = (0..kinds.len()).filter(|other| *other != number && kinds.get(*other).is_some_and(defines));
        let Some(nearest) = nearest(page, number, candidates) else {
            strategy.missing.push(name.clone());
            continue;
        };
        let parts = match kinds.get(nearest) {
            Some(BlockKind::Values(_)) => &mut strategy.values,
            _ => &mut strategy.manifests,
        };
        if !parts.contains(&nearest) {
            parts.push(nearest);
        }
    }
    let sources: Vec<_> = strategy
        .blocks()
        .filter_map(|number| page.blocks.get(number))
        .map(|block| source("", &block.text))
        .collect();
    strategy.given = document::given(&sources, strategy.generation);
    strategy.flow = flow(page, kinds, number, &strategy.given);
    strategy
}

/// Of several blocks the one that a reader takes to belong here: below the same heading, then above, then near.
fn nearest(page: &Markdown, here: usize, candidates: impl Iterator<Item = usize>) -> Option<usize> {
    let here = page.blocks.get(here)?;
    candidates.min_by_key(|number| {
        let Some(block) = page.blocks.get(*number) else {
            return (true, true, usize::MAX);
        };
        let apart = block.section != here.section;
        (apart, apart && block.line > here.line, block.line.abs_diff(here.line))
    })
}

/// The page's flow where it has one that can be run alone, else the harness's own, which reads the same secrets.
fn flow(page: &Markdown, kinds: &[BlockKind], number: usize, given: &[PageVariable]) -> PageFlow {
    let flows = (0..kinds.len()).filter(|other| matches!(kinds.get(*other), Some(BlockKind::Flow)));
    let block = nearest(page, number, flows);
    let text = block
        .and_then(|number| page.blocks.get(number))
        .map(|block| block.text.as_str());
    if let Some(text) = text
        && runs_alone(text)
    {
        let reads = plan::reads_of(text);
        if !reads.is_empty() {
            let text = text.to_owned();
            return PageFlow { text, reads };
        }
    }
    let mut keys = text.map(called).unwrap_or_default();
    if keys.is_empty() {
        keys = given.iter().map(|given| given.key.clone()).collect();
    }
    let reads: BTreeMap<String, String> = keys.into_iter().map(|key| (key.to_lowercase(), key)).collect();
    PageFlow {
        text: own_flow("secret_test", &reads),
        reads,
    }
}

/// The harness's flow for these reads.
pub fn own_flow(id: &str, reads: &BTreeMap<String, String>) -> String {
    let reads = reads.iter().map(|(output, secret)| {
        let secret = secret.clone();
        (output.clone(), plan::OutputRead { secret, public: true })
    });
    plan::flow(id, &reads.collect())
}

/// Whether nothing but Kestra's core is needed, and nobody who starts it.
fn runs_alone(text: &str) -> bool {
    let Ok(flow) = yaml::from_str::<Value>(text) else {
        return false;
    };
    let tasks = flow.get("tasks").and_then(Value::as_array);
    let is_core = |task: &Value| {
        let kind = task.get("type").and_then(Value::as_str);
        kind.is_some_and(|kind| kind.starts_with("io.kestra.plugin.core."))
    };
    let alone = ["inputs", "triggers"].iter().all(|key| flow.get(key).is_none());
    alone && tasks.is_some_and(|tasks| !tasks.is_empty() && tasks.iter().all(is_core))
}

/// The secrets that a flow calls.
fn called(text: &str) -> Vec<String> {
    static CALL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"secret\(\s*(?:'([^']+)'|"([^"]+)")"#).ok());
    let Some(call) = CALL.as_ref() else {
        return Vec::new();
    };
    let mut keys: Vec<String> = Vec::new();
    for found in call.captures_iter(text) {
        if let Some(key) = found.get(1).or_else(|| found.get(2))
            && !keys.iter().any(|known| known == key.as_str())
        {
            keys.push(key.as_str().to_owned());
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docs_page::markdown::read;

    fn strategies_of(text: &str) -> (Markdown, Vec<PageStrategy>) {
        let page = read(text);
        let kinds: Vec<BlockKind> = page.blocks.iter().map(document::classify).collect();
        let found = strategies(&page, &kinds);
        (page, found)
    }

    const SECRET: &str =
        "```yaml\napiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {SECRET_A: x}\n```\n";
    const FROM: &str = "```yaml\ncommon: {extraEnvFrom: [{secretRef: {name: db}}]}\n```\n";

    #[test]
    fn a_secret_below_the_same_heading_belongs_to_the_values() {
        let other = SECRET.replace("SECRET_A", "SECRET_B");
        let (_, found) = strategies_of(&format!("# a\n{SECRET}{FROM}# b\n{FROM}\ntext\n\n{other}"));
        let keys: Vec<_> = found.iter().map(|s| s.given[0].key.as_str()).collect();
        assert_eq!(keys, ["A", "B"]);
        // From another section, the one above.
        let (_, found) = strategies_of(&format!("# a\n{SECRET}# b\n{FROM}# c\n{other}"));
        assert_eq!(found[0].given[0].key, "A");
    }

    #[test]
    fn values_that_define_the_secret_are_part_of_the_values() {
        let defines = "```yaml\nextraManifests:\n  - {apiVersion: v1, kind: Secret, metadata: {name: db}, stringData: {SECRET_A: x}}\n```\n";
        let (page, found) = strategies_of(&format!("{FROM}{defines}"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].values, [0, 1]);
        assert!(found[0].values_text(&page).contains("extraManifests"));
        assert_eq!(found[0].given[0].key, "A");
    }

    #[test]
    fn what_is_nowhere_on_the_page_is_missing() {
        let (_, found) = strategies_of(FROM);
        assert_eq!(found[0].missing, ["db"]);
    }

    #[test]
    fn a_flow_that_cannot_run_alone_tells_what_to_read() {
        let flow = "```yaml\nid: a\nnamespace: b\ntasks:\n  - {id: c, type: io.kestra.plugin.jdbc.Query, password: \"{{ secret('DB') }}\"}\n```\n";
        let (_, found) = strategies_of(&format!("{FROM}{flow}"));
        assert!(!found[0].flow.text.contains("jdbc"));
        assert_eq!(found[0].flow.reads["db"], "DB");
        assert!(found[0].flow.text.contains("secret('DB')"));
        let (_, found) = strategies_of(&format!("{SECRET}{FROM}"));
        assert_eq!(found[0].flow.reads["a"], "A");
    }
}
