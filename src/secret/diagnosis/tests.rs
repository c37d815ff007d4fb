use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// For each code that a name and a value can show: name, place, value, the plaintext that is meant.
fn examples() -> Vec<(Code, &'static str, Place, Vec<u8>, &'static str)> {
    let b64 = |bytes: &[u8]| STANDARD.encode(bytes).into_bytes();
    let utf16: Vec<u8> = "admin".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let long = "correct horse battery staple ".repeat(4);
    let long: &'static str = long.trim_end().to_owned().leak();
    let folded: Vec<u8> = b64(long.as_bytes())
        .chunks(76)
        .collect::<Vec<_>>()
        .join(&b' ');
    let with_mark = [b"\xef\xbb\xbf".as_slice(), b"YWRtaW4="].concat();
    let name = "SECRET_DB_USERNAME";
    vec![
        (
            Code::TrailingNewline,
            name,
            Place::Values,
            b"YWRtaW4K".into(),
            "admin",
        ),
        (
            Code::TrailingNewline,
            name,
            Place::Data,
            b"WVdSdGFXNEsK".into(),
            "admin",
        ),
        (
            Code::EncodedTooFew,
            name,
            Place::Data,
            b"YWRtaW4=".into(),
            "admin",
        ),
        (
            Code::EncodedTooOften,
            name,
            Place::Values,
            b"WVdSdGFXND0=".into(),
            "admin",
        ),
        (
            Code::Plaintext,
            name,
            Place::Values,
            b"admin".into(),
            "admin",
        ),
        (
            Code::Plaintext,
            name,
            Place::Data,
            b"it's me".into(),
            "it's me",
        ),
        (
            Code::PlaintextDecodes,
            name,
            Place::StringData,
            b"password".into(),
            "password",
        ),
        (
            Code::PlaintextDecodes,
            name,
            Place::Values,
            b"1234567890".into(),
            "1234567890",
        ),
        (
            Code::UrlSafe,
            name,
            Place::Values,
            b"Pz8_Pj4-".into(),
            "???>>>",
        ),
        (
            Code::Padding,
            name,
            Place::Values,
            b"YWRtaW4==".into(),
            "admin",
        ),
        (
            Code::Padding,
            name,
            Place::Data,
            b"WVdSdGFXND0".into(),
            "admin",
        ),
        (
            Code::Wrapped,
            name,
            Place::Values,
            b"b'YWRtaW4='".into(),
            "admin",
        ),
        (
            Code::Wrapped,
            name,
            Place::Values,
            b"\"YWRtaW4=\"".into(),
            "admin",
        ),
        (
            Code::Wrapped,
            name,
            Place::Values,
            b"YWRtaW4= ".into(),
            "admin",
        ),
        (
            Code::Wrapped,
            name,
            Place::Values,
            b"YWRt aW4=".into(),
            "admin",
        ),
        (Code::Crlf, name, Place::Values, b64(b"admin\r\n"), "admin"),
        (Code::Utf16, name, Place::Values, b64(&utf16), "admin"),
        (
            Code::Utf16,
            name,
            Place::Values,
            b64(&[&b"\xff\xfe"[..], &utf16].concat()),
            "admin",
        ),
        (
            Code::Utf16,
            name,
            Place::Values,
            b64(b"\xef\xbb\xbfadmin"),
            "admin",
        ),
        (Code::Utf16, name, Place::Env, with_mark, "admin"),
        (
            Code::PercentEncoded,
            name,
            Place::Values,
            b"YWRtaW4%3D".into(),
            "admin",
        ),
        (
            Code::UnquotedScalar,
            name,
            Place::Values,
            b"1.2345678e+07".into(),
            "12345678",
        ),
        (Code::Folded, name, Place::Values, folded, long),
        (
            Code::FromFileNewline,
            name,
            Place::Env,
            b"admin\n".into(),
            "admin",
        ),
        (
            Code::Name,
            "secret_DB_USERNAME",
            Place::Values,
            b"YWRtaW4=".into(),
            "admin",
        ),
        (
            Code::Name,
            "DB_USERNAME",
            Place::Values,
            b"YWRtaW4=".into(),
            "admin",
        ),
    ]
}

fn diagnosis(name: &str, place: Place, value: &[u8], meant: Option<&str>) -> Diagnosis {
    let meant = meant.map(Plain::from);
    diagnose(&Given {
        name: Some(name),
        place,
        value: &value.into(),
        meant: meant.as_ref(),
    })
}

#[test]
fn each_fault_is_named_and_its_cure_is_clean_whether_or_not_the_plaintext_is_told() {
    for (code, name, place, value, plain) in examples() {
        for meant in [None, Some(plain)] {
            let shown = crate::secret::escaped(&value);
            let found = diagnosis(name, place, &value, meant);
            assert!(
                found.codes.contains(&code),
                "{code} in {place:?} {shown}: {found:?}"
            );
            let name = found.name.as_deref().unwrap_or(name);
            let value = found.corrected.as_ref().map_or(&value[..], Plain::bytes);
            assert_eq!(
                value,
                place.encode(&plain.into()).bytes(),
                "the cure of {code} in {shown}"
            );
            let clean = diagnosis(name, place, value, meant);
            assert_eq!(
                clean,
                Diagnosis {
                    codes: vec![],
                    corrected: None,
                    name: None
                },
                "the cure of {code} in {shown}"
            );
        }
    }
}

#[test]
fn faults_that_only_the_plaintext_reveals() {
    for (code, value, plain) in [
        (Code::SetComma, "a", "a,b"),
        (Code::UnquotedScalar, "true", "yes"),
        (Code::UnquotedScalar, "83", "0123"),
        (Code::EncodedTooOften, "WVE9PQ==", "YQ=="),
        (Code::TrailingNewline, "YQpiCgo=", "a\nb\n"),
        (Code::Crlf, "YQ0KYg0K", "a\nb\n"),
    ] {
        let found = diagnosis("SECRET_A", Place::Values, value.as_bytes(), Some(plain));
        let expected_none = code == Code::EncodedTooOften;
        assert_eq!(
            found.codes.contains(&code),
            !expected_none,
            "{code} {value}: {found:?}"
        );
        let cured = found
            .corrected
            .map_or(value.as_bytes().to_vec(), |c| c.bytes().to_vec());
        assert_eq!(
            diagnosis("SECRET_A", Place::Values, &cured, Some(plain)).codes,
            []
        );
    }
}
