//! A command line, read over what is set beforehand.
//!
//! To clap a default contradicts nothing and is nothing that another flag could build on. Here both are wanted: what
//! is set beforehand gives way to what goes before it, and is as good as given to a flag that needs it.

use std::ffi::OsString;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::error::ExitCode;
use crate::run::session::ProviderFlag;
use crate::system::{stdout, terminal};

use super::super::output;
use super::{File, Level, Set, beforehand, check};

/// What a flag of `encode` is of use with.
const WITH_PRODUCER: (&[&str], &str) = (&["store", "store-key"], "external-secrets");

/// Reads a command line. Help, and what is wrong with the command line, end the process at once.
///
/// # Errors
/// What is wrong with what is set beforehand.
pub fn read(root: &Command, file: Option<&File>, words: &[OsString]) -> miette::Result<ArgMatches> {
    if let Some(file) = file
        && let Err(error) = check::check(root, file)
    {
        help(root, words);
        return Err(error.into());
    }
    // Which command it is; where that cannot be told, clap says what is wrong.
    let partly = |grammar: &Command| grammar.clone().ignore_errors(true).try_get_matches_from(words);
    let matches = partly(root).ok();
    let name = matches.as_ref().and_then(ArgMatches::subcommand_name);
    let Some(command) = name.and_then(|name| root.find_subcommand(name)) else {
        return Ok(root.clone().try_get_matches_from(words).unwrap_or_else(|e| end(&e)));
    };
    let mut set = beforehand(root, command, file);
    if let Ok(matches) = partly(&with(root, command, &set, false))
        && let Some((_, typed)) = matches.subcommand()
    {
        set = holding(command, typed, set)?;
    }
    let grammar = with(root, command, &set, false);
    Ok(grammar.try_get_matches_from(words).unwrap_or_else(|error| {
        if !lacks_only(&error, &set) {
            end(&error);
        }
        let grammar = with(root, command, &set, true);
        grammar.try_get_matches_from(words).unwrap_or_else(|e| end(&e))
    }))
}

/// Prints help and ends, when that is asked for.
pub fn help(root: &Command, words: &[OsString]) {
    if let Err(error) = root.clone().try_get_matches_from(words)
        && !error.use_stderr()
    {
        end(&error);
    }
}

/// Prints help, or what is wrong with a command line, and ends the process.
pub fn end(error: &clap::Error) -> ! {
    let text = error.render().ansi().to_string();
    let code = if error.use_stderr() {
        terminal::print(&text);
        error.exit_code()
    } else {
        stdout::print(&text);
        output::exit(ExitCode::Success).code().into()
    };
    std::process::exit(code)
}

/// The grammar with the defaults that are set for one command; nothing needs another flag when those are `given`.
fn with(root: &Command, command: &Command, set: &[Set], given: bool) -> Command {
    let of = |arg: &Arg| set.iter().find(|set| arg.get_long() == Some(&set.flag));
    // A flag of all commands has the default of this one.
    let global: Vec<_> = root.get_arguments().filter(|arg| of(arg).is_some()).cloned().collect();
    root.clone().mut_subcommand(command.get_name(), |command| {
        command.args(global).mut_args(|arg| {
            let arg = if given { arg.requires(Resettable::Reset) } else { arg };
            match of(&arg) {
                Some(set) => default(arg, set),
                None => arg,
            }
        })
    })
}

fn default(arg: Arg, set: &Set) -> Arg {
    // A switch that is on has to be turned off somehow: by --switch=false.
    let arg = match arg.get_action() {
        ArgAction::SetTrue => arg
            .action(ArgAction::Set)
            .value_parser(value_parser!(bool))
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        _ => arg,
    };
    arg.default_values(set.values.clone()).required(false)
}

/// Something that is said of a flag, by whatever way.
struct FlagStatement<'a> {
    arg: &'a Arg,
    values: Vec<String>,
    level: Level,
}

