//! Names and labels of what a run makes in a cluster.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

/// The longest name of a namespace.
const NAMESPACE: usize = 63;
/// The longest name of a release that helm takes.
const RELEASE: usize = 53;

/// Who made it.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "kestra-secrets");
/// In which run.
pub const RUN: &str = "kestra-secrets/run";
/// Who started the run: user and machine.
pub const OWNER: &str = "kestra-secrets/owner";
/// When it may be deleted by anybody, in UTC: `20260102T030405Z`.
pub const EXPIRES: &str = "kestra-secrets/expires";

/// The name of an installation's namespace.
pub fn namespace(run: &str, id: &str) -> String {
    short(&format!("kestra-secrets-{run}-{id}"), NAMESPACE)
}

/// The name of an installation's release, where it shares its namespace with others'.
pub fn release(run: &str, id: &str) -> String {
    short(&format!("ks-{run}-{id}"), RELEASE)
}

/// The name of the cluster that a run makes.
pub fn cluster(run: &str) -> String {
    format!("kestra-secrets-{run}")
}

/// A moment as the value of a label; the order of such texts is that of time.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// What a namespace says of itself.
pub fn labels(run: &str, expires: Timestamp) -> BTreeMap<String, String> {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let owner = format!("{}.{}", user.unwrap_or_default(), host.trim());
    [
        (MANAGED_BY.0, MANAGED_BY.1.to_owned()),
        (RUN, run.to_owned()),
        (OWNER, label(&owner)),
        (EXPIRES, moment(expires)),
    ]
    .map(|(k, v)| (k.to_owned(), v))
    .into()
}

/// A text as the value of a label: 63 letters, digits, `-`, `_` and `.`, the first and last alphanumeric.
fn label(text: &str) -> String {
    let kept: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '-'
            }
        })
        .take(63)
        .collect();
    kept.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

/// A name cut to a length; what is cut off is told by six digits of its hash.
fn short(name: &str, longest: usize) -> String {
    if name.len() <= longest {
        return name.to_owned();
    }
    let hash = hex::encode(&Sha256::digest(name)[..3]);
    let kept = name.get(..longest - 7).unwrap_or(name);
    format!("{}-{hash}", kept.trim_end_matches(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_installations_fit_and_stay_apart() {
        let ids = [
            "extra-env-engine-2-0-0",
            &"a".repeat(80),
            &format!("{}b", "a".repeat(79)),
        ];
        for (make, longest) in [(namespace as fn(&str, &str) -> String, 63), (release, 53)] {
            let names: std::collections::BTreeSet<_> = ids.iter().map(|id| make("abcdefgh", id)).collect();
            assert_eq!(names.len(), ids.len());
            for name in names {
                assert!(name.len() <= longest, "{name}");
                assert!(name.contains("abcdefgh"));
                assert!(
                    name.chars()
                        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                );
                assert!(!name.ends_with('-'));
            }
        }
        assert_eq!(namespace("abcdefgh", "x"), "kestra-secrets-abcdefgh-x");
    }

    #[test]
    fn labels_are_ones_that_the_api_server_takes() {
        let labels = labels("abcdefgh", "2026-01-02T03:04:05Z".parse().unwrap());
        assert_eq!(labels["kestra-secrets/expires"], "20260102T030405Z");
        assert_eq!(labels["app.kubernetes.io/managed-by"], "kestra-secrets");
        assert_eq!(label("jane doe@host:1/"), "jane-doe-host-1");
        assert_eq!(label("."), "");
        assert_eq!(label(&"x".repeat(90)).len(), 63);
    }
}
