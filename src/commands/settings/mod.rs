//! What is set beforehand: by `kestra-secrets.toml` and by variables. Both end as defaults of clap, which then
//! reads the command line: so a flag goes before a variable, a variable before the file.

mod file;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

pub use file::{Entry, File};

use crate::scenario::InputError;

/// What is asked but once, holds a plaintext or a word from the user, or has a command do more than look.
const ONCE: &[&str] = &[
    "as",
    "config",
    "dry-run",
    "env",
    "exec",
    "expect",
    "expect-present",
    "file",
    "from-env-file",
    "from-file",
    "help",
    "hide",
    "json",
    "jsonl",
    "markdown",
    "name",
    "only",
    "page",
    "password-file",
    "patch",
    "public",
    "quiet",
    "run-flow",
    "seed",
    "token-file",
    "username",
    "verbose",
    "version",
];
/// What a variable does not set: the tests' own has the one name, and under the other each command has its own.
const NO_VARIABLE: &[&str] = &["require", "format"];
/// A command that deletes is told where, each time; and what `explain` calls --kestra is a version alone.
const UNSET: &[&str] = &["clean", "explain"];

/// The flag's name when it may be set beforehand.
pub fn settable(arg: &Arg) -> Option<&str> {
    arg.get_long().filter(|long| !ONCE.contains(long))
}

/// The variable that sets a flag.
pub fn variable(flag: &str) -> Option<String> {
    let name = flag.replace('-', "_").to_uppercase();
    (!NO_VARIABLE.contains(&flag)).then(|| format!("KESTRA_SECRETS_{name}"))
}

/// The commands that have a flag that may be set, with all of these.
pub fn commands(root: &Command) -> impl Iterator<Item = &Command> {
    root.get_subcommands().filter(|c| !UNSET.contains(&c.get_name()))
}

/// The file that `--config` or its variable names in a command line that is not read yet.
pub fn named(words: &[OsString]) -> Option<PathBuf> {
    word(words, "--config")
        .or_else(|| std::env::var_os("KESTRA_SECRETS_CONFIG").filter(|file| !file.is_empty()))
        .map(PathBuf::from)
}

/// The value of a flag of all commands in a command line that is not read yet.
pub fn word(words: &[OsString], flag: &str) -> Option<OsString> {
    let mut words = words.iter().skip(1).take_while(|w| *w != "--");
    while let Some(word) = words.next() {
        if word == flag {
            return words.next().cloned();
        }
        let value = word.to_str().and_then(|w| w.strip_prefix(flag)?.strip_prefix('='));
        if let Some(value) = value {
            return Some(value.into());
        }
    }
    None
}

/// The command line's grammar with what is set beforehand.
///
/// # Errors
/// [`InputError`] at the entry of the file that no flag takes.
pub fn applied(root: Command, file: Option<&File>) -> Result<Command, InputError> {
    let Some(file) = file else {
        return Ok(with_variables(root));
    };
    file.check(&root)?;
    for entry in &file.entries {
        check(&root, file, entry)?;
    }
    let grammar = root.clone();
    let set = |arg: Arg, command: Option<&str>| {
        let entry = settable(&arg).and_then(|flag| file.get(command, flag));
        match entry.filter(|entry| takes(&grammar, command, &arg, file, entry).is_ok()) {
            Some(entry) => arg.default_values(entry.values.clone()).required(false),
            None => arg,
        }
    };
    let root = root.mut_args(|arg| set(arg, None)).mut_subcommands(|command| {
        let name = command.get_name().to_owned();
        if UNSET.contains(&name.as_str()) {
            return command;
        }
        command.mut_args(|arg| set(arg, Some(&name)))
    });
    Ok(with_variables(root))
}

fn with_variables(root: Command) -> Command {
    let set = |arg: Arg| match settable(&arg).and_then(variable) {
        // The help says the rule once.
        Some(name) => arg.env(name).hide_env(true),
        None => arg,
    };
    root.mut_args(set).mut_subcommands(|command| {
        if UNSET.contains(&command.get_name()) {
            return command;
        }
        command.mut_args(set)
    })
}

