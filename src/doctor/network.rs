//! Checks the network: proxy, certificates, and the sources that a run may download from.

use std::path::Path;

use reqwest::Url;

use super::{Check, CheckStatus};
use crate::kestra::{KestraRef, OfficialRef};
use crate::plan::ProviderKind;
use crate::run::session::SessionOptions;
use crate::run::session::auto::Wish;
use crate::tools::helm::{ChartRef, chart_repository};
use crate::tools::toolbox::Toolbox;

pub(super) async fn check_network(options: &SessionOptions, toolbox: &Toolbox) -> Vec<Check> {
    let official = options.kestra.iter().find_map(|k| match k {
        KestraRef::Official(OfficialRef::Exact(version)) => Some(version),
        _ => None,
    });
    let chart = async {
        // Where the chart is left open, its own finding says more.
        if Wish::from_options(options, toolbox).is_some_and(|wish| wish.chart) {
            return None;
        }
        let index = format!("{}/index.yaml", chart_repository().trim_end_matches('/'));
        let asked = matches!(options.chart, Some(ChartRef::Official(_)));
        let needed_by: &[ProviderKind] = if asked { &ProviderKind::ALL } else { &[] };
        let cure = "export KESTRA_SECRETS_CHART_MIRROR=URL";
        Some(source(toolbox, "charts", index, needed_by, cure).await)
    };
    let kestra = async {
        let url = toolbox.kestra_url(official?);
        let cure = "export KESTRA_SECRETS_KESTRA_MIRROR=URL";
        Some(source(toolbox, "Kestra's releases", url, &[ProviderKind::Embedded], cure).await)
    };
    let (chart, kestra) = tokio::join!(chart, kestra);
    let mut findings = vec![proxy()];
    findings.extend(certificates());
    findings.extend(options.chart.as_ref().and_then(local_chart));
    findings.extend(chart);
    findings.extend(kestra);
    findings
}

/// A source that somebody needs, or that nobody does.
async fn source(toolbox: &Toolbox, check: &str, url: String, needed_by: &[ProviderKind], cure: &str) -> Check {
    match toolbox.offers(&url).await {
        Ok(()) => Check::ok(check, format!("{url} answers")),
        Err(error) => {
            let found = format!("{url}: {}", error.brief());
            if needed_by.is_empty() {
                Check::new(check, CheckStatus::Note, format!("{found}; this run does not need it")).cure(cure)
            } else {
                Check::missing(check, needed_by, found).cure(cure)
            }
        }
    }
}

fn local_chart(chart: &ChartRef) -> Option<Check> {
    match chart {
        ChartRef::Path(path) if !path.exists() => Some(
            Check::missing(
                "chart",
                &ProviderKind::ALL,
                format!("{} does not exist", path.display()),
            )
            .cure("kestra-secrets run --chart bundled"),
        ),
        _ => None,
    }
}

fn proxy() -> Check {
    let set = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"]
        .into_iter()
        .filter_map(|name| {
            let value = std::env::var(name)
                .or_else(|_| std::env::var(name.to_lowercase()))
                .ok()
                .filter(|v| !v.is_empty())?;
            Some(format!(
                "{name}={}",
                if name == "NO_PROXY" {
                    value
                } else {
                    without_password(&value)
                }
            ))
        });
    let set: Vec<_> = set.collect();
    Check::ok(
        "proxy",
        if set.is_empty() {
            "none is set".to_owned()
        } else {
            set.join(" ")
        },
    )
}

/// A proxy without its user and password.
fn without_password(value: &str) -> String {
    // Without a scheme, what stands before a colon would be taken for one.
    let scheme = if value.contains("://") { "" } else { "http://" };
    match Url::parse(&format!("{scheme}{value}")) {
        Ok(url) => {
            let port = url.port().map(|p| format!(":{p}")).unwrap_or_default();
            format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
        }
        Err(_) => "(no URL)".into(),
    }
}

fn certificates() -> Option<Check> {
    let file = std::env::var_os("SSL_CERT_FILE").filter(|f| !f.is_empty())?;
    let path = Path::new(&file);
    let check = "certificates";
    Some(match std::fs::read_to_string(path) {
        Ok(text) if text.contains("BEGIN CERTIFICATE") => Check::ok(check, format!("SSL_CERT_FILE={}", path.display())),
        Ok(_) => Check::new(check, CheckStatus::Warning, format!("{} holds none", path.display()))
            .cure("export SSL_CERT_FILE=FILE in PEM"),
        Err(e) => {
            Check::new(check, CheckStatus::Warning, format!("{}: {e}", path.display())).cure("unset SSL_CERT_FILE")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        assert_eq!(
            without_password("http://robot:hunter2@proxy.example:3128/"),
            "http://proxy.example:3128"
        );
        assert_eq!(
            without_password("robot:hunter2@proxy.example:3128"),
            "http://proxy.example:3128"
        );
        assert_eq!(without_password("proxy.example:3128"), "http://proxy.example:3128");
        assert_eq!(without_password("http://["), "(no URL)");
    }
}
