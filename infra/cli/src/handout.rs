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
            let saved = json!({
                "base": session.api.base(), "link": link, "event": event,
                "setups": setups(session, &event).await?, "slide": arguments.slide,
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

/// The configurations of all tools, as the service writes them for the event's default model.
async fn setups(session: &Session, event: &Value) -> Result<Value, CliError> {
    let model = event["default_deployments"]["chat_completions"].as_str().unwrap_or("MODEL");
    let names = session.api.text("/setup").await?;
    let one = |name: &str| {
        let path =
            format!("/setup/{}?model={}", crate::api::encoded(name), crate::api::encoded(model));
        let name = name.to_owned();
        async move { Ok::<_, CliError>((name, json!(session.api.text(&path).await?))) }
    };
    let all = try_join_all(names.lines().filter(|name| !name.is_empty()).map(one)).await?;
    Ok(Value::Object(all.into_iter().collect::<Map<_, _>>()))
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
