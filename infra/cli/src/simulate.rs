//! `lanyard simulate`: simulated attendees send requests to an event.

mod results;
mod temporary;

use std::sync::Mutex;
use std::time::Duration;

use chrono::TimeDelta;
use clap::Args;
use futures_util::StreamExt;
use futures_util::future::join_all;
use lanyard_doctor::Secret;
use lanyard_protocol::sse::Scanner;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use self::results::{Outcome, Results};
use crate::error::CliError;
use crate::event::span;
use crate::profile::is_loopback;
use crate::session::Session;
use crate::table::text;

/// What the simulated attendees do.
#[derive(Args, Debug)]
pub(crate) struct SimulateArguments {
    /// Id, code or name of an event. Default: a new event, which is deleted afterwards.
    event: Option<String>,

    /// Number of simulated attendees.
    #[arg(long, default_value_t = 20, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=5_000))]
    attendees: u16,

    /// Duration of the simulation.
    #[arg(long = "for", default_value = "30s", value_name = "DURATION", value_parser = span)]
    duration: TimeDelta,

    /// Pause of each attendee between a response and the next request.
    #[arg(long, default_value = "2s", value_name = "DURATION", value_parser = span)]
    pause: TimeDelta,

    /// Model. Default: the event's default.
    #[arg(long)]
    model: Option<String>,

    /// Stream the responses.
    #[arg(long)]
    stream: bool,

    /// Max output tokens of a request.
    #[arg(long, default_value_t = 500, value_name = "TOKENS")]
    max_tokens: u64,

    /// Allow a service that is not on this machine, where the requests cost money.
    #[arg(long)]
    yes_really: bool,
}

/// `lanyard simulate`
pub(crate) async fn run(session: &Session, arguments: SimulateArguments) -> Result<(), CliError> {
    let base = session.api.base();
    if !is_loopback(base) && !arguments.yes_really {
        return Err(CliError::Usage(format!(
            "{base} is not on this machine, so the requests cost money. Use --yes-really to \
             continue"
        )));
    }
    let positive = |span: TimeDelta, name: &str| {
        span.to_std().map_err(|_| CliError::Usage(format!("{name} must not be negative")))
    };
    let (duration, pause) =
        (positive(arguments.duration, "--for")?, positive(arguments.pause, "--pause")?);
    if session.globals.dry_run {
        let body = body(&arguments);
        let plan = json!({
            "dry_run": true, "attendees": arguments.attendees, "seconds": duration.as_secs(),
            "body": body,
        });
        return session.output.data(&plan, |_| {
            let (attendees, seconds) = (arguments.attendees, duration.as_secs());
            format!("{attendees} attendees would send {body} for {seconds} s")
        });
    }
    let Some(event) = &arguments.event else {
        return temporary::with_event(session, arguments.attendees, |event| async move {
            send(session, &arguments, &event, duration, pause).await
        })
        .await;
    };
    let event = session.event(event).await?;
    if event["status"] != "open" {
        let (name, status) = (text(&event["name"]), text(&event["status"]));
        return Err(CliError::Failed(format!(
            "{name} is {status}, so every request would be rejected."
        )));
    }
    send(session, &arguments, &event, duration, pause).await
}

/// Sends the requests of an event, and prints the results.
async fn send(
    session: &Session,
    arguments: &SimulateArguments,
    event: &Value,
    duration: Duration,
    pause: Duration,
) -> Result<(), CliError> {
    let Ok(code) = text(&event["code"]).parse::<Secret>();
    let load = Load {
        session,
        code,
        body: body(arguments),
        pause,
        ends: Instant::now() + duration,
        results: Mutex::new(Results::default()),
    };
    let results = load.run(arguments.attendees, duration).await;
    let said = results.json(arguments.attendees, duration);
    session.output.data(&said, |style| results.text(style, arguments.attendees, duration))?;
    match results.has_successes() {
        true => Ok(()),
        false => Err(CliError::Failed("No request succeeded.".to_owned())),
    }
}

fn body(arguments: &SimulateArguments) -> Value {
    let mut body = json!({
        "messages": [{"role": "user", "content": "Write a short poem about Indian elephants."}],
        "max_tokens": arguments.max_tokens,
    });
    if let Some(model) = &arguments.model {
        body["model"] = json!(model);
    }
    if arguments.stream {
        body["stream"] = json!(true);
        body["stream_options"] = json!({"include_usage": true});
    }
    body
}

struct Load<'s> {
    session: &'s Session,
    code: Secret,
    body: Value,
    pause: Duration,
    ends: Instant,
    results: Mutex<Results>,
}

impl Load<'_> {
    async fn run(self, attendees: u16, duration: Duration) -> Results {
        let bar = self
            .session
            .output
            .progress(usize::try_from(duration.as_secs()).unwrap_or(usize::MAX), "s");
        let load = join_all((0..attendees).map(|number| self.simulate_attendee(number, attendees)));
        let show = async {
            for second in 1..=duration.as_secs() {
                sleep(Duration::from_secs(1)).await;
                bar.set_position(second);
                if let Ok(results) = self.results.lock() {
                    bar.set_message(results.brief());
                }
            }
        };
        tokio::join!(load, show);
        bar.finish_and_clear();
        self.results.into_inner().unwrap_or_default()
    }

    /// One attendee, until the end. Attendees start at different times.
    async fn simulate_attendee(&self, number: u16, of: u16) {
        let user = self.code.with_user(&format!("sim-{:04}", number.saturating_add(1)));
        sleep(self.pause * u32::from(number) / u32::from(of)).await;
        while Instant::now() < self.ends {
            let (outcome, wait) = self.send_request(&user).await;
            if let Ok(mut results) = self.results.lock() {
                results.record(outcome);
            }
            sleep_until((Instant::now() + wait.max(self.pause)).min(self.ends)).await;
        }
    }

    /// Sends a request. Returns its outcome and the retry time of the service.
    async fn send_request(&self, user: &Secret) -> (Outcome, Duration) {
        let Some(code) = user.header("") else { return (Outcome::Failed, Duration::ZERO) };
        let sent = Instant::now();
        let request = self.session.api.as_attendee("/v1/chat/completions", &self.body);
        let Ok(response) = request.header("openai-event-code", code).send().await else {
            return (Outcome::Failed, Duration::ZERO);
        };
        let wait =
            response.headers().get("retry-after-ms").and_then(|ms| ms.to_str().ok()?.parse().ok());
        let wait = Duration::from_millis(wait.unwrap_or_default());
        let is_success = response.status().is_success();
        let (mut first, mut tokens, mut body) = (None, 0, Vec::new());
        let mut scanner = Scanner::default();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let Ok(chunk) = chunk else { return (Outcome::Failed, wait) };
            first.get_or_insert_with(|| sent.elapsed());
            if self.body["stream"] == true && is_success {
                scanner.push(chunk);
                while let Ok(Some(frame)) = scanner.next_frame() {
                    let frame: Value = serde_json::from_slice(&frame.data()).unwrap_or_default();
                    tokens = frame["usage"]["total_tokens"].as_u64().unwrap_or(tokens);
                }
            } else {
                body.extend_from_slice(&chunk);
            }
        }
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if !is_success {
            return (Outcome::Rejected(text(&body["error"]["code"])), wait);
        }
        let took = sent.elapsed();
        let tokens = body["usage"]["total_tokens"].as_u64().unwrap_or(tokens);
        (Outcome::Succeeded { took, first: first.unwrap_or(took), tokens }, wait)
    }
}
