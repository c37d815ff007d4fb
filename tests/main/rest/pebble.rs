//! As much of Kestra's template language as the flows need that a stand-in is asked to run.

use sha2::{Digest as _, Sha256};

/// What an expression gives.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Term {
    Text(String),
    Flag(bool),
}

/// Where names come from; an error is why a task fails.
pub trait Scope {
    fn secret(&self, key: &str) -> Result<String, String>;
    fn variable(&self, name: &str) -> Option<String>;
}

/// The text with every `{{ … }}` in its place.
pub fn render(template: &str, scope: &dyn Scope) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (expression, after) = after.split_once("}}").ok_or("an expression without its end")?;
        out.push_str(before);
        let mut parser = Parser {
            words: words(expression)?,
            scope,
        };
        match parser.comparison()? {
            Term::Text(text) => out.push_str(&text),
            Term::Flag(flag) => out.push_str(&flag.to_string()),
        }
        if !parser.words.is_empty() {
            return Err(format!("what is {:?} in {expression}?", parser.words));
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// Words in reverse, so that the next one is the last.
fn words(expression: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = expression.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' => rest[1..].find(first).ok_or("a text without its end")? + 2,
            '=' => 2,
            c if is_name(c) => rest.find(|c| !is_name(c)).unwrap_or(rest.len()),
            _ => 1,
        };
        words.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    words.reverse();
    Ok(words)
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || "_.".contains(c)
}

struct Parser<'a> {
    words: Vec<String>,
    scope: &'a dyn Scope,
}

impl Parser<'_> {
    fn takes(&mut self, word: &str) -> bool {
        let there = self.words.last().is_some_and(|next| next == word);
        if there {
            self.words.pop();
        }
        there
    }

    fn comparison(&mut self) -> Result<Term, String> {
        let left = self.joined()?;
        if self.takes("==") {
            let right = self.joined()?;
            return Ok(Term::Flag(left == right));
        }
        if self.takes("is") {
            return if self.takes("null") {
                Ok(Term::Flag(false))
            } else {
                Err("is what?".into())
            };
        }
        Ok(left)
    }

    fn joined(&mut self) -> Result<Term, String> {
        let mut left = self.filtered()?;
        while self.takes("~") {
            left = Term::Text(text(left)? + &text(self.filtered()?)?);
        }
        Ok(left)
    }

    fn filtered(&mut self) -> Result<Term, String> {
        let mut term = self.primary()?;
        while self.takes("|") {
            let filter = self.words.pop().ok_or("a filter without a name")?;
            let arguments = if self.takes("(") { self.arguments()? } else { Vec::new() };
            let input = text(term)?;
            term = Term::Text(match (filter.as_str(), arguments.as_slice()) {
                ("sha256", []) => hex::encode(Sha256::digest(input)),
                ("slice", [from, to]) => {
                    let at = |n: &str| n.parse::<usize>().map_err(|e| e.to_string());
                    input[at(from)?..at(to)?].to_owned()
                }
                _ => return Err(format!("no filter {filter}")),
            });
        }
        Ok(term)
    }

    fn arguments(&mut self) -> Result<Vec<String>, String> {
        let mut all = Vec::new();
        while !self.takes(")") {
            all.push(text(self.joined()?)?);
            self.takes(",");
        }
        Ok(all)
    }

    fn primary(&mut self) -> Result<Term, String> {
        let word = self.words.pop().ok_or("an expression that breaks off")?;
        if word == "(" {
            let inner = self.comparison()?;
            return if self.takes(")") { Ok(inner) } else { Err("no )".into()) };
        }
        if word.starts_with(['\'', '"']) {
            return Ok(Term::Text(word[1..word.len() - 1].to_owned()));
        }
        if word == "secret" && self.takes("(") {
            let arguments = self.arguments()?;
            return self.scope.secret(&arguments[0]).map(Term::Text);
        }
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(Term::Text(word));
        }
        let name = word.strip_prefix("vars.").unwrap_or(&word);
        self.scope
            .variable(name)
            .map(Term::Text)
            .ok_or_else(|| format!("no {word}"))
    }
}

fn text(term: Term) -> Result<String, String> {
    match term {
        Term::Text(text) => Ok(text),
        Term::Flag(_) => Err("a flag is no text".into()),
    }
}
