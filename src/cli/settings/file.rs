//! `kestra-secrets.toml`: found, and read with the place of every entry.

use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::Command;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::check::meant;
use super::{RENAMED, commands, table_of};
use crate::error::InputError;
use crate::system::bounded;

/// What the file is called where it is looked for.
const NAME: &str = "kestra-secrets.toml";

/// A file of settings, read.
#[derive(Debug)]
pub struct File {
    /// Where it is.
    pub path: PathBuf,
    text: String,
    /// What it sets.
    pub entries: Vec<FlagSetting>,
    tables: Vec<(String, Range<usize>)>,
}

/// One flag that is set.
#[derive(Debug, Clone)]
pub struct FlagSetting {
    /// The command whose table it is in; none at the top.
    pub command: Option<String>,
    /// The flag's name.
    pub flag: String,
    /// Its values, as a command line would have them.
    pub values: Vec<String>,
    /// It is `true` or `false`.
    pub is_switch: bool,
    at: Range<usize>,
}

impl File {
    /// The file that is named, else the one that is found from the working directory upwards: to the root of its
    /// repository or to the home directory, whichever comes first. In a folder that is below neither, nobody but
    /// the folder itself is asked: what is above may be anybody's.
    ///
    /// # Errors
    /// [`InputError`] when it cannot be read.
    pub fn find(named: Option<&Path>) -> Result<Option<Self>, InputError> {
        let found = match named {
            Some(path) => Some(path.to_owned()),
            None => std::env::current_dir().ok().and_then(|here| {
                let file = upwards(&here, home().as_deref())?;
                // Here, its name says where.
                Some(file.strip_prefix(&here).map(Path::to_owned).unwrap_or(file))
            }),
        };
        found.map(Self::read).transpose()
    }

    fn read(path: PathBuf) -> Result<Self, InputError> {
        let bytes = bounded::file(&path, bounded::DOCUMENT).map_err(|e| {
            let help = "--config and KESTRA_SECRETS_CONFIG name a file of settings; docs/configuration.md tells of it";
            InputError::whole(
                path.display().to_string(),
                format!("failed to read: {e}"),
                Some(help.into()),
            )
        })?;
        let text = InputError::text(&path.display().to_string(), bytes)?;
        let mut file = Self {
            path,
            text,
            entries: Vec::new(),
            tables: Vec::new(),
        };
        let text = file.text.clone();
        let table = DeTable::parse(&text).map_err(|e| {
            let at = e.span().unwrap_or(0..0);
            file.error(&at, e.message().to_owned(), None)
        })?;
        for (key, value) in table.get_ref() {
            let name = table_of(key.get_ref()).to_owned();
            if let DeValue::Table(below) = value.get_ref() {
                file.tables.push((name.clone(), key.span()));
                for (key, value) in below {
                    let entry = file.entry(Some(name.clone()), key.get_ref().as_ref(), key.span(), value)?;
                    file.entries.push(entry);
                }
            } else {
                let entry = file.entry(None, &name, key.span(), value)?;
                file.entries.push(entry);
            }
        }
        Ok(file)
    }

    fn entry(
        &self,
        command: Option<String>,
        flag: &str,
        at: Range<usize>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<FlagSetting, InputError> {
        let values = match value.get_ref() {
            DeValue::Array(values) => values.iter().map(|v| scalar(v.get_ref())).collect(),
            one => scalar(one).map(|one| vec![one]),
        };
        let values = values.ok_or_else(|| {
            let message = format!("{flag} takes a string, a number, true or false, or a list of strings");
            self.error(&value.span(), message, None)
        })?;
        Ok(FlagSetting {
            command,
            flag: if flag == RENAMED.0 { RENAMED.1 } else { flag }.to_owned(),
            values,
            is_switch: matches!(value.get_ref(), DeValue::Boolean(_)),
            at,
        })
    }

    /// The entry that holds for a flag of a command: its own table's, else the one at the top.
    pub fn get(&self, command: Option<&str>, flag: &str) -> Option<&FlagSetting> {
        let of = |table: Option<&str>| {
            self.entries
                .iter()
                .find(|e| e.command.as_deref() == table && e.flag == flag)
        };
        command.and_then(|name| of(Some(name))).or_else(|| of(None))
    }

    /// Every table is a command's.
    ///
    /// # Errors
    /// [`InputError`] at the first that is not.
    pub fn check(&self, root: &Command) -> Result<(), InputError> {
        let known: Vec<_> = commands(root).map(Command::get_name).collect();
        match self.tables.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, at)) => Err(self.error(
                at,
                format!("there is no command {name} with settings"),
                Some(format!(
                    "{}a table is called like a command: {}",
                    meant(name, &known),
                    known.join(", ")
                )),
            )),
        }
    }

    /// What is wrong with an entry.
    pub fn wrong(&self, entry: &FlagSetting, message: String, help: Option<String>) -> InputError {
        self.error(&entry.at, message, help)
    }

    /// Where an entry is, for people.
    pub fn position(&self, entry: &FlagSetting) -> String {
        format!("{}:{}", self.path.display(), self.line_column(entry.at.start).0)
    }

    fn error(&self, at: &Range<usize>, message: String, help: Option<String>) -> InputError {
        let (line, column) = self.line_column(at.start);
        InputError {
            file: self.path.display().to_string(),
            line,
            column,
            message,
            help: Some(help.unwrap_or_else(|| "docs/configuration.md tells what the file may hold".into())),
        }
    }

    fn line_column(&self, at: usize) -> (u64, u64) {
        let before = self.text.get(..at).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line as u64, column as u64)
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        // In decimal, however it is written there.
        DeValue::Integer(number) => {
            let decimal = i128::from_str_radix(number.as_str(), number.radix());
            Some(decimal.map_or_else(|_| number.to_string(), |number| number.to_string()))
        }
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(switch) => Some(switch.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn home() -> Option<PathBuf> {
    etcetera::home_dir().ok()
}

fn upwards(here: &Path, home: Option<&Path>) -> Option<PathBuf> {
    let is_last = |folder: &Path| folder.join(".git").exists() || Some(folder) == home;
    let last = here.ancestors().find(|folder| is_last(folder)).unwrap_or(here);
    here.ancestors()
        .take_while(|folder| folder.starts_with(last))
        .map(|folder| folder.join(NAME))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn it_is_found_up_to_the_root_of_the_repository_and_no_higher() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let deep = root.join("repository/a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(root.join(NAME), "").unwrap();
        // Whoever can write above a folder is not asked for it.
        assert_eq!(upwards(&deep, None), None);
        fs::create_dir(root.join("repository/.git")).unwrap();
        assert_eq!(upwards(&deep, Some(root)), None);
        fs::write(root.join("repository").join(NAME), "").unwrap();
        assert_eq!(upwards(&deep, None), Some(root.join("repository").join(NAME)));
        fs::write(deep.join(NAME), "").unwrap();
        assert_eq!(upwards(&deep, None), Some(deep.join(NAME)));
    }

    #[test]
    fn it_is_found_up_to_the_home_directory() {
        let home = tempfile::tempdir().unwrap();
        let here = home.path().join("work");
        fs::create_dir(&here).unwrap();
        fs::write(home.path().join(NAME), "").unwrap();
        assert_eq!(upwards(&here, Some(home.path())), Some(home.path().join(NAME)));
    }
}
