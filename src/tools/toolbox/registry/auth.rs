//! How a registry gives a token to somebody without credentials.

use reqwest::Url;
use serde::Deserialize;

/// What `WWW-Authenticate` says of a token: `Bearer realm="…",service="…",scope="…"`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    realm: String,
    query: Vec<(&'static str, String)>,
}

/// The token by either of the names that registries give it.
#[derive(Deserialize)]
pub(super) struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Token {
    pub(super) fn into_text(self) -> Option<String> {
        self.token.or(self.access_token).filter(|token| !token.is_empty())
    }
}

/// The challenge of a header; none where no token would help.
pub(super) fn challenge(header: Option<&str>) -> Option<Challenge> {
    let (scheme, rest) = header?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mut realm = None;
    let mut query = Vec::new();
    for (name, value) in pairs(rest) {
        match name {
            "realm" => realm = Some(value.to_owned()),
            "service" => query.push(("service", value.to_owned())),
            "scope" => query.push(("scope", value.to_owned())),
            _ => {}
        }
    }
    Some(Challenge { realm: realm?, query })
}

/// Each `name="value"`; a comma inside the quotes belongs to the value.
fn pairs(mut text: &str) -> impl Iterator<Item = (&str, &str)> {
    std::iter::from_fn(move || {
        let (name, rest) = text.split_once("=\"")?;
        let (value, rest) = rest.split_once('"')?;
        text = rest;
        Some((name.trim_matches([',', ' ']), value))
    })
}

impl Challenge {
    /// Where the token is; none where that is no address, or one in the clear for a registry that is not.
    pub(super) fn url(&self, registry: &Url) -> Option<Url> {
        let mut url = Url::parse(&self.realm).ok()?;
        let in_the_clear = url.scheme() == "http" && registry.scheme() == "http";
        if url.scheme() != "https" && !in_the_clear {
            return None;
        }
        for (name, value) in &self.query {
            url.query_pairs_mut().append_pair(name, value);
        }
        Some(url)
    }
}

/// `Retry-After` in words: it holds seconds or a date.
pub(super) fn in_words(after: &str) -> String {
    match after.parse::<u64>() {
        Ok(seconds) => format!("{seconds} s"),
        Err(_) => after.to_owned(),
    }
}
