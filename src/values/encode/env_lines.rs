//! An env file with its values encoded.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::{Secrets, Unfit, fits};
use crate::oracle::secret::diagnosis::{Code, WrittenValue, diagnose};
use crate::oracle::secret::{Location, PREFIX, Plaintext};

/// One variable of an env file that holds plaintexts.
#[derive(Debug, Clone)]
pub struct PlainVariable {
    /// Its line, from 1.
    pub line: u64,
    /// Its name, with or without the prefix.
    pub name: String,
    /// What is to be encoded.
    pub plain: Plaintext,
}

/// What is written, and what is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedLines {
    /// Lines of `SECRET_NAME=Base64`, in the order of the variables. They hold plaintexts.
    pub text: String,
    /// What looks wrong with a plaintext: its line, the name of its variable, and the code.
    pub doubts: Vec<(u64, String, Code)>,
}

/// Encodes each plaintext once, on one line, under its name in capitals with the prefix.
///
/// # Errors
/// The line of a variable that cannot reach Kestra, or that another one hides, and why; never with a value.
pub fn encoded_lines(variables: &[PlainVariable]) -> Result<EncodedLines, (u64, Unfit)> {
    let mut lines: HashMap<String, u64> = HashMap::new();
    let mut encoded = EncodedLines {
        text: String::new(),
        doubts: Vec::new(),
    };
    for PlainVariable { line, name, plain } in variables {
        let unfit = |unfit| (*line, unfit);
        let capitals = name.to_uppercase();
        let key = Secrets::key(&capitals).map_err(|_| unfit(no_name(&capitals)))?;
        let variable = format!("{PREFIX}{key}");
        fits(&variable, plain).map_err(unfit)?;
        if let Some(first) = lines.insert(variable.clone(), *line) {
            let what = format!("{variable} is given twice: line {first} has it too");
            return Err(unfit(Unfit::new(what, "keep one of them; Kestra ignores case (KS017)")));
        }
        let value = Location::Env.encode(plain);
        // Writing to a String cannot fail.
        let _ = writeln!(encoded.text, "{variable}={}", String::from_utf8_lossy(value.bytes()));
        let found = diagnose(&WrittenValue {
            name: Some(&variable),
            place: Location::Env,
            value: &value,
            meant: None,
        });
        let doubts = found.codes.into_iter().map(|code| (*line, variable.clone(), code));
        encoded.doubts.extend(doubts);
    }
    Ok(encoded)
}

fn no_name(name: &str) -> Unfit {
    let what = if name.strip_prefix(PREFIX).unwrap_or(name).is_empty() {
        "there is no name before `=`"
    } else {
        "the name has a character that the shell does not pass on"
    };
    Unfit::new(
        what,
        "use letters, digits and `_`: the shell that starts Kestra drops variables with other names (KS024)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(variables: &[(&str, &str)]) -> Result<EncodedLines, (u64, Unfit)> {
        let all = variables.iter().zip(1..).map(|((name, plain), line)| PlainVariable {
            line,
            name: (*name).into(),
            plain: (*plain).into(),
        });
        encoded_lines(&all.collect::<Vec<_>>())
    }

    #[test]
    fn each_name_has_the_prefix_once_and_is_in_capitals() {
        let given = [
            ("db_password", "it's me"),
            ("SECRET_TOKEN", "t"),
            ("secret_Key", ""),
            ("LINES", "a\nb\n"),
        ];
        let text = "SECRET_DB_PASSWORD=aXQncyBtZQ==\nSECRET_TOKEN=dA==\nSECRET_KEY=\nSECRET_LINES=YQpiCg==\n";
        let expected = EncodedLines {
            text: text.into(),
            doubts: Vec::new(),
        };
        assert_eq!(encoded(&given), Ok(expected));
    }

    #[test]
    fn what_cannot_reach_kestra_is_told_by_its_line() {
        for (given, line, says) in [
            (&[("A", "a"), ("B-C", "b")][..], 2, "character"),
            (&[("", "a")], 1, "no name"),
            (
                &[("A", "a"), ("B", "b"), ("secret_a", "c")],
                3,
                "SECRET_A is given twice: line 1",
            ),
        ] {
            let (at, why) = encoded(given).unwrap_err();
            assert!(at == line && why.to_string().contains(says), "{at}: {why}");
        }
        let long = "x".repeat(100_000);
        assert!(encoded(&[("A", long.as_str())]).is_err());
    }

    #[test]
    fn a_plaintext_that_looks_wrong_is_encoded_and_told() {
        let found = encoded(&[("A", "a\n"), ("B", "\"b\""), ("C", "YWRtaW4=")]).unwrap();
        let codes: Vec<_> = found.doubts.iter().map(|(line, _, code)| (*line, *code)).collect();
        let expected = [
            (1, Code::TrailingNewline),
            (2, Code::QuotesInside),
            (3, Code::EncodedTooOften),
        ];
        assert_eq!(codes, expected);
    }
}
