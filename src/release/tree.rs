//! YAML (and JSON, which is YAML) as a tree in which every node knows the bytes it was written with.
//!
//! Flat, so that an alias costs nothing and a file that multiplies by aliases stays as small as it is.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, options};

/// A node's number in its [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(usize);

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes, in YAML.
    Plain,
    /// In single quotes.
    Single,
    /// In double quotes.
    Double,
    /// A block under `|` or `>`, its lines indented by so many columns.
    Block {
        /// Columns before the text.
        indent: usize,
        /// Whether it is `>`, which folds lines.
        folded: bool,
    },
    /// As it is, in a file that is no YAML: `KEY=VALUE` lines, or a whole file.
    Raw,
}

/// What a tag says of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// There is none.
    None,
    /// `!!str`.
    Text,
    /// Another: who knows what is made of it.
    Other,
}

/// One scalar. No `Debug`: it may be a secret.
pub struct Scalar<'t> {
    /// What is read.
    pub text: Cow<'t, str>,
    /// How it is written.
    pub style: Style,
    /// Its tag.
    pub tag: Tag,
}

/// What a node is.
pub enum Content<'t> {
    /// A scalar.
    Scalar(Scalar<'t>),
    /// A mapping, its keys with their values in the order of the file.
    Map(Vec<(Id, Id)>),
    /// A sequence.
    Seq(Vec<Id>),
    /// Another name for a node before it.
    Alias(Id),
}

/// A node and where it is written.
pub struct TreeNode<'t> {
    /// The bytes in the file; of a block scalar those of its text, without its header; of a collection only
    /// where it starts.
    pub span: Range<usize>,
    /// What it is.
    pub content: Content<'t>,
    /// Whether an alias may stand for it elsewhere: it has an anchor, or is below a node that has.
    pub shared: bool,
}

/// All documents of a file.
#[derive(Default)]
pub struct Tree<'t> {
    nodes: Vec<TreeNode<'t>>,
    /// The root of each document.
    pub roots: Vec<Id>,
}

/// Why a text is not YAML, and where. It quotes nothing of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Byte offset in the text.
    pub at: usize,
    /// What is wrong.
    pub message: String,
}

/// The most nodes of one file: some 300 MiB of memory. The catalogue of a whole company has a hundredth of them.
const NODES: usize = 2_000_000;
/// Merge keys (`<<`) are followed so deep and no deeper.
const MERGES: usize = 4;
/// Entries that merge keys may bring in for one mapping.
const MERGED: usize = 10_000;

impl<'t> Tree<'t> {
    /// Reads all documents of `text` from byte `from` on.
    ///
    /// # Errors
    /// [`Malformed`] at the first thing that is no YAML, or is nested more than 255 deep, or beyond the most nodes
    /// that a file may have.
    pub fn parse(text: &'t str, from: usize) -> Result<Self, Malformed> {
        let options = options! { emit_comments: false };
        let mut builder = Builder::default();
        let body = text.get(from..).unwrap_or_default();
        for event in Parser::new_from_str_with_options(body, options) {
            let (event, span) = event.map_err(|e| Malformed {
                at: from + e.marker().byte_offset().unwrap_or_default(),
                message: words(e.kind(), &e.info()),
            })?;
            let bytes = span.byte_range().unwrap_or_default();
            builder.take(event, from + bytes.start..from + bytes.end, span.indent);
            if builder.tree.len() > NODES {
                return Err(Malformed {
                    at: from + bytes.start,
                    message: format!("has more than {NODES} values"),
                });
            }
        }
        Ok(builder.tree)
    }

    /// A mapping of names to raw texts: the bytes of a name, the bytes of its value, and what is read of the value
    /// where that is not what the bytes say.
    pub fn raw(
        text: &'t str,
        entries: impl IntoIterator<Item = (Range<usize>, Range<usize>, Option<Cow<'t, str>>)>,
    ) -> Self {
        let mut tree = Self::default();
        let mut pairs = Vec::new();
        for (name, value, read) in entries {
            let mut scalar = |span: Range<usize>, read: Option<Cow<'t, str>>| {
                let text = read.unwrap_or_else(|| Cow::Borrowed(text.get(span.clone()).unwrap_or_default()));
                let (style, tag) = (Style::Raw, Tag::None);
                tree.push(Content::Scalar(Scalar { text, style, tag }), span, false)
            };
            pairs.push((scalar(name, None), scalar(value, read)));
        }
        let root = tree.push(Content::Map(pairs), 0..0, false);
        tree.roots.push(root);
        tree
    }

