//! `explain`: a value, hop by hop, without a cluster.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use clap::Args as ClapArgs;
use miette::IntoDiagnostic as _;
use semver::Version;

use super::plaintext::{self, STDIN};
use crate::error::ExitCode;
use crate::oracle::secret::{Location, PREFIX, Plaintext};
use crate::provider::ENGINES;
use crate::system::{stdout, terminal};
use crate::values::explain::{Question, explain};

/// What `explain` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
It prints what it is given, for that is its purpose; --hide shows lengths and hashes alone. Everybody on \
this machine can read an argument: a value that matters comes on standard input or by --env. Every byte \
counts, a last newline too: print with `printf %s`.

Exit codes: 0 nothing is wrong; 1 something is; 2 bad input.

Examples:
  printf %s YWRtaW4K | kestra-secrets explain
  kestra-secrets explain WVdSdGFXNEsK --as data --name SECRET_DB_USERNAME
  kubectl get secret db -o jsonpath='{.data.KEY}' | kestra-secrets explain --as data --hide
  kestra-secrets explain --env SECRET_DB_PASSWORD --expect @password.txt
  kestra-secrets explain 1.2345678e+07 password --json")]
pub struct Args {
    /// Values as they are written; standard input holds one by default
    #[arg(value_name = "VALUE")]
    values: Vec<OsString>,
    /// Take the value of a variable in this command's own environment
    #[arg(long, value_name = "NAME", conflicts_with = "values")]
    env: Option<String>,
    /// Where the value is written, which decides how many layers of Base64 are due [default: env with --env,
    /// else values]
    #[arg(long = "as", value_name = "PLACE", value_enum)]
    place: Option<Location>,
    /// The name of its variable
    #[arg(long)]
    name: Option<String>,
    /// The file with the plaintext that must come out, byte for byte; @- is standard input
    #[arg(long, value_name = "@FILE")]
    expect: Option<String>,
    /// The Kestra that reads it [default: the newest known]
    #[arg(long, value_name = "VERSION")]
    kestra: Option<Version>,
    /// Show lengths and hashes in the place of values
    #[arg(long)]
    hide: bool,
    /// Print JSON (`kestra-secrets schema explain`)
    #[arg(long)]
    json: bool,
}

/// Explains each value.
///
/// # Errors
/// Bad input: no value, one that cannot be read, or a plaintext that cannot.
pub fn run(args: &Args) -> miette::Result<ExitCode> {
    let questions = args.questions()?;
    let explained = explain(&questions);
    if args.json {
        stdout::line(serde_json::to_string_pretty(&explained).into_diagnostic()?);
    } else {
        let each: Vec<String> = explained.values.iter().map(|one| format!("{one}\n")).collect();
        stdout::print(&each.join("\n"));
    }
    let right = explained.values.iter().all(|one| one.right);
    Ok(if right { ExitCode::Success } else { ExitCode::Failure })
}

impl Args {
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
            terminal::line("note: the value ends in a newline, which is taken for a part of it; `printf %s` adds none");
        }
        Ok(vec![value])
    }

    fn meant(&self, word: &str) -> miette::Result<Plaintext> {
        let Some(file) = word.strip_prefix('@') else {
            miette::bail!(
                help = "write --expect @FILE, or --expect @- for standard input",
                "--expect takes no plaintext, which everybody on this machine could read"
            );
        };
        if file == STDIN && self.env.is_none() && self.values.is_empty() {
            miette::bail!(
                help = "give the value by --env, or the plaintext as a file",
                "standard input can be read once only"
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
