//! `lanyard deployment show`: the settings of a deployment, what is known of its model, its replicas
//! and the events that offer it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Owner;
use crate::error::CliError;
use crate::output::warnings;
use crate::session::Session;
use crate::table::{Column, Style, number, text, words};

pub(super) async fn show(session: &Session, name: &str, owner: &Owner) -> Result<(), CliError> {
    let place = owner.place(session).await?;
    let replicas = place.named(session, name).await?;
    let name = replicas.first().map(|one| text(&one["name"])).unwrap_or_default();
    let events = match owner.event {
        Some(_) => Vec::new(),
        None => session.api.all("/events", "events").await?,
    };
    let offers = |event: &&Value| {
        let offered = event["deployments"].as_array();
        event["status"] != "ended"
            && offered.is_none_or(|names| names.iter().any(|offered| *offered == name.as_str()))
    };
    let events: Vec<_> = events.iter().filter(offers).map(|event| text(&event["name"])).collect();
    let all: BTreeSet<_> = replicas.iter().flat_map(warnings).collect();
    session.output.warn(&all.into_iter().collect::<Vec<_>>());
    let shown = json!({"name": name, "replicas": replicas, "events": events});
    session.output.data(&shown, |style| print(style, &name, &replicas, &events))
}

fn print(style: Style, name: &str, replicas: &[Value], events: &[String]) -> String {
    let mut lines = vec![("deployment", name.to_owned())];
    lines.extend(facts_of_all(replicas));
    let events = if events.is_empty() {
        "none that is open or to come".to_owned()
    } else {
        events.join(", ")
    };
    lines.push(("events", events));
    let columns = [
        Column::Key("replica"),
        Column::Words("endpoint"),
        Column::Extra("Azure name"),
        Column::ExtraNumbers("weight"),
        Column::Numbers("tokens/min"),
        Column::ExtraNumbers("requests/min"),
        Column::Extra("credential"),
        Column::Extra("API"),
    ];
    let row = |one: &Value| {
        let credential = if one["identity"].is_null() { "key" } else { "identity" };
        vec![
            text(&one["replica"]),
            text(&one["endpoint"]),
            text(&one["azure_name"]),
            number(&one["weight"]),
            number(&one["tokens_per_minute"]),
            number(&one["requests_per_minute"]),
            credential.to_owned(),
            one["api_version"].as_str().or(one["api"].as_str()).unwrap_or("-").to_owned(),
        ]
    };
    format!("{}\n{}", style.pairs(&lines), style.table(&columns, replicas.iter().map(row)))
}

/// The facts of all replicas: each once, or by replica where they differ.
fn facts_of_all(replicas: &[Value]) -> Vec<(&'static str, String)> {
    let all: Vec<_> = replicas.iter().flat_map(|one| facts(one).map(|fact| (one, fact))).collect();
    let mut lines = Vec::new();
    for (one, (name, value)) in &all {
        let is_common = all.iter().all(|(_, (other, theirs))| other != name || theirs == value);
        let line = match is_common {
            true => (*name, value.clone()),
            false => (*name, format!("{}: {value}", text(&one["replica"]))),
        };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    // Those of one name together, in the order of the first replica.
    lines.sort_by_key(|(name, _)| all.iter().position(|(_, (other, _))| other == name));
    lines
}

/// What a replica serves, and what is known of its model. What the organiser has set goes before it.
fn facts(one: &Value) -> [(&'static str, String); 7] {
    let known = &one["facts"];
    let of = |name: &str| if one[name].is_null() { &known[name] } else { &one[name] };
    let or_unknown = |text: String| if text == "-" { "unknown".to_owned() } else { text };
    let reasoning = match of("reasoning").as_bool() {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    };
    let retires = match (known.is_null(), known["retires_on"].as_str()) {
        (true, _) => "unknown",
        (false, None) => "no date published",
        (false, Some(day)) => day,
    };
    [
        ("operations", words(&one["operations"])),
        ("model", super::model(one)),
        ("context", or_unknown(number(of("context_window")))),
        ("max output", or_unknown(number(of("max_output_tokens")))),
        ("reasoning", reasoning.to_owned()),
        ("prices", prices(of("prices"), one["prices"].is_null())),
        ("retires", retires.to_owned()),
    ]
}

/// Prices in dollars: of a million tokens, and of one image, second or character.
fn prices(prices: &Value, is_listed: bool) -> String {
    let each = prices.as_object().into_iter().flatten();
    let each = each.filter(|(_, price)| !price.is_null());
    let each: Vec<_> =
        each.map(|(kind, price)| format!("{} {price}", kind.replace('_', " "))).collect();
    match each.is_empty() {
        true => "unknown".to_owned(),
        false => format!(
            "{} USD ({})",
            each.join(", "),
            if is_listed { "list price" } else { "set by you" }
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_goes_before_what_is_known_and_what_is_neither_is_unknown() {
        let mut one = json!({
            "name": "smart", "replica": "main", "azure_name": "gpt-5-mini", "model": null,
            "endpoint": "https://a.openai.azure.com", "operations": ["responses"], "weight": 1,
            "tokens_per_minute": 1_000, "api": "classic", "api_version": "2024-10-21",
            "max_output_tokens": 500, "prices": null,
            "facts": {
                "context_window": 400_000, "max_output_tokens": 128_000, "reasoning": true,
                "retires_on": null, "prices": {"prompt": 0.25, "completion": 2.0, "image": null},
            },
        });
        let printed =
            print(Style::default(), "smart", std::slice::from_ref(&one), &["Oslo".to_owned()]);
        let lines: Vec<_> = printed
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        for line in [
            "model gpt-5-mini",
            "context 400,000",
            "max output 500",
            "prices completion 2.0, prompt 0.25 USD (list price)",
            "retires no date published",
            "events Oslo",
            "main https://a.openai.azure.com gpt-5-mini 1 1,000 - key 2024-10-21",
        ] {
            assert!(lines.iter().any(|printed| printed == line), "{line}: {printed}");
        }
        let mut other = one.clone();
        (other["replica"], other["operations"]) = (json!("sweden"), json!(["embeddings"]));
        let both = facts_of_all(&[one.clone(), other]);
        let operations = ["main: responses", "sweden: embeddings"];
        assert_eq!(both[..2], operations.map(|of_replica| ("operations", of_replica.to_owned())));
        assert_eq!(both[2], ("model", "gpt-5-mini".to_owned()), "once for both");
        assert_eq!(both.len(), 8);
        one["facts"] = Value::Null;
        let unknown = print(Style::default(), "smart", &[one], &[]);
        assert!(unknown.contains("unknown") && unknown.contains("none that is open"), "{unknown}");
    }
}
