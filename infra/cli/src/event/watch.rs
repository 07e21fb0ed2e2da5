//! `lanyard event watch`: an event's numbers while it runs, on a screen or line by line.

mod numbers;
mod screen;

use std::time::Duration;

use chrono::TimeDelta;
use clap::Args;
use lanyard_gateway::ports::Clock;
use lanyard_platform::shell::Machine;
use serde_json::Value;

use self::numbers::{Course, Sample};
use super::when::span;
use crate::fault::Fault;
use crate::session::{Session, path_of};
use crate::usage;

/// How an event is watched.
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
pub(super) async fn run(session: &Session, arguments: WatchArguments) -> Result<(), Fault> {
    let interval = arguments.interval.to_std().ok().filter(|interval| !interval.is_zero());
    let interval = interval
        .ok_or_else(|| Fault::Usage("--interval must be a duration such as 5s".to_owned()))?;
    let watch = Watch {
        session,
        event: session.event(&arguments.event).await?,
        interval,
        looks: arguments.count.unwrap_or(u64::MAX),
        top: arguments.top,
    };
    match session.output.is_watched() && !arguments.lines {
        true => watch.on_screen().await,
        false => watch.by_line().await,
    }
}

struct Watch<'s> {
    session: &'s Session,
    event: Value,
    interval: Duration,
    looks: u64,
    top: usize,
}

impl Watch<'_> {
    async fn look(&self) -> Result<Sample, Fault> {
        let event = self.session.api.get(&path_of(&self.event, "")).await?;
        let usage = usage::read(self.session, &self.event, "attendee", |_| {}).await?;
        let hours = usage::read(self.session, &self.event, "hour", |_| {}).await?;
        Ok(Sample::of(event, &usage, &hours, Machine.now()))
    }

    async fn by_line(&self) -> Result<(), Fault> {
        let mut course = Course::default();
        let mut looked = 0;
        while looked < self.looks {
            if looked > 0 {
                tokio::time::sleep(self.interval).await;
            }
            looked += 1;
            match self.look().await {
                Ok(sample) => course.take(sample),
                // A service that was there comes back, perhaps.
                Err(fault @ Fault::Unreachable { .. }) if !course.is_empty() => {
                    self.session.output.say(&format!("warning: {fault}"));
                    continue;
                }
                Err(fault) => return Err(fault),
            }
            self.session.output.line(&course.json(self.top), || course.line(self.top))?;
            if course.has_ended() {
                self.session.output.say("The event has ended.");
                break;
            }
        }
        Ok(())
    }

    async fn on_screen(&self) -> Result<(), Fault> {
        let mut course = Course::default();
        course.take(self.look().await?);
        let screen = screen::Screen::open()?;
        let mut looked = 1;
        let mut trouble = None;
        loop {
            let draw = || screen.draw(&course, self.top, self.interval, trouble.as_ref());
            let wants_on = tokio::task::block_in_place(|| screen.wait(self.interval, draw))?;
            if !wants_on || looked >= self.looks || course.has_ended() {
                break;
            }
            looked += 1;
            match self.look().await {
                Ok(sample) => {
                    course.take(sample);
                    trouble = None;
                }
                Err(fault) => trouble = Some(fault.to_string()),
            }
        }
        drop(screen);
        // What was seen last stays on the terminal.
        self.session.output.line(&course.json(self.top), || course.line(self.top))
    }
}
