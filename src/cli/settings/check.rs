//! Whether some flag takes what the file says.

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Command};

use super::{File, FlagSetting, ONCE, commands, settable};
use crate::error::InputError;
use crate::system::words::nearest;

/// Every table is a command's, and every entry is taken: by its own command, or by any where it is at the top.
///
/// # Errors
/// [`InputError`] at the first that is not.
pub fn check(root: &Command, file: &File) -> Result<(), InputError> {
    file.check(root)?;
    file.entries.iter().try_for_each(|entry| fits(root, file, entry))
}

fn fits(root: &Command, file: &File, entry: &FlagSetting) -> Result<(), InputError> {
    let is_for = |command: &&Command| entry.command.as_deref().is_none_or(|name| name == command.get_name());
    let args = || {
        let of = commands(root).filter(is_for).flat_map(Command::get_arguments);
        of.chain(root.get_arguments())
    };
    let mut first = None;
    for arg in args().filter(|arg| settable(arg) == Some(&entry.flag)) {
        match takes(arg, file, entry) {
            Ok(()) => return Ok(()),
            Err(error) => first = first.or(Some(error)),
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
        let mut flags: Vec<_> = args().filter_map(settable).collect();
        flags.sort_unstable();
        flags.dedup();
        let help = format!(
            "{}the keys are the names of flags: {}",
            meant(&entry.flag, &flags),
            flags.join(", ")
        );
        (format!("there is no flag --{}{of}", entry.flag), help)
    };
    Err(file.wrong(entry, message, Some(help)))
}

/// The name that is meant, if one is near.
pub fn meant(name: &str, known: &[&str]) -> String {
    nearest(name, known.iter().copied())
        .map(|name| format!("did you mean `{name}`? "))
        .unwrap_or_default()
}

/// A flag takes the values, as from the command line: clap reads them, and nothing else of the flag matters.
///
/// # Errors
/// [`InputError`] at the entry.
pub fn takes(arg: &Arg, file: &File, entry: &FlagSetting) -> Result<(), InputError> {
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
    let mut bare = Arg::new("value")
        .long(entry.flag.clone())
        .action(ArgAction::Append)
        .value_parser(arg.get_value_parser().clone());
    if let Some(delimiter) = arg.get_value_delimiter() {
        bare = bare.value_delimiter(delimiter);
    }
    let flags = entry.values.iter().map(|value| format!("--{}={value}", entry.flag));
    let trial = Command::new("trial").no_binary_name(true).arg(bare);
    let Err(error) = trial.try_get_matches_from(flags) else {
        return Ok(());
    };
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
