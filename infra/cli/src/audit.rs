//! Audit logs: of an event, and of an organiser's deployments and tokens.

use serde_json::{Value, json};

use crate::error::CliError;
use crate::session::Session;
use crate::table::{Column, local_time, text};

/// Prints the log at a path, the newest change first.
pub(crate) async fn print(session: &Session, path: &str) -> Result<(), CliError> {
    let entries = session.api.all(path, "audit").await?;
    session.output.data(&json!({ "audit": entries }), |style| {
        use Column::{Extra, ExtraWords, Key, Words};
        let columns =
            [Key("at (UTC)"), Extra("by"), Key("action"), Words("what"), ExtraWords("fields")];
        let row = |entry: &Value| {
            let fields = entry["changes"].as_array().into_iter().flatten();
            let fields: Vec<_> = fields.filter_map(|change| change["field"].as_str()).collect();
            let what = [&entry["subject"], &entry["attendee"]];
            let what = what.into_iter().find(|what| what.is_string()).unwrap_or(&Value::Null);
            vec![
                local_time(&entry["at"]),
                text(&entry["by"]),
                text(&entry["action"]),
                text(what),
                fields.join(", "),
            ]
        };
        style.table(&columns, entries.iter().map(row))
    })
}
