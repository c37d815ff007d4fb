//! What a variable's name tells.

use super::Code;
use crate::secret::PREFIX;

/// The name it should have, for a variable that is meant to be a secret and that Kestra ignores.
pub fn corrected_name(name: &str) -> Option<String> {
    if name.starts_with(PREFIX) {
        return None;
    }
    let key = match name.get(..PREFIX.len()) {
        Some(start) if start.eq_ignore_ascii_case(PREFIX) => &name[PREFIX.len()..],
        _ => name,
    };
    Some(format!("{PREFIX}{}", key.to_uppercase()))
}

/// Whether the kubelet makes a variable of this name for a Service, as Docker's links did:
/// `SECRET_DB_SERVICE_HOST`, `SECRET_DB_PORT_5432_TCP_ADDR`.
pub fn is_service_link(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return false;
    };
    if rest.ends_with("_SERVICE_HOST")
        || rest.contains("_SERVICE_PORT")
        || rest.starts_with("SERVICE_")
    {
        return true;
    }
    let Some((_, port)) = format!("_{rest}")
        .split_once("_PORT_")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
    else {
        return false;
    };
    let mut words = port.split('_');
    words
        .next()
        .is_some_and(|number| number.parse::<u16>().is_ok())
        && matches!(words.next(), Some("TCP" | "UDP" | "SCTP"))
        && matches!(
            (words.next(), words.next()),
            (None | Some("PROTO" | "PORT" | "ADDR"), None)
        )
}

/// The longest variable Linux hands to a process, in bytes: name, `=`, value and the NUL that ends it
/// (`MAX_ARG_STRLEN`).
const LONGEST: usize = 128 * 1024;

/// What is wrong with a variable before its value is looked at.
pub(super) fn codes(name: &str, env_value: &[u8]) -> Vec<Code> {
    let mut codes = Vec::new();
    if corrected_name(name).is_some() {
        codes.push(Code::Name);
    }
    // A password may be called SECRET_DB_SERVICE_HOST, but it does not look like an address.
    if is_service_link(name)
        && env_value
            .iter()
            .all(|b| b.is_ascii_hexdigit() || b".:/tcpuds".contains(b))
    {
        codes.push(Code::ServiceLink);
    }
    if name.len() + env_value.len() + 2 > LONGEST {
        codes.push(Code::TooLong);
    }
    codes
}
