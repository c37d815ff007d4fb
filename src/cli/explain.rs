//! `explain`: a value, hop by hop, without a cluster; or a diagnosis code.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use clap::Args as ClapArgs;
use miette::IntoDiagnostic as _;
use semver::Version;

use super::plaintext::{self, STDIN};
use crate::error::ExitCode;
use crate::kestra::ENGINES;
use crate::oracle::secret::diagnosis::Code;
use crate::oracle::secret::{Location, PREFIX, Plaintext, RunKey};
use crate::system::{stdout, terminal};
use crate::values::explain::{Question, explain, page};

/// What `explain` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
Without a code, the command shows each value at every hop; --hide replaces values by their lengths and hashes. \
Every user of this machine can read a command's arguments: give a value that matters on standard input or with --env. \
Every byte counts, including a final newline, so print values with `printf %s`. A text like KS001 is a code; to \
explain it as a value, give it on standard input.

Exit codes:
  0    nothing is wrong
  1    a value is wrong
  2    bad input or usage

Examples:
  printf %s YWRtaW4K | kestra-secrets explain
  kestra-secrets explain KS001
  kestra-secrets explain --list
  kestra-secrets explain WVdSdGFXNEsK --as data --name SECRET_DB_USERNAME
  kubectl get secret db -o jsonpath='{.data.KEY}' |
    kestra-secrets explain --as data --hide
  kestra-secrets explain --env SECRET_DB_PASSWORD --expect @password.txt
  kestra-secrets explain 1.2345678e+07 password --json")]
