//! `lanyard open`: a page of the service in the browser.

use clap::Args;
use serde_json::json;

use crate::api::encoded;
use crate::error::CliError;
use crate::session::Session;
use crate::table::text;

/// Which page is opened.
#[derive(Args, Debug)]
pub(crate) struct OpenArguments {
    /// Id, code or name of an event. Default: the list of events.
    event: Option<String>,

    /// Open the page of the attendees, with the event's code.
    #[arg(long, requires = "event")]
    attendee: bool,

    /// Open the handout.
    #[arg(long, requires = "event", conflicts_with = "attendee")]
    handout: bool,

    /// Open the API reference.
    #[arg(long, conflicts_with_all = ["event", "attendee", "handout"])]
    docs: bool,

    /// Print the URL and open nothing.
    #[arg(long)]
    print: bool,
}

/// `lanyard open`
pub(crate) async fn run(session: &Session, arguments: OpenArguments) -> Result<(), CliError> {
    let base = session.api.base();
    let url = match &arguments.event {
        None if arguments.docs => format!("{base}/docs"),
        None => format!("{base}/pages/dashboard"),
        Some(event) => {
            let event = session.event(event).await?;
            let id = encoded(&text(&event["id"]));
            match (arguments.attendee, arguments.handout) {
                (true, _) => crate::handout::link(session, &event),
                (false, true) => format!("{base}/pages/handout#event={id}"),
                (false, false) => format!("{base}/pages/dashboard#event={id}"),
            }
        }
    };
    if !arguments.print && !session.globals.dry_run {
        open::that_detached(&url).map_err(|error| {
            CliError::failed(format_args!("No browser can be opened for {url}"), error)
        })?;
    }
    session.output.data(&json!({ "url": url }), |_| url.clone())
}
