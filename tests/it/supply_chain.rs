//! What CI and the documentation install is named exactly: by a hash, or at least by a version.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The files of a folder whose names begin and end like this.
fn files(folder: &str, begin: &str, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(ROOT).join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_meant = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with(begin) && name.ends_with(end)
    };
    paths.filter(is_meant).collect()
}

/// The commands of a script or a page, each in one line.
fn commands(text: &str) -> String {
    text.replace("\\\n", " ")
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Commands that install something of which neither version nor hash is named.
fn loose_commands(text: &str) -> Vec<String> {
    let has = |line: &str, words: &[&str]| words.iter().all(|word| line.contains(word));
    let is_loose = |line: &&str| {
        if line.contains("pip") && line.contains(" install ") {
            return !has(line, &["--require-hashes", "--only-binary :all:"]);
        }
        if ["npm install", "npm i ", "npx "].iter().any(|word| line.contains(word)) {
            return true;
        }
        if line.contains("npm ci") {
            return !has(line, &["--ignore-scripts"]);
        }
        let is_ours = line.contains("--path ");
        let is_exact =
            has(line, &["--locked"]) && (line.contains("--version") || line.contains('@'));
        line.contains("cargo install ") && !is_ours && !is_exact
    };
    let text = commands(text);
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter(is_loose)
        .map(str::to_owned)
        .collect()
}

/// The lines of a list of Python packages that name no version or no hash.
fn loose_requirements(text: &str) -> Vec<String> {
    let is_loose = |line: &&str| {
        let (package, hashes) = line.split_once(' ').unwrap_or((line, ""));
        let mut hashes = hashes.split_whitespace().map(|hash| hash.strip_prefix("--hash=sha256:"));
        let first = hashes.next().flatten();
        !package.contains("==")
            || !first.is_some_and(is_hash)
            || !hashes.all(|hash| hash.is_some_and(is_hash))
    };
    let text = commands(text);
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.filter(is_loose).map(str::to_owned).collect()
}

/// The packages of a lock file of npm's that have no hash.
fn loose_packages(lock: &Value) -> Vec<String> {
    let packages = lock["packages"].as_object().unwrap().iter();
    let is_loose = |(name, package): &(&String, &Value)| {
        let hash = package["integrity"].as_str().unwrap_or_default();
        !name.is_empty() && !hash.starts_with("sha512-")
    };
    packages.filter(is_loose).map(|(name, _)| name.clone()).collect()
}

/// The actions of a workflow that are not named by a commit.
fn loose_actions(text: &str) -> Vec<String> {
    let uses =
        text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: "));
    let is_loose = |used: &&str| {
        let name = used.split_whitespace().next().unwrap_or_default();
        let commit = name.split_once('@').map_or("", |(_, commit)| commit);
        commit.len() != 40 || !commit.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    uses.filter(is_loose).map(str::to_owned).collect()
}

#[test]
fn nothing_is_installed_by_its_name_alone() {
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let mut faults = Vec::new();
    let mut note = |path: &Path, loose: Vec<String>| {
        faults.extend(loose.into_iter().map(|what| format!("{}: {what}", path.display())));
    };
    let script = Path::new(ROOT).join(".ci/run");
    note(&script, loose_commands(&read(&script)));
    let lists = files(".ci", "requirements-", ".txt");
    assert!(lists.len() >= 10, "{lists:?}");
    for list in lists {
        note(&list, loose_requirements(&read(&list)));
    }
    for workflow in files(".github/workflows", "", ".yml") {
        note(&workflow, loose_actions(&read(&workflow)));
    }
    let pages = [files("", "", ".md"), files("docs", "", ".md")].concat();
    for page in pages {
        // The other pages describe what users install for themselves.
        let is_for_users = page.ends_with("coding-tools.md") || page.ends_with("attendees.md");
        if !is_for_users {
            let text = read(&page);
            let code: String = text.split('`').skip(1).step_by(2).collect::<Vec<_>>().join("\n");
            let blocks: String = text.split("```").skip(1).step_by(2).collect();
            note(&page, loose_commands(&format!("{code}\n{blocks}")));
        }
    }
    for folder in [
        "functions/pages",
        "tests/agents",
        "tests/browser",
        "tests/clients/node",
        "tests/clients/node-frameworks",
    ] {
        let folder = Path::new(ROOT).join(folder);
        let lock: Value = serde_json::from_str(&read(&folder.join("package-lock.json"))).unwrap();
        note(&folder, loose_packages(&lock));
        let manifest: Value = serde_json::from_str(&read(&folder.join("package.json"))).unwrap();
        let versions = ["dependencies", "devDependencies"]
            .iter()
            .filter_map(|kind| manifest[kind].as_object())
            .flatten();
        let ranges = versions.filter(|(_, version)| {
            !version.as_str().unwrap_or_default().starts_with(|first: char| first.is_ascii_digit())
        });
        note(&folder, ranges.map(|(name, _)| name.clone()).collect());
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_is_installed_by_its_name_alone_is_found() {
    for command in [
        "pip install aws-sam-cli cargo-lambda",
        "venv/bin/pip install -r list.txt",
        "pip install --require-hashes \\\n  -r list.txt",
        "npm ci --prefix x",
        "npm install ai",
        "npx playwright install",
        "cargo install cargo-deny",
    ] {
        assert_eq!(loose_commands(command).len(), 1, "{command}");
    }
    let hash = "a".repeat(64);
    let exact = format!("one==1.0 \\\n    --hash=sha256:{hash} \\\n    --hash=sha256:{hash}\n");
    assert!(loose_requirements(&exact).is_empty());
    for loose in ["one==1.0\n", "one>=1.0 --hash=sha256:00\n", &exact.replace("==", ">=")] {
        assert_eq!(loose_requirements(loose).len(), 1, "{loose}");
    }
    assert_eq!(loose_actions("  - uses: actions/checkout@v7\n").len(), 1);
    let lock = serde_json::json!({"packages": {"": {}, "node_modules/a": {"version": "1.0.0"}}});
    assert_eq!(loose_packages(&lock), ["node_modules/a"]);
}