pub struct Args {
    /// Explain these values as they are written, or describe these codes [default: one value from standard input]
    #[arg(value_name = "VALUE|CODE")]
    values: Vec<OsString>,
    /// List all diagnosis codes
    #[arg(long, exclusive = true)]
    list: bool,
    /// Explain the value of this environment variable
    #[arg(long, value_name = "NAME", conflicts_with = "values")]
    env: Option<String>,
    /// Say where the value is written, which decides how many layers of Base64 it needs [default: env with --env,
    /// otherwise values]
    #[arg(long = "as", value_name = "PLACE", value_enum)]
    place: Option<Location>,
    /// Give the name of the value's variable, such as `SECRET_DB_PASSWORD`
    #[arg(long)]
    name: Option<String>,
    /// Compare with the plaintext in this file, byte for byte; @- for standard input
    #[arg(long, value_name = "@FILE")]
    expect: Option<String>,
    /// Decode as this version of Kestra does [default: the newest engine]
    #[arg(long, value_name = "VERSION")]
    kestra: Option<Version>,
    /// Print lengths and hashes instead of values
    #[arg(long)]
    hide: bool,
    /// Print JSON, as described by `kestra-secrets schema explain`
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Explains each value.
///
/// # Errors
/// Bad input: no value, one that cannot be read, or a plaintext that cannot.
pub fn run(args: &Args) -> miette::Result<ExitCode> {
    if args.list {
        stdout::prose(&list());
        return Ok(ExitCode::Success);
    }
    if let Some(codes) = args.codes()? {
        stdout::prose(&pages(&codes));
        return Ok(ExitCode::Success);
    }
    let questions = args.questions()?;
    let explained = explain(&questions, &RunKey::random());
    if args.json {
        stdout::line(serde_json::to_string_pretty(&explained).into_diagnostic()?);
    } else {
        let each: Vec<String> = explained.values.iter().map(|one| format!("{one}\n")).collect();
        stdout::prose(&each.join("\n"));
    }
    let right = explained.values.iter().all(|one| one.right);
    Ok(if right { ExitCode::Success } else { ExitCode::Failure })
}

/// All codes, a line each.
pub fn list() -> String {
    let lines = Code::ALL.iter().map(|code| format!("{code} {}\n", code.title()));
    lines.collect()
}

/// A page for each code.
pub fn pages(codes: &[Code]) -> String {
    let each: Vec<_> = codes.iter().map(|code| page(*code, &newest())).collect();
    each.join("\n")
}

/// Whether a text is written like a code, known or not.
fn looks_like_a_code(text: &OsStr) -> bool {
    let parts = text.to_str().and_then(|text| text.split_at_checked(2));
    parts.is_some_and(|(start, digits)| {
        start.eq_ignore_ascii_case("KS") && digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

impl Args {
    /// The codes to describe; none when values are to be explained.
    fn codes(&self) -> miette::Result<Option<Vec<Code>>> {
        let Some(code) = self.values.iter().find(|text| looks_like_a_code(text)) else {
            return Ok(None);
        };
        let code = code.to_string_lossy();
        if !self.values.iter().all(|text| looks_like_a_code(text)) {
            miette::bail!(
                help = format!(
                    "explain codes in a command of their own; to explain {code} as a value, give it on standard input"
                ),
                "{code} is a code, and there are values beside it"
            );
        }
        if self.is_about_a_value() {
            miette::bail!(
                help = format!("leave the flags out; to explain {code} as a value, give it on standard input"),
                "{code} is a code, which takes none of the flags for values"
            );
        }
        let parse = |text: &OsString| {
            let parsed = text.to_string_lossy().parse();
            parsed.map_err(|e: String| miette::miette!(help = "`kestra-secrets explain --list` lists all codes", "{e}"))
        };
        self.values.iter().map(parse).collect::<miette::Result<_>>().map(Some)
    }

    fn is_about_a_value(&self) -> bool {
        self.place.is_some()
            || self.name.is_some()
            || self.expect.is_some()
            || self.kestra.is_some()
            || self.hide
            || self.json
    }

    fn questions(&self) -> miette::Result<Vec<Question>> {
        let meant = self.expect.as_deref().map(|word| self.meant(word)).transpose()?;
        let question = |value: Vec<u8>| Question {
            name: self
                .name
                .clone()
                .or_else(|| self.env.clone().filter(|name| means_a_secret(name))),
            place: self.place.unwrap_or(if self.env.is_some() {
                Location::Env
            } else {
                Location::Values
            }),
            value: Plaintext::new(value, !self.hide),
            meant: meant.clone(),
            kestra: self.kestra.clone().unwrap_or_else(newest),
        };
        Ok(self.bytes()?.into_iter().map(question).collect())
    }

    fn bytes(&self) -> miette::Result<Vec<Vec<u8>>> {
        if let Some(name) = &self.env {
            let value = std::env::var_os(name).ok_or_else(|| {
                miette::miette!(
                    help = "export it, or give the value on standard input",
                    "{name} is not set"
                )
            })?;
            return Ok(vec![value.into_vec()]);
        }
        if !self.values.is_empty() {
            return Ok(self.values.iter().map(|value| value.as_bytes().to_vec()).collect());
        }
        let value = plaintext::of_file(STDIN)?;
        if value.ends_with(b"\n") {
            terminal::line("note: the value ends in a newline, which counts as part of it; `printf %s` adds none");
        }
        Ok(vec![value])
    }

    fn meant(&self, word: &str) -> miette::Result<Plaintext> {
        let Some(file) = word.strip_prefix('@') else {
            miette::bail!(
                help = "write --expect @FILE, or --expect @- for standard input",
                "--expect takes a file, not a plaintext: every user of this machine can read arguments"
            );
        };
        if file == STDIN && self.env.is_none() && self.values.is_empty() {
            miette::bail!(
                help = "give the value by --env, or the plaintext as a file",
                "standard input can be read only once"
            );
        }
        Ok(Plaintext::new(plaintext::of_file(file)?, !self.hide))
    }
}

fn newest() -> Version {
    let [newest, ..] = ENGINES;
    newest
}

/// Another variable only carries the value.
fn means_a_secret(name: &str) -> bool {
    name.get(..PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}
