//! Recipes: pipes of `echo`, `printf` and `base64` on a page, and what they give. They are evaluated here, never run.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::shell::{self, ShellCommand, ShellLine};
use crate::oracle::secret::{Location, Plaintext, decode};

/// The columns after which `base64` and `openssl base64` break lines.
const WRAP: usize = 76;
const WRAP_OF_OPENSSL: usize = 64;

/// A recipe of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Its bytes in the block.
    pub span: Range<usize>,
    /// What is fed into it: a plaintext, without the newline that the shell adds.
    pub plain: String,
    /// How often it encodes.
    pub layers: usize,
    /// What it prints, without the newline that ends it.
    pub result: String,
    /// What the page says that it prints, and where.
    pub printed: Option<(String, Range<usize>)>,
    /// Where ` -n` would have to stand, where an `echo` without it encodes its newline.
    pub lacks_n: Option<usize>,
}

/// What a line of a block is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// A recipe that encodes.
    Recipe(Recipe),
    /// It has to do with Base64, but what it gives cannot be told, and why.
    Unknown(Range<usize>, &'static str),
}

impl Recipe {
    /// Whether what it prints carries its plaintext, written where so many layers are due. Of more layers than two
    /// nothing can be said.
    pub fn is_right(&self) -> bool {
        let place = match self.layers {
            1 => Location::Values,
            2 => Location::Data,
            _ => return true,
        };
        let environment = place.environment(&Plaintext::new(self.result.as_str(), true));
        environment.is_some_and(|env| decode(&env).is_ok_and(|plain| plain.bytes() == self.plain.as_bytes()))
    }
}

/// The recipes in a block, and the lines that may be some.
pub fn recipes(text: &str) -> Vec<Reading> {
    shell::lines(text)
        .into_iter()
        .filter_map(|line| read(text, line))
        .collect()
}

fn read(text: &str, line: ShellLine) -> Option<Reading> {
    let written = &text[line.span.clone()];
    if !written.contains("base64") && !written.contains("b64") {
        return None;
    }
    let pipe = match &line.pipe {
        Ok(pipe) => pipe,
        Err(why) => return Some(Reading::Unknown(line.span, why)),
    };
    let evaluated = match evaluate(pipe) {
        Ok(evaluated) => evaluated,
        Err(why) => return Some(Reading::Unknown(line.span, why)),
    };
    if evaluated.layers == 0 {
        return None;
    }
    let mut recipe = Recipe {
        span: line.span.clone(),
        plain: evaluated.plain,
        layers: evaluated.layers,
        result: String::from_utf8_lossy(&evaluated.output)
            .trim_end_matches('\n')
            .to_owned(),
        printed: None,
        lacks_n: None,
    };
    recipe.printed = printed(text, &line, &recipe.result);
    let echo = pipe
        .first()
        .filter(|c| c.words.first().is_some_and(|name| name == "echo"));
    recipe.lacks_n = echo
        .filter(|c| !recipe.is_right() && !c.words.iter().any(|w| w == "-n"))
        .map(|c| c.after_name);
    Some(Reading::Recipe(recipe))
}

/// What the page says that a recipe prints.
fn printed(text: &str, line: &ShellLine, result: &str) -> Option<(String, Range<usize>)> {
    if let Some(comment) = &line.comment {
        return claim(text, comment.clone(), result, is_encoded);
    }
    let below = line.below.first()?.clone();
    let words = text[below.clone()].trim();
    let comment = words.starts_with('#');
    // A comment below a command rather speaks of the next one.
    let sure = |word: &str| word == result || is_encoded(word) && word.len() >= 8 && word.len().is_multiple_of(4);
    if comment || !words.contains(' ') {
        claim(text, below, result, sure)
    } else {
        None
    }
}

/// The word that is claimed to be a result: that itself, else the last one that looks like it.
fn claim(text: &str, span: Range<usize>, result: &str, looks: impl Fn(&str) -> bool) -> Option<(String, Range<usize>)> {
    const AROUND: &[char] = &['`', '"', '\'', '.', ',', ';', ':', '(', ')', '“', '”'];
    let words = text[span.clone()]
        .split_whitespace()
        .map(|word| word.trim_matches(AROUND));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let word = words
        .iter()
        .find(|word| **word == result)
        .or_else(|| words.iter().rfind(|word| looks(word)))?;
    let at = span.start + text[span.clone()].rfind(word)?;
    Some(((*word).to_owned(), at..at + word.len()))
}

