//! The way to the publishers: proxy, certificates, and the sources that a run may fetch from.

use std::path::Path;

use reqwest::Url;

use super::{Finding, Seat, Status};
use crate::helm::{ChartRef, chart_repository};
use crate::provider::KestraRef;
use crate::session::Options;
use crate::toolbox::{FetchError, Toolbox};

pub(super) async fn look(options: &Options, toolbox: &Toolbox) -> Vec<Finding> {
    let official = options.kestras().into_iter().find_map(|k| match k {
        KestraRef::Official(version) => Some(version),
        _ => None,
    });
    let index = format!("{}/index.yaml", chart_repository().trim_end_matches('/'));
    let asked = matches!(options.chart, ChartRef::Official(_));
    let chart = source(
        toolbox,
        "charts",
        index,
        if asked { &Seat::ALL } else { &[] },
        "export KESTRA_SECRETS_CHART_MIRROR=URL",
    );
    let kestra = async {
        let url = toolbox.kestra_url(official.as_ref()?);
        let cure = "export KESTRA_SECRETS_KESTRA_MIRROR=URL";
        Some(source(toolbox, "Kestra's releases", url, &[Seat::Embedded], cure).await)
    };
    let (chart, kestra) = tokio::join!(chart, kestra);
    let mut findings = vec![proxy()];
    findings.extend(certificates());
    findings.extend(local_chart(&options.chart));
    findings.push(chart);
    findings.extend(kestra);
    findings
}

/// A source that somebody needs, or that nobody does.
async fn source(toolbox: &Toolbox, check: &str, url: String, needed_by: &[Seat], cure: &str) -> Finding {
    match toolbox.offers(&url).await {
        Ok(()) => Finding::ok(check, format!("{url} answers")),
        Err(error) => {
            let found = format!("{url}: {}", brief(&error));
            if needed_by.is_empty() {
                Finding::new(check, Status::Note, format!("{found}; nothing that was asked needs it")).cure(cure)
            } else {
                Finding::missing(check, needed_by, found).cure(cure)
            }
        }
    }
}

/// The innermost cause alone: the outer ones only repeat the URL.
fn brief(error: &FetchError) -> String {
    match error {
        FetchError::Transport { source, .. } => {
            let mut cause: &dyn std::error::Error = source;
            while let Some(inner) = cause.source() {
                cause = inner;
            }
            cause.to_string()
        }
        FetchError::Status { status, .. } => format!("the server answered {status}"),
        FetchError::Deadline { deadline, .. } => format!("no answer within {} s", deadline.limit.as_secs()),
        FetchError::TooLong { .. } => error.to_string(),
    }
}

fn local_chart(chart: &ChartRef) -> Option<Finding> {
    match chart {
        ChartRef::Path(path) if !path.exists() => Some(
            Finding::missing("chart", &Seat::ALL, format!("{} is not there", path.display()))
                .cure("kestra-secrets run --chart bundled"),
        ),
        _ => None,
    }
}

fn proxy() -> Finding {
    let set = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"]
        .into_iter()
        .filter_map(|name| {
            let value = std::env::var(name)
                .or_else(|_| std::env::var(name.to_lowercase()))
                .ok()
                .filter(|v| !v.is_empty())?;
            Some(format!(
                "{name}={}",
                if name == "NO_PROXY" { value } else { shown(&value) }
            ))
        });
    let set: Vec<_> = set.collect();
    Finding::ok(
        "proxy",
        if set.is_empty() {
            "none is set".to_owned()
        } else {
            set.join(" ")
        },
    )
}

/// A proxy without its user and password.
fn shown(value: &str) -> String {
    match Url::parse(value).or_else(|_| Url::parse(&format!("http://{value}"))) {
        Ok(url) => {
            let port = url.port().map(|p| format!(":{p}")).unwrap_or_default();
            format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
        }
        Err(_) => "(no URL)".into(),
    }
}

fn certificates() -> Option<Finding> {
    let file = std::env::var_os("SSL_CERT_FILE").filter(|f| !f.is_empty())?;
    let path = Path::new(&file);
    let check = "certificates";
    Some(match std::fs::read_to_string(path) {
        Ok(text) if text.contains("BEGIN CERTIFICATE") => {
            Finding::ok(check, format!("SSL_CERT_FILE={}", path.display()))
        }
        Ok(_) => Finding::new(check, Status::Warning, format!("{} holds none", path.display()))
            .cure("export SSL_CERT_FILE=FILE in PEM"),
        Err(e) => Finding::new(check, Status::Warning, format!("{}: {e}", path.display())).cure("unset SSL_CERT_FILE"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        assert_eq!(
            shown("http://robot:hunter2@proxy.example:3128/"),
            "http://proxy.example:3128"
        );
        assert_eq!(shown("robot:hunter2@proxy.example:3128"), "http://proxy.example:3128");
        assert_eq!(shown("proxy.example:3128"), "http://proxy.example:3128");
        assert_eq!(shown("http://["), "(no URL)");
    }
}
