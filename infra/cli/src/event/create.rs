//! `lanyard event create`, `edit` and `clone`.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use clap::{ArgGroup, Args};
use lanyard_domain::operation::Operation;
use serde_json::{Value, json};

use super::estimate::{Assumptions, Estimate};
use super::settings::Settings;
use super::when::{end, read, span, time_or_now};
use super::{changed, shares, summary};
use crate::api::Method;
use crate::error::CliError;
use crate::limits;
use crate::money::{Money, dollars};
use crate::output::warnings;
use crate::session::Session;
use crate::table::{Style, number, text};

/// The options of a new event.
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("end").required(true).args(["to", "duration"])))]
pub(crate) struct CreateArguments {
    /// Name of the event.
    name: String,

    /// Start, for example 2026-12-05T09:00 in the event's time zone, or `now`.
    #[arg(long, value_name = "TIME", default_value = "now")]
    from: String,

    /// End.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,

    /// Duration, for example 8h. Replaces --to.
    #[arg(long = "for", value_name = "DURATION", conflicts_with = "to", value_parser = span)]
    duration: Option<TimeDelta>,

    /// Time zone, for example Europe/Oslo. Default: the profile's.
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,

    /// Kind of event, from which the default limits follow.
    #[arg(long, value_parser = ["workshop", "agents", "demo"])]
    preset: Option<String>,

    /// Event code. Default: a generated one that is hard to guess.
    #[arg(long)]
    code: Option<String>,

    /// Number of shards of the event's account, for more than 500 requests per second.
    #[arg(long, value_name = "NUMBER")]
    shards: Option<u16>,

    #[command(flatten)]
    settings: Settings,

    #[command(flatten)]
    assumptions: Assumptions,
}

/// What differs in the copy of an event.
#[derive(Args, Debug)]
pub(crate) struct CloneArguments {
    /// Id, code or name of the event.
    event: String,

    /// Name of the new event. Default: the same name.
    #[arg(long)]
    name: Option<String>,

    /// Start, in the event's time zone.
    #[arg(long, value_name = "TIME")]
    from: String,

    /// End. Default: the new event lasts as long as the original.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
}

/// The fields that a copy does not take over.
const NOT_COPIED: [&str; 7] =
    ["id", "status", "paused", "code", "created_at", "version", "warnings"];

/// `lanyard event create`
pub(super) async fn create(session: &Session, arguments: CreateArguments) -> Result<(), CliError> {
    let zone = arguments.tz.clone().or_else(|| session.profile.time_zone.clone());
    let zone = zone.ok_or_else(|| {
        CliError::Usage(
            "The time zone is missing. Use --tz, for example --tz Europe/Oslo, or set time_zone in \
             the profile"
                .to_owned(),
        )
    })?;
    let starts_at = time_or_now(&arguments.from);
    let ends_at = match (&arguments.to, arguments.duration) {
        (Some(to), _) => time_or_now(to),
        (None, duration) => end(&starts_at, &zone, duration.unwrap_or_default())?,
    };
    let mut body = arguments.settings.fields()?;
    let mut say = |field: &str, value: Value| {
        if !value.is_null() {
            body.insert(field.to_owned(), value);
        }
    };
    say("name", json!(arguments.name));
    say("starts_at", json!(starts_at));
    say("ends_at", json!(ends_at));
    say("time_zone", json!(zone));
    say("preset", json!(arguments.preset));
    say("code", json!(arguments.code));
    say("shards", json!(arguments.shards));
    // The estimate of a dry run needs it as well.
    body.entry("attendees").or_insert(json!(100));
    let concurrency = arguments.assumptions.concurrency_or(session.profile.concurrency);
    if let Some(most) = concurrency.known() {
        let allowances = body.entry("allowances").or_insert_with(|| json!({}));
        let event = &mut allowances["event"];
        if event["in_flight"].is_null() {
            event["in_flight"] = json!(most);
        }
    }
    make(session, &Value::Object(body), &arguments.assumptions).await
}

/// What changes in an event.
#[derive(Args, Debug)]
pub(crate) struct EditArguments {
    /// Id, code or name of the event.
    event: String,

    /// New name.
    #[arg(long)]
    name: Option<String>,

    /// New start, for example 2026-12-05T09:00 in the event's time zone, or `now`.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,

    /// New end.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,

    /// New time zone.
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,

    #[command(flatten)]
    settings: Settings,
}

