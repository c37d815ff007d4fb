//! Rewrites one scalar in its own style.

use std::ops::Range;

use crate::oracle::secret::Plaintext;
use crate::release::scalar;
use crate::release::tree::{Scalar, Style, Tag, TreeNode};

/// Bytes that replace others. `Debug` shows no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The bytes to replace.
    pub range: Range<usize>,
    /// The new bytes.
    pub text: Plaintext,
}

/// The edit that writes `new` at `node`, or none if that would change more than the value.
///
/// Only texts that need no escape in any style are written: Base64, names, and pairs of them.
pub fn rewrite(source: &str, node: &TreeNode, scalar: &Scalar, new: &Plaintext) -> Option<Edit> {
    let safe = |b: &u8| b.is_ascii_alphanumeric() || b"+/=_.-".contains(b);
    let text = std::str::from_utf8(new.bytes()).ok()?;
    if node.shared || scalar.tag == Tag::Other || text.is_empty() || !new.bytes().iter().all(safe) {
        return None;
    }
    let mut range = node.span.clone();
    let written = source.get(range.clone())?;
    let text = match scalar.style {
        Style::Raw => text.to_owned(),
        Style::Single => format!("'{text}'"),
        Style::Double => format!("\"{text}\""),
        Style::Plain if scalar::is_text(text) && text.starts_with(|c: char| c.is_ascii_alphanumeric()) => {
            text.to_owned()
        }
        Style::Plain => format!("\"{text}\""),
        Style::Block { .. } => {
            // The line breaks that end the block stay, and with them what its header says of them; blanks that end
            // its last line are part of the value and go.
            let text_end = written.trim_end().len();
            let rest = written[text_end..].split('\n').next().unwrap_or_default();
            range.end = range.start + text_end + rest.trim_end_matches('\r').len();
            if written.starts_with(char::is_whitespace) || range.is_empty() {
                return None;
            }
            text.to_owned()
        }
    };
    Some(Edit {
        range,
        text: Plaintext::new(text, new.is_public()),
    })
}

/// The text with all edits made, which are in the order of the text and do not overlap.
pub fn apply(source: &str, edits: &[Edit]) -> String {
    let mut text = String::with_capacity(source.len());
    let mut done = 0;
    for edit in edits {
        let before = source.get(done..edit.range.start);
        if let (Some(before), Ok(new)) = (before, std::str::from_utf8(edit.text.bytes())) {
            text.push_str(before);
            text.push_str(new);
            done = edit.range.end;
        }
    }
    text.push_str(source.get(done..).unwrap_or_default());
    text
}
