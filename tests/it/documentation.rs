//! The documentation names only what exists: the target of each relative link, its heading, each
//! path that a page shows as code, and each test that is said to hold something.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Folders of the repository to which a path in a page may point.
const FOLDERS: [&str; 7] =
    [".ci/", ".github/", "docs/", "functions/", "infra/", "shared/", "tests/"];

/// Every page, apart from build products and installed packages.
fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && !matches!(&*name, "target" | "node_modules") {
                pages(&path, found);
            }
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

/// A page without its code blocks.
fn prose(page: &str) -> String {
    page.split("```").step_by(2).collect()
}

/// The anchors of a page's headings, as GitHub derives them.
fn anchors(page: &str) -> Vec<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
        kept.collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

/// The broken relative links of a page.
fn broken_links(path: &Path, page: &str) -> Vec<String> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let relative = targets.filter(|target| !target.contains("://"));
    let is_broken = |target: &&str| {
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let file =
            if file.is_empty() { path.to_owned() } else { path.with_file_name("").join(file) };
        let has_anchor = || {
            let page = fs::read_to_string(&file).unwrap_or_default();
            anchors(&prose(&page)).iter().any(|known| known == anchor)
        };
        !file.exists() || !(anchor.is_empty() || has_anchor())
    };
    relative.filter(is_broken).map(str::to_owned).collect()
}

/// Paths that a page shows as code and that do not exist. A path with `<name>` or `{a,b}` means
/// several.
fn missing_paths(page: &str) -> Vec<String> {
    let spans = page.split('`').skip(1).step_by(2);
    let words = spans.filter_map(|span| span.split_whitespace().next());
    let is_path = |word: &&str| {
        FOLDERS.iter().any(|folder| word.starts_with(folder))
            && !word.contains(['<', '{', '*', '…'])
    };
    let is_missing = |word: &&str| !Path::new(ROOT).join(word).exists();
    words.filter(is_path).filter(is_missing).map(str::to_owned).collect()
}

#[test]
fn every_link_and_path_of_the_documentation_exists() {
    let mut found = Vec::new();
    pages(Path::new(ROOT), &mut found);
    assert!(found.len() > 30, "only {} pages were found", found.len());
    let mut faults = Vec::new();
    for path in found {
        let page = prose(&fs::read_to_string(&path).unwrap());
        let mut wrong = broken_links(&path, &page);
        // A decision record describes its own time.
        if !path.components().any(|part| part.as_os_str() == "decisions") {
            wrong.extend(missing_paths(&page));
        }
        faults.extend(wrong.into_iter().map(|wrong| format!("{}: {wrong}", path.display())));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The tests that the tables of a page name, each with its file. A file without a folder of the
/// repository is one of this suite.
fn named_tests(page: &str) -> Vec<(PathBuf, String)> {
    let mut named = Vec::new();
    for row in page.lines().filter(|line| line.starts_with('|')) {
        let mut file = None;
        for span in row.split('`').skip(1).step_by(2) {
            if span.ends_with(".rs") {
                let is_path = FOLDERS.iter().any(|folder| span.starts_with(folder));
                let folder = if is_path { "" } else { "tests/it" };
                file = Some(Path::new(ROOT).join(folder).join(span));
            } else if let Some(file) = &file {
                named.push((file.clone(), span.to_owned()));
            }
        }
    }
    named
}

/// Whether a source has a test of this name.
fn has_test(source: &str, name: &str) -> bool {
    let Some(at) = source.find(&format!("fn {name}(")) else { return false };
    let before = source.get(..at).and_then(|before| before.rfind('#')).unwrap_or_default();
    let attributes = source.get(before..at).unwrap_or_default();
    let is_attribute = attributes.starts_with("#[test]") || attributes.starts_with("#[tokio::test");
    is_attribute && !attributes.contains("fn ")
}

#[test]
fn every_test_that_is_said_to_hold_a_finding_exists() {
    let named = named_tests(include_str!("../../docs/proof.md"));
    assert!(named.len() > 60, "only {} tests are named", named.len());
    let is_missing = |(file, name): &&(PathBuf, String)| {
        !has_test(&fs::read_to_string(file).unwrap_or_default(), name)
    };
    let missing: Vec<_> = named.iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn a_test_that_is_named_and_missing_is_found() {
    let source = include_str!("documentation.rs");
    assert!(has_test(source, "a_test_that_is_named_and_missing_is_found"));
    assert!(!has_test(source, "is_missing") && !has_test(source, "has_test"));
    let row = "| 1 | x | `races.rs`: `a`, `b`; `shared/x.rs`: `c` |";
    let named = named_tests(row);
    let names: Vec<_> = named.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert!(named[1].0.ends_with("tests/it/races.rs") && named[2].0.ends_with("../shared/x.rs"));
}

/// The shell commands of a page that a shell cannot read.
fn faulty_blocks(page: &str) -> Vec<String> {
    let blocks = page.split("```").skip(1).step_by(2);
    let shell = blocks
        .filter_map(|block| block.strip_prefix("shell\n").or_else(|| block.strip_prefix("sh\n")));
    let is_faulty = |block: &&str| {
        let mut bash = Command::new("bash");
        bash.arg("-n").stdin(Stdio::piped()).stderr(Stdio::null());
        let mut bash = bash.spawn().unwrap();
        bash.stdin.take().unwrap().write_all(block.as_bytes()).unwrap();
        !bash.wait().unwrap().success()
    };
    shell.filter(is_faulty).map(str::to_owned).collect()
}

#[test]
fn a_shell_can_read_every_command_of_the_documentation() {
    let mut found = Vec::new();
    pages(Path::new(ROOT), &mut found);
    let mut faults = Vec::new();
    for path in found {
        let faulty = faulty_blocks(&fs::read_to_string(&path).unwrap());
        faults.extend(faulty.into_iter().map(|block| format!("{}: {block}", path.display())));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(faulty_blocks("```shell\ncurl 'a\n```\n```sh\nls\n```").len(), 1);
}

#[test]
fn the_readme_has_at_most_a_thousand_words() {
    let readme = include_str!("../../README.md");
    assert!(readme.split_whitespace().count() <= 1_000);
}

#[test]
fn missing_links_and_paths_are_found() {
    let path = Path::new(ROOT).join("README.md");
    let page = "[a](docs/none.md) [b](docs/errors.md#none) [c](docs/errors.md#notes) [d](LICENSE)";
    assert_eq!(broken_links(&path, page), ["docs/none.md", "docs/errors.md#none"]);
    assert_eq!(missing_paths("`docs/none.md` `docs/errors.md` `infra/<name>`"), ["docs/none.md"]);
}
