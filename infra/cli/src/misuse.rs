//! Errors of the command line: without noise, and with the form that was probably meant.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// An error whose usage leaves out options that the environment gives, because nobody typed them.
/// Fields after `--json` need an equals sign, unlike those of other programs.
pub(crate) fn explained(
    mut error: clap::Error,
    command: &clap::Command,
    arguments: &[String],
) -> clap::Error {
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        let mut usage = usage.to_string();
        for option in command.get_arguments().filter(|option| option.get_env().is_some()) {
            let names = option.get_value_names().unwrap_or_default();
            if let (Some(long), [name]) = (option.get_long(), names) {
                usage = usage.replace(&format!(" --{long} <{name}>"), "");
            }
        }
        error.insert(ContextKind::Usage, ContextValue::StyledStr(usage.into()));
    }
    if let Some(fields) = fields_after_json(&error, arguments) {
        let tip = StyledStr::from(format!("to print some fields only, use '--json={fields}'"));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

/// The argument that nothing takes, if it stands behind `--json`.
fn fields_after_json(error: &clap::Error, arguments: &[String]) -> Option<String> {
    let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let mut pairs = arguments.iter().zip(arguments.iter().skip(1));
    let is_behind =
        pairs.any(|(json, fields)| ["--json", "-j"].contains(&json.as_str()) && fields == unknown);
    let found = error.kind() == ErrorKind::UnknownArgument && is_behind;
    found.then(|| unknown.clone())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::options::Options;

    fn said(words: &[&str]) -> String {
        let arguments: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        let command = Options::command();
        let error = command.clone().try_get_matches_from(&arguments).unwrap_err();
        explained(error, &command, &arguments).to_string()
    }

    #[test]
    fn the_usage_leaves_out_options_that_may_come_from_the_environment() {
        let said = said(&["lanyard", "--address", "http://127.0.0.1:1/api", "usage"]);
        assert!(said.contains("Usage: lanyard usage <EVENT>"), "{said}");
    }

    #[test]
    fn an_option_that_is_needed_in_one_of_two_forms_is_shown_in_both() {
        let extend = said(&["lanyard", "event", "extend", "oslo"]);
        assert!(extend.contains("<--to <TIME>|--by <DURATION>>"), "{extend}");
        let create = said(&["lanyard", "event", "create", "Oslo"]);
        assert!(create.contains("<--to <TIME>|--for <DURATION>>"), "{create}");
    }

    #[test]
    fn fields_behind_json_are_shown_with_an_equals_sign() {
        for json in ["--json", "-j"] {
            let said = said(&["lanyard", "event", "list", json, "name,code"]);
            assert!(said.contains("use '--json=name,code'"), "{said}");
        }
        let other = said(&["lanyard", "event", "list", "name", "--json"]);
        assert!(!other.contains("--json="), "{other}");
    }
}
