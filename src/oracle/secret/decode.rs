//! One environment value through Kestra's decoder.

use zeroize::Zeroizing;

use super::{JavaBase64Error, Plaintext, base64_java, line_breaks, utf8_java};

/// What Kestra makes of the value of one `SECRET_…` variable: the text of `secret()`, in UTF-8, as
/// public as the value.
///
/// The steps are those of `SecretService.decode()`:
/// 1. Java reads the variable's bytes as UTF-8 (`sun.jnu.encoding`, which follows the locale; Kestra's
///    image has a UTF-8 one), with U+FFFD for what is malformed (`ProcessEnvironment.Value`);
/// 2. `replaceAll("\\R", "")`;
/// 3. `Base64.getDecoder().decode(String)`, where a character outside Latin-1 becomes `?`;
/// 4. `new String(bytes)`, again with U+FFFD for what is malformed.
///
/// # Errors
/// Java's own, for a value that is not Base64. Kestra logs it and drops the secret.
pub fn decode(env_value: &Plaintext) -> Result<Plaintext, JavaBase64Error> {
    let bytes = decode_bytes(env_value)?;
    Ok(bytes.map(|bytes| utf8_java::decode(bytes).as_bytes().to_vec()))
}

/// The first three steps of [`decode`]: the bytes that Kestra has for a moment and nobody sees.
pub(super) fn decode_bytes(env_value: &Plaintext) -> Result<Plaintext, JavaBase64Error> {
    let text = utf8_java::decode(env_value.bytes());
    let mut latin1 = Zeroizing::new(Vec::with_capacity(text.len()));
    latin1.extend(line_breaks::removed(&text).map(|c| u8::try_from(c).unwrap_or(b'?')));
    let bytes = base64_java::decode(&latin1)?;
    Ok(env_value.map(|_| bytes.as_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(env_value: &[u8]) -> Result<Vec<u8>, String> {
        decode(&env_value.into())
            .map(|p| p.bytes().to_vec())
            .map_err(|e| e.to_string())
    }

    #[test]
    fn the_pages_values_decode_to_what_a_flow_was_seen_to_print() {
        assert_eq!(decoded(b"YWRtaW4="), Ok(b"admin".into()));
        assert_eq!(decoded(b"YWRtaW4=\n"), Ok(b"admin".into()));
        assert_eq!(decoded(b"YWRtaW4K"), Ok(b"admin\n".into()));
        assert_eq!(decoded(b"c0Fzc3dvcmQK"), Ok(b"sAssword\n".into()));
        assert_eq!(
            decoded(b"admin"),
            Err("Last unit does not have enough valid bits".into())
        );
    }

    #[test]
    fn line_breaks_anywhere_are_harmless() {
        assert_eq!(
            decoded(b"\r\nYWRt\r\naW4\x0b\x0c=\xc2\x85\xe2\x80\xa8"),
            Ok(b"admin".into())
        );
    }

    #[test]
    fn a_character_outside_latin_1_is_reported_as_a_question_mark() {
        for value in ["YWRtaW4密", "YWRtaW4\u{1f5dd}", "YWRtaW4\u{feff}"] {
            assert_eq!(decoded(value.as_bytes()), Err("Illegal base64 character 3f".into()));
        }
        assert_eq!(
            decoded("YWRtaW4é".as_bytes()),
            Err("Illegal base64 character -17".into())
        );
        assert_eq!(decoded(b"YWRtaW4\xff"), Err("Illegal base64 character 3f".into()));
    }

    #[test]
    fn the_text_is_as_public_as_the_value() {
        assert!(decode(&Plaintext::new("YWRtaW4=", true)).is_ok_and(|p| p.is_public()));
        assert!(decode(&Plaintext::new("YWRtaW4=", false)).is_ok_and(|p| !p.is_public()));
    }
}
