use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::SecretStore;
use super::*;

/// For each code that a name and a value can show: name, place, value, the plaintext that is meant.
#[allow(clippy::too_many_lines)] // It is a table.
fn examples() -> Vec<(Code, &'static str, Location, Vec<u8>, &'static str)> {
    let b64 = |bytes: &[u8]| STANDARD.encode(bytes).into_bytes();
    let utf16: Vec<u8> = "admin".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let long = "correct horse battery staple ".repeat(4);
    let long: &'static str = long.trim_end().to_owned().leak();
    let folded: Vec<u8> = b64(long.as_bytes()).chunks(76).collect::<Vec<_>>().join(&b' ');
    let with_mark = [b"\xef\xbb\xbf".as_slice(), b"YWRtaW4="].concat();
    let name = "SECRET_DB_USERNAME";
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n";
    vec![
        (
            Code::TrailingNewline,
            name,
            Location::Values,
            b"YWRtaW4K".into(),
            "admin",
        ),
        (
            Code::TrailingNewline,
            name,
            Location::Data,
            b"WVdSdGFXNEsK".into(),
            "admin",
        ),
        (Code::EncodedTooFew, name, Location::Data, b"YWRtaW4=".into(), "admin"),
        (
            Code::EncodedTooOften,
            name,
            Location::Values,
            b"WVdSdGFXND0=".into(),
            "admin",
        ),
        (Code::Plaintext, name, Location::Values, b"admin".into(), "admin"),
        (Code::Plaintext, name, Location::Data, b"it's me".into(), "it's me"),
        (
            Code::PlaintextDecodes,
            name,
            Location::StringData,
            b"password".into(),
            "password",
        ),
        (
            Code::PlaintextDecodes,
            name,
            Location::Values,
            b"1234567890".into(),
            "1234567890",
        ),
        (Code::UrlSafe, name, Location::Values, b"Pz8_Pj4-".into(), "???>>>"),
        (Code::Padding, name, Location::Values, b"YWRtaW4==".into(), "admin"),
        (Code::Padding, name, Location::Data, b"WVdSdGFXND0".into(), "admin"),
        (Code::Wrapped, name, Location::Values, b"b'YWRtaW4='".into(), "admin"),
        (Code::Wrapped, name, Location::Values, b"\"YWRtaW4=\"".into(), "admin"),
        (Code::Wrapped, name, Location::Values, b"YWRtaW4= ".into(), "admin"),
        (Code::Wrapped, name, Location::Values, b"YWRt aW4=".into(), "admin"),
        (Code::Crlf, name, Location::Values, b64(b"admin\r\n"), "admin"),
        (Code::Utf16, name, Location::Values, b64(&utf16), "admin"),
        (
            Code::Utf16,
            name,
            Location::Values,
            b64(&[&b"\xff\xfe"[..], &utf16].concat()),
            "admin",
        ),
        (Code::Utf16, name, Location::Values, b64(b"\xef\xbb\xbfadmin"), "admin"),
        (Code::Utf16, name, Location::Env, with_mark, "admin"),
        (
            Code::PercentEncoded,
            name,
            Location::Values,
            b"YWRtaW4%3D".into(),
            "admin",
        ),
        (
            Code::UnquotedScalar,
            name,
            Location::Values,
            b"1.2345678e+07".into(),
            "12345678",
        ),
        (Code::Folded, name, Location::Values, folded, long),
        (Code::FromFileNewline, name, Location::Env, b"admin\n".into(), "admin"),
        (
            Code::Name,
            "secret_DB_USERNAME",
            Location::Values,
            b"YWRtaW4=".into(),
            "admin",
        ),
        (Code::Name, "DB_USERNAME", Location::Values, b"YWRtaW4=".into(), "admin"),
        (
            Code::Wrapped,
            name,
            Location::Env,
            b"YWRtaW4= # the user's name".into(),
            "admin",
        ),
        (
            Code::Wrapped,
            name,
            Location::Env,
            b"\"YWRtaW4=\"\t#admin".into(),
            "admin",
        ),
        (Code::Wrapped, name, Location::Values, "\u{a0}YWRtaW4=".into(), "admin"),
        (
            Code::Wrapped,
            name,
            Location::Values,
            "YWRt\u{200b}aW4=".into(),
            "admin",
        ),
        (Code::CarriageReturn, name, Location::Values, b64(b"admin\r"), "admin"),
        (
            Code::QuotesInside,
            name,
            Location::Values,
            b64(b"\"s3a gull!\""),
            "s3a gull!",
        ),
        (
            Code::QuotesInside,
            name,
            Location::Values,
            b64(b"'s3a gull!'\r"),
            "s3a gull!",
        ),
        (
            Code::FlatPem,
            name,
            Location::Values,
            b64(&pem.replace('\n', "").into_bytes()),
            pem,
        ),
        (
            Code::FlatPem,
            name,
            Location::Data,
            b64(&b64(&pem.replace('\n', "\\n").into_bytes())),
            pem,
        ),
        (
            Code::DoubledPrefix,
            "SECRET_SECRET_DB_USERNAME",
            Location::Values,
            b"YWRtaW4=".into(),
            "admin",
        ),
        (
            Code::ShellName,
            "SECRET_DB-USER.name",
            Location::Values,
            b"YWRtaW4=".into(),
            "admin",
        ),
    ]
}

