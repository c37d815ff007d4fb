//! What a variable's name tells.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::Code;
use crate::oracle::environment::{MAX_STRING_BYTES, survives_shell};
use crate::oracle::secret::PREFIX;

/// The name it should have, for a variable that is meant to be a secret and that Kestra ignores or never
/// gets, since a shell starts it.
pub fn corrected_name(name: &str) -> Option<String> {
    if let Some(once) = without_doubled_prefix(name).filter(|once| survives_shell(once)) {
        return Some(once.to_uppercase());
    }
    if name.starts_with(PREFIX) && survives_shell(name) {
        return None;
    }
    let key = match name.get(..PREFIX.len()) {
        Some(start) if start.eq_ignore_ascii_case(PREFIX) => &name[PREFIX.len()..],
        _ => name,
    };
    let fit = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    Some(format!(
        "{PREFIX}{}",
        key.to_uppercase().chars().map(fit).collect::<String>()
    ))
}

/// What follows the prefix in names that other programs give to secrets of their own: Django's `SECRET_KEY` is
/// `SECRET_SECRET_KEY` for Kestra.
const OWN: [&str; 7] = ["KEY", "KEY_BASE", "ACCESS_KEY", "TOKEN", "ID", "NAME", "STRING"];

/// The name with one prefix in place of two.
pub(super) fn without_doubled_prefix(name: &str) -> Option<&str> {
    let once = name.strip_prefix(PREFIX)?;
    let key = once.get(PREFIX.len()..).filter(|key| !key.is_empty())?;
    let doubled = once.get(..PREFIX.len()).is_some_and(|p| p.eq_ignore_ascii_case(PREFIX));
    (doubled && !OWN.iter().any(|own| key.eq_ignore_ascii_case(own))).then_some(once)
}

/// The key behind a prefix that is almost Kestra's: one letter is wrong, it is in the plural, another character than `_`
/// follows it, or `KESTRA_` precedes it.
pub fn key_behind_misspelt_prefix(name: &str) -> Option<&str> {
    const WORD: &str = "SECRET";
    let start = |word: &str| name.get(..word.len()).is_some_and(|s| s.eq_ignore_ascii_case(word));
    let at = if start("KESTRA_SECRET_") {
        "KESTRA_SECRET_".len() - 1
    } else {
        name.find(['_', '-', '.'])?
    };
    let (word, key) = (&name[..at], &name[at + 1..]);
    let near = word.len() < 10 && strsim::damerau_levenshtein(&word.to_uppercase(), WORD) == 1;
    let other = word.eq_ignore_ascii_case(WORD) && !start(PREFIX);
    (!key.is_empty() && (near || other || start("KESTRA_SECRET_"))).then_some(key)
}

/// Whether this is a variable that the kubelet makes for a Service (`envvars.FromServices`), by name and
/// value: `SECRET_DB_SERVICE_HOST=10.96.0.12`, `SECRET_DB_PORT=tcp://10.96.0.12:5432`.
pub fn is_service_link(name: &str, env_value: &[u8]) -> bool {
    static LINK: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let link = r"^SECRET(_.+)?_(
            (SERVICE_HOST|PORT_\d+_[A-Z]+_ADDR)=[0-9a-f.:]+
            |(SERVICE_PORT(_.+)?|PORT_\d+_[A-Z]+_PORT)=\d+
            |PORT_\d+_[A-Z]+_PROTO=(tcp|udp|sctp)
            |PORT(_\d+_[A-Z]+)?=(tcp|udp|sctp)://[0-9a-f.:\[\]]+
            )$";
        Regex::new(&format!("(?x){link}")).ok()
    });
    let variable = [name.as_bytes(), b"=", env_value].concat();
    LINK.as_ref().is_some_and(|link| link.is_match(&variable))
}

/// What is wrong with a variable before its value is looked at.
pub(super) fn codes(name: &str, env_value: &[u8]) -> Vec<Code> {
    let mut codes = Vec::new();
    if !name.starts_with(PREFIX) {
        codes.push(Code::Name);
    } else if !survives_shell(name) {
        codes.push(Code::ShellName);
    }
    if without_doubled_prefix(name).is_some() {
        codes.push(Code::DoubledPrefix);
    }
    if is_service_link(name, env_value) {
        codes.push(Code::ServiceLink);
    }
    if name.len() + "=".len() + env_value.len() + "\0".len() > MAX_STRING_BYTES {
        codes.push(Code::TooLong);
    }
    codes
}
