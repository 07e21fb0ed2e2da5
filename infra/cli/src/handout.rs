//! `lanyard handout`: the handout of an event as one file, and a QR code of the attendee page.
//!
//! The link has the code in its fragment, which browsers do not send.

mod page;
mod qr;

use std::path::PathBuf;

use clap::Args;
use futures_util::future::try_join_all;
use serde_json::{Map, Value, json};

use crate::error::CliError;
use crate::session::Session;
use crate::table::text;

/// What is created.
#[derive(Args, Debug)]
pub(crate) struct HandoutArguments {
    /// Id, code or name of the event.
    event: String,

    /// Output file. Default: standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write only the QR code, as `svg` or `png`, to a file; - is standard output.
    #[arg(long, num_args = 2, value_names = ["FORMAT", "FILE"], conflicts_with = "output")]
    qr: Option<Vec<String>>,

    /// Show the slide first. Every handout is a page and a slide.
    #[arg(long, conflicts_with = "qr")]
    slide: bool,

    /// URL of the attendee page. Default: the profile's, or the service's own.
    #[arg(long, value_name = "URL")]
    page: Option<String>,
}

/// `lanyard handout`
pub(crate) async fn run(session: &Session, arguments: HandoutArguments) -> Result<(), CliError> {
    let event = session.event(&arguments.event).await?;
    let link = match &arguments.page {
        Some(page) => linked(page, &event),
        None => link(session, &event),
    };
    match arguments.qr.as_deref() {
        Some([format, file]) => {
            let image = match format.as_str() {
                "svg" => qr::svg(&link)?.into_bytes(),
                "png" => qr::png(&link)?,
                format => {
                    return Err(CliError::Usage(format!(
                        "--qr supports svg and png, not {format}"
                    )));
                }
            };
            let file = (file != "-").then(|| PathBuf::from(file));
            write(session, file, &image, &link)
        }
        Some(_) | None => {
            let deployments = offered(session, &event).await?;
            let saved = json!({
                "base": session.api.base(), "link": link, "event": event,
                "setups": setups(session, &event, &deployments).await?,
                "deployments": deployments, "slide": arguments.slide,
            });
            let html = page::html(&saved)?;
            write(session, arguments.output, html.as_bytes(), &link)
        }
    }
}

/// The link to the attendee page with an event's code.
pub(crate) fn link(session: &Session, event: &Value) -> String {
    match &session.profile.page {
        Some(page) => linked(page, event),
        None => linked(&format!("{}/pages", session.api.base()), event),
    }
}

fn linked(page: &str, event: &Value) -> String {
    let page = page.split('#').next().unwrap_or_default();
    format!("{page}#code={}", crate::api::encoded(&text(&event["code"])))
}

/// The deployments that the event offers, as far as attendees know them.
async fn offered(session: &Session, event: &Value) -> Result<Vec<Value>, CliError> {
    let all = session.api.all("/deployments", "deployments").await?;
    let chosen = event["deployments"].as_array();
    let is_offered = |name: &Value| chosen.is_none_or(|chosen| chosen.contains(name));
    let offered = all.iter().filter(|deployment| is_offered(&deployment["name"]));
    Ok(offered.map(|it| json!({"name": it["name"], "operations": it["operations"]})).collect())
}

/// The configurations of the tools that a model of the event serves, as the service writes them.
async fn setups(
    session: &Session,
    event: &Value,
    deployments: &[Value],
) -> Result<Value, CliError> {
    let chats = model(event, deployments, "chat_completions").unwrap_or("MODEL");
    let messages = model(event, deployments, "messages");
    let names = session.api.text("/setup").await?;
    let served = names.lines().filter(|name| !name.is_empty()).filter_map(|name| {
        let model = if speaks_messages(name) { messages? } else { chats };
        Some((name.to_owned(), model))
    });
    let one = |(name, model): (String, &str)| {
        let path =
            format!("/setup/{}?model={}", crate::api::encoded(&name), crate::api::encoded(model));
        async move { Ok::<_, CliError>((name, json!(session.api.text(&path).await?))) }
    };
    let all = try_join_all(served.map(one)).await?;
    Ok(Value::Object(all.into_iter().collect::<Map<_, _>>()))
}

/// Whether a tool speaks Anthropic's format, by its name, as the page decides it.
fn speaks_messages(tool: &str) -> bool {
    tool.contains("anthropic") || tool.contains("claude")
}

/// The default model for an operation, or else the first one that serves it.
fn model<'v>(event: &'v Value, deployments: &'v [Value], operation: &str) -> Option<&'v str> {
    let serves = |it: &&Value| {
        it["operations"].as_array().is_some_and(|all| all.contains(&json!(operation)))
    };
    let mut names: Vec<_> =
        deployments.iter().filter(serves).filter_map(|it| it["name"].as_str()).collect();
    names.sort_unstable();
    let usual = event["default_deployments"][operation].as_str();
    usual.filter(|usual| names.contains(usual)).or_else(|| names.first().copied())
}

fn write(
    session: &Session,
    file: Option<PathBuf>,
    bytes: &[u8],
    link: &str,
) -> Result<(), CliError> {
    let Some(file) = file else { return session.output.raw(bytes) };
    let name = file.display().to_string();
    let said = json!({"file": name, "link": link, "bytes": bytes.len(), "dry_run": session.globals.dry_run});
    if !session.globals.dry_run {
        let written = std::fs::write(&file, bytes);
        written
            .map_err(|error| CliError::failed(format_args!("{name} cannot be written"), error))?;
    }
    session.output.data(&said, |_| format!("{name}  links to {link}"))
}
