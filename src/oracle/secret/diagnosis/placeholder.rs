//! Texts that stand where somebody is yet to write a value.

/// Longer texts are no placeholders.
const LONGEST: usize = 120;

/// What people write alone, in whatever case and with whatever between its words.
const WHOLE: [&str; 24] = [
    "base64",
    "base64encoded",
    "changeme",
    "changethis",
    "fillin",
    "fillme",
    "fillmein",
    "fixme",
    "insertme",
    "mybase64",
    "placeholder",
    "redacted",
    "replaceme",
    "replacethis",
    "setme",
    "tbd",
    "tobedefined",
    "todo",
    "yourapikey",
    "yourkey",
    "yourpassword",
    "yoursecret",
    "yourtoken",
    "yourvalue",
];

/// How an order to the reader begins, and what follows it.
const ORDERS: [&str; 9] = [
    "add", "enter", "fill", "insert", "paste", "put", "replace", "set", "use",
];
const ORDERED: [&str; 7] = ["in", "me", "the", "this", "with", "your", "base64"];

/// Whether a text stands for a value that nobody filled in, such as `<base64 of your user name>`, `CHANGE_ME` or `...`.
///
/// Base64 is none: it has neither brackets nor words with something between them.
pub fn is_placeholder(text: &str) -> bool {
    let text = text.trim().trim_matches(['"', '\'']).trim();
    if text.is_empty() || text.len() > LONGEST {
        return false;
    }
    is_ellipsis(text) || in_brackets(text) || is_prose(text) && is_order(&words(text))
}

/// `...`, `xxxx`, `****`.
fn is_ellipsis(text: &str) -> bool {
    let first = text.chars().next().unwrap_or_default();
    let enough = first == '…' || text.len() >= 3;
    enough && "….xX*_-?#".contains(first) && text.chars().all(|c| c == first)
}

/// `<…>` as the whole text, or with several words in it, or with one that is an order.
fn in_brackets(text: &str) -> bool {
    let Some((before, rest)) = text.split_once('<') else {
        return false;
    };
    let Some((inner, after)) = rest.split_once('>') else {
        return false;
    };
    let whole = before.is_empty() && after.is_empty();
    let several = inner.trim().contains(' ');
    is_prose(inner) && inner.contains(|c: char| c.is_alphabetic()) && (whole || several || is_order(&words(inner)))
}

fn is_prose(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_alphanumeric()
            || matches!(
                c,
                ' ' | '-' | '_' | '.' | ',' | '(' | ')' | '[' | ']' | '\'' | '!' | '…'
            )
    })
}

fn is_order(words: &[String]) -> bool {
    let is = |at: usize, any: &[&str]| words.get(at).is_some_and(|word| any.contains(&word.as_str()));
    WHOLE.contains(&words.concat().as_str())
        || words.len() >= 2
            && (is(0, &["your"])
                || is(words.len() - 1, &["here"])
                || words.iter().any(|word| word == "base64")
                || is(0, &ORDERS) && is(1, &ORDERED))
}

/// The words in lower case; `changeMe` has two.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in text.chars() {
        let begins = !c.is_alphanumeric() || before.is_lowercase() && c.is_uppercase();
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_yet_to_be_filled_in_is_known() {
        for text in [
            "<base64 of your user name>",
            "<base64>",
            "<password>",
            "user:<your password>",
            "replace_with_base64_encoded_json",
            "your-base64-encoded-service-account-json",
            "\"your-project-id-base64\"",
            "changeme",
            "CHANGE_ME",
            "ChangeMe!",
            "change-this",
            "...",
            "…",
            "xxxxxxxx",
            "XXX",
            "****",
            "TODO",
            "yourpassword",
            "yourToken",
            "YOUR_TOKEN_HERE",
            "token goes here",
            "[insert your token]",
            "BASE64_ENCODED_VALUE",
            "<REDACTED>",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn values_are_no_placeholders() {
        for text in [
            "",
            "YWRtaW4=",
            "Y2hhbmdlbWU=",
            "admin",
            "password",
            "hunter2",
            "changeit",
            "correct horse battery staple",
            "p<a&b>!",
            "a<b",
            "<a>text</a>",
            "<?xml version=\"1.0\"?>",
            "base64:YWRtaW5hZG1pbg",
            "--",
            "xx",
            "todo: call home",
            "here",
            "yours truly",
            "-----BEGIN PRIVATE KEY-----",
        ] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
