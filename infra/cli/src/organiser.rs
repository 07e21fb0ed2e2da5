//! `lanyard organiser …`: the caller's own tokens, and what changed about deployments and tokens.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::api::{Method, encoded};
use crate::error::CliError;
use crate::session::Session;
use crate::table::{Column, local_time, text};

/// Commands for the tokens of an organiser.
#[derive(Debug, Subcommand)]
pub(crate) enum OrganiserCommand {
    /// List your organiser tokens.
    #[command(after_help = "\
Examples:
  lanyard organiser tokens")]
    Tokens,
    /// Make another organiser token. It is shown once.
    #[command(after_help = "\
Examples:
  lanyard organiser token ci --days 30
  lanyard organiser token laptop --json=token")]
    Token {
        /// Name of the token, for example the person or program that gets it.
        name: String,
        /// Days until it expires. Default: with the token that you use, if that expires.
        #[arg(long, value_name = "NUMBER")]
        days: Option<u64>,
    },
    /// Revoke an organiser token at once.
    #[command(after_help = "\
Examples:
  lanyard organiser revoke tok_0193f0d2a1b4c5d6e7f8 --yes")]
    Revoke {
        /// Id of the token, from `lanyard organiser tokens`.
        id: String,
    },
    /// Show what changed about your deployments and tokens.
    #[command(after_help = "\
Examples:
  lanyard organiser audit")]
    Audit,
}

/// Runs a command.
pub(crate) async fn run(session: &Session, command: OrganiserCommand) -> Result<(), CliError> {
    match command {
        OrganiserCommand::Tokens => tokens(session).await,
        OrganiserCommand::Token { name, days } => {
            let mut body = json!({"name": name});
            if let Some(days) = days {
                body["days"] = json!(days);
            }
            write(session, Method::Post, "/tokens", Some(&body)).await
        }
        OrganiserCommand::Revoke { id } => {
            session.confirm(&format!("Revoke the organiser token {id}?"))?;
            write(session, Method::Delete, &format!("/tokens/{}", encoded(&id)), None).await
        }
        OrganiserCommand::Audit => crate::audit::print(session, "/audit").await,
    }
}

async fn tokens(session: &Session) -> Result<(), CliError> {
    let tokens = session.api.all("/tokens", "tokens").await?;
    session.output.data(&json!({ "tokens": tokens }), |style| {
        use Column::{Extra, Key, Words};
        let columns =
            [Key("id"), Words("name"), Extra("made (UTC)"), Key("expires (UTC)"), Key("")];
        let row = |token: &Value| {
            vec![
                text(&token["id"]),
                text(&token["name"]),
                local_time(&token["created_at"]),
                expiry(token),
                if token["current"] == true { "in use here".to_owned() } else { String::new() },
            ]
        };
        style.table(&columns, tokens.iter().map(row))
    })
}

async fn write(
    session: &Session,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<(), CliError> {
    let written = session.write(method, path, body).await?;
    written.map_or(Ok(()), |token| {
        session.output.data(&token, |style| {
            let mut lines = vec![
                ("id", text(&token["id"])),
                ("name", text(&token["name"])),
                ("expires", expiry(&token)),
            ];
            if method == Method::Delete {
                lines.push(("revoked", "yes".to_owned()));
            }
            if token["token"].is_string() {
                lines.push(("token", text(&token["token"])));
            }
            style.pairs(&lines)
        })
    })
}

fn expiry(token: &Value) -> String {
    if token["expires_at"].is_null() {
        "never".to_owned()
    } else {
        local_time(&token["expires_at"])
    }
}
