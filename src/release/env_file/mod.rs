//! Env files, as each of their readers reads them: compose, `docker run --env-file`, `kubectl create secret
//! --from-env-file`, and kustomize's `envs`.
//!
//! No two of the four agree: compose takes quotes and comments off and fills in `${…}`, the others keep all of it. A
//! reader refuses a file at its first mistake; here reading goes on, so that every line is judged.

mod compose;
mod lines;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

/// Who reads the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EnvDialect {
    /// `env_file` of a compose service, and the `.env` beside a compose file (compose-go's `dotenv`).
    Compose,
    /// `docker run --env-file` (docker/cli's `kvfile`).
    Docker,
    /// `kubectl create secret generic --from-env-file`.
    Kubectl,
    /// `envs` of a generator in a kustomization.
    Kustomize,
}

impl EnvDialect {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Compose, Self::Docker, Self::Kubectl, Self::Kustomize];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compose => "compose",
            Self::Docker => "docker",
            Self::Kubectl => "kubectl",
            Self::Kustomize => "kustomize",
        }
    }
}

/// One variable. No `Debug`: it holds secrets.
pub struct EnvVariable<'t> {
    /// The bytes of its name.
    pub name: Range<usize>,
    /// The bytes of its value, without the quotes that the reader takes off.
    pub value: Range<usize>,
    /// What the reader makes of them.
    pub read: EnvText<'t>,
    /// Why the reader refuses the line, and with it the file.
    pub refused: Option<RefusalReason>,
    /// The lines that follow and are nothing but Base64: an encoder cut it there, and no reader joins it again.
    pub continued: Option<Range<usize>>,
}

impl<'t> EnvVariable<'t> {
    /// The bytes of its value with the lines that an encoder cut off.
    pub fn whole(&self) -> Range<usize> {
        let end = self.continued.as_ref().map_or(self.value.end, |rest| rest.end);
        self.value.start..end
    }

    /// The value that was meant, where an encoder cut it: all its lines as one.
    pub fn rejoined(&self, text: &'t str) -> Option<Cow<'t, str>> {
        self.continued.as_ref()?;
        let joined = text[self.whole()].replace(['\r', '\n', '"', '\''], "");
        Some(joined.into())
    }
}

/// A value, as far as the file tells. No `Debug`: it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub enum EnvText<'t> {
    /// It is written here.
    Text(Cow<'t, str>),
    /// The line names the variable alone: its value is the environment's own.
    Inherited,
    /// The reader fills in `$NAME` or `${NAME}`.
    Interpolated,
}

/// Why a reader refuses a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalReason {
    /// The name is empty, has a blank, or has a character that no name has.
    NoName,
    /// A quote is opened and never closed.
    OpenQuote,
    /// `${` begins no variable.
    NoVariable,
    /// The line is longer than 64 KiB: docker refuses it; kubectl and kustomize drop it, and all after it, without a
    /// word.
    TooLong,
}

/// Reads a text as one of the readers does. Of two variables of one name the later counts.
pub fn read(text: &str, dialect: EnvDialect) -> Vec<EnvVariable<'_>> {
    let variables = match dialect {
        EnvDialect::Compose => compose::read(text),
        EnvDialect::Docker | EnvDialect::Kubectl | EnvDialect::Kustomize => lines::read(text, dialect),
    };
    joined(text, variables)
}

/// What all readers find on one line, in the order of [`EnvDialect::ALL`]; none where one finds no variable there.
pub type LineReadings<'t> = [Option<EnvVariable<'t>>; EnvDialect::ALL.len()];

/// The variables that [`read`] finds for `base`, each with what all the readers make of its line.
pub fn read_by_all(text: &str, base: EnvDialect) -> Vec<LineReadings<'_>> {
    let line = |variable: &EnvVariable| text[..variable.name.start].rfind('\n');
    let mut by_line = EnvDialect::ALL.map(|dialect| {
        let variables = read(text, dialect).into_iter();
        variables
            .map(|variable| (line(&variable), variable))
            .collect::<HashMap<_, _>>()
    });
    let lines = read(text, base).iter().map(line).collect::<Vec<_>>();
    lines
        .into_iter()
        .map(|line| by_line.each_mut().map(|variables| variables.remove(&line)))
        .collect()
}

/// Where the first line begins: every reader drops a byte-order mark.
fn start(text: &str) -> usize {
    text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len()
}

/// `base64` without `-w0` cuts at 76 columns, `openssl base64` at 64.
const SHORTEST_CUT: usize = 60;

/// The same, with lines that are nothing but Base64 told as what they are: the rest of the value before them.
fn joined<'t>(text: &str, variables: Vec<EnvVariable<'t>>) -> Vec<EnvVariable<'t>> {
    let line_of = |at: usize| {
        let begin = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
        begin..end
    };
    let is_base64 = |line: &str| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let body = line.trim_end_matches('=');
        line.len() - body.len() <= 2
            && !body.is_empty()
            && body
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
    };
    let mut all: Vec<EnvVariable> = Vec::new();
    for variable in variables {
        let line = line_of(variable.name.start);
        if let Some(last) = all.last_mut() {
            let so_far = last.continued.as_ref().map_or(last.value.end, |rest| rest.end);
            // Between the two there is nothing but a line's end; two variables may stand on one line.
            let between = text.get(so_far..line.start);
            let adjacent = between.is_some_and(|between| between.trim_matches(['\r', '"', '\'']) == "\n");
            let whole = text[last.value.clone()].lines().next().unwrap_or_default();
            let cut = whole.len() >= SHORTEST_CUT && !whole.ends_with('=') && is_base64(whole);
            if adjacent && cut && is_base64(&text[line.clone()]) {
                let begin = last.continued.as_ref().map_or(line.start, |rest| rest.start);
                let end = line.end - usize::from(text[line.clone()].ends_with('\r'));
                last.continued = Some(begin..end);
                continue;
            }
        }
        all.push(variable);
    }
    all
}

#[cfg(test)]
mod tests;