/// Whether a word can only be Base64: of the alphabet, with a capital or a digit among small letters or with padding.
fn is_encoded(word: &str) -> bool {
    let body = word.trim_end_matches('=');
    let alphabet = |b: u8| b.is_ascii_alphanumeric() || b"+/-_".contains(&b);
    let mixed = body.bytes().any(|b| b.is_ascii_lowercase())
        && body
            .bytes()
            .skip(1)
            .any(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    word.len() >= 4 && body.bytes().all(alphabet) && (mixed || body.len() < word.len())
}

struct Evaluated {
    plain: String,
    layers: usize,
    output: Vec<u8>,
}

/// What a pipe gives, or why that cannot be told.
fn evaluate(pipe: &[ShellCommand]) -> Result<Evaluated, &'static str> {
    let (first, rest) = pipe.split_first().ok_or("it is empty")?;
    let (plain, mut output, stages) = match (&first.here, source(first)) {
        (Some(here), _) => (here.trim_end_matches('\n').to_owned(), here.clone().into_bytes(), pipe),
        (None, Some(source)) => {
            let (plain, output) = source?;
            (plain, output, rest)
        }
        (None, None) => return Err("what it reads is not on the page"),
    };
    let mut layers = 0;
    for stage in stages {
        match filter(stage)? {
            Filter::Encode(wrap) => {
                output = encode(&output, wrap);
                layers += 1;
            }
            Filter::Decode => return Err("it decodes"),
            Filter::Without(set) => output.retain(|b| !set.contains(b)),
            Filter::Same => {}
        }
    }
    Ok(Evaluated { plain, layers, output })
}

/// What `echo` or `printf` prints: the text that was meant, and the bytes. None for other commands.
fn source(command: &ShellCommand) -> Option<Result<(String, Vec<u8>), &'static str>> {
    let (name, words) = command.words.split_first()?;
    match name.as_str() {
        "echo" => Some(echo(words)),
        "printf" => Some(printf(words)),
        _ => None,
    }
}

fn echo(mut words: &[String]) -> Result<(String, Vec<u8>), &'static str> {
    let (mut newline, mut escapes) = (true, false);
    while let Some((flag, rest)) = words.split_first()
        && let Some(flags) = flag
            .strip_prefix('-')
            .filter(|f| !f.is_empty() && f.bytes().all(|b| b"neE".contains(&b)))
    {
        newline &= !flags.contains('n');
        escapes |= flags.contains('e');
        words = rest;
    }
    let text = words.join(" ");
    if escapes && text.contains('\\') {
        return Err("it holds an escape");
    }
    let end = if newline { "\n" } else { "" };
    Ok((text.clone(), [text.as_bytes(), end.as_bytes()].concat()))
}

/// `printf FORMAT [TEXT]` with nothing but `%s` and `\n` in the format.
fn printf(words: &[String]) -> Result<(String, Vec<u8>), &'static str> {
    const UNKNOWN: &str = "it holds a format other than `%s` and `\\n`";
    let words = words.strip_prefix(&["--".to_owned()]).unwrap_or(words);
    let (format, arguments) = words.split_first().ok_or(UNKNOWN)?;
    let format = format.replace("\\n", "\n");
    let text = match (format.matches("%s").count(), arguments) {
        (0, []) => format,
        (1, [text]) => format.replacen("%s", text, 1),
        _ => return Err(UNKNOWN),
    };
    if arguments.is_empty() && text.contains(['%', '\\']) {
        return Err(UNKNOWN);
    }
    Ok((text.trim_end_matches('\n').to_owned(), text.into_bytes()))
}

enum Filter {
    /// With a line break after so many columns; none for no break at all, not even at the end.
    Encode(Option<usize>),
    Decode,
    Without(&'static [u8]),
    Same,
}

fn filter(command: &ShellCommand) -> Result<Filter, &'static str> {
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    Ok(match words.as_slice() {
        ["base64" | "gbase64"] => Filter::Encode(Some(WRAP)),
        ["base64" | "gbase64", "-w0" | "-w=0" | "--wrap=0" | "-b0"]
        | ["base64" | "gbase64", "-w" | "--wrap" | "-b", "0"] => Filter::Encode(None),
        ["base64" | "gbase64", "-d" | "-D" | "--decode"] => Filter::Decode,
        ["openssl", "base64" | "enc", rest @ ..] => match rest {
            [] | ["-e" | "-base64"] => Filter::Encode(Some(WRAP_OF_OPENSSL)),
            ["-A"] | ["-e" | "-base64", "-A"] | ["-A", "-e"] => Filter::Encode(None),
            _ => return Err("it holds a command or a flag that is not known here"),
        },
        ["tr", "-d", "\\n"] => Filter::Without(b"\n"),
        ["tr", "-d", "\\r\\n" | "\\n\\r"] => Filter::Without(b"\r\n"),
        ["cat" | "tee"] => Filter::Same,
        _ => return Err("it holds a command or a flag that is not known here"),
    })
}

