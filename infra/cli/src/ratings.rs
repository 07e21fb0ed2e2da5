//! `lanyard ratings`: what attendees think of the responses.

use serde_json::{Value, json};

use crate::error::CliError;
use crate::session::{Session, event_path};
use crate::table::{Column, local_time, number, text};

/// `lanyard ratings`
pub(crate) async fn run(session: &Session, event: &str) -> Result<(), CliError> {
    let event = session.event(event).await?;
    let path = event_path(&event, "/ratings");
    let counts = session.api.get(&format!("{path}?limit=1")).await?;
    let ratings = session.api.all(&path, "ratings").await?;
    let said = json!({"ratings": ratings, "models": counts["models"], "total": counts["total"]});
    session.output.data(&said, |style| {
        use Column::{Extra, Key, Numbers, Words};
        let models = counts["models"].as_array().map(Vec::as_slice).unwrap_or_default();
        let count =
            |row: &Value, name: String| vec![name, number(&row["up"]), number(&row["down"])];
        let mut rows: Vec<_> = models.iter().map(|row| count(row, text(&row["model"]))).collect();
        rows.push(count(&counts["total"], "total".to_owned()));
        let by_model = style.table(&[Words("model"), Numbers("good"), Numbers("bad")], rows);
        if ratings.is_empty() {
            return by_model;
        }
        let columns =
            [Extra("time (UTC)"), Words("user"), Extra("model"), Key("rating"), Words("feedback")];
        let row = |one: &Value| {
            let rating = if one["rating"].as_i64() == Some(1) { "good" } else { "bad" };
            vec![
                local_time(&one["rated_at"]),
                text(&one["user"]),
                text(&one["model"]),
                rating.to_owned(),
                one["feedback"].as_str().unwrap_or_default().to_owned(),
            ]
        };
        format!("{by_model}\n{}", style.table(&columns, ratings.iter().map(row)))
    })
}