    fn push(&mut self, content: Content<'t>, span: Range<usize>, shared: bool) -> Id {
        self.nodes.push(TreeNode { span, content, shared });
        Id(self.nodes.len() - 1)
    }

    /// The node itself, or the one its alias stands for.
    pub fn resolve(&self, id: Id) -> Id {
        match self.nodes.get(id.0).map(|node| &node.content) {
            Some(Content::Alias(target)) => *target,
            _ => id,
        }
    }

    /// The node that `id` is or stands for.
    pub fn node(&self, id: Id) -> &TreeNode<'t> {
        &self.nodes[self.resolve(id).0]
    }

    /// The scalar, if it is one.
    pub fn scalar(&self, id: Id) -> Option<&Scalar<'t>> {
        match &self.node(id).content {
            Content::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text of a scalar.
    pub fn text(&self, id: Id) -> Option<&str> {
        self.scalar(id).map(|scalar| scalar.text.as_ref())
    }

    /// What a sequence holds; nothing for any other node.
    pub fn items(&self, id: Id) -> &[Id] {
        match &self.node(id).content {
            Content::Seq(items) => items,
            _ => &[],
        }
    }

    /// The entries of a mapping as they are written; nothing for any other node.
    pub fn written(&self, id: Id) -> &[(Id, Id)] {
        match &self.node(id).content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The entries of a mapping, those that merge keys bring in after its own.
    pub fn entries(&self, id: Id) -> Vec<(Id, Id)> {
        let mut all = Vec::new();
        self.collect(id, MERGES, &mut all);
        all
    }

    fn collect(&self, id: Id, depth: usize, all: &mut Vec<(Id, Id)>) {
        let is_merge = |key: Id| self.text(key) == Some("<<");
        let own = self.written(id).iter().filter(|(key, _)| !is_merge(*key));
        all.extend(own.take(if depth == MERGES { usize::MAX } else { MERGED }));
        for (_, value) in self.written(id).iter().filter(|(key, _)| is_merge(*key)) {
            let one = [*value];
            let merged = if self.items(*value).is_empty() {
                &one[..]
            } else {
                self.items(*value)
            };
            for map in merged.iter().filter(|_| depth > 0) {
                if all.len() > self.written(id).len() + MERGED {
                    return;
                }
                self.collect(*map, depth - 1, all);
            }
        }
    }

    /// The value under a key; of two the later, as Helm and kubectl have it.
    pub fn get(&self, map: Id, key: &str) -> Option<Id> {
        self.entry(map, key).map(|(_, value)| value)
    }

    /// The key and its value.
    pub fn entry(&self, map: Id, key: &str) -> Option<(Id, Id)> {
        let is = |(k, _): &&(Id, Id)| self.text(*k) == Some(key);
        let own = self.written(map).iter().rfind(is).copied();
        own.or_else(|| {
            let merges = self.written(map).iter().any(|(k, _)| self.text(*k) == Some("<<"));
            merges.then(|| self.entries(map).iter().find(is).copied()).flatten()
        })
    }

    /// The value at the end of a path of keys.
    pub fn at(&self, map: Id, path: &[&str]) -> Option<Id> {
        path.iter().try_fold(map, |map, key| self.get(map, key))
    }

    /// The text at the end of a path of keys.
    pub fn text_at(&self, map: Id, path: &[&str]) -> Option<&str> {
        self.text(self.at(map, path)?)
    }

    /// Every scalar in the order of the file, with its bytes.
    pub fn scalars(&self) -> impl Iterator<Item = (Id, &Scalar<'t>, &Range<usize>)> {
        self.nodes
            .iter()
            .enumerate()
            .filter_map(|(id, node)| match &node.content {
                Content::Scalar(scalar) => Some((Id(id), scalar, &node.span)),
                _ => None,
            })
    }

    /// The scalars that are names: keys of mappings, and what stands under the key `name`.
    pub fn names(&self) -> HashSet<Id> {
        let maps = self.nodes.iter().filter_map(|node| match &node.content {
            Content::Map(entries) => Some(entries),
            _ => None,
        });
        let named = |key: Id, value: Id| [Some(key), (self.text(key) == Some("name")).then_some(value)];
        maps.flatten()
            .flat_map(|(key, value)| named(*key, *value))
            .flatten()
            .collect()
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no document, or nothing in any.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether the node is a mapping.
    pub fn is_map(&self, id: Id) -> bool {
        matches!(self.node(id).content, Content::Map(_))
    }
}

/// The parser's words, without the one character of the text that some of them quote.
fn words(kind: &ErrorKind, info: &str) -> String {
    match kind {
        ErrorKind::UnexpectedCharacter { .. } => "a plain value cannot begin with this character".into(),
        _ => info.to_owned(),
    }
}

#[derive(Default)]
struct Builder<'t> {
    tree: Tree<'t>,
    open: Vec<Open>,
    anchors: HashMap<usize, Id>,
    /// How many of the open collections have an anchor.
    anchored: usize,
}

struct Open {
    id: Id,
    anchored: bool,
    /// The key whose value comes next.
    key: Option<Id>,
}

impl<'t> Builder<'t> {
    fn take(&mut self, event: Event<'t>, span: Range<usize>, indent: Option<usize>) {
        match event {
            Event::DocumentStart(..) => self.anchors.clear(),
            Event::Scalar(text, style, anchor, tag) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted => Style::Single,
                    ScalarStyle::DoubleQuoted => Style::Double,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block {
                        indent: indent.unwrap_or_default(),
                        folded: style == ScalarStyle::Folded,
                    },
                };
                // A value that is left out is a null that the parser writes as `~`.
                let left_out = style == Style::Plain && span.is_empty();
                let tag = match tag {
                    None => Tag::None,
                    Some(tag) if tag.is_yaml_core_schema_tag("str") => Tag::Text,
                    Some(_) => Tag::Other,
                };
                let text = if left_out { Cow::Borrowed("") } else { text };
                let id = self.add(Content::Scalar(Scalar { text, style, tag }), span, anchor);
                self.attach(id);
            }
            Event::MappingStart(_, anchor, _) => self.begin(Content::Map(Vec::new()), span, anchor),
            Event::SequenceStart(_, anchor, _) => self.begin(Content::Seq(Vec::new()), span, anchor),
            Event::MappingEnd | Event::SequenceEnd => {
                if let Some(open) = self.open.pop() {
                    self.anchored -= usize::from(open.anchored);
                }
            }
            Event::Alias(anchor) => {
                if let Some(target) = self.anchors.get(&anchor).copied() {
                    let id = self.tree.push(Content::Alias(target), span, true);
                    self.attach(id);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, content: Content<'t>, span: Range<usize>, anchor: usize) -> Id {
        let id = self.tree.push(content, span, anchor != 0 || self.anchored > 0);
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        id
    }

    fn begin(&mut self, content: Content<'t>, span: Range<usize>, anchor: usize) {
        let id = self.add(content, span, anchor);
        self.attach(id);
        let anchored = anchor != 0;
        self.anchored += usize::from(anchored);
        self.open.push(Open {
            id,
            anchored,
            key: None,
        });
    }

    /// Hangs a new node where it belongs.
    fn attach(&mut self, id: Id) {
        let Some(open) = self.open.last_mut() else {
            self.tree.roots.push(id);
            return;
        };
        match self.tree.nodes.get_mut(open.id.0).map(|node| &mut node.content) {
            Some(Content::Seq(items)) => items.push(id),
            Some(Content::Map(entries)) => match open.key.take() {
                Some(key) => entries.push((key, id)),
                None => open.key = Some(id),
            },
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
