//! Where a node stands in its document, in names alone: the same when lines move, and when entries are put before it.

use std::collections::HashMap;

use super::finding::printable_name;
use crate::release::tree::{Id, Tree};

/// What leads from a node to one below it.
#[derive(Clone, Copy)]
enum PathStep {
    Root,
    Key(Id),
    Item,
}

/// The paths of all nodes of a tree.
pub struct KeyPaths<'t> {
    tree: &'t Tree<'t>,
    above: HashMap<Id, (Id, PathStep)>,
}

impl<'t> KeyPaths<'t> {
    /// Of a tree.
    pub fn new(tree: &'t Tree<'t>) -> Self {
        let mut above = HashMap::new();
        let mut open = Vec::new();
        for root in &tree.roots {
            above.insert(*root, (*root, PathStep::Root));
            open.push(*root);
        }
        while let Some(node) = open.pop() {
            let mut below = |id: Id, step: PathStep| {
                // An alias stands for what is written elsewhere.
                if tree.resolve(id) == id && above.insert(id, (node, step)).is_none() {
                    open.push(id);
                }
            };
            for (key, value) in tree.written(node) {
                below(*key, PathStep::Key(*key));
                below(*value, PathStep::Key(*key));
            }
            for item in tree.items(node) {
                below(*item, PathStep::Item);
            }
        }
        Self { tree, above }
    }

    /// The path of a node, such as `Secret/flows:data.SECRET_A` or `worker.extraEnv[SECRET_A].value`. An item of a list
    /// is called by its name; of one without a name, nothing tells it from the others.
    pub fn of(&self, node: Id) -> String {
        let mut steps = Vec::new();
        let mut at = self.tree.resolve(node);
        while let Some((parent, step)) = self.above.get(&at).copied() {
            match step {
                PathStep::Root => {
                    steps.push(self.document(at));
                    break;
                }
                PathStep::Key(key) => steps.push(format!(".{}", self.name(key))),
                PathStep::Item => {
                    let name = self.tree.text_at(at, &["name"]).map(printable_name);
                    steps.push(format!("[{}]", name.unwrap_or_default()));
                }
            }
            at = parent;
        }
        steps.reverse();
        steps.concat()
    }

    fn name(&self, key: Id) -> String {
        self.tree.text(key).map(printable_name).unwrap_or_default().into()
    }

    /// What a file may hold several of: the object that the document is.
    fn document(&self, root: Id) -> String {
        let parts = [&["kind"][..], &["metadata", "namespace"], &["metadata", "name"]];
        let parts = parts.map(|path| self.tree.text_at(root, path).map(printable_name).unwrap_or_default());
        format!("{}:", parts.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let tree = Tree::parse(text, 0).unwrap();
        let paths = KeyPaths::new(&tree);
        let values = tree.scalars().filter(|(_, scalar, _)| scalar.text == "x");
        values.map(|(id, _, _)| paths.of(id)).collect()
    }

    #[test]
    fn a_path_is_made_of_names() {
        let text =
            "kind: Secret\nmetadata: {name: s}\ndata: {A: x}\n---\nenv:\n  - {name: A, value: x}\n  - x\n  - [x]\n";
        assert_eq!(
            paths(text),
            ["Secret//s:.data.A", "//:.env[A].value", "//:.env[]", "//:.env[][]"]
        );
    }

    #[test]
    fn nothing_that_cannot_be_a_name_is_in_a_path() {
        let text = "\"p@ss word\": {a: x}\nenv: [{name: \"p@ss word\", value: x}]\n";
        assert_eq!(
            paths(text),
            ["//:.[no name, 9 bytes].a", "//:.env[[no name, 9 bytes]].value"]
        );
    }

    #[test]
    fn aliases_end() {
        assert_eq!(paths("a: &a {b: x}\nc: *a\n"), ["//:.a.b"]);
        assert!(paths("a: &a [*a]\n").is_empty());
    }
}
