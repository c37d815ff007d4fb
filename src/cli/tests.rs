//! What is true of all commands.

use clap::{Command, CommandFactory as _};

use super::Cli;

/// Each command by its words, itself first.
fn all(command: &Command, words: &str) -> Vec<(String, Command)> {
    let mut found = vec![(words.to_owned(), command.clone())];
    for below in command.get_subcommands() {
        found.extend(all(below, &format!("{words} {}", below.get_name())));
    }
    found
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_examples_that_it_can_read() {
    let root = Cli::command();
    let commands = all(&root, "kestra-secrets");
    assert!(commands.len() > 15, "{}", commands.len());
    for (words, command) in commands {
        // As wide as it takes: a line that clap broke in two is no command.
        let help = command.term_width(1_000).render_long_help().to_string();
        let examples = help.split("Examples:\n").nth(1);
        let examples = examples.unwrap_or_else(|| panic!("{words} --help has no examples:\n{help}"));
        // What the shell joins: after a backslash, and after a pipe or `&&` at the end of a line.
        let examples = examples
            .replace(" \\\n", " ")
            .replace("|\n", "| ")
            .replace("&&\n", "&& ");
        let own: Vec<_> = examples
            .lines()
            .take_while(|line| line.starts_with("  "))
            .filter(|line| line.contains(&words))
            .collect();
        assert!(!own.is_empty(), "no example of {words} is of it:\n{help}");
        for line in own {
            // What stands before it in a pipe, and behind it, is the shell's.
            let from = line.find(&words).unwrap();
            let ours = line[from..].split(['|', '<', '>', '&']).next().unwrap();
            let parsed = root.clone().try_get_matches_from(ours.split_whitespace());
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
        }
    }
}