/// What shows only to those who know what is meant: code, value, plaintext.
const TOLD: [(Code, &str, &str); 6] = [
    (Code::Placeholder, "<base64 of your password>", "hunter2"),
    (Code::SetComma, "a", "a,b"),
    (Code::UnquotedScalar, "true", "yes"),
    (Code::UnquotedScalar, "83", "0123"),
    (Code::TrailingNewline, "YQpiCgo=", "a\nb\n"),
    (Code::Crlf, "YQ0KYg0K", "a\nb\n"),
];

#[test]
fn no_code_is_without_an_example_whose_cure_is_tested() {
    let shown = examples().into_iter().map(|(code, ..)| code);
    let told = TOLD.into_iter().map(|(code, ..)| code);
    // Each has a test of its own: of binary below, of values keys where they are known, of what changed by a run, of a
    // configuration, keys, lists, entries, components, flows and env files where lint looks for them.
    let elsewhere = [
        Code::NotUtf8,
        Code::OtherGeneration,
        Code::Stale,
        Code::NoConfiguration,
        Code::CutBase64,
        Code::UnknownKey,
        Code::ReplacedList,
        Code::MalformedEntry,
        Code::NotGiven,
        Code::AsksWithPrefix,
        Code::RefusedLine,
        Code::ReadersDiffer,
        Code::ComponentLacks,
    ];
    let all: std::collections::BTreeSet<Code> = shown.chain(told).chain(pod::tests::codes()).chain(elsewhere).collect();
    assert_eq!(all.into_iter().collect::<Vec<_>>(), Code::ALL);
}