fn encode(bytes: &[u8], wrap: Option<usize>) -> Vec<u8> {
    let text = STANDARD.encode(bytes);
    match wrap {
        None => text.into_bytes(),
        Some(columns) => {
            let lines = text.as_bytes().chunks(columns);
            lines.flat_map(|line| [line, b"\n"].concat()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Recipe {
        match recipes(text).as_slice() {
            [Reading::Recipe(recipe)] => recipe.clone(),
            other => panic!("{text}: {other:?}"),
        }
    }

    /// What `sh` printed for each of these.
    #[test]
    fn recipes_give_what_a_shell_gives() {
        for (text, plain, layers, result) in [
            ("echo -n \"admin\" | base64", "admin", 1, "YWRtaW4="),
            ("echo admin | base64", "admin", 1, "YWRtaW4K"),
            ("echo -n admin | base64 | base64", "admin", 2, "WVdSdGFXND0K"),
            (
                "echo -n password | base64 | base64",
                "password",
                2,
                "Y0dGemMzZHZjbVE9Cg==",
            ),
            ("printf %s 'a b' | base64 -w0 | base64 -w 0", "a b", 2, "WVNCaQ=="),
            ("printf '%s\\n' admin | base64", "admin", 1, "YWRtaW4K"),
            ("printf admin | openssl base64 -A", "admin", 1, "YWRtaW4="),
            ("base64 <<< admin", "admin", 1, "YWRtaW4K"),
            ("echo admin | tr -d '\\n' | base64", "admin", 1, "YWRtaW4="),
            (
                "echo -n 'a password that is longer than one line of base64 has columns for' | base64",
                "a password that is longer than one line of base64 has columns for",
                1,
                "YSBwYXNzd29yZCB0aGF0IGlzIGxvbmdlciB0aGFuIG9uZSBsaW5lIG9mIGJhc2U2NCBoYXMgY29s\ndW1ucyBmb3I=",
            ),
        ] {
            let recipe = one(text);
            assert_eq!(
                (recipe.plain.as_str(), recipe.layers, recipe.result.as_str()),
                (plain, layers, result),
                "{text}"
            );
            assert_eq!(recipe.is_right(), !result.contains("4K"), "{text}");
        }
    }

    #[test]
    fn what_a_page_says_of_a_recipe_is_found_beside_and_below_it() {
        for (text, printed) in [
            ("echo -n admin | base64 # it should give you YWRtaW4=", Some("YWRtaW4=")),
            (
                "echo -n admin | base64 | base64 # it should give you WVdSdGFXNEsK",
                Some("WVdSdGFXNEsK"),
            ),
            ("echo -n admin | base64 # gives `YWRtaW4=`.", Some("YWRtaW4=")),
            ("echo -n admin | base64 # encode the user first", None),
            ("$ echo -n admin | base64\nYWRtaW4=\n", Some("YWRtaW4=")),
            ("echo -n admin | base64\nYWRtaW4K\n", Some("YWRtaW4K")),
            ("echo -n admin | base64\n# → YWRtaW4=\n", Some("YWRtaW4=")),
            ("echo -n admin | base64\n# now the Password1\n", None),
        ] {
            let recipe = match recipes(text).into_iter().next() {
                Some(Reading::Recipe(recipe)) => recipe,
                other => panic!("{text}: {other:?}"),
            };
            assert_eq!(
                recipe.printed.as_ref().map(|(word, _)| word.as_str()),
                printed,
                "{text}"
            );
            if let Some((word, span)) = recipe.printed {
                assert_eq!(text[span], word);
            }
        }
    }

    #[test]
    fn what_cannot_be_told_is_said_and_not_guessed() {
        for text in [
            "cat password.txt | base64",
            "base64 password.txt",
            "echo -n $PASSWORD | base64",
            "echo -n a | base64 -w 20",
            "printf '%d' 1 | base64",
            "echo YQ== | base64 -d",
            "export A=$(echo -n a | base64)",
        ] {
            assert!(matches!(recipes(text).as_slice(), [Reading::Unknown(..)]), "{text}");
        }
        assert!(recipes("helm install kestra kestra/kestra -f values.yaml\nkubectl get pods -l \"a=b\"").is_empty());
    }

    #[test]
    fn an_echo_that_encodes_its_newline_is_told_where_its_n_belongs() {
        let text = "echo \"admin\" | base64";
        let at = one(text).lacks_n.unwrap();
        let mended = [&text[..at], " -n", &text[at..]].concat();
        assert_eq!(mended, "echo -n \"admin\" | base64");
        assert!(one(&mended).is_right());
    }
}
