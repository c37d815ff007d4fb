//! What the user says must come out.

use std::collections::BTreeMap;

use super::documents::{STDIN, bytes_of};
use crate::error::InputError;
use crate::oracle::secret::Plaintext;

/// The variable that holds a plaintext is called this, and the secret's name.
pub const VARIABLE: &str = "KESTRA_SECRETS_EXPECT_";

/// Secrets by the name a flow calls them, each with its plaintext where that was said.
pub type ExpectedSecrets = BTreeMap<String, Option<Plaintext>>;

/// What the command line says, in its own words.
#[derive(Debug, Clone, Copy)]
pub struct CheckWords<'a> {
    /// `NAME=@FILE`, `NAME=@-` or `NAME`.
    pub expect: &'a [String],
    /// `NAME=VALUE`.
    pub public: &'a [String],
    /// `NAME`.
    pub present: &'a [String],
}

/// Finds the plaintexts. What is said of them in an error never shows one.
///
/// # Errors
/// [`InputError`] for a plaintext among the arguments, one that cannot be found, or a name said twice.
pub fn read(words: CheckWords<'_>) -> Result<ExpectedSecrets, InputError> {
    let mut wanted = ExpectedSecrets::new();
    for word in words.expect {
        let (name, plain) = expected(word)?;
        add(&mut wanted, "--expect", name, Some(plain))?;
    }
    for word in words.public {
        let Some((name, value)) = word.split_once('=') else {
            return Err(no("--public", "has no value", "write --public NAME=VALUE"));
        };
        add(&mut wanted, "--public", name, Some(Plaintext::new(value, true)))?;
    }
    for name in words.present {
        add(&mut wanted, "--expect-present", name, None)?;
    }
    if wanted.is_empty() {
        return Err(no(
            "check",
            "is told of no secret",
            "write --expect DB_PASSWORD=@FILE for what must come out, or --expect-present DB_PASSWORD",
        ));
    }
    Ok(wanted)
}

fn expected(word: &str) -> Result<(&str, Plaintext), InputError> {
    let flag = "--expect";
    let Some((name, value)) = word.split_once('=') else {
        let variable = format!("{VARIABLE}{word}");
        let plain = std::env::var_os(&variable).ok_or_else(|| {
            let help = format!("write {flag} {word}=@FILE, or set {variable}");
            no(flag, format!("{word}: {variable} is not set"), help)
        })?;
        return Ok((
            word,
            Plaintext::new(std::os::unix::ffi::OsStringExt::into_vec(plain), false),
        ));
    };
    let Some(file) = value.strip_prefix('@') else {
        return Err(no(
            flag,
            format!("{name}=…: a plaintext is not taken as an argument, which everybody on this machine can read"),
            format!(
                "write {flag} {name}=@FILE, or {flag} {name} with {VARIABLE}{name} set; \
                 --public {name}=… for one that is no secret"
            ),
        ));
    };
    Ok((name, Plaintext::new(bytes_of(file)?, false)))
}

fn add(wanted: &mut ExpectedSecrets, flag: &str, name: &str, plain: Option<Plaintext>) -> Result<(), InputError> {
    let known = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.is_empty() || !name.chars().all(known) {
        return Err(no(
            flag,
            "names no secret that a flow could call",
            "a name is letters, digits, `_`, `-` and `.`: what stands behind SECRET_ in the variable's name",
        ));
    }
    let twice = wanted.keys().any(|other| other.eq_ignore_ascii_case(name));
    if twice {
        let why = format!("{name} is said twice; to Kestra upper and lower case are one");
        return Err(no(flag, why, "say once what must come out"));
    }
    wanted.insert(name.to_owned(), plain);
    Ok(())
}

/// Where the plaintext of a secret comes from, for a person who has to correct it.
pub fn origin(words: CheckWords<'_>, name: &str) -> String {
    let mut expected = words.expect.iter().filter_map(|word| word.split_once("=@"));
    match expected.find(|(secret, _)| *secret == name) {
        Some((_, STDIN)) => "standard input".to_owned(),
        Some((_, file)) => file.to_owned(),
        None if words.expect.iter().any(|word| word == name) => format!("{VARIABLE}{name}"),
        None => "the command line".to_owned(),
    }
}

/// Whether anything is to be read from standard input.
pub fn reads_stdin(words: CheckWords<'_>) -> bool {
    let stdin = format!("=@{STDIN}");
    words.expect.iter().any(|word| word.ends_with(&stdin))
}

fn no(flag: &str, why: impl Into<String>, help: impl Into<String>) -> InputError {
    InputError::whole(flag, why, Some(help.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(expect: &[&str], public: &[&str], present: &[&str]) -> Result<ExpectedSecrets, String> {
        let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (expect, public, present) = (owned(expect), owned(public), owned(present));
        let words = CheckWords {
            expect: &expect,
            public: &public,
            present: &present,
        };
        read(words).map_err(|e| format!("{e} {}", e.help.as_deref().unwrap_or_default()))
    }

    #[test]
    fn a_plaintext_among_the_arguments_is_refused_and_not_repeated() {
        let told = told(&["DB_PASSWORD=hunter2"], &[], &[]).unwrap_err();
        assert!(told.contains("DB_PASSWORD=@FILE"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn a_public_value_may_hold_anything() {
        let wanted = told(&[], &["DB_URL=jdbc:x?a=b"], &["OTHER"]).unwrap();
        let url = wanted["DB_URL"].as_ref().unwrap();
        assert_eq!((url.bytes(), url.is_public()), (&b"jdbc:x?a=b"[..], true));
        assert_eq!(wanted["OTHER"], None);
    }

    #[test]
    fn the_bytes_of_a_file_are_taken_as_they_are() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"\xff\n").unwrap();
        let word = format!("DB_PASSWORD=@{}", file.path().display());
        let wanted = told(&[&word], &[], &[]).unwrap();
        let plain = wanted["DB_PASSWORD"].as_ref().unwrap();
        assert_eq!((plain.bytes(), plain.is_public()), (&b"\xff\n"[..], false));
    }

    #[test]
    fn what_says_nothing_or_too_much_is_refused() {
        for (expect, public, present) in [
            (&[][..], &[][..], &[][..]),
            (&["DB_PASSWORD=@/nowhere"], &[], &[]),
            (&["NOBODY_SET_THIS"], &[], &[]),
            (&[], &["DB_PASSWORD"], &[]),
            (&[], &["A=1"], &["a"]),
            (&[], &[], &["it's"]),
            (&[], &[], &[""]),
        ] {
            assert!(
                told(expect, public, present).is_err(),
                "{expect:?} {public:?} {present:?}"
            );
        }
    }
}
