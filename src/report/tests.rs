//! Reports for the tests of the formats.

use super::{CaseResult, Diagnosed, OutcomeView, Phase, Provenance, Report, Run, ScenarioPosition, ServedBy};
use crate::kestra::KestraRef;
use crate::oracle::secret::diagnosis::Code;
use crate::oracle::secret::{DisplayValue, Hop, HopKind, HopValue};
use crate::verdict::Status;

const ENGINE: KestraRef = KestraRef::Engine(semver::Version::new(2, 0, 0));

/// A report of these results.
pub fn report(results: impl IntoIterator<Item = CaseResult>) -> Report {
    Report {
        schema: 1,
        run: Run {
            id: "r1".into(),
            tool: "0.1.0".into(),
            provider: "embedded".into(),
            chart: "kestra-minimal 0.1.0 (bundled)".into(),
            kestra: vec![ENGINE],
            kubernetes: None,
            helm: "helm 3.22.0 on PATH".into(),
            started: "2026-01-02T03:04:05Z".parse().unwrap(),
            wall_ms: 1500,
            kept: Vec::new(),
            shard: None,
            parts: Vec::new(),
        },
        results: results.into_iter().collect(),
    }
}

/// A result that has run nowhere else.
pub fn result(scenario: &str, status: Status) -> CaseResult {
    let provenance = Provenance {
        rest: ServedBy::Adapter,
        ..Provenance::new("embedded", "kestra-minimal 0.1.0 (bundled) as 1.x", ENGINE)
    };
    CaseResult {
        about: format!("About {scenario}."),
        phases: vec![
            Phase {
                name: "install".into(),
                ms: 300,
            },
            Phase {
                name: Phase::BOOT.into(),
                ms: 900,
            },
            Phase {
                name: "flow".into(),
                ms: 150,
            },
        ],
        ..CaseResult::new(scenario, status, provenance)
    }
}

/// One public output.
pub fn public_outputs(output: &str, value: &str) -> OutcomeView {
    OutcomeView::Outputs([(output.to_owned(), DisplayValue::Public(value.into()))].into())
}

/// Results in which every text wants to be something else than text.
pub fn hostile() -> Vec<CaseResult> {
    let texts = [
        "</script><script>document.title='broken'</script>",
        "\"'><img src=x onerror=alert(1)>",
        "a|b\\|c\n| d |\n```\n</details><!--",
        "bell\u{7} nul\0 escape\u{1b}[31m rtl\u{202e}evil bom\u{feff}",
        "{{ 7*7 }} {% raw %} ]]> &amp; &lt;",
        "::error::x\r\n::set-output",
        "@everyone #1 [x](javascript:alert(1)) **bold** _x_ ~~y~~",
    ];
    let make = |(n, text): (usize, &&str)| {
        let text = (*text).to_owned();
        let mut of = result(&text, [Status::Fail, Status::Error, Status::Pass][n % 3]);
        of.about.clone_from(&text);
        of.at = Some(ScenarioPosition {
            file: text.clone(),
            line: 1,
            column: 1,
        });
        of.because = Some(text.clone());
        of.help = Some(text.clone());
        of.promised = Some(public_outputs(&text, &text));
        of.expected = Some(public_outputs(&text, &text));
        of.observed = Some(OutcomeView::Failed {
            state: text.clone(),
            errors: vec![text.clone()],
        });
        of.provenance.note = Some(text.clone());
        of.provenance.modelled = vec![text.clone()];
        of.provenance.deviations = vec![text.clone()];
        of.warnings = vec![text.clone()];
        of.first_wrong.insert(text.clone(), HopKind::Environment);
        let value = |text: &str| Some(HopValue::Is(DisplayValue::Public(text.into())));
        let hop = Hop {
            at: HopKind::Environment,
            meant: value("admin"),
            predicted: value(&text),
            observed: Some(HopValue::Nothing(text.clone())),
        };
        of.hops.insert(text.clone(), vec![hop]);
        of.diagnosis = vec![Diagnosed {
            output: text.clone(),
            code: Code::TrailingNewline,
            title: text.clone(),
            cure: text.clone(),
            corrected: Some(DisplayValue::Public(text.clone().into())),
        }];
        of.phases.push(Phase { name: text, ms: 5 });
        of
    };
    texts.iter().enumerate().map(make).collect()
}
