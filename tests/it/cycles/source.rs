//! The names in a Rust file: its modules, and the paths in them.

use std::collections::BTreeMap;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A module's path in its crate; empty for the crate's root.
pub(crate) type Module = Vec<String>;

/// One module's text, as far as it matters.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// Every path that it names, as written.
    pub(crate) paths: Vec<Vec<String>>,
    /// The imports, by name.
    pub(crate) names: BTreeMap<String, Vec<String>>,
}

/// All modules of a crate.
pub(crate) type Sources = BTreeMap<Module, Source>;

/// Reads the crate whose root is this file, all but what is compiled for tests alone.
pub(crate) fn read(root: &Path) -> Sources {
    let mut sources = Sources::new();
    let folder = root.parent().unwrap();
    file(root, folder, Module::new(), &mut sources);
    sources
}

/// Reads a file, and those of its modules, which are in `folder`.
fn file(path: &Path, folder: &Path, module: Module, sources: &mut Sources) {
    let text = std::fs::read_to_string(path).unwrap();
    let tokens: TokenStream = text.parse().unwrap_or_else(|fault| panic!("{path:?}: {fault}"));
    let mut files = Vec::new();
    items(tokens, &module, sources, &mut files);
    for below in files {
        let name = below.last().unwrap();
        let inner = below[module.len()..].iter().fold(folder.to_owned(), |at, name| at.join(name));
        let beside = inner.with_extension("rs");
        let path = if beside.exists() { beside } else { inner.join("mod.rs") };
        assert!(path.exists(), "{path:?} holds no module {name}");
        file(&path, &inner, below, sources);
    }
}

/// Reads the tokens of a module, and notes which modules have a file of their own.
pub(crate) fn items(
    tokens: TokenStream,
    module: &Module,
    sources: &mut Sources,
    files: &mut Vec<Module>,
) {
    sources.entry(module.clone()).or_default();
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Group(group) if is_for_tests(&tokens, at, group) => {
                at = after_item(&tokens, at);
            }
            TokenTree::Group(group) => items(group.stream(), module, sources, files),
            TokenTree::Ident(word) if word == "mod" => {
                let Some(TokenTree::Ident(name)) = tokens.get(at) else { continue };
                let below = [module.as_slice(), &[name.to_string()]].concat();
                match tokens.get(at + 1) {
                    Some(TokenTree::Group(body)) => {
                        items(body.stream(), &below, sources, files);
                    }
                    _ => files.push(below),
                }
                at += 2;
            }
            TokenTree::Ident(word) => {
                let is_use = word == "use" && !is_punct(tokens.get(at), '<');
                let is_rooted = ["crate", "super", "self"].iter().any(|root| word == root)
                    && is_punct(tokens.get(at), ':')
                    && !(at > 1 && is_punct(tokens.get(at - 2), '$'));
                if is_use || is_rooted {
                    let source = sources.entry(module.clone()).or_default();
                    let start = if is_use { at } else { at - 1 };
                    at = tree(&tokens, start, &[], &mut |path, name| {
                        if is_use {
                            source.names.insert(name, path.clone());
                        }
                        source.paths.push(path);
                    });
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Reads a path or a tree of them; says where it ends.
fn tree(
    tokens: &[TokenTree],
    mut at: usize,
    before: &[String],
    found: &mut impl FnMut(Vec<String>, String),
) -> usize {
    let mut path = before.to_vec();
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(name)) => path.push(name.to_string()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<_> = group.stream().into_iter().collect();
                for part in inner.split(|token| is_punct(Some(token), ',')) {
                    tree(part, 0, &path, found);
                }
                return at + 1;
            }
            // A glob, or arguments of a type.
            _ => break,
        }
        at += 1;
        let goes_on = is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':');
        if !goes_on {
            break;
        }
        at += 2;
    }
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let name = match (tokens.get(at), tokens.get(at + 1)) {
        (Some(TokenTree::Ident(word)), Some(TokenTree::Ident(name))) if word == "as" => {
            Some(name.to_string())
        }
        _ => path.last().cloned(),
    };
    if let Some(name) = name {
        found(path, name);
    }
    at
}

/// Whether a group is the attribute `#[cfg(test)]`.
fn is_for_tests(tokens: &[TokenTree], after: usize, group: &proc_macro2::Group) -> bool {
    group.delimiter() == Delimiter::Bracket
        && after > 1
        && is_punct(tokens.get(after - 2), '#')
        && group.stream().to_string().replace(' ', "") == "cfg(test)"
}

/// Where the item ends that an attribute belongs to.
fn after_item(tokens: &[TokenTree], at: usize) -> usize {
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    };
    tokens[at..].iter().position(ends).map_or(tokens.len(), |end| at + end + 1)
}

fn is_punct(token: Option<&TokenTree>, is: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == is)
}
