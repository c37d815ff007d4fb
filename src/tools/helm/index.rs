//! The index of a chart repository, and the charts of Kestra in it.

use semver::Version;
use serde::Deserialize;

use crate::system::yaml;

/// The publisher's chart that installs a version of Kestra, by the index of its repository. From 1.3.16 on the two
/// bear one version; before, the chart names its Kestra as its application.
///
/// # Errors
/// The index is none, or holds no such chart: a sentence that goes on from the repository's address.
pub fn chart_for(kestra: &Version, index: &[u8]) -> Result<Version, String> {
    let index = read_index(index)?;
    let charts = index.entries.kestra.iter();
    let fitting = charts.filter_map(|chart| {
        let own = read_version(&chart.version)?;
        let installs = chart.app_version.as_deref().and_then(read_version);
        (own == *kestra || installs.as_ref() == Some(kestra)).then_some(own)
    });
    fitting
        .max_by_key(|own| (own == kestra, own.clone()))
        .ok_or_else(|| format!("it has no chart for Kestra {kestra}"))
}

/// The charts named `kestra` in the index of a repository, each with its version and the first address that it names.
///
/// # Errors
/// The text is no index, or holds no such chart.
pub fn charts_of_index(index: &[u8]) -> Result<Vec<(Version, String)>, String> {
    let charts = read_index(index)?.entries.kestra.into_iter();
    let charts: Vec<_> = charts
        .filter_map(|chart| Some((read_version(&chart.version)?, chart.urls.into_iter().next()?)))
        .collect();
    if charts.is_empty() {
        return Err("it names no chart `kestra` with a version and an address".into());
    }
    Ok(charts)
}

fn read_index(index: &[u8]) -> Result<Index, String> {
    let text = std::str::from_utf8(index).map_err(|_| "its index is not UTF-8".to_owned())?;
    yaml::from_str(text).map_err(|e| format!("its index cannot be read: {e}"))
}

fn read_version(text: &str) -> Option<Version> {
    Version::parse(text.trim_start_matches('v')).ok()
}

#[derive(Deserialize)]
struct Index {
    entries: Entries,
}

#[derive(Deserialize)]
struct Entries {
    #[serde(default)]
    kestra: Vec<IndexEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IndexEntry {
    version: String,
    app_version: Option<String>,
    #[serde(default)]
    urls: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_of_a_kestra_is_found_by_its_own_version_or_by_the_application_that_it_names() {
        let index = "apiVersion: v1\nentries:\n  kestra-starter: [{version: 2.0.7, anything: [1]}]\n  kestra:\n  \
                     - {version: 2.0.7, appVersion: v2.0.7}\n  - {version: 1.0.54, appVersion: v1.3.15}\n  \
                     - {version: 1.0.53, appVersion: v1.3.15}\n  - {version: odd}\n";
        let chart = |kestra: &str| chart_for(&kestra.parse().unwrap(), index.as_bytes()).map(|v| v.to_string());
        assert_eq!(chart("2.0.7").unwrap(), "2.0.7");
        assert_eq!(chart("1.3.15").unwrap(), "1.0.54");
        assert_eq!(chart("9.9.9").unwrap_err(), "it has no chart for Kestra 9.9.9");
        for none in ["entries: {}", "", "<html>", "entries: {kestra: 1}"] {
            assert!(chart_for(&Version::new(2, 0, 7), none.as_bytes()).is_err(), "{none}");
        }
    }
}
