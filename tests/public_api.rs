//! The public API, item by item: what other people's tests build on changes only on purpose. After a change that is
//! meant, `INSTA_UPDATE=always cargo test --test public_api` renews the snapshot.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use quote::ToTokens;
use regex::Regex;
use syn::{Attribute, Fields, File, ImplItem, Item, Type, UseTree, Visibility};

#[test]
fn the_public_api_is_the_one_that_was_agreed() {
    insta::assert_snapshot!(api().join("\n"));
}

#[test]
fn everything_else_is_internal() {
    let shown = api();
    let modules: Vec<_> = shown.iter().filter_map(|line| line.strip_prefix("pub mod ")).collect();
    assert_eq!(modules, ["testing"]);
}

/// A line for each item that the crate shows, in the order of its names.
fn api() -> Vec<String> {
    let mut items = BTreeMap::new();
    for item in &parse(&source("lib.rs")).items {
        match item {
            Item::Mod(module) if shows(&module.vis, &module.attrs) => {
                items.insert(module.ident.to_string(), format!("pub mod {}", module.ident));
                let file = parse(&source(&format!("{}.rs", module.ident)));
                list(&module.ident.to_string(), &file, None, &mut items);
            }
            other => list_item("", other, None, &mut items),
        }
    }
    items.into_values().collect()
}

/// The items of a file: all, or what there is of one type.
fn list(module: &str, file: &File, only: Option<&str>, items: &mut BTreeMap<String, String>) {
    for item in &file.items {
        list_item(module, item, only, items);
    }
}

fn list_item(module: &str, item: &Item, only: Option<&str>, items: &mut BTreeMap<String, String>) {
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    let mut add = |key: &str, text: String| {
        items.insert(format!("{module}::{key}"), format!("    {text}"));
    };
    match item {
        Item::Fn(function) if shows(&function.vis, &function.attrs) && only.is_none() => {
            add(&function.sig.ident.to_string(), format!("pub {}", text(&function.sig)));
        }
        Item::Struct(one) if shows(&one.vis, &one.attrs) && wanted(&one.ident.to_string()) => {
            let public = one
                .fields
                .iter()
                .filter(|field| matches!(field.vis, Visibility::Public(_)));
            let fields: Vec<_> = public
                .map(|field| format!("{}: {}", text(&field.ident), text(&field.ty)))
                .collect();
            let head = format!("pub struct {}{}", one.ident, text(&one.generics));
            add(
                &one.ident.to_string(),
                format!("{}{head} {{ {} }}", derived(&one.attrs), fields.join(", ")),
            );
        }
        Item::Enum(one) if shows(&one.vis, &one.attrs) && wanted(&one.ident.to_string()) => {
            let variants: Vec<_> = one
                .variants
                .iter()
                .map(|variant| {
                    let fields = if matches!(variant.fields, Fields::Unit) {
                        String::new()
                    } else {
                        text(&variant.fields)
                    };
                    format!("{}{fields}", variant.ident)
                })
                .collect();
            let head = format!("pub enum {}{}", one.ident, text(&one.generics));
            add(
                &one.ident.to_string(),
                format!("{}{head} {{ {} }}", derived(&one.attrs), variants.join(", ")),
            );
        }
        Item::Impl(block) => {
            let Type::Path(path) = &*block.self_ty else { return };
            let name = path.path.segments.last().unwrap().ident.to_string();
            let own = only.map_or_else(|| items.contains_key(&format!("{module}::{name}")), |only| only == name);
            if !own {
                return;
            }
            if let Some((of, _)) = &block.trait_ {
                let line = format!("    impl {} for {}", text(of), text(&block.self_ty));
                items.insert(format!("{module}::{name}:impl {}", text(of)), line);
                return;
            }
            for method in &block.items {
                match method {
                    ImplItem::Fn(method) if shows(&method.vis, &method.attrs) => {
                        let line = format!("        pub {}", text(&method.sig));
                        items.insert(format!("{module}::{name}::{}", method.sig.ident), line);
                    }
                    ImplItem::Const(one) if shows(&one.vis, &one.attrs) => {
                        let line = format!("        pub const {}: {}", one.ident, text(&one.ty));
                        items.insert(format!("{module}::{name}::{}", one.ident), line);
                    }
                    _ => {}
                }
            }
        }
        Item::Use(imported) if only.is_none() && shows(&imported.vis, &imported.attrs) => {
            follow(module, &imported.tree, &mut Vec::new(), items);
        }
        Item::Trait(_) | Item::Const(_) | Item::Static(_) | Item::Type(_) | Item::Mod(_) | Item::Macro(_)
            if only.is_none() =>
        {
            let shown = text(item);
            assert!(!shown.starts_with("pub "), "this test reads no such item yet: {shown}");
        }
        _ => {}
    }
}

/// What `pub use crate::room::Name` shows: the type, wherever it stands in that room.
fn follow(module: &str, tree: &UseTree, path: &mut Vec<String>, items: &mut BTreeMap<String, String>) {
    match tree {
        UseTree::Path(one) => {
            path.push(one.ident.to_string());
            follow(module, &one.tree, path, items);
            path.pop();
        }
        UseTree::Group(several) => several.items.iter().for_each(|tree| follow(module, tree, path, items)),
        UseTree::Name(one) => {
            let (name, before) = (one.ident.to_string(), items.len());
            for file in files(&source(&path[1])) {
                list(module, &parse(&file), Some(&name), items);
            }
            assert!(items.len() > before, "{name} is nowhere in src/{}", path[1]);
        }
        UseTree::Rename(_) | UseTree::Glob(_) => panic!("the public API imports by names alone: {}", text(tree)),
    }
}

fn shows(visibility: &Visibility, attributes: &[Attribute]) -> bool {
    let hidden = attributes.iter().any(|one| text(one) == "#[doc(hidden)]");
    let test = attributes.iter().any(|one| text(one) == "#[cfg(test)]");
    matches!(visibility, Visibility::Public(_)) && !hidden && !test
}

/// What is derived, also where only the program for a browser goes without.
fn derived(attributes: &[Attribute]) -> String {
    let derives = attributes.iter().map(text).filter_map(|one| {
        let always = one.strip_prefix("#[derive(");
        let list = always.or_else(|| one.strip_prefix("#[cfg_attr(not(target_family = \"wasm\"), derive("))?;
        Some(list.trim_end_matches([')', ']']).to_owned())
    });
    let derives: Vec<_> = derives.collect();
    if derives.is_empty() {
        return String::new();
    }
    format!("#[derive({})] ", derives.join(", "))
}

/// Code as rustfmt would write it, on one line.
fn text(code: impl ToTokens) -> String {
    static TIGHT: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
        [
            (r"\s*(::|<|[>,\].?)]|\[|\()", "$1"),
            (r"([<(\[&#]|::)\s+", "$1"),
            (r",([^ ])", ", $1"),
            (r"\s*:\s+", ": "),
        ]
        .map(|(pattern, by)| (Regex::new(pattern).unwrap(), by))
    });
    let tokens = code.to_token_stream().to_string();
    let tighten = |text: String, (pattern, by): &(Regex, &str)| pattern.replace_all(&text, *by).into_owned();
    TIGHT.iter().fold(tokens, tighten)
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name)
}

fn parse(file: &Path) -> File {
    syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return vec![folder.with_extension("rs")];
    };
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
        .into_iter()
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .collect()
}
