//! Prints a report for people: container by container, variable by variable, then the findings.

use std::fmt::Write as _;

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use owo_colors::OwoColorize as _;

use super::report::{AuditReport, AuditedVariable, ContainerSeen, KeyList, KeyListAnswer, SecretAnswer, Stale};
use crate::lint::format::human::head as rule;
use crate::oracle::secret::{DisplayValue, Hop, HopKind, HopValue};
use crate::system::words::count;

/// The whole report, with colours; the stream strips them if it has none.
pub fn human(report: &AuditReport) -> String {
    let mut out = String::new();
    let place = &report.place;
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "{}, namespace {}, {}, Kubernetes {}",
        place.context, place.namespace, place.selector, place.kubernetes
    );
    for seen in &report.containers {
        let _ = writeln!(out, "\n{}\n{}", head(seen).bold(), table(&seen.variables).trim_fmt());
    }
    if !report.findings.is_empty() {
        out.push('\n');
    }
    for finding in &report.findings {
        let _ = writeln!(
            out,
            "{}: {}: {}: {}\n  {} {}",
            finding.file,
            rule(finding),
            finding.subject,
            finding.message,
            "cure:".bold(),
            finding.cure
        );
    }
    let _ = writeln!(
        out,
        "\n{} in {}; {}",
        report.counts,
        count(report.containers.iter().map(|seen| seen.pods.len()).sum(), "container"),
        coverage(report)
    );
    out
}

/// What was inspected, and what was not.
fn coverage(report: &AuditReport) -> String {
    let mut parts = vec!["nothing was changed".to_owned()];
    if let Some(flow) = &report.flow {
        let by = if flow.engine_adapter {
            " (behind our adapter of its REST API)"
        } else {
            ""
        };
        parts = vec![format!(
            "a flow on Kestra {}{by} read {} of {} secrets as predicted; deleted afterwards: flow {}, execution {}",
            flow.kestra,
            flow.agreed,
            flow.asked,
            flow.flows.join(", "),
            flow.executions.join(", ")
        )];
    }
    parts.extend(report.key_list.as_ref().map(key_list));
    if !report.unread.is_empty() {
        parts.push(format!("{} not read", count(report.unread.len(), "object")));
    }
    parts.join("; ")
}

/// What Kestra's own list said.
fn key_list(list: &KeyList) -> String {
    let kestra = &list.kestra;
    match &list.answer {
        KeyListAnswer::NotOffered(says) => format!("Kestra {kestra} offers no list of its secrets ({says})"),
        KeyListAnswer::Listed {
            agreed,
            missing,
            unexpected,
            unknown,
            inherited,
        } => {
            let more = [
                (unexpected.len(), "that should not be there"),
                (*unknown, "that may come from what was not read"),
                (*inherited, "of other namespaces"),
            ];
            let more = more.iter().filter(|(count, _)| *count > 0);
            let more: String = more.map(|(count, what)| format!(", and {count} {what}")).collect();
            format!(
                "the list of Kestra {kestra} has {agreed} of {} as predicted{more}",
                count(agreed + missing.len(), "secret")
            )
        }
    }
}

fn head(seen: &ContainerSeen) -> String {
    let names: Vec<&str> = seen.pods.iter().map(|pod| pod.name.as_str()).collect();
    let mut head = format!(
        "{}: {} of {} (Kestra {} by {})",
        seen.component,
        seen.container,
        names.join(", "),
        seen.kestra,
        seen.kestra_by
    );
    match seen.pods.iter().find_map(|pod| pod.waits.as_deref()) {
        Some(waits) => drop(write!(head, ", held: {waits}")),
        None if seen.observed => head.push_str(", process read"),
        None => {}
    }
    head
}

fn table(variables: &[AuditedVariable]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    if variables.is_empty() {
        table.add_row(["  no secrets"]);
        return table;
    }
    // A column for the flow's answers only if a flow was run.
    let asked = variables.iter().any(|variable| variable.flow.is_some());
    let header = ["  variable", "from", HOPS, "secret() returns", "problem", "in a flow"];
    table.set_header(header.into_iter().take(if asked { 6 } else { 5 }));
    for variable in variables {
        let codes: Vec<&str> = variable.diagnosis.iter().map(|code| code.code()).collect();
        let stale = match variable.stale {
            Some(Stale::Maybe) => Some("may be stale"),
            Some(Stale::Certainly) => Some("stale"),
            None => None,
        };
        let remarks: Vec<&str> = codes.into_iter().chain(stale).collect();
        let color = if remarks.is_empty() { Color::Reset } else { Color::Red };
        let mut from = variable.origin.to_string();
        for lost in &variable.shadowed {
            let _ = write!(from, ", not {lost}");
        }
        let mut row = vec![
            Cell::new(format!("  {}", variable.name)),
            Cell::new(from),
            Cell::new(sizes(&variable.hops)),
            Cell::new(returned(variable)),
            Cell::new(remarks.join(" ")).fg(color),
        ];
        if asked {
            row.push(Cell::new(match &variable.flow {
                None => "",
                Some(SecretAnswer::Agrees) => "same value",
                Some(SecretAnswer::Differs) => "other value",
                Some(SecretAnswer::Found) => "found",
                Some(SecretAnswer::Missing(_)) => "missing",
            }));
        }
        table.add_row(row);
    }
    table
}

/// The hops that a cluster shows, in their order.
const HOPS: &str = "object > environment > decoder";

/// How many bytes the value has at each hop of [`HOPS`].
fn sizes(hops: &[Hop]) -> String {
    let at = |kind: HopKind| {
        let hop = hops.iter().find(|hop| hop.at == kind);
        match hop.and_then(|hop| hop.observed.as_ref().or(hop.predicted.as_ref())) {
            Some(HopValue::Is(one)) => one.size().to_string(),
            Some(HopValue::OneOf(_)) => "?".into(),
            Some(HopValue::Nothing(_)) | None => "–".into(),
        }
    };
    let kinds = [HopKind::ApiServer, HopKind::Environment, HopKind::Decoder];
    kinds.map(at).join(" > ")
}

fn returned(variable: &AuditedVariable) -> String {
    match &variable.gives {
        _ if variable.key.is_none() => "nothing: not a secret to Kestra".into(),
        None => "not known".into(),
        Some(HopValue::Is(one)) => one.brief(),
        Some(HopValue::OneOf(several)) => several.iter().map(DisplayValue::brief).collect::<Vec<_>>().join(" or "),
        Some(HopValue::Nothing(why)) => format!("nothing: {why}"),
    }
}
