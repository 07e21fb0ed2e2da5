//! `lanyard simulate`: simulated attendees send requests to an event.

mod figures;

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

use self::figures::{Figures, Outcome};
use crate::event::span;
use crate::fault::Fault;
use crate::output::progress;
use crate::profile::is_loopback;
use crate::session::Session;
use crate::table::text;

/// What the simulated attendees do.
#[derive(Args, Debug)]
pub(crate) struct SimulateArguments {
    /// Id, code or name of the event.
    event: String,

    /// Number of simulated attendees.
    #[arg(long, default_value_t = 20, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=5_000))]
    attendees: u16,

    /// Duration of the simulation.
    #[arg(long = "for", default_value = "30s", value_name = "DURATION", value_parser = span)]
    lasting: TimeDelta,

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
    #[arg(long, default_value_t = 100, value_name = "TOKENS")]
    max_tokens: u64,

    /// Allow a service that is not on this machine, where the requests cost money.
    #[arg(long)]
    yes_really: bool,
}

/// `lanyard simulate`
pub(crate) async fn run(session: &Session, arguments: SimulateArguments) -> Result<(), Fault> {
    let base = session.api.base();
    if !is_loopback(base) && !arguments.yes_really {
        return Err(Fault::Usage(format!(
            "{base} is not on this machine, so the requests cost money. Use --yes-really to \
             continue"
        )));
    }
    let positive = |span: TimeDelta, name: &str| {
        span.to_std().map_err(|_| Fault::Usage(format!("{name} must not be negative")))
    };
    let (lasting, pause) =
        (positive(arguments.lasting, "--for")?, positive(arguments.pause, "--pause")?);
    let event = session.event(&arguments.event).await?;
    if event["status"] != "open" {
        let (name, status) = (text(&event["name"]), text(&event["status"]));
        return Err(Fault::Failed(format!(
            "{name} is {status}, so every request would be rejected."
        )));
    }
    let Ok(code) = text(&event["code"]).parse::<Secret>();
    let crowd = Crowd {
        session,
        code,
        body: body(&arguments),
        pause,
        ends: Instant::now() + lasting,
        figures: Mutex::new(Figures::default()),
    };
    if session.globals.dry_run {
        let plan = json!({
            "dry_run": true, "attendees": arguments.attendees, "seconds": lasting.as_secs(),
            "body": crowd.body,
        });
        return session.output.data(&plan, || {
            let (attendees, seconds) = (arguments.attendees, lasting.as_secs());
            format!("{attendees} attendees would send {} for {seconds} s", crowd.body)
        });
    }
    let figures = crowd.run(arguments.attendees, lasting).await;
    let said = figures.json(arguments.attendees, lasting);
    session.output.data(&said, || figures.text(arguments.attendees, lasting))?;
    match figures.has_answers() {
        true => Ok(()),
        false => Err(Fault::Failed("No request succeeded.".to_owned())),
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

struct Crowd<'s> {
    session: &'s Session,
    code: Secret,
    body: Value,
    pause: Duration,
    ends: Instant,
    figures: Mutex<Figures>,
}

impl Crowd<'_> {
    async fn run(self, attendees: u16, lasting: Duration) -> Figures {
        let bar = progress(usize::try_from(lasting.as_secs()).unwrap_or(usize::MAX), "s");
        let crowd = join_all((0..attendees).map(|number| self.attend(number, attendees)));
        let show = async {
            for second in 1..=lasting.as_secs() {
                sleep(Duration::from_secs(1)).await;
                bar.set_position(second);
                if let Ok(figures) = self.figures.lock() {
                    bar.set_message(figures.brief());
                }
            }
        };
        tokio::join!(crowd, show);
        bar.finish_and_clear();
        self.figures.into_inner().unwrap_or_default()
    }

    /// One attendee, from their first question to the end. They do not all come at once.
    async fn attend(&self, number: u16, of: u16) {
        let user = self.code.with_user(&format!("sim-{:04}", number.saturating_add(1)));
        sleep(self.pause * u32::from(number) / u32::from(of)).await;
        while Instant::now() < self.ends {
            let (outcome, wait) = self.ask(&user).await;
            if let Ok(mut figures) = self.figures.lock() {
                figures.take(outcome);
            }
            sleep_until((Instant::now() + wait.max(self.pause)).min(self.ends)).await;
        }
    }

    /// A question, what came of it, and how long the service wants to be left alone.
    async fn ask(&self, user: &Secret) -> (Outcome, Duration) {
        let Some(code) = user.header("") else { return (Outcome::Unanswered, Duration::ZERO) };
        let asked = Instant::now();
        let request = self.session.api.as_attendee("/v1/chat/completions", &self.body);
        let Ok(answer) = request.header("openai-event-code", code).send().await else {
            return (Outcome::Unanswered, Duration::ZERO);
        };
        let wait =
            answer.headers().get("retry-after-ms").and_then(|ms| ms.to_str().ok()?.parse().ok());
        let wait = Duration::from_millis(wait.unwrap_or_default());
        let is_answer = answer.status().is_success();
        let (mut first, mut tokens, mut whole) = (None, 0, Vec::new());
        let mut scanner = Scanner::default();
        let mut chunks = answer.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let Ok(chunk) = chunk else { return (Outcome::Unanswered, wait) };
            first.get_or_insert_with(|| asked.elapsed());
            if self.body["stream"] == true && is_answer {
                scanner.push(chunk);
                while let Ok(Some(frame)) = scanner.next_frame() {
                    let frame: Value = serde_json::from_slice(&frame.data()).unwrap_or_default();
                    tokens = frame["usage"]["total_tokens"].as_u64().unwrap_or(tokens);
                }
            } else {
                whole.extend_from_slice(&chunk);
            }
        }
        let whole: Value = serde_json::from_slice(&whole).unwrap_or_default();
        if !is_answer {
            return (Outcome::Refused(text(&whole["error"]["code"])), wait);
        }
        let took = asked.elapsed();
        let tokens = whole["usage"]["total_tokens"].as_u64().unwrap_or(tokens);
        (Outcome::Answered { took, first: first.unwrap_or(took), tokens }, wait)
    }
}
