//! One page that needs nothing else: no file, no network, and no script to be read.

mod case;
mod value;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::{CaseResult, Combination, Report, Run, outcome_words};
use crate::error::ExitCode;
use crate::system::words::visible;
use crate::verdict::Status;
use case::CasePage;

const CSS: &str = include_str!("../../templates/report.css");
const JS: &str = include_str!("../../templates/report.js");
/// The most bytes of evidence that a page holds, of all its files together.
const EVIDENCE: u64 = 8 << 20;

#[derive(Template)]
#[template(path = "report.html")]
struct HtmlPage {
    policy: String,
    tool: String,
    title: &'static str,
    css: &'static str,
    js: &'static str,
    tone: &'static str,
    mark: &'static str,
    verdict: String,
    facts: Vec<(&'static str, String)>,
    statuses: Vec<&'static str>,
    providers: BTreeSet<String>,
    kestras: BTreeSet<String>,
    columns: Vec<CombinationView>,
    rows: Vec<ScenarioRow>,
    cases: Vec<CasePage>,
    runs: Vec<RunLine>,
    kept: Vec<String>,
}

/// What cases were run against, fit to be seen.
struct CombinationView {
    kestra: String,
    image: Option<String>,
    chart: String,
    provider: String,
    distinction: Option<String>,
}

/// A scenario, and its cells in the order of the columns.
struct ScenarioRow {
    scenario: String,
    cells: Vec<Vec<Link>>,
}

struct Link {
    case: usize,
    status: &'static str,
    mark: &'static str,
    /// The Kestra before this one, of the same chart and provider, where that came out otherwise.
    changed_from: Option<String>,
}

struct RunLine {
    id: String,
    provider: String,
    chart: String,
    kestra: String,
    kubernetes: String,
    helm: String,
    started: String,
    took: String,
    shard: String,
}

/// The report as a page; `folder` holds its evidence.
///
/// # Errors
/// None that is known: the template's own.
pub fn html(report: &Report, folder: &Path) -> io::Result<String> {
    let all = report.combinations();
    let columns: Vec<_> = all.iter().cloned().collect();
    let view = |of: &Combination| CombinationView {
        distinction: of.distinction(&all).as_deref().map(visible),
        ..CombinationView::from(of)
    };
    let mut left = EVIDENCE;
    let cases: Vec<_> = report
        .results
        .iter()
        .enumerate()
        .map(|(n, result)| CasePage::new(n + 1, result, folder, &mut left))
        .collect();
    let (tone, mark) = match report.exit() {
        ExitCode::Success => ("pass", "✓"),
        ExitCode::Failure => ("fail", "✗"),
        _ => ("error", "!"),
    };
    let page = HtmlPage {
        policy: policy(),
        tool: visible(env!("CARGO_PKG_VERSION")),
        title: match report.exit() {
            ExitCode::Success => "As expected",
            ExitCode::Failure => "Wrong",
            _ => "Not proved",
        },
        css: CSS,
        js: JS,
        tone,
        mark,
        verdict: report.verdict(),
        facts: facts(report, columns.len()),
        statuses: [Status::Pass, Status::Fail, Status::Error, Status::Skipped]
            .into_iter()
            .filter(|s| report.results.iter().any(|r| r.status == *s))
            .map(|s| word(s).0)
            .collect(),
        providers: columns.iter().map(|c| visible(&c.provider)).collect(),
        kestras: columns.iter().map(|c| visible(&c.kestra.to_string())).collect(),
        rows: rows(&report.results, &columns),
        columns: columns.iter().map(view).collect(),
        cases,
        runs: report.run.runs().iter().map(RunLine::new).collect(),
        kept: report.run.kept.iter().map(|k| visible(&k.installation)).collect(),
    };
    page.render().map_err(io::Error::other)
}

/// Only the page's own style and script, by their hashes; and nothing from anywhere.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'",
        hash(CSS),
        hash(JS)
    )
}

fn facts(report: &Report, combinations: usize) -> Vec<(&'static str, String)> {
    let run = &report.run;
    let of_many = |what: &str| visible(what);
    let mut facts = vec![
        ("Where", of_many(&run.provider)),
        ("Chart", of_many(&run.chart)),
        ("Kestra", of_many(&run.kestras())),
    ];
    facts.extend(run.kubernetes.iter().map(|k| ("Kubernetes", visible(k))));
    if combinations > 1 {
        facts.push(("Combinations", combinations.to_string()));
    }
    facts.push(("Started", run.started.strftime("%Y-%m-%d %H:%M UTC").to_string()));
    facts.push(("Took", seconds(run.wall_ms)));
    facts
}

impl From<&Combination> for CombinationView {
    fn from(of: &Combination) -> Self {
        Self {
            kestra: visible(&of.kestra.to_string()),
            image: of.image.as_deref().map(visible),
            chart: visible(&of.chart),
            provider: visible(&of.provider),
            distinction: None,
        }
    }
}

fn rows(results: &[CaseResult], columns: &[Combination]) -> Vec<ScenarioRow> {
    let mut rows: Vec<(&str, Vec<Vec<Link>>)> = Vec::new();
    for (n, result) in results.iter().enumerate() {
        let of = result.combination();
        let (status, mark) = word(result.status);
        let link = Link {
            case: n + 1,
            status,
            mark,
            changed_from: changed_from(result, results),
        };
        let at = rows
            .iter()
            .position(|(name, _)| *name == result.scenario)
            .unwrap_or_else(|| {
                rows.push((&result.scenario, columns.iter().map(|_| Vec::new()).collect()));
                rows.len() - 1
            });
        if let Some(column) = columns.iter().position(|c| *c == of) {
            rows[at].1[column].push(link);
        }
    }
    rows.sort_by(|a, b| a.0.cmp(b.0));
    rows.into_iter()
        .map(|(scenario, cells)| ScenarioRow {
            scenario: visible(scenario),
            cells,
        })
        .collect()
}