/// `lanyard event edit`
pub(super) async fn edit(session: &Session, arguments: EditArguments) -> Result<(), CliError> {
    let mut body = arguments.settings.fields()?;
    let fields = [
        ("name", arguments.name),
        ("starts_at", arguments.from.as_deref().map(time_or_now)),
        ("ends_at", arguments.to.as_deref().map(time_or_now)),
        ("time_zone", arguments.tz),
    ];
    body.extend(
        fields.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text?)))),
    );
    if body.is_empty() {
        return Err(CliError::Usage(
            "Nothing to change. Use at least one option, for example --name or --limit \
             tokens_per_minute=50000"
                .to_owned(),
        ));
    }
    let event = session.event(&arguments.event).await?;
    let named = body.get("allowances").map(|limits| limits["attendee"].clone());
    let after = changed(session, &event, Method::Patch, "", Some(Value::Object(body))).await?;
    if let Some(after) = after {
        let said = shares::sentences(&event, &after, &named.unwrap_or_default());
        said.iter().for_each(|line| session.output.say(line));
    }
    Ok(())
}

/// `lanyard event clone`
pub(super) async fn copy(session: &Session, arguments: CloneArguments) -> Result<(), CliError> {
    let event = session.event(&arguments.event).await?;
    let mut body = event.as_object().cloned().unwrap_or_default();
    body.retain(|field, value| !NOT_COPIED.contains(&field.as_str()) && !value.is_null());
    if let Some(contact) = body.get_mut("contact").and_then(Value::as_object_mut) {
        contact.retain(|_, value| !value.is_null());
    }
    if let Some(name) = arguments.name {
        body.insert("name".to_owned(), json!(name));
    }
    let from = time_or_now(&arguments.from);
    let ends_at = match arguments.to {
        Some(to) => time_or_now(&to),
        None => as_long(&event, &from)?,
    };
    body.insert("starts_at".to_owned(), json!(from));
    body.insert("ends_at".to_owned(), json!(ends_at));
    make(session, &Value::Object(body), &Assumptions::default()).await
}

/// The end of an event that starts at `from` and lasts as long as another.
fn as_long(event: &Value, from: &str) -> Result<String, CliError> {
    let (began, ended) = (read(&event["starts_at"]), read(&event["ends_at"]));
    let lasted = ended.zip(began).map(|(ended, began)| ended - began);
    let lasted = lasted.ok_or_else(|| {
        CliError::Usage(format!("The end cannot be computed from {from}. Use --to"))
    })?;
    end(from, &text(&event["time_zone"]), lasted)
}

async fn make(session: &Session, body: &Value, assumptions: &Assumptions) -> Result<(), CliError> {
    // Read first, so that an event that was created is not reported as failed.
    let namesake = namesake(session, body).await?;
    let deployments = deployments(session).await?;
    let made = session.write(Method::Post, "/events", Some(body)).await?;
    match &made {
        Some(event) => {
            report(session, event, None, &estimate(session, event, &deployments, assumptions))?;
        }
        None => {
            let estimate = estimate(session, body, &deployments, assumptions);
            // The planned request is the data of a dry run.
            if !session.output.is_json() {
                session.output.say(Style::default().pairs(&estimate.summary()).trim_end());
            }
            session.output.warn(&estimate.warnings());
        }
    }
    // It is no part of the data, so it is said with `--json` too.
    if let Some(other) = namesake {
        session.output.say(&said_of_namesake(&other, made.as_ref()));
    }
    Ok(())
}

/// Another event of this name that has not ended. Commands cannot tell the two apart by name.
async fn namesake(session: &Session, body: &Value) -> Result<Option<Value>, CliError> {
    let name = text(&body["name"]);
    let is_namesake = |other: &Value| {
        other["status"] != "ended" && text(&other["name"]).eq_ignore_ascii_case(&name)
    };
    Ok(session.api.all("/events", "events").await?.into_iter().find(is_namesake))
}

/// Names the other event, and how to continue with one of the two or with both.
fn said_of_namesake(other: &Value, made: Option<&Value>) -> String {
    let (name, code) = (text(&other["name"]), text(&other["code"]));
    let other = format!("warning: Another event named {name} has not ended. Its code is {code}.");
    let Some(made) = made else {
        return format!("{other} To continue with it: lanyard event show {code}");
    };
    let id = text(&made["id"]);
    format!(
        "{other}\nTo continue with it, delete the new one:  lanyard event delete {id}\n\
         To keep both, rename the new one:         lanyard event edit {id} --name NAME"
    )
}

async fn deployments(session: &Session) -> Result<Vec<Value>, CliError> {
    session.api.all("/deployments", "deployments").await
}

