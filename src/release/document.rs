//! A text with its tree, and the nodes of all of them.

use super::input::SourceFile;
use super::tree::{Id, Tree};

/// A node of one of the documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeRef {
    /// The number of the document.
    pub source: usize,
    /// Which node of its tree.
    pub node: Id,
}

/// A text with its tree: a file, or values that stand as a text inside one.
#[derive(Clone, Copy)]
pub struct Document<'a> {
    /// Its number.
    pub index: usize,
    /// The number of the file that it is, or is in.
    pub file: usize,
    /// That file.
    pub source: &'a SourceFile,
    /// Its tree.
    pub tree: &'a Tree<'a>,
    /// Where all of it is told to stand, if its nodes do not know their bytes in the file.
    pub anchor: Option<usize>,
}

impl<'a> Document<'a> {
    /// All files, in their order.
    pub fn of_files(sources: impl Iterator<Item = (&'a SourceFile, &'a Tree<'a>)>) -> Vec<Self> {
        let numbered = sources.enumerate();
        numbered
            .map(|(index, (source, tree))| Self {
                index,
                file: index,
                source,
                tree,
                anchor: None,
            })
            .collect()
    }

    /// The node, or the one that an alias stands for.
    pub fn at(&self, node: Id) -> NodeRef {
        NodeRef {
            source: self.index,
            node: self.tree.resolve(node),
        }
    }

    /// The byte of the file at which a node stands.
    pub fn position(&self, node: Id) -> usize {
        self.anchor.unwrap_or_else(|| self.tree.node(node).span.start)
    }

    /// The line and the column at which a node stands.
    pub fn line_and_column(&self, node: Id) -> (usize, usize) {
        self.source.line_and_column(self.position(node))
    }

    /// The text at the end of a path of keys.
    pub fn text_at(&self, node: Id, path: &[&str]) -> Option<&'a str> {
        self.tree.text_at(node, path)
    }

    /// What the sequence at the end of a path holds; nothing for any other node.
    pub fn items_at(&self, node: Id, path: &[&str]) -> &'a [Id] {
        self.tree.at(node, path).map_or(&[][..], |list| self.tree.items(list))
    }

    /// Whether the document is values or manifests inside another, whose bytes are not rewritten.
    pub fn is_embedded(&self) -> bool {
        self.index != self.file
    }

    /// Whether the file is `name.yaml` or the like, in either case.
    pub fn is_called(&self, name: &str) -> bool {
        let stem = self.source.path.as_deref().and_then(|path| path.file_stem());
        stem.is_some_and(|stem| stem.eq_ignore_ascii_case(name))
    }
}