/// Some command takes the entry: its own, or any where it is at the top.
fn check(root: &Command, file: &File, entry: &Entry) -> Result<(), InputError> {
    let is_for = |command: &&Command| entry.command.as_deref().is_none_or(|name| name == command.get_name());
    let mut first = None;
    for command in commands(root).filter(is_for) {
        let mut args = command.get_arguments().chain(root.get_arguments());
        if let Some(arg) = args.find(|arg| settable(arg) == Some(&entry.flag)) {
            match takes(root, Some(command.get_name()), arg, file, entry) {
                Ok(()) => return Ok(()),
                Err(error) => first = first.or(Some(error)),
            }
        }
    }
    if let Some(error) = first {
        return Err(error);
    }
    let (message, help) = if ONCE.contains(&entry.flag.as_str()) {
        let help = "it is asked for on the command line, each time; no plaintext belongs in this file";
        (format!("{} cannot be set here", entry.flag), help.to_owned())
    } else {
        let of = entry.command.as_ref().map(|c| format!(" of {c}")).unwrap_or_default();
        let mut flags: Vec<_> = commands(root)
            .filter(is_for)
            .flat_map(|c| c.get_arguments().chain(root.get_arguments()).filter_map(settable))
            .collect();
        flags.sort_unstable();
        flags.dedup();
        (
            format!("there is no flag --{}{of}", entry.flag),
            format!("the keys are the names of flags: {}", flags.join(", ")),
        )
    };
    Err(file.wrong(entry, message, Some(help)))
}

/// A flag takes the values, as from the command line: clap reads them, whatever else a command line wants.
fn takes(root: &Command, command: Option<&str>, arg: &Arg, file: &File, entry: &Entry) -> Result<(), InputError> {
    let wrong = |what: &str| Err(file.wrong(entry, format!("{} takes {what}", entry.flag), None));
    match (matches!(arg.get_action(), ArgAction::SetTrue), entry.is_switch) {
        (true, true) => return Ok(()),
        (true, false) => return wrong("true or false"),
        (false, true) => return wrong("no true or false, but a value"),
        (false, false) => {}
    }
    if entry.values.len() != 1 && !matches!(arg.get_action(), ArgAction::Append) {
        return wrong("one value");
    }
    let bare = |command: Command| command.mut_args(|arg| arg.env(Resettable::Reset));
    let trial = bare(root.clone()).mut_subcommands(bare);
    let flags = entry.values.iter().map(|value| format!("--{}={value}", entry.flag));
    let words = [Some(root.get_name()), command]
        .into_iter()
        .flatten()
        .map(str::to_owned);
    let Err(error) = trial.try_get_matches_from(words.chain(flags)) else {
        return Ok(());
    };
    if !matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation) {
        return Ok(());
    }
    let valid = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(valid)) => Some(format!("it takes {}", valid.join(", "))),
        _ => None,
    };
    let why = std::error::Error::source(&error)
        .map(|why| format!(": {why}"))
        .unwrap_or_default();
    let message = format!("{} takes no {:?}{why}", entry.flag, entry.values.join(", "));
    Err(file.wrong(entry, message, valid))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::CommandFactory as _;

    use super::*;
    use crate::commands::Cli;

    /// The table of docs/configuration.md.
    fn table() -> String {
        let root = Cli::command();
        let mut flags: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for command in commands(&root) {
            for flag in command.get_arguments().filter_map(settable) {
                flags.entry(flag).or_default().push(command.get_name());
            }
        }
        for flag in root.get_arguments().filter_map(settable) {
            flags.insert(flag, vec!["every command"]);
        }
        let row = |(flag, commands): (&str, Vec<&str>)| {
            let variable = variable(flag).map(|name| format!("`{name}`")).unwrap_or_default();
            format!("| `{flag}` | {variable} | {} |\n", commands.join(", "))
        };
        flags.into_iter().map(row).collect()
    }

    #[test]
    fn the_documentation_lists_what_can_be_set() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md")).unwrap();
        assert!(
            page.contains(&table()),
            "docs/configuration.md is stale; its table is now\n{}",
            table()
        );
    }
}
