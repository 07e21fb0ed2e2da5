//! `lanyard attendee show`: what one attendee used, was refused, and may use.

use serde_json::Value;

use super::own_limits;
use crate::api::encoded;
use crate::error::CliError;
use crate::session::{Session, event_path};
use crate::table::{Column, Style, local_time, number, text};

pub(super) async fn show(session: &Session, event: &str, user: &str) -> Result<(), CliError> {
    let event = session.event(event).await?;
    let path = event_path(&event, &format!("/attendees/{}", encoded(user)));
    let attendee = session.api.get(&path).await?;
    session.output.data(&attendee, |style| print(style, &attendee))
}

fn print(style: Style, attendee: &Value) -> String {
    let usage = &attendee["usage"];
    let own = own_limits(attendee);
    let mut lines = vec![
        ("user", text(&attendee["user"])),
        ("blocked", if attendee["blocked"] == true { "yes" } else { "no" }.to_owned()),
        ("joined", local_time(&attendee["joined_at"])),
        ("requests", number(&usage["requests"])),
        ("input", format!("{} tokens", number(&usage["prompt_tokens"]))),
        ("output", format!("{} tokens", number(&usage["completion_tokens"]))),
        ("in progress", number(&attendee["in_flight"])),
        ("own limits", if own.is_empty() { "none".to_owned() } else { own }),
    ];
    let limits = attendee["allowance"].as_object().into_iter().flatten();
    let limits = limits.filter(|(_, value)| value.is_u64());
    let limits: Vec<_> = limits.map(|(name, value)| format!("{name} {}", number(value))).collect();
    lines.push(("limits", limits.join(", ")));
    let mut printed = style.pairs(&lines);
    let models = attendee["by_model"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !models.is_empty() {
        let columns = [
            Column::Words("model"),
            Column::Numbers("requests"),
            Column::ExtraNumbers("input"),
            Column::ExtraNumbers("output"),
            Column::Numbers("tokens"),
            Column::Numbers("usd"),
        ];
        let row = |one: &Value| {
            vec![
                one["model"].as_str().unwrap_or("unknown").to_owned(),
                number(&one["requests"]),
                number(&one["prompt_tokens"]),
                number(&one["completion_tokens"]),
                number(&one["total_tokens"]),
                one["usd"].as_f64().map_or_else(|| "-".to_owned(), |usd| usd.to_string()),
            ]
        };
        printed.push('\n');
        printed.push_str(&style.table(&columns, models.iter().map(row)));
        let found: u64 = models.iter().filter_map(|one| one["requests"].as_u64()).sum();
        if let Some(all) = usage["requests"].as_u64().filter(|all| *all > found) {
            printed.push_str(&format!(
                "By model: {} of {} requests. The records of the others are gone.\n",
                lanyard_doctor::grouped(found),
                lanyard_doctor::grouped(all)
            ));
        }
    }
    let rejected = attendee["rejected"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !rejected.is_empty() {
        let columns = [Column::Key("rejected at (UTC)"), Column::Key("reason")];
        let row = |one: &Value| vec![local_time(&one["at"]), text(&one["code"])];
        printed.push('\n');
        printed.push_str(&style.table(&columns, rejected.iter().map(row)));
    }
    printed
}