fn estimate(
    session: &Session,
    event: &Value,
    deployments: &[Value],
    assumptions: &Assumptions,
) -> Estimate {
    let assumptions = assumptions.of_preset(event["preset"].as_str());
    Estimate::of(event, deployments, &assumptions.concurrency_or(session.profile.concurrency))
}

/// Prints an event with what it used.
pub(super) async fn show(
    session: &Session,
    event: &Value,
    usage: &Value,
    assumptions: &Assumptions,
) -> Result<(), CliError> {
    let deployments = deployments(session).await?;
    report(session, event, Some(usage), &estimate(session, event, &deployments, assumptions))
}

/// Prints an event with what it used, if that is known, and with what it needs and costs.
fn report(
    session: &Session,
    event: &Value,
    usage: Option<&Value>,
    estimate: &Estimate,
) -> Result<(), CliError> {
    let mut warned = warnings(event);
    warned.extend(usage.into_iter().flat_map(warnings));
    let total = usage.map(|usage| &usage["total"]);
    warned.extend(estimate.warnings());
    let address = format!("{}/v1", session.api.base());
    let mut said = json!({
        "event": event, "address": address, "assessment": estimate.json(), "warnings": warned,
    });
    if let Some(total) = total {
        said["usage"] = total.clone();
    }
    session.output.data(&said, |style| {
        let mut lines = summary(event);
        lines.insert(3, ("address", address.clone()));
        lines.extend(limits(event));
        lines.extend(total.into_iter().flat_map(|total| used(event, total)));
        lines.extend(estimate.summary());
        style.pairs(&lines)
    })?;
    session.output.warn(&warned);
    Ok(())
}

/// The limits that attendees notice first, and all on money and on single models.
fn limits(event: &Value) -> Vec<(&'static str, String)> {
    let (each, all) = (&event["allowances"]["attendee"], &event["allowances"]["event"]);
    let attendee = [
        format!("{} requests/min", number(&each["requests_per_minute"])),
        format!("{} tokens/min", number(&each["tokens_per_minute"])),
    ];
    let totals = |limits: &Value| {
        let tokens = match limits["tokens_total"].is_null() {
            true => "any number of tokens in total".to_owned(),
            false => format!("{} total tokens", number(&limits["tokens_total"])),
        };
        std::iter::once(tokens).chain(of_money(limits)).collect::<Vec<_>>()
    };
    let mut lines = default_models(event);
    lines.extend([
        ("attendee", [&attendee[..], &totals(each)].concat().join(", ")),
        ("budget", totals(all).join(", ")),
    ]);
    for (whose, limits) in [("each attendee", each), ("the event", all)] {
        for (model, limits) in limits["by_model"].as_object().into_iter().flatten() {
            let limits = limits::of_account(limits).into_iter();
            let limits: Vec<_> =
                limits.map(|limit| format!("{} {}", limit.name, limit.amount())).collect();
            lines.push(("by model", format!("{model} for {whose}: {}", limits.join(", "))));
        }
    }
    lines
}

/// The models of requests that name none, unless the event offers only one.
fn default_models(event: &Value) -> Vec<(&'static str, String)> {
    let mut models: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (operation, name) in event["default_deployments"].as_object().into_iter().flatten() {
        // A newer service may have operations that are not known here.
        if operation.parse().map_or(true, Operation::has_model) {
            models.entry(text(name)).or_default().push(operation);
        }
    }
    let is_only = event["deployments"].as_array().is_some_and(|names| names.len() == 1);
    let line =
        |(name, operations): (&String, &Vec<&str>)| format!("{name} ({})", operations.join(", "));
    match models.is_empty() || is_only {
        true => Vec::new(),
        false => vec![("default", models.iter().map(line).collect::<Vec<_>>().join(", "))],
    }
}

/// The limits on money, each in words.
fn of_money(limits: &Value) -> impl Iterator<Item = String> {
    let limit =
        |name: &str, words: &str| Some(format!("{} {words}", dollars(limits[name].as_f64()?)));
    [limit("usd_total", "USD"), limit("usd_per_day", "USD/day")].into_iter().flatten()
}

/// What an event has used so far.
fn used(event: &Value, total: &Value) -> Vec<(&'static str, String)> {
    let tokens = format!(
        "{} requests, {} tokens",
        number(&total["requests"]),
        number(&total["total_tokens"])
    );
    let money = Money::of_event(event, total);
    let money = money.is_something().then(|| ("money", money.in_words()));
    std::iter::once(("used", tokens)).chain(money).collect()
}