fn diagnosis(name: &str, place: Location, value: &[u8], meant: Option<&str>) -> Diagnosis {
    let meant = meant.map(Plaintext::from);
    diagnose(&WrittenValue {
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
            let shown = crate::oracle::secret::escaped(&value);
            let found = diagnosis(name, place, &value, meant);
            assert!(found.codes.contains(&code), "{code} in {place:?} {shown}: {found:?}");
            let name = found.name.as_deref().unwrap_or(name);
            let value = found.corrected.as_ref().map_or(&value[..], Plaintext::bytes);
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
fn some_faults_show_only_when_the_plaintext_is_told() {
    for (code, value, plain) in TOLD {
        let found = diagnosis("SECRET_A", Location::Values, value.as_bytes(), Some(plain));
        assert!(found.codes.contains(&code), "{code} {value}: {found:?}");
        let corrected = found.corrected.unwrap();
        assert_eq!(
            diagnosis("SECRET_A", Location::Values, corrected.bytes(), Some(plain)).codes,
            []
        );
    }
}

#[test]
fn odd_values_that_decode_to_the_plaintext_have_no_fault() {
    for (value, plain) in [
        ("WVE9PQ==", "YQ=="),
        ("YQo=", "a\n"),
        ("YQ0K", "a\r\n"),
        ("77u/YQ==", "\u{feff}a"),
        ("YQ", "a"),
        ("", ""),
    ] {
        assert_eq!(
            diagnosis("SECRET_A", Location::Values, value.as_bytes(), Some(plain)).codes,
            [],
            "{value}"
        );
    }
}

#[test]
fn an_unexplained_difference_still_gets_the_right_value() {
    let found = diagnosis("SECRET_A", Location::Values, b"YWRtaW4=", Some("root"));
    assert_eq!((found.codes, found.corrected), (vec![], Some("cm9vdA==".into())));
}

#[test]
fn binary_has_no_better_encoding_but_can_be_carried_as_base64() {
    let keystore = [0xfe, 0xed, 0xfa, 0xce];
    for place in [Location::Values, Location::Data] {
        let value = place.encode(&keystore.as_slice().into());
        let found = diagnosis("SECRET_KEYSTORE", place, value.bytes(), None);
        assert_eq!((found.codes, found.corrected), (vec![Code::NotUtf8], None));
        let carried = carried(place, &value).unwrap();
        assert_eq!(diagnosis("SECRET_KEYSTORE", place, carried.bytes(), None).codes, []);
        let text = decode(&place.environment(&carried).unwrap()).unwrap();
        assert_eq!(STANDARD.decode(text.bytes()).unwrap(), keystore);
    }
}

#[test]
fn linux_takes_128_kib_with_name_and_nul_and_no_byte_more() {
    let fits = "QUJD".repeat(32 * 1024).into_bytes();
    let name = "SECRET_A";
    let fits = &fits[..128 * 1024 - name.len() - 2];
    let fits = &fits[..fits.len() / 4 * 4];
    assert_eq!(diagnosis(name, Location::Values, fits, None).codes, []);
    let longer = [fits, b"QUJD"].concat();
    assert_eq!(diagnosis(name, Location::Values, &longer, None).codes, [Code::TooLong]);
}

#[test]
fn a_services_variables_are_told_from_secrets() {
    for (name, value) in [
        ("SECRET_DB_SERVICE_HOST", "10.96.0.12"),
        ("SECRET_DB_SERVICE_PORT", "5432"),
        ("SECRET_DB_SERVICE_PORT_HTTP", "8080"),
        ("SECRET_DB_PORT", "tcp://10.96.0.12:5432"),
        ("SECRET_DB_PORT_5432_TCP", "tcp://10.96.0.12:5432"),
        ("SECRET_DB_PORT_5432_TCP_PROTO", "tcp"),
        ("SECRET_DB_PORT_5432_TCP_ADDR", "10.96.0.12"),
    ] {
        let found = diagnosis(name, Location::Env, value.as_bytes(), None);
        assert_eq!(
            (found.codes, found.corrected),
            (vec![Code::ServiceLink], None),
            "{name}"
        );
    }
    for name in [
        "SECRET_DB_PORT",
        "SECRET_DB_SERVICE_HOST",
        "SECRET_PORT_A",
        "SECRET_REPORT_TOKEN",
    ] {
        assert_eq!(diagnosis(name, Location::Env, b"NTQzMg==", None).codes, [], "{name}");
    }
}

#[test]
fn names_that_collide_are_listed_with_each_other() {
    let keyring: SecretStore = [("SECRET_A", "YQ=="), ("SECRET_a", "Yg=="), ("SECRET_B", "YQ==")]
        .into_iter()
        .collect();
    let names: Vec<_> = keyring.collisions().map(|(_, names)| names).collect();
    assert_eq!(names, [vec!["SECRET_A", "SECRET_a"]]);
}

#[test]
fn good_values_raise_no_alarm() {
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----\n";
    for plain in [
        "",
        "a",
        "admin",
        "password",
        "Passw0rd!",
        "it's me",
        "a b",
        "say \"quoted\"",
        "pässwörd 密码 🗝",
        "100%25",
        "true",
        "12345678",
        "1e10",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "0123456789abcdef0123456789abcdef",
        "6f1ed002-ab5b-4b2d-8f3c-0d1f6e2c9a10",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "postgres://kestra:k3stra@db:5432/kestra?sslmode=require",
        "{\"type\": \"service_account\"}\n",
        "line one\nline two\n",
        pem,
    ] {
        // A newline after a single line is what KS001 is about, whoever put it there.
        let expected = if plain.starts_with('{') {
            vec![Code::TrailingNewline]
        } else {
            vec![]
        };
        for place in [Location::Env, Location::Values, Location::StringData, Location::Data] {
            let value = place.encode(&plain.into());
            assert_eq!(
                diagnosis("SECRET_A", place, value.bytes(), None).codes,
                expected,
                "{plain:?} in {place:?}"
            );
            let wrapped = value
                .bytes()
                .chunks(76)
                .flat_map(|line| [line, b"\n"].concat())
                .collect::<Vec<_>>();
            assert_eq!(
                diagnosis("SECRET_A", place, &wrapped, None).codes,
                expected,
                "{plain:?} wrapped in {place:?}"
            );
        }
    }
}

#[test]
fn codes_are_numbered_in_order_and_read_in_either_case() {
    for (n, code) in Code::ALL.iter().enumerate() {
        assert_eq!(code.code(), format!("KS{:03}", n + 1));
        assert_eq!(code.code().to_lowercase().parse(), Ok(*code));
        assert_eq!(serde_json::to_value(code).unwrap(), code.code());
    }
    assert!("KS999".parse::<Code>().is_err());
}

proptest::proptest! {
    #[test]
    fn no_value_makes_it_panic_and_what_is_meant_is_always_cured(value: Vec<u8>, meant: String, data: bool) {
        let place = if data { Location::Data } else { Location::Values };
        diagnosis("SECRET_A", place, &value, None);
        let found = diagnosis("SECRET_A", place, &value, Some(&meant));
        let written = found.corrected.unwrap_or_else(|| value.as_slice().into());
        let env = place.environment(&written);
        proptest::prop_assert_eq!(env.and_then(|env| decode(&env).ok()), Some(meant.as_str().into()));
    }
}

#[test]
fn a_placeholder_is_named_as_such_and_nothing_is_written_in_its_place() {
    for (place, value) in [
        (Location::Values, "<base64 of your user name>"),
        (Location::Env, "replace_with_base64_encoded_json"),
        (Location::StringData, "changeme"),
        (Location::Data, "CHANGE_ME"),
        (Location::Data, "PHlvdXIgcGFzc3dvcmQ+"),
        (Location::Env, "xxxxxxxx"),
    ] {
        let found = diagnosis("SECRET_A", place, value.as_bytes(), None);
        assert_eq!(
            (found.codes, found.corrected),
            (vec![Code::Placeholder], None),
            "{value}"
        );
    }
    for value in ["Y2hhbmdlbWU=", "aGVyZQ=="] {
        assert_eq!(
            diagnosis("SECRET_A", Location::Values, value.as_bytes(), None).codes,
            [],
            "{value}"
        );
    }
}

#[test]
fn quotes_that_belong_to_a_text_are_no_fault() {
    for text in ["'a' or 'b'", "{\"a\": \"b\"}", "\"", "it's", "\"\"", "'a\""] {
        let value = STANDARD.encode(text);
        assert_eq!(
            diagnosis("SECRET_A", Location::Values, value.as_bytes(), None).codes,
            [],
            "{text}"
        );
    }
}

#[test]
fn a_plaintext_with_invisible_characters_is_not_encoded_with_them() {
    let found = diagnosis("SECRET_A", Location::Env, "\u{a0}it's me".as_bytes(), None);
    assert_eq!((found.codes, found.corrected), (vec![Code::Plaintext], None));
}

#[test]
fn names_of_other_programs_secrets_have_no_doubled_prefix() {
    for name in [
        "SECRET_SECRET_KEY",
        "SECRET_SECRET_ACCESS_KEY",
        "SECRET_SECRET_",
        "SECRET_AWS_SECRET_KEY",
    ] {
        assert_eq!(diagnosis(name, Location::Values, b"YWRtaW4=", None).codes, [], "{name}");
    }
    let found = diagnosis("SECRET_secret_db", Location::Values, b"YWRtaW4=", None);
    assert_eq!(
        (found.codes, found.name),
        (vec![Code::DoubledPrefix], Some("SECRET_DB".into()))
    );
}
