//! The variables of a service, one after the other, and what fills in `${…}`.

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::template::{self, Filled, InvalidTemplate};
use super::{ComposeSources, ComposeValue, ComposeVariable, NodeRef};
use crate::release::env_file::EnvText;
use crate::release::tree::Id;

/// What is known of the variables that compose itself has: those of `.env`.
#[derive(Default)]
pub struct Dotenv {
    /// The source.
    pub source: Option<usize>,
    values: HashMap<String, (Zeroizing<String>, NodeRef)>,
    /// How often each is filled in, in all of the project's files.
    pub uses: HashMap<String, usize>,
}

/// A value, where it is written, and whether that is all of it and for this variable alone.
pub struct WrittenAt {
    pub value: ComposeValue,
    pub at: NodeRef,
    pub tied: bool,
}

impl Dotenv {
    pub fn read(sources: &ComposeSources, source: Option<usize>, uses: HashMap<String, usize>) -> Self {
        let mut dotenv = Self {
            source,
            values: HashMap::new(),
            uses,
        };
        for variable in source.map_or_else(Vec::new, |source| env_variables(sources, source)) {
            let filled = dotenv.fill_env_text(&variable);
            if let Ok(Filled::Text(text)) = filled {
                dotenv.values.insert(variable.name, (text, variable.value_at));
            } else {
                dotenv.values.remove(&variable.name);
            }
        }
        dotenv
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|(text, _)| text.as_str())
    }

    fn fill_env_text(&self, variable: &EnvFileVariable) -> Result<Filled, InvalidTemplate> {
        match &variable.text {
            EnvFileText::Text(text) => Ok(Filled::Text(text.clone())),
            EnvFileText::Template(text) => template::fill(text, &|name| self.get(name)),
            EnvFileText::Inherited => Ok(Filled::Unknown),
        }
    }

    /// A text of a compose file that stands at `at`.
    pub fn fill(&self, text: &str, at: NodeRef) -> Result<WrittenAt, InvalidTemplate> {
        let filled = template::fill(text, &|name| self.get(name))?;
        Ok(self.written(text, filled, at))
    }

    fn written(&self, text: &str, filled: Filled, at: NodeRef) -> WrittenAt {
        let source = template::whole(text).and_then(|name| self.values.get(name).map(|(_, at)| (name, *at)));
        let Filled::Text(made) = filled else {
            let value = ComposeValue::Shell;
            return WrittenAt { value, at, tied: true };
        };
        let from_dotenv = source.filter(|(name, _)| self.get(name) == Some(made.as_str()));
        let (at, tied) = match from_dotenv {
            Some((name, at)) => (at, self.uses.get(name).is_some_and(|uses| *uses > 1)),
            // `$$` alone is another way to write a dollar.
            None => (at, template::names(text).next().is_some()),
        };
        let value = ComposeValue::Text {
            text: made,
            typed: false,
        };
        WrittenAt { value, at, tied }
    }

    /// A variable that is named alone.
    pub fn inherited(&self, name: &str, at: NodeRef) -> WrittenAt {
        match self.values.get(name) {
            Some((text, at)) => WrittenAt {
                value: ComposeValue::Text {
                    text: text.clone(),
                    typed: false,
                },
                at: *at,
                tied: self.uses.get(name).is_some_and(|uses| *uses > 1),
            },
            None => WrittenAt {
                value: ComposeValue::Shell,
                at,
                tied: true,
            },
        }
    }

    /// A variable of an env file; `earlier` are those before it and those of `environment`.
    pub fn of_env_file(&self, variable: &EnvFileVariable, earlier: &HashMap<String, Zeroizing<String>>) -> WrittenAt {
        let at = variable.value_at;
        let used = self.source == Some(at.source) && self.uses.contains_key(&variable.name);
        match &variable.text {
            EnvFileText::Text(text) => WrittenAt {
                value: ComposeValue::Text {
                    text: text.clone(),
                    typed: false,
                },
                at,
                tied: used,
            },
            EnvFileText::Inherited => self.inherited(&variable.name, at),
            EnvFileText::Template(text) => {
                let lookup = |name: &str| self.get(name).or_else(|| earlier.get(name).map(|text| text.as_str()));
                let filled = template::fill(text, &lookup).unwrap_or(Filled::Unknown);
                let mut written = self.written(text, filled, at);
                written.tied |= used;
                written
            }
        }
    }
}

/// A variable of an env file.
pub struct EnvFileVariable {
    pub name: String,
    pub name_at: NodeRef,
    pub value_at: NodeRef,
    text: EnvFileText,
}

enum EnvFileText {
    Text(Zeroizing<String>),
    Template(Zeroizing<String>),
    Inherited,
}

/// The variables of an env file, in order.
pub fn env_variables(sources: &ComposeSources, number: usize) -> Vec<EnvFileVariable> {
    let Some((source, tree)) = sources.get(number) else {
        return Vec::new();
    };
    let variables = source.env_variables();
    let nodes = tree.roots.iter().flat_map(|root| tree.written(*root));
    let at = |node: Id| NodeRef { source: number, node };
    // A line that compose refuses gives nothing, and is told as what it is.
    let both = variables
        .iter()
        .zip(nodes)
        .filter(|(variable, _)| variable.refused.is_none());
    both.map(|(variable, (name, value))| {
        let raw = source.text.get(variable.value.clone()).unwrap_or_default();
        EnvFileVariable {
            name: tree.text(*name).unwrap_or_default().to_owned(),
            name_at: at(*name),
            value_at: at(*value),
            text: match &variable.read {
                EnvText::Text(text) => {
                    let rejoined = variable.rejoined(&source.text);
                    EnvFileText::Text(Zeroizing::new(rejoined.as_ref().unwrap_or(text).to_string()))
                }
                EnvText::Inherited => EnvFileText::Inherited,
                // Escapes are undone before: with one of them the text is another.
                EnvText::Interpolated if raw.contains('\\') => EnvFileText::Inherited,
                EnvText::Interpolated => EnvFileText::Template(Zeroizing::new(raw.to_owned())),
            },
        }
    })
    .collect()
}

/// Variables, of which a later one of the same name overrides an earlier one.
#[derive(Default)]
pub struct Variables {
    list: Vec<Option<ComposeVariable>>,
    by_name: HashMap<String, Vec<usize>>,
}

impl Variables {
    /// Adds one. Of those before it the ones stay that stand in the same piece, so that somebody gave one name twice; a
    /// later env file is there to override an earlier one.
    pub fn give(&mut self, variable: ComposeVariable, of_env_file: bool) {
        let earlier = self.by_name.entry(variable.name.clone()).or_default();
        earlier.retain(|number| {
            let old = self.list.get_mut(*number);
            let stays = old.as_ref().and_then(|old| old.as_ref()).is_some_and(|old| {
                let overridden = of_env_file && old.name_at.source != variable.name_at.source;
                old.piece == variable.piece && old.value_at != variable.value_at && !overridden
            });
            if let Some(old) = old.filter(|_| !stays) {
                *old = None;
            }
            stays
        });
        earlier.push(self.list.len());
        self.list.push(Some(variable));
    }

    pub fn into_list(self) -> Vec<ComposeVariable> {
        self.list.into_iter().flatten().collect()
    }
}
