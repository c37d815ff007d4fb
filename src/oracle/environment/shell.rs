//! What is left of an environment behind `sh -c`, with which the chart starts Kestra.

use super::{EnvValue, Environment, SkippedVariable};

/// Whether a shell hands a variable of this name on: a letter or `_`, then letters, digits and `_`,
/// all of ASCII.
///
/// dash, the `sh` of Debian and Ubuntu and so of Kestra's image, takes no other name from its environment
/// (`init`, `endofname`), and what it does not take the programs it starts do not get. `BusyBox` does the
/// same; bash would keep them.
pub fn survives_shell(name: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.bytes().all(word)
}

/// Whether the arguments start a shell that reads a command.
pub fn is_shell<'a>(argv: impl IntoIterator<Item = &'a str>) -> bool {
    let mut argv = argv.into_iter();
    let program = argv.next().and_then(|path| path.rsplit('/').next());
    matches!(program, Some("sh" | "dash" | "ash")) && argv.any(|word| word == "-c")
}

impl Environment {
    /// What the program finds that `argv` ends in: where it begins with a shell, without the variables
    /// that the shell does not hand on; those are [`Environment::skipped`].
    #[must_use]
    pub fn behind(mut self, argv: &[EnvValue]) -> Self {
        if !is_shell(argv.iter().filter_map(|word| std::str::from_utf8(word.as_bytes()).ok())) {
            return self;
        }
        let (kept, dropped) = self.variables.into_iter().partition(|v| survives_shell(&v.name));
        self.variables = kept;
        self.skipped.extend(dropped.into_iter().map(|variable| SkippedVariable {
            why: format!(
                "the shell that starts Kestra hands on no variable called {}",
                variable.name
            ),
            name: variable.name,
            source: variable.source,
        }));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 9] = [
        "SECRET_A",
        "SECRET_",
        "_",
        "secret_1",
        "SECRET_MY-KEY",
        "SECRET_A.B",
        "SECRET_é",
        "1A",
        "SECRET_A B",
    ];

    #[test]
    fn the_shell_of_this_machine_drops_what_the_model_drops() {
        // bash keeps them all, and some systems have it for their sh.
        let dash = ["/bin/dash", "/bin/busybox"]
            .into_iter()
            .find(|p| std::path::Path::new(p).exists());
        let dash = dash.expect("dash or busybox");
        let mut command = std::process::Command::new(dash);
        if dash.ends_with("busybox") {
            command.arg("sh");
        }
        let output = command
            .args(["-c", "exec env"])
            .env_clear()
            .envs(NAMES.map(|name| (name, "x")))
            .output();
        let output = String::from_utf8(output.unwrap().stdout).unwrap();
        for name in NAMES {
            let handed = output.lines().any(|line| line == format!("{name}=x"));
            // A shell has a `_` of its own.
            assert!(handed == survives_shell(name) || name == "_", "{name}: {output}");
        }
    }

    #[test]
    fn a_shell_is_known_by_its_name_and_its_command() {
        for (argv, shell) in [
            (&["sh", "-c", "exec /app/kestra"][..], true),
            (&["/bin/sh", "-e", "-c", "x"], true),
            (&["/bin/bash", "-c", "x"], false),
            (&["/app/kestra", "server"], false),
            (&["sh", "/start"], false),
            (&[], false),
        ] {
            assert_eq!(is_shell(argv.iter().copied()), shell, "{argv:?}");
        }
    }
}
