//! Settings by `kestra-secrets.toml` and by variables. Both become defaults of clap, which then reads the command
//! line: a flag overrides a variable, and a variable overrides the file.

mod check;
mod file;
mod read;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, Command};

pub use file::{File, FlagSetting};
pub use read::{end, help, read};

/// What is asked but once, holds a plaintext or a word from the user, or has a command do more than look.
const ONCE: &[&str] = &[
    "as",
    "ask-kestra",
    "bad",
    "charts",
    "config",
    "diff",
    "dry-run",
    "env",
    "env-file",
    "estimate",
    "exec",
    "expect",
    "expect-present",
    "file",
    "fix",
    "from-env-file",
    "from-file",
    "good",
    "help",
    "hide",
    "json",
    "jsonl",
    "list",
    "markdown",
    "name",
    "only",
    "over",
    "page",
    "password-file",
    "patch",
    "public",
    "quiet",
    "run-flow",
    "seed",
    "token-file",
    "update-baseline",
    "username",
    "verbose",
    "version",
];
/// The ids of flags that share their name with a setting and mean something else: `lint --chart`, by which what goes by
/// files alone renders a chart, and `list --kestra`.
const ONCE_BY_ID: &[&str] = &["rendered_chart", "kestra_versions"];
/// What a variable does not set: the tests' own has the one name, and under the other each command has its own.
const NO_VARIABLE: &[&str] = &["require", "format"];
/// A command that deletes is told where, each time; and what `explain` calls --kestra is a version alone. What
/// helm is given is helm's.
const UNSET: &[&str] = &["clean", "explain", "helm"];

/// The flag's name when it may be set beforehand.
pub fn settable(arg: &Arg) -> Option<&str> {
    arg.get_long()
        .filter(|long| !ONCE.contains(long) && !ONCE_BY_ID.contains(&arg.get_id().as_str()))
}

/// A flag that was renamed: its old name still works in the file and as a variable.
const RENAMED: (&str, &str) = ("reuse", "kind-cluster");

/// The table of a command in the file; `fix` is the old name of `lint --fix`.
fn table_of(command: &str) -> &str {
    if command == "fix" { "lint" } else { command }
}

/// The variable that sets a flag.
pub fn variable(flag: &str) -> Option<String> {
    let name = flag.replace('-', "_").to_uppercase();
    (!NO_VARIABLE.contains(&flag)).then(|| format!("KESTRA_SECRETS_{name}"))
}

/// The commands that have a flag that may be set, with all of these.
pub fn commands(root: &Command) -> impl Iterator<Item = &Command> {
    root.get_subcommands()
        .filter(|c| !c.is_hide_set() && !UNSET.contains(&c.get_name()))
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

/// What goes before what: the later before the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The file, above its tables.
    Top,
    /// The command's table in the file.
    Table,
    /// A variable.
    Variable,
    /// The command line itself.
    Flag,
}

/// A flag that is set beforehand.
#[derive(Debug)]
pub struct Set {
    /// Its name.
    pub flag: String,
    /// Its values, as a command line would have them.
    pub values: Vec<OsString>,
    /// How it is set.
    pub level: Level,
    /// The variable, or the place in the file.
    pub by: String,
}

/// What is set beforehand for a command, which of several ways goes before the others decided. An empty variable
/// sets nothing, as workflows leave them. What stands at the top of the file is for the commands that take it.
pub fn beforehand(root: &Command, command: &Command, file: Option<&File>) -> Vec<Set> {
    let unset = UNSET.contains(&command.get_name());
    let own = command.get_arguments().filter(|_| !unset);
    let set = |arg: &Arg| {
        let flag = settable(arg)?;
        let set = |values, level, by| Set {
            flag: flag.to_owned(),
            values,
            level,
            by,
        };
        let filled = |name: String| Some((std::env::var_os(&name).filter(|value| !value.is_empty())?, name));
        let old = || variable(RENAMED.0).filter(|_| flag == RENAMED.1);
        if let Some((value, name)) = variable(flag).and_then(filled).or_else(|| old().and_then(filled)) {
            return Some(set(vec![value], Level::Variable, name));
        }
        let entry = file?.get(Some(table_of(command.get_name())), flag)?;
        check::takes(arg, file?, entry).ok()?;
        let level = if entry.command.is_some() {
            Level::Table
        } else {
            Level::Top
        };
        let values = entry.values.iter().map(OsString::from).collect();
        Some(set(values, level, file?.position(entry)))
    };
    own.chain(root.get_arguments()).filter_map(set).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

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
