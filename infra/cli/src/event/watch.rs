//! `lanyard event watch`: an event's live usage, on the whole terminal or line by line.

mod history;
mod screen;

use std::time::Duration;

use chrono::TimeDelta;
use clap::Args;
use lanyard_gateway::ports::Clock;
use lanyard_platform::shell::Machine;
use serde_json::Value;

use self::history::{History, Sample};
use super::when::span;
use crate::error::CliError;
use crate::session::{Session, event_path};
use crate::usage;

/// The options of `event watch`.
#[derive(Args, Debug)]
pub(crate) struct WatchArguments {
    /// Id, code or name of the event.
    event: String,

    /// Time between updates.
    #[arg(long, default_value = "5s", value_name = "DURATION", value_parser = span)]
    interval: TimeDelta,

    /// Stop after this many updates. Default: when the event ends, or on q or Ctrl-C.
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,

    /// Number of attendees to show.
    #[arg(long, default_value_t = 10, value_name = "NUMBER")]
    top: usize,

    /// Print one line per update, also on a terminal.
    #[arg(long)]
    lines: bool,
}

/// `lanyard event watch`
pub(super) async fn run(session: &Session, arguments: WatchArguments) -> Result<(), CliError> {
    let interval = arguments.interval.to_std().ok().filter(|interval| !interval.is_zero());
    let interval = interval
        .ok_or_else(|| CliError::Usage("--interval must be a duration such as 5s".to_owned()))?;
    let watch = Watch {
        session,
        event: session.event(&arguments.event).await?,
        interval,
        updates: arguments.count.unwrap_or(u64::MAX),
        top: arguments.top,
    };
    match session.output.is_terminal() && !arguments.lines {
        true => watch.on_screen().await,
        false => watch.by_line().await,
    }
}

struct Watch<'s> {
    session: &'s Session,
    event: Value,
    interval: Duration,
    updates: u64,
    top: usize,
}

impl Watch<'_> {
    async fn poll(&self) -> Result<Sample, CliError> {
        let event = self.session.api.get(&event_path(&self.event, "")).await?;
        let usage = usage::read(self.session, &self.event, "attendee", |_| {}).await?;
        let hours = usage::read(self.session, &self.event, "hour", |_| {}).await?;
        Ok(Sample::of(event, &usage, &hours, Machine.now()))
    }

    async fn by_line(&self) -> Result<(), CliError> {
        let mut history = History::default();
        let mut shown = 0;
        while shown < self.updates {
            if shown > 0 {
                tokio::time::sleep(self.interval).await;
            }
            shown += 1;
            match self.poll().await {
                Ok(sample) => history.record(sample),
                // A service that responded before may come back.
                Err(error @ CliError::Unreachable { .. }) if !history.is_empty() => {
                    self.session.output.say(&format!("warning: {error}"));
                    continue;
                }
                Err(error) => return Err(error),
            }
            self.session.output.line(&history.json(self.top), || history.line(self.top))?;
            if history.has_ended() {
                self.session.output.say("The event has ended.");
                break;
            }
        }
        Ok(())
    }

    async fn on_screen(&self) -> Result<(), CliError> {
        let mut history = History::default();
        history.record(self.poll().await?);
        let screen = screen::Screen::open()?;
        let mut shown = 1;
        let mut problem = None;
        loop {
            let draw = || screen.draw(&history, self.top, self.interval, problem.as_ref());
            let keeps_running = tokio::task::block_in_place(|| screen.wait(self.interval, draw))?;
            if !keeps_running || shown >= self.updates || history.has_ended() {
                break;
            }
            shown += 1;
            match self.poll().await {
                Ok(sample) => {
                    history.record(sample);
                    problem = None;
                }
                Err(error) => problem = Some(error.to_string()),
            }
        }
        drop(screen);
        // The last sample stays on the terminal.
        self.session.output.line(&history.json(self.top), || history.line(self.top))
    }
}
