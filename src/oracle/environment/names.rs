//! Kubernetes' name rules, from `k8s.io/apimachinery/pkg/util/validation`.

/// Longest name of an object and longest key of a Secret or a `ConfigMap`, in bytes
/// (`DNS1123SubdomainMaxLength`).
const MAX_NAME: usize = 253;

/// Whether a kubelet before 1.30 takes `name` from an `envFrom` (`IsEnvVarName`).
///
/// Laxer than a C identifier: dots and dashes pass, and only a leading digit or a leading `..` is
/// refused. From 1.30 the kubelet takes every key, so the rule is not asked.
pub fn is_env_var_name(name: &str) -> bool {
    is_key_alphabet(name) && !name.starts_with(|c: char| c.is_ascii_digit()) && chdir_fault(name).is_none()
}

/// What the API server says against `key` as a key of a Secret or a `ConfigMap`
/// (`IsConfigMapKey`); empty when it is valid.
pub fn config_map_key_faults(key: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if key.len() > MAX_NAME {
        faults.push(format!("must be no more than {MAX_NAME} characters"));
    }
    if !is_key_alphabet(key) {
        faults.push(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. \
             'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is \
             '[-._a-zA-Z0-9]+')"
                .into(),
        );
    }
    faults.extend(chdir_fault(key).map(Into::into));
    faults
}

/// What the API server says against `name` as the name of a Secret or a `ConfigMap`
/// (`IsDNS1123Subdomain`); empty when it is valid.
pub fn subdomain_faults(name: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if name.len() > MAX_NAME {
        faults.push(format!("must be no more than {MAX_NAME} characters"));
    }
    if !name.split('.').all(is_dns_label) {
        faults.push(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \
             '-' or '.', and must start and end with an alphanumeric character (e.g. \
             'example.com', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
                .into(),
        );
    }
    faults
}

fn is_dns_label(label: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = label.as_bytes();
    bytes.iter().all(|&b| inner(b) || b == b'-')
        && bytes.first().is_some_and(|&b| inner(b))
        && bytes.last().is_some_and(|&b| inner(b))
}

fn is_key_alphabet(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
}

/// `hasChDirPrefix`: keys become file names, so none may climb out of its folder.
fn chdir_fault(text: &str) -> Option<&'static str> {
    match text {
        "." => Some("must not be '.'"),
        ".." => Some("must not be '..'"),
        _ if text.starts_with("..") => Some("must not start with '..'"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_names_always_allowed_dots_and_dashes_but_not_a_leading_digit() {
        for name in ["SECRET_A", "a.b", "a-b", "-", "_", ".a"] {
            assert!(is_env_var_name(name), "{name}");
        }
        for name in ["", "1A", "..", ".", "..a", "a b", "a=b", "é"] {
            assert!(!is_env_var_name(name), "{name}");
        }
    }

    #[test]
    fn object_names_are_lower_case_and_dashed() {
        for name in ["db-creds", "a.b", "0"] {
            assert!(subdomain_faults(name).is_empty(), "{name}");
        }
        for name in ["", "db_creds", "Db", "-a", "a-", "a..b", &"a".repeat(254)] {
            assert!(!subdomain_faults(name).is_empty(), "{name}");
        }
    }
}
