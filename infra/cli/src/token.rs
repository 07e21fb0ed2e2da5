//! `lanyard token …`: signed tokens of single attendees, for programs.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::api::{Method, encoded};
use crate::error::CliError;
use crate::event::OneEvent;
use crate::session::{Session, event_path};
use crate::table::{Column, local_time, text};

/// Commands for the tokens of attendees.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Issue a token for one user. It is shown once.
    #[command(after_help = "\
Examples:
  lanyard token issue \"Oslo Hack\" ada
  lanyard token issue \"Oslo Hack\" build-bot --days 30 --json=token")]
    Issue {
        /// Id, code or name of the event.
        event: String,
        /// User name of the attendee.
        user: String,
        /// Days until it expires. Default: at the end of the event.
        #[arg(long, value_name = "NUMBER")]
        days: Option<u64>,
    },
    /// List issued tokens.
    #[command(after_help = "\
Examples:
  lanyard token list \"Oslo Hack\"")]
    List(OneEvent),
    /// Revoke a token, or all tokens and all personal keys.
    #[command(after_help = "\
Examples:
  lanyard token revoke \"Oslo Hack\" tok_0193f0d2a1b4c5d6e7f8 --yes
  lanyard token revoke \"Oslo Hack\" --all")]
    Revoke {
        /// Id, code or name of the event.
        event: String,
        /// Id of the token, from `lanyard token list`.
        #[arg(required_unless_present = "all")]
        id: Option<String>,
        /// Revoke all tokens and all personal keys of the event.
        #[arg(long, conflicts_with = "id")]
        all: bool,
    },
}

/// Runs a command.
pub(crate) async fn run(session: &Session, command: TokenCommand) -> Result<(), CliError> {
    match command {
        TokenCommand::Issue { event, user, days } => issue(session, &event, &user, days).await,
        TokenCommand::List(OneEvent { event }) => list(session, &event).await,
        TokenCommand::Revoke { event, id, .. } => revoke(session, &event, id.as_deref()).await,
    }
}

async fn issue(
    session: &Session,
    event: &str,
    user: &str,
    days: Option<u64>,
) -> Result<(), CliError> {
    let event = session.event(event).await?;
    let mut body = json!({ "user": user });
    if let Some(days) = days {
        body["days"] = json!(days);
    }
    let issued = session.write(Method::Post, &event_path(&event, "/tokens"), Some(&body)).await?;
    issued.map_or(Ok(()), |issued| {
        session.output.data(&issued, |style| {
            style.pairs(&[
                ("user", text(&issued["user"])),
                ("expires", local_time(&issued["expires_at"])),
                ("id", text(&issued["jti"])),
                ("token", text(&issued["token"])),
            ])
        })
    })
}

async fn list(session: &Session, event: &str) -> Result<(), CliError> {
    let event = session.event(event).await?;
    let tokens = session.api.all(&event_path(&event, "/tokens"), "tokens").await?;
    session.output.data(&json!({ "tokens": tokens }), |style| {
        use Column::{Extra, Key, State, Words};
        let columns =
            [Key("id"), Words("user"), Extra("issued (UTC)"), Key("expires (UTC)"), State("")];
        let row = |token: &Value| {
            vec![
                text(&token["jti"]),
                text(&token["user"]),
                local_time(&token["issued_at"]),
                local_time(&token["expires_at"]),
                if token["revoked"] == true { "revoked".to_owned() } else { String::new() },
            ]
        };
        style.table(&columns, tokens.iter().map(row))
    })
}

async fn revoke(session: &Session, event: &str, id: Option<&str>) -> Result<(), CliError> {
    let event = session.event(event).await?;
    let name = text(&event["name"]);
    let (question, path) = match id {
        Some(id) => (format!("Revoke the token {id}?"), format!("/tokens/{}", encoded(id))),
        None => {
            (format!("Revoke all tokens and all personal keys of {name}?"), "/tokens".to_owned())
        }
    };
    session.confirm(&question)?;
    let revoked = session.write(Method::Delete, &event_path(&event, &path), None).await?;
    revoked.map_or(Ok(()), |revoked| {
        session.output.data(&revoked, |_| format!("revoked  {}", id.unwrap_or("all tokens")))
    })
}
