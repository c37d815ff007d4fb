//! The scenarios that a run may choose from: the bundled ones, files and folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::{Scenario, parse};
use crate::error::InputError;
use crate::system::bounded;
use crate::system::words::nearest;

static BUNDLED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/scenarios");

/// Scenarios with names that are all different, in the order of their names.
#[derive(Debug, Default)]
pub struct Catalogue(BTreeMap<String, Scenario>);

impl Catalogue {
    /// The scenarios that come with the program.
    ///
    /// # Errors
    /// [`InputError`] when one of them is broken, which a test forbids.
    pub fn bundled() -> Result<Self, InputError> {
        let mut found = Self::default();
        for entry in BUNDLED.files().filter(|f| is_yaml(f.path())) {
            let file = format!("bundled:{}", entry.path().display());
            let text = entry
                .contents_utf8()
                .ok_or_else(|| InputError::whole(&file, "is not UTF-8", None))?;
            let fetch = |path: &Path| {
                BUNDLED
                    .get_file(path)
                    .map(|f| f.contents().to_vec())
                    .ok_or_else(|| "no such bundled file".to_owned())
            };
            found.add(parse(&file, text, &fetch)?)?;
        }
        Ok(found)
    }

    /// Adds the scenario of a file.
    ///
    /// # Errors
    /// [`InputError`] when the file cannot be read, is no scenario, or repeats a name.
    pub fn add_file(&mut self, path: &Path) -> Result<&Scenario, InputError> {
        let file = path.display().to_string();
        let whole = |e: std::io::Error| InputError::whole(&file, format!("failed to read: {e}"), None);
        let text = InputError::text(&file, bounded::file(path, bounded::DOCUMENT).map_err(whole)?)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let scenario = parse(&file, &text, &|p| {
            bounded::file(&folder.join(p), bounded::DOCUMENT).map_err(|e| e.to_string())
        })?;
        self.add(scenario)
    }

    fn add(&mut self, scenario: Scenario) -> Result<&Scenario, InputError> {
        if let Some(first) = self.0.get(&scenario.name) {
            let (line, column) = scenario.at;
            return Err(InputError {
                line,
                column,
                message: format!(
                    "the name {} is taken by {}:{}:{}",
                    scenario.name, first.file, first.at.0, first.at.1
                ),
                help: Some("give each scenario a name of its own".into()),
                file: scenario.file,
            });
        }
        Ok(self.0.entry(scenario.name.clone()).or_insert(scenario))
    }

    /// The scenarios in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Scenario> {
        self.0.values()
    }
}

/// The scenarios that the words of a command line choose: names of bundled ones, files, or folders of
/// files; all bundled ones when there are no words.
///
/// # Errors
/// [`InputError`] when a word names nothing, or a file is broken.
pub fn load(words: &[String]) -> Result<Vec<Scenario>, InputError> {
    let bundled = Catalogue::bundled()?;
    if words.is_empty() {
        return Ok(bundled.0.into_values().collect());
    }
    let mut chosen = Catalogue::default();
    for word in words {
        let path = Path::new(word);
        if path.is_dir() {
            let files = yaml_files(path)?;
            if files.is_empty() {
                let help = "a scenario's file ends in .yaml or .yml".into();
                return Err(InputError::whole(word, "is a folder without scenarios", Some(help)));
            }
            for file in files {
                chosen.add_file(&file)?;
            }
        } else if path.is_file() {
            chosen.add_file(path)?;
        } else if let Some(scenario) = bundled.0.get(word) {
            chosen.0.entry(word.clone()).or_insert_with(|| scenario.clone());
        } else {
            let near = nearest(word, bundled.0.keys().map(String::as_str));
            let near = near.map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
            let help = format!("{near}`kestra-secrets list` lists the bundled scenarios");
            return Err(InputError::whole(
                word,
                "is neither a bundled scenario nor a file",
                Some(help),
            ));
        }
    }
    Ok(chosen.0.into_values().collect())
}

fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>, InputError> {
    let whole =
        |e: std::io::Error| InputError::whole(folder.display().to_string(), format!("failed to read: {e}"), None);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(whole)? {
        let path = entry.map_err(whole)?.path();
        if path.is_file() && is_yaml(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "yaml" || e == "yml")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Expect, Expected};

    #[test]
    fn where_a_secret_is_to_arrive_wrong_or_not_at_all_the_cause_is_to_be_recognised() {
        let catalogue = Catalogue::bundled().unwrap();
        let has_no_cause = |scenario: &Scenario, wanted: &Expected| {
            let is_off = match (&wanted.expect, &scenario.promise) {
                (Expect::Missing { .. }, _) => true,
                (Expect::Outputs(outputs), Some(Expect::Outputs(promised))) => outputs != promised,
                _ => false,
            };
            is_off && wanted.diagnosis.is_empty()
        };
        let mut without = Vec::new();
        for scenario in catalogue.iter() {
            let steps = scenario.steps.iter().flat_map(|step| &step.expect);
            for expectation in scenario.expect.iter().chain(steps) {
                if has_no_cause(scenario, &expectation.wanted) {
                    without.push((
                        &scenario.name,
                        format!("{:?} {:?}", expectation.kestra, expectation.chart),
                    ));
                }
            }
        }
        assert!(without.is_empty(), "{without:#?}");
    }
}
