//! `lanyard attendee show`: what one attendee used, was refused, and may still use.

use serde_json::Value;

use super::own_limits_line;
use crate::error::CliError;
use crate::limits::{self, Named};
use crate::money::{self, Money};
use crate::session::Session;
use crate::table::{Column, Style, local_second, local_time, number, text};
use crate::user::User;

pub(super) async fn show(session: &Session, event: &str, user: &str) -> Result<(), CliError> {
    let event = session.event(event).await?;
    let attendee = User { event: &event, name: user }.get(session).await?;
    session.output.data(&attendee, |style| print(style, &attendee))
}

fn print(style: Style, attendee: &Value) -> String {
    let usage = &attendee["usage"];
    let mut lines = vec![
        ("user", text(&attendee["user"])),
        ("blocked", if attendee["blocked"] == true { "yes" } else { "no" }.to_owned()),
    ];
    lines.extend(refused_now(attendee).into_iter().map(|reason| ("refused now", reason)));
    lines.extend([
        ("joined", local_time(&attendee["joined_at"])),
        ("requests", number(&usage["requests"])),
        ("input", format!("{} tokens", number(&usage["prompt_tokens"]))),
        ("output", format!("{} tokens", number(&usage["completion_tokens"]))),
    ]);
    let money = Money::of(usage, None);
    if money.is_something() {
        lines.push(("money", money.in_words()));
    }
    lines.push(("in progress", number(&attendee["in_flight"])));
    lines.push(own_limits_line(attendee));
    let mut printed = style.pairs(&lines);
    let limits = limits(attendee);
    if !limits.is_empty() {
        let columns = [
            Column::Key("limit"),
            Column::Numbers("allowed"),
            Column::Numbers("used"),
            Column::Numbers("left"),
            Column::Extra("full again (UTC)"),
        ];
        printed.push('\n');
        printed.push_str(&style.table(&columns, limits));
    }
    let models = attendee["by_model"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !models.is_empty() {
        let columns = [
            Column::Words("model"),
            Column::Numbers("requests"),
            Column::ExtraNumbers("input"),
            Column::ExtraNumbers("output"),
            Column::Numbers("tokens"),
            Column::Numbers("USD"),
        ];
        let row = |one: &Value| {
            vec![
                one["model"].as_str().unwrap_or("unknown").to_owned(),
                number(&one["requests"]),
                number(&one["prompt_tokens"]),
                number(&one["completion_tokens"]),
                number(&one["total_tokens"]),
                money::cell(&one["usd"]),
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

/// What refuses the attendee now, with the time at which it ends by itself, and what ends it else.
fn refused_now(attendee: &Value) -> Vec<String> {
    // A service of an earlier release does not say it.
    let Some(all) = attendee["refused_by"].as_array() else { return Vec::new() };
    if all.is_empty() {
        return vec!["no".to_owned()];
    }
    all.iter().map(reason).collect()
}

fn reason(refusal: &Value) -> String {
    let ends_at = &refusal["ends_at"];
    let until = match ends_at.is_null() {
        true => String::new(),
        false => format!(", until {} UTC", local_second(ends_at)),
    };
    let limit = &refusal["limit"];
    let Some(name) = limit["name"].as_str() else {
        let code = text(&refusal["code"]);
        let why = match code.as_str() {
            "event_not_started" => "the event has not started",
            "event_paused" => "the event is paused: lanyard event resume",
            "event_ended" => "the event has ended: lanyard event extend",
            "event_full" => {
                "the event has no seat left: lanyard event edit --event-limit attendees"
            }
            "attendee_blocked" => "blocked: lanyard attendee unblock",
            "not_on_roster" => "not on the roster: lanyard roster add",
            "registration_required" => "not registered, and the event asks for a personal key",
            other => other,
        };
        return format!("{why}{until}");
    };
    let full = match limit["model"].as_str() {
        Some(model) => format!("{model}:{name}"),
        None => name.to_owned(),
    };
    let amount = |of: &str| money::limit(name, &limit[of]);
    let code = refusal["code"].as_str();
    // A request that asks for less output than the service fills in may still be admitted.
    let for_what = match limit["allowed"].as_f64() {
        Some(0.0) => "",
        Some(_) | None => " for requests without a small output limit",
    };
    let left = match (code, limit["remaining"].as_f64()) {
        (Some("allowance_too_small"), _) => {
            format!("{} is too small{for_what}", amount("allowed"))
        }
        (_, None) => amount("allowed"),
        (_, Some(remaining)) => {
            let left = format!("{} of {} left", amount("remaining"), amount("allowed"));
            if remaining > 0.0 { format!("{left}, too little{for_what}") } else { left }
        }
    };
    let (whose, command) = match refusal["scope"] == "event" {
        true => ("the event's", "lanyard event edit --event-limit"),
        false => ("the attendee's", "lanyard attendee raise"),
    };
    // What is free again by itself needs nobody.
    let ends = match (ends_at.is_null(), code) {
        (false, _) => until,
        (true, Some("insufficient_quota" | "allowance_too_small")) => format!(": {command}"),
        (true, _) => ", until requests in progress end".to_owned(),
    };
    format!("{whose} {full}, {left}{ends}")
}

/// A row for each limit that holds. What is reserved counts as used.
fn limits(attendee: &Value) -> Vec<Vec<String>> {
    let row = |Named { full, name, value: left }: Named<'_>| {
        let allowed = left["allowed"].as_f64().unwrap_or_default();
        let rest = left["remaining"].as_f64().unwrap_or_default();
        // A limit that is untouched has nothing to wait for.
        let resets = if rest < allowed { local_time(&left["resets_at"]) } else { "-".to_owned() };
        let used = match name.starts_with("usd_") {
            true => money::dollars((allowed - rest).max(0.0)),
            false => {
                let count = |name| left[name].as_u64().unwrap_or_default();
                number(&count("allowed").saturating_sub(count("remaining")).into())
            }
        };
        let amount = |of: &str| money::limit(name, &left[of]);
        vec![full, amount("allowed"), used, amount("remaining"), resets]
    };
    let all = limits::named(&attendee["left"], &attendee["left_by_model"]);
    all.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_limit_is_shown_with_what_is_used_and_left() {
        let attendee = json!({
            "user": "ada", "blocked": false, "joined_at": "2026-12-05T09:00:00Z", "in_flight": 0,
            "usage": {"requests": 3, "prompt_tokens": 51, "completion_tokens": 510, "usd": 1.2345},
            "allowance": {"by_model": {"gpt-5": {"requests_total": 20}}},
            "own_limits": [], "own_limits_by_model": {"gpt-5": ["requests_total"]},
            "refused_by": [],
            "left": {
                "tokens_total": {"allowed": 1_000, "remaining": 439},
                "usd_per_day": {
                    "allowed": 2.0, "remaining": 0.7655, "resets_at": "2026-12-06T00:00:00Z",
                },
                "requests_per_minute": {
                    "allowed": 20, "remaining": 20, "resets_at": "2026-12-05T09:00:00Z",
                },
            },
            "left_by_model": {"gpt-5": {"requests_total": {"allowed": 20, "remaining": 17}}},
        });
        let printed = print(Style::default(), &attendee);
        let lines: Vec<_> = printed
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        for line in [
            "money 1.2345 USD spent",
            "own limits gpt-5:requests_total 20",
            "limit allowed used left full again (UTC)",
            "tokens_total 1,000 561 439 -",
            "usd_per_day 2.00 1.2345 0.7655 2026-12-06 00:00",
            "requests_per_minute 20 0 20 -",
            "gpt-5:requests_total 20 3 17 -",
        ] {
            assert!(lines.iter().any(|printed| printed == line), "{line}: {printed}");
        }
    }

    #[test]
    fn what_refuses_the_attendee_names_the_event_or_the_attendee_and_when_it_ends() {
        let limit = |scope: &str, code: &str, limit: Value| json!({"scope": scope, "code": code, "limit": limit});
        let mut per_minute = limit(
            "attendee",
            "rate_limit_exceeded",
            json!({"name": "requests_per_minute", "allowed": 20}),
        );
        per_minute["ends_at"] = json!("2026-12-05T09:00:07Z");
        let model =
            json!({"name": "usd_total", "model": "gpt-5", "allowed": 2.0, "remaining": 0.1});
        let attendee = json!({"refused_by": [
            {"scope": "event", "code": "event_not_started", "ends_at": "2026-12-05T09:00:00Z"},
            {"scope": "attendee", "code": "attendee_blocked"},
            limit("event", "insufficient_quota", json!({"name": "tokens_total", "allowed": 9_000, "remaining": 1})),
            limit("event", "too_many_in_flight", json!({"name": "in_flight", "allowed": 4, "remaining": 0})),
            limit("attendee", "insufficient_quota", model),
            limit("attendee", "allowance_too_small", json!({"name": "tokens_per_day", "allowed": 9})),
            per_minute,
        ]});
        assert_eq!(
            refused_now(&attendee),
            [
                "the event has not started, until 2026-12-05 09:00:00 UTC",
                "blocked: lanyard attendee unblock",
                "the event's tokens_total, 1 of 9,000 left, too little for requests without a small \
                 output limit: lanyard event edit --event-limit",
                "the event's in_flight, 0 of 4 left, until requests in progress end",
                "the attendee's gpt-5:usd_total, 0.10 of 2.00 left, too little for requests without \
                 a small output limit: lanyard attendee raise",
                "the attendee's tokens_per_day, 9 is too small for requests without a small output \
                 limit: lanyard attendee raise",
                "the attendee's requests_per_minute, 20, until 2026-12-05 09:00:07 UTC",
            ]
        );
        assert_eq!(refused_now(&json!({"refused_by": []})), ["no"]);
        let nothing = json!({"name": "images_total", "allowed": 0});
        let nothing = json!({"refused_by": [limit("event", "allowance_too_small", nothing)]});
        let expected = "the event's images_total, 0 is too small: lanyard event edit --event-limit";
        assert_eq!(refused_now(&nothing), [expected]);
        assert!(refused_now(&json!({"blocked": true})).is_empty(), "nothing is known");
    }
}
