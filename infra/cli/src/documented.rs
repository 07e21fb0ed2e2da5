//! Every `lanyard` command of the documentation is one that the command line knows.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use clap::error::ErrorKind;

use crate::options::Options;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// How a command begins in a code block.
const BEGINS: [&str; 3] = ["lanyard ", "./lanyard ", "cargo run -p lanyard-cli -- "];

/// A command of a page.
struct Documented {
    page: String,
    line: String,
    /// Whether it stands in a code block, so that it is typed as it is.
    is_whole: bool,
}

fn pages() -> Vec<PathBuf> {
    let in_folder = |folder: &str| {
        let entries = fs::read_dir(Path::new(ROOT).join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    let mut pages = [in_folder(""), in_folder("docs")].concat();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages
}

/// The commands of a page: lines of code blocks, and code within text.
fn commands(page: &str, text: &str) -> Vec<Documented> {
    let mut found = Vec::new();
    for (index, part) in text.split("```").enumerate() {
        let is_whole = index % 2 == 1;
        let part = part.replace("\\\n", " ");
        let pieces: Vec<&str> = match is_whole {
            true => part.lines().collect(),
            false => part.split('`').skip(1).step_by(2).collect(),
        };
        for piece in pieces {
            let piece = piece.trim().trim_start_matches("$ ");
            if let Some(rest) = BEGINS.iter().find_map(|begin| piece.strip_prefix(begin)) {
                let line = format!("lanyard {rest}");
                found.push(Documented { page: page.to_owned(), line, is_whole });
            }
        }
    }
    found
}

/// The words of a command up to a pipe or a redirection; some are in quotes.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, piece) in line.split('"').enumerate() {
        match index % 2 {
            0 => words.extend(piece.split_whitespace().map(str::to_owned)),
            _ => words.push(piece.to_owned()),
        }
    }
    let end = words.iter().position(|word| word.starts_with(['|', '>', '<', '#', '&', ';']));
    words.truncate(end.unwrap_or(words.len()));
    // What an author leaves out.
    words.retain(|word| word != "…");
    words
}

/// Why a command is not valid.
fn fault(command: &Documented) -> Option<String> {
    let error = Options::try_parse_from(words(&command.line)).err()?;
    let is_part = matches!(
        error.kind(),
        ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    // Text may name a command without its arguments, and an option without its value.
    let is_fine = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
        || (!command.is_whole && (is_part || command.line.contains('…')));
    let known = |error: &clap::Error| {
        !matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand)
    };
    (!(is_fine && known(&error))).then(|| format!("{}: {}: {error}", command.page, command.line))
}

#[test]
fn every_command_of_the_documentation_is_valid() {
    let mut found = 0;
    let mut faults = Vec::new();
    for path in pages() {
        let text = fs::read_to_string(&path).unwrap();
        let commands = commands(&path.file_name().unwrap().to_string_lossy(), &text);
        found += commands.len();
        faults.extend(commands.iter().filter_map(fault));
    }
    assert!(found > 60, "only {found} commands were found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn commands_that_nobody_can_type_are_found() {
    let page = "Use `lanyard event`, `lanyard evnt list`, `lanyard event edit EVENT --limit …`, \
                `lanyard event create … --no-such`.\n```shell\nlanyard event \\\n  end \"A b\"\n\
                ./lanyard event end\n$ lanyard usage A --csv > usage.csv\n```\n";
    let faults: Vec<_> = commands("page.md", page)
        .iter()
        .filter_map(fault)
        .map(|fault| fault.lines().next().unwrap().to_owned())
        .collect();
    assert_eq!(faults.len(), 3, "{faults:#?}");
    for (fault, part) in faults.iter().zip(["evnt list", "--no-such", "event end: "]) {
        assert!(fault.contains(part), "{fault}");
    }
}
