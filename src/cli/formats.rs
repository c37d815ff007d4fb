//! `--format FORMAT[=FILE]`: one format of a report to standard output, any number to files.

use std::ffi::OsStr;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, ValueEnum};
use miette::IntoDiagnostic as _;
use serde::Serialize;

use crate::system::{atomic, stdout, terminal};

/// The formats of findings, as a command has them.
pub trait FindingFormat: ValueEnum + PartialEq + Copy + Send + Sync + 'static {
    /// The one for people.
    const HUMAN: Self;
}

/// A format, and the file that it goes to; none for standard output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatTarget<F> {
    format: F,
    file: Option<PathBuf>,
}

impl<F> FormatTarget<F> {
    /// A format on standard output.
    pub fn stdout(format: F) -> Self {
        Self { format, file: None }
    }
}

impl<F: FindingFormat> FromStr for FormatTarget<F> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = match text.split_once('=') {
            Some((_, "")) => return Err("name a file after `=`".into()),
            Some((name, file)) => (name, Some(file.into())),
            None => (text, None),
        };
        let format = F::from_str(name, false)?;
        Ok(Self { format, file })
    }
}

/// Reads a [`FormatTarget`]. Its own type, so that help lists the formats.
#[derive(Clone)]
pub struct FormatTargetParser<F>(PhantomData<F>);

impl<F> FormatTargetParser<F> {
    /// For these formats.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<F: FindingFormat> TypedValueParser for FormatTargetParser<F> {
    type Value = FormatTarget<F>;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Self::Value, clap::Error> {
        let text = value.to_string_lossy();
        let formats = || self.possible_values().into_iter().flatten();
        let name = text.split('=').next().unwrap_or_default();
        if formats().any(|known| known.matches(name, false)) {
            return text.parse::<Self::Value>().map_err(|why| {
                let name = arg.map_or_else(String::new, ToString::to_string);
                let message = format!("invalid value '{text}' for '{name}': {why}\n");
                clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
            });
        }
        let mut error = clap::Error::new(ErrorKind::InvalidValue).with_cmd(command);
        if let Some(arg) = arg {
            error.insert(ContextKind::InvalidArg, ContextValue::String(arg.to_string()));
        }
        error.insert(ContextKind::InvalidValue, ContextValue::String(text.into_owned()));
        let names = formats().map(|known| known.get_name().to_owned()).collect();
        error.insert(ContextKind::ValidValue, ContextValue::Strings(names));
        Err(error)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let all = F::value_variants().iter();
        Some(Box::new(all.filter_map(ValueEnum::to_possible_value)))
    }
}

/// Where each report goes; no two go to one place.
pub struct ReportOutputs<F> {
    stdout: Option<F>,
    files: Vec<(F, PathBuf)>,
}

impl<F: FindingFormat> ReportOutputs<F> {
    /// Of the formats that were asked for.
    ///
    /// # Errors
    /// Two for one place, and a place where no file can be.
    pub fn new(targets: &[FormatTarget<F>]) -> miette::Result<Self> {
        let mut outputs = Self {
            stdout: None,
            files: Vec::new(),
        };
        for FormatTarget { format, file } in targets {
            match file {
                Some(file) => outputs.add(*format, file)?,
                None if outputs.stdout.is_none() => outputs.stdout = Some(*format),
                None => miette::bail!(
                    help = "send all but one to files: --format sarif=kestra.sarif",
                    "two formats go to standard output"
                ),
            }
        }
        Ok(outputs)
    }

    fn add(&mut self, format: F, file: &Path) -> miette::Result<()> {
        let name = file.display();
        if self.files.iter().any(|(_, other)| is_same(other, file)) {
            miette::bail!(help = "give each format a file of its own", "two formats go to {name}");
        }
        if file.is_dir() {
            miette::bail!(help = "name a file in it", "{name} is a folder");
        }
        let folder = atomic::folder(file);
        if !folder.is_dir() {
            let folder = folder.display();
            miette::bail!(
                help = format!("make it first: mkdir -p {folder}"),
                "there is no folder {folder} to write {name} to"
            );
        }
        self.files.push((format, file.to_owned()));
        Ok(())
    }

    /// Refuses to write over what is read.
    ///
    /// # Errors
    /// A file that is an output and one of these.
    pub fn keep_off<'a>(&self, read: impl IntoIterator<Item = &'a Path>) -> miette::Result<()> {
        let read: Vec<&Path> = read.into_iter().collect();
        for (_, file) in &self.files {
            if read.iter().any(|read| is_same(read, file)) {
                miette::bail!(
                    help = "name another file for the report",
                    "{} is read, and a report would be written over it",
                    file.display()
                );
            }
        }
        Ok(())
    }

    /// The format on standard output.
    pub fn on_stdout(&self) -> Option<F> {
        self.stdout
    }

    /// Writes the report, by its text in each format, to every place: the files first, since those who read standard
    /// output may have had enough. `human` prints what is for people. A person who asked for files alone still sees
    /// the summary.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(
        &self,
        text: impl Fn(F) -> miette::Result<String>,
        human: fn(&str),
        summary: impl FnOnce() -> String,
    ) -> miette::Result<()> {
        for (format, file) in &self.files {
            let text = anstream::adapter::strip_str(&text(*format)?).to_string();
            let name = file.display();
            atomic::write(file, text.as_bytes()).map_err(|e| {
                miette::miette!(help = "its folder must take a new file", "failed to write {name}: {e}")
            })?;
        }
        match self.stdout {
            Some(format) if format == F::HUMAN => human(&text(format)?),
            Some(format) => stdout::print(&text(format)?),
            None => {
                let files: Vec<String> = self.files.iter().map(|(_, file)| file.display().to_string()).collect();
                terminal::line(&format!("{}; written to {}", summary(), files.join(", ")));
            }
        }
        Ok(())
    }
}

/// A report as JSON, which ends in a line end.
///
/// # Errors
/// None that is known: all of it can be written.
pub fn json(report: &impl Serialize) -> miette::Result<String> {
    Ok(format!("{}\n", serde_json::to_string_pretty(report).into_diagnostic()?))
}

/// Whether two names lead to one file, be it there or not.
fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        let there = std::fs::canonicalize(path).ok();
        let folder = std::fs::canonicalize(atomic::folder(path)).ok();
        there.or_else(|| Some(folder?.join(path.file_name()?)))
    };
    one == other || place(one).is_some_and(|one| place(other) == Some(one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::lint_output::LintFormat;

    fn outputs(targets: &[&str]) -> miette::Result<ReportOutputs<LintFormat>> {
        let targets: Vec<FormatTarget<LintFormat>> = targets.iter().map(|target| target.parse().unwrap()).collect();
        ReportOutputs::new(&targets)
    }

    #[test]
    fn each_format_has_a_place_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let at = |format: &str, file: &str| format!("{format}={}", folder.path().join(file).display());
        let (json, sarif) = (at("json", "a"), at("sarif", "b"));
        let all = outputs(&[&json, &sarif, "text"]).unwrap();
        assert!(all.on_stdout() == Some(LintFormat::Human) && all.files.len() == 2);
        for wrong in [
            vec!["json", "text"],
            vec![&json, &at("sarif", "./a")],
            vec![&at("json", "nowhere/a")],
            vec![&at("json", "")],
        ] {
            assert!(outputs(&wrong).is_err(), "{wrong:?}");
        }
        assert!("json=".parse::<FormatTarget<LintFormat>>().is_err());
    }
}
