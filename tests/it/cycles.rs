//! Modules of a crate form no cycles: of the children of one module, each with all that is below
//! it, none leads back to itself. A module and those above it may use each other.
//!
//! A use is a path that begins with `crate`, `super` or `self`, in a `use` or in code, but not in
//! what is compiled for tests alone. A name that a module imports leads to where it comes from.

mod source;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use self::source::{Module, Sources, read};

/// The uses of each module, with a path for each.
type Uses = BTreeMap<Module, BTreeMap<Module, String>>;

#[test]
fn modules_of_a_crate_form_no_cycles() {
    let mut cycles = Vec::new();
    for (folder, root) in crates() {
        let uses = uses(&read(&root));
        let found = uses.keys().filter_map(|module| cycle(&uses, module));
        cycles.extend(found.map(|cycle| format!("{folder}: {}", cycle.join(", "))));
    }
    assert!(cycles.is_empty(), "{}", cycles.join("\n"));
}

/// The crates of the workspace: their folders and root files.
fn crates() -> Vec<(String, PathBuf)> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let below = |folder: &str| {
        let entries = std::fs::read_dir(workspace.join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.map(|name| format!("{folder}/{name}")).collect::<Vec<_>>()
    };
    let mut folders: Vec<_> =
        ["shared", "functions", "infra"].into_iter().flat_map(below).collect();
    folders.push("tests".to_owned());
    folders.sort();
    let root = |folder: &str| {
        let roots = ["src/lib.rs", "src/main.rs"].map(|root| workspace.join(folder).join(root));
        roots.into_iter().find(|root| root.exists())
    };
    let crates: Vec<_> =
        folders.into_iter().filter_map(|folder| Some((folder.clone(), root(&folder)?))).collect();
    assert!(crates.iter().any(|(folder, _)| folder == "shared/domain"));
    crates
}

/// The uses among children of the same module.
fn uses(sources: &Sources) -> Uses {
    let mut uses = Uses::new();
    for (module, source) in sources {
        for path in &source.paths {
            let used = resolve(sources, module, path, 0);
            let common = module.iter().zip(&used).take_while(|(one, other)| one == other).count();
            if common < module.len() && common < used.len() {
                let (from, to) = (module[..=common].to_vec(), used[..=common].to_vec());
                let place = format!("{} uses {}", module.join("::"), used.join("::"));
                uses.entry(from).or_default().entry(to).or_insert(place);
            }
        }
    }
    uses
}

/// The module that holds what a path names.
fn resolve(sources: &Sources, from: &Module, path: &[String], imports: u8) -> Module {
    let mut at = from.clone();
    let mut rest = path;
    while let [name, after @ ..] = rest {
        let child = [at.as_slice(), std::slice::from_ref(name)].concat();
        match name.as_str() {
            "crate" => at.clear(),
            "self" => {}
            "super" => {
                at.pop();
            }
            _ if sources.contains_key(&child) => at = child,
            _ => {
                let imported = sources.get(&at).and_then(|source| source.names.get(name));
                // A crate may bring in a name like its own, which leads nowhere.
                let Some(imported) = imported.filter(|_| imports < 8) else { break };
                let whole = [imported.as_slice(), after].concat();
                return resolve(sources, &at, &whole, imports + 1);
            }
        }
        rest = after;
    }
    at
}

/// The shortest cycle through a module, as a list of uses.
fn cycle(uses: &Uses, module: &Module) -> Option<Vec<String>> {
    let mut ways = VecDeque::from([(module, Vec::new())]);
    let mut seen = BTreeSet::new();
    while let Some((at, way)) = ways.pop_front() {
        for (next, place) in uses.get(at).into_iter().flatten() {
            let way: Vec<_> = way.iter().chain([place]).cloned().collect();
            if next == module {
                return Some(way);
            }
            if seen.insert(next) {
                ways.push_back((next, way));
            }
        }
    }
    None
}

#[test]
fn a_cycle_is_found_through_children_imports_and_groups() {
    let text = "
        pub use self::a::Alpha;
        mod a { pub mod inner { use crate::{b::{self, Beta}, c}; } pub use self::inner::Alpha; }
        mod b { fn f(alpha: &crate::Alpha) {} }
        mod c { use super::*; mod child { use super::super::c::Own; } #[cfg(test)] mod tests { use crate::a; } }
    ";
    let mut sources = Sources::new();
    source::items(text.parse().unwrap(), &Module::new(), &mut sources, &mut Vec::new());
    let uses = uses(&sources);
    let of = |name: &str| cycle(&uses, &vec![name.to_owned()]);
    assert_eq!(of("a").unwrap(), ["a::inner uses b", "b uses a::inner"]);
    assert_eq!(of("b").unwrap(), ["b uses a::inner", "a::inner uses b"]);
    assert_eq!(of("c"), None);
}