/// The newest older Kestra on which the same scenario ran, with the same chart and provider, if it came out otherwise.
fn changed_from(result: &CaseResult, results: &[CaseResult]) -> Option<String> {
    result.observed.as_ref()?;
    let of = &result.provenance;
    let is_older = |other: &&CaseResult| {
        let before = &other.provenance;
        let alike = (&before.chart, &before.provider, &before.kubernetes, &before.helm)
            == (&of.chart, &of.provider, &of.kubernetes, &of.helm);
        other.scenario == result.scenario && other.observed.is_some() && alike && before.kestra < of.kestra
    };
    let older = results.iter().filter(is_older);
    let before = older.max_by_key(|other| &other.provenance.kestra)?;
    let said = |result: &CaseResult| outcome_words::words(result.observed.as_ref(), result.expected.as_ref());
    (said(before) != said(result)).then(|| visible(&before.provenance.kestra.to_string()))
}

impl RunLine {
    fn new(run: &Run) -> Self {
        Self {
            id: visible(&run.id),
            provider: visible(&run.provider),
            chart: visible(&run.chart),
            kestra: visible(&run.kestras()),
            kubernetes: run.kubernetes.as_deref().map_or_else(|| "none".into(), visible),
            helm: visible(&run.helm),
            started: run.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            took: seconds(run.wall_ms),
            shard: run
                .shard
                .as_ref()
                .map_or_else(|| "the whole".into(), |s| format!("{}/{}", s.index, s.of)),
        }
    }
}

/// The word for a status, and its sign: no meaning hangs on a colour alone.
fn word(status: Status) -> (&'static str, &'static str) {
    match status {
        Status::Pass => ("pass", "✓"),
        Status::Fail => ("fail", "✗"),
        Status::Error => ("error", "!"),
        Status::Skipped => ("skipped", "–"),
    }
}

fn seconds(ms: u64) -> String {
    format!("{:.1} s", std::time::Duration::from_millis(ms).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use semver::Version;

    use super::*;
    use crate::kestra::KestraRef;
    use crate::report::tests::{hostile, public_outputs, report, result};

    #[test]
    fn hostile_texts_stay_texts() {
        let page = html(&report(hostile()), Path::new("nowhere")).unwrap();
        assert_eq!(page.matches("<script>").count(), 1);
        assert_eq!(page.matches("</script>").count(), 1);
        assert!(!page.contains("<img") && !page.contains("<!--"));
        assert!(
            page.chars().all(|c| matches!(c, '\r' | '\n') || !c.is_control()),
            "a control character"
        );
        assert!(!page.contains('\u{202e}') && !page.contains('\u{feff}'));
    }

    #[test]
    fn a_private_value_is_told_by_length_and_hash() {
        let mut private = result("private", Status::Fail);
        let key = crate::oracle::secret::RunKey::random();
        let value = key.show(&"correct-horse".into());
        private.observed = Some(crate::report::OutcomeView::Outputs(
            [("password".into(), value.clone())].into(),
        ));
        let page = html(&report([private]), Path::new("nowhere")).unwrap();
        assert!(page.contains(&value.to_string()), "{value}");
        assert!(!page.contains("63 6f 72"));
    }

    #[test]
    fn a_case_that_came_out_otherwise_on_an_older_kestra_is_marked() {
        let on = |minor: u64, view: crate::report::OutcomeView| {
            let mut of = result("missing", Status::Pass);
            of.provenance.kestra = KestraRef::Engine(Version::new(1, minor, 0));
            of.observed = Some(view);
            of
        };
        let empty = public_outputs("a", "");
        let missing = || crate::report::OutcomeView::Missing(vec!["A".into()]);
        // The order of the results is not that of the versions.
        let page = html(
            &report([on(10, missing()), on(9, missing()), on(8, empty)]),
            Path::new("nowhere"),
        );
        let page = page.unwrap();
        assert_eq!(page.matches("class=\"changed\"").count(), 1);
        assert!(page.contains("changed from engine@1.8.0"));
    }

    #[test]
    fn the_byte_that_is_too_many_is_marked() {
        let mut wrong = result("wrong", Status::Fail);
        wrong.expected = Some(public_outputs("username", "admin"));
        wrong.observed = Some(public_outputs("username", "admin\n"));
        let page = html(&report([wrong]), Path::new("nowhere")).unwrap();
        assert!(page.contains("61 64 6d 69 6e <mark>0a</mark>"));
        assert!(page.contains("&#34;admin\\n&#34;"));
    }

    #[test]
    fn evidence_is_within_the_page_and_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let mut wrong = result("wrong", Status::Fail);
        wrong.evidence = vec!["evidence/wrong".into()];
        std::fs::create_dir_all(folder.path().join("evidence/wrong")).unwrap();
        let log = format!("{}\nthe last <b>line", "x".repeat(1 << 20));
        std::fs::write(folder.path().join("evidence/wrong/kestra.log"), log).unwrap();
        let page = html(&report([wrong]), folder.path()).unwrap();
        assert!(page.contains("the last &#60;b&#62;line"));
        assert!(page.len() < 200_000, "{}", page.len());
    }
}
