//! `lanyard handout`: a printable page for attendees, and a QR code of the attendee page.
//!
//! The link has the code in its fragment, which browsers do not send.

mod page;
mod qr;

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

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

    /// URL of the attendee page. Default: the profile's, or the service's own.
    #[arg(long, value_name = "URL")]
    page: Option<String>,
}

/// `lanyard handout`
pub(crate) async fn run(session: &Session, arguments: HandoutArguments) -> Result<(), CliError> {
    let event = session.event(&arguments.event).await?;
    let page = arguments.page.or_else(|| session.profile.page.clone());
    let page = page.unwrap_or_else(|| format!("{}/pages", session.api.base()));
    let link = link(&page, &event);
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
            let address = format!("{}/v1", session.api.base());
            let model = model(session, &event).await?;
            let html = page::html(&event, &address, model.as_deref(), &link)?;
            write(session, arguments.output, html.as_bytes(), &link)
        }
    }
}

fn link(page: &str, event: &Value) -> String {
    let page = page.split('#').next().unwrap_or_default();
    format!("{page}#code={}", crate::api::encoded(&text(&event["code"])))
}

/// The model of the code examples: the event's default, or the first chat model.
async fn model(session: &Session, event: &Value) -> Result<Option<String>, CliError> {
    if let Some(model) = event["default_deployments"]["chat_completions"].as_str() {
        return Ok(Some(model.to_owned()));
    }
    let deployments = session.api.all("/deployments", "deployments").await?;
    let chats = |one: &&Value| {
        let operations = one["operations"].as_array();
        let offered = event["deployments"].as_array();
        operations.is_some_and(|names| names.contains(&json!("chat_completions")))
            && offered.is_none_or(|names| names.contains(&one["name"]))
    };
    Ok(deployments.iter().find(chats).map(|one| text(&one["name"])))
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
    session.output.data(&said, || format!("{name}  links to {link}"))
}
