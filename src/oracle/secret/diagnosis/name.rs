//! What a variable's name tells.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::Code;
use crate::oracle::environment::{MAX_STRING_BYTES, survives_shell};
use crate::oracle::secret::PREFIX;

/// The name it should have, for a variable that is meant to be a secret and that Kestra ignores or never
/// gets, since a shell starts it.
pub fn corrected_name(name: &str) -> Option<String> {
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
    if is_service_link(name, env_value) {
        codes.push(Code::ServiceLink);
    }
    if name.len() + "=".len() + env_value.len() + "\0".len() > MAX_STRING_BYTES {
        codes.push(Code::TooLong);
    }
    codes
}