/// Of what is set that which holds: what goes before it does not contradict it.
///
/// # Errors
/// Two that contradict each other, of which none goes before the other.
fn holding(command: &Command, typed: &ArgMatches, mut set: Vec<Set>) -> miette::Result<Vec<Set>> {
    let mut said: Vec<_> = command
        .get_arguments()
        .filter(|arg| typed.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine))
        .map(|arg| FlagStatement {
            arg,
            values: typed.get_raw(arg.get_id().as_str()).map(texts).unwrap_or_default(),
            level: Level::Flag,
        })
        .collect();
    set.sort_by_key(|set| std::cmp::Reverse(set.level));
    let mut holding: Vec<Set> = Vec::new();
    for set in set {
        let own = command.get_arguments().find(|arg| arg.get_long() == Some(&set.flag));
        let Some(arg) = own else {
            holding.push(set);
            continue;
        };
        let one = FlagStatement {
            arg,
            values: texts(set.values.iter().map(OsString::as_os_str)),
            level: set.level,
        };
        // A switch that is off says nothing.
        let off = matches!(arg.get_action(), ArgAction::SetTrue) && one.values == ["false"];
        let is_typed = said.iter().any(|other| other.arg.get_id() == arg.get_id());
        if !off && !is_typed {
            if said
                .iter()
                .any(|other| other.level > one.level && other.undoes(&one, command))
            {
                continue;
            }
            let rival = holding.iter().find(|other| {
                let arg = command.get_arguments().find(|arg| arg.get_long() == Some(&other.flag));
                other.level == one.level && arg.is_some_and(|arg| conflict(arg, one.arg, command))
            });
            if let Some(rival) = rival {
                miette::bail!(
                    help = "a flag goes before both; `kestra-secrets config show` lists what is set",
                    "--{} of {} cannot be used with --{} of {}",
                    set.flag,
                    set.by,
                    rival.flag,
                    rival.by
                );
            }
            said.push(one);
        }
        holding.push(set);
    }
    Ok(holding)
}

fn texts<'a>(values: impl Iterator<Item = &'a std::ffi::OsStr>) -> Vec<String> {
    values.map(|value| value.to_string_lossy().into_owned()).collect()
}

impl FlagStatement<'_> {
    /// What goes behind it cannot hold beside it.
    fn undoes(&self, other: &FlagStatement<'_>, command: &Command) -> bool {
        let (Some((about, mine)), Some((also, theirs))) = (self.leaning(), other.leaning()) else {
            return conflict(self.arg, other.arg, command);
        };
        // What leaves the choice among several chooses none, and so changes none.
        let chooses = mine.len() == 1 || other.arg.get_long() != Some(about);
        about == also && chooses && !mine.iter().any(|value| theirs.contains(value))
            || conflict(self.arg, other.arg, command)
    }

    /// The flag that it is about, and the values of that which it goes with.
    fn leaning(&self) -> Option<(&str, Vec<&str>)> {
        let flag = self.arg.get_long()?;
        let values: Vec<_> = self.values.iter().map(String::as_str).collect();
        match flag {
            // What holds anyway.
            "provider" | "keep" if values == ["auto"] || values == ["never"] => None,
            "provider" | "producer" => Some((flag, values)),
            flag if WITH_PRODUCER.0.contains(&flag) => Some(("producer", vec![WITH_PRODUCER.1])),
            flag => {
                let takers = ProviderFlag::named(flag)?.takers;
                Some(("provider", takers.iter().map(|taker| taker.name()).collect()))
            }
        }
    }
}

fn conflict(one: &Arg, other: &Arg, command: &Command) -> bool {
    let names = |one: &Arg, other: &Arg| {
        let conflicts = command.get_arg_conflicts_with(one);
        conflicts.iter().any(|arg| arg.get_id() == other.get_id())
    };
    names(one, other) || names(other, one)
}

/// All that a command line lacks is set beforehand.
fn lacks_only(error: &clap::Error, set: &[Set]) -> bool {
    let Some(ContextValue::Strings(lacking)) = error.get(ContextKind::InvalidArg) else {
        return false;
    };
    // Such as `--context <NAME>`.
    let is_set = |usage: &String| {
        let flag = usage
            .split([' ', '=', '['])
            .next()
            .and_then(|word| word.strip_prefix("--"));
        set.iter().any(|set| Some(set.flag.as_str()) == flag)
    };
    error.kind() == ErrorKind::MissingRequiredArgument && lacking.iter().all(is_set)
}
