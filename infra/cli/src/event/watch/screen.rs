//! The live view on the whole terminal.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::style::{Color, Print, ResetColor, SetForegroundColor};
use crossterm::terminal::{
    self, BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen,
};
use crossterm::{execute, queue};
use lanyard_doctor::grouped;

use super::history::History;
use crate::error::CliError;
use crate::money;
use crate::table::{Column, Style, local_time, printable, text};

/// The bars of a sparkline.
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The terminal in raw mode. Dropping it restores the terminal.
pub(super) struct Screen;

impl Screen {
    pub(super) fn open() -> Result<Self, CliError> {
        terminal::enable_raw_mode()?;
        let screen = Self;
        execute!(io::stdout(), EnterAlternateScreen, Hide)?;
        Ok(screen)
    }

    /// Draws, and draws again when the terminal is resized, until the time has passed. Returns
    /// `false` if the user quits.
    pub(super) fn wait(
        &self,
        time: Duration,
        draw: impl Fn() -> io::Result<()>,
    ) -> Result<bool, CliError> {
        let until = Instant::now() + time;
        draw()?;
        while event::poll(until.saturating_duration_since(Instant::now()))? {
            match event::read()? {
                Event::Key(key) if key.kind == KeyEventKind::Press => {
                    let is_break = key.modifiers.contains(KeyModifiers::CONTROL)
                        && key.code == KeyCode::Char('c');
                    if is_break || [KeyCode::Char('q'), KeyCode::Esc].contains(&key.code) {
                        return Ok(false);
                    }
                }
                Event::Resize(..) => draw()?,
                Event::Key(_) | Event::Mouse(_) | Event::FocusGained | Event::FocusLost => {}
            }
        }
        Ok(true)
    }

    pub(super) fn draw(
        &self,
        history: &History,
        top: usize,
        interval: Duration,
        problem: Option<&String>,
    ) -> io::Result<()> {
        let (width, height) = terminal::size()?;
        let mut lines = lines(history, top, usize::from(width));
        let foot = match problem {
            Some(problem) => Line { text: printable(problem), color: Some(Color::Red) },
            None => {
                Line::plain(format!("Updates every {} s. Press q to quit.", interval.as_secs()))
            }
        };
        lines.truncate(usize::from(height).saturating_sub(2));
        let mut out = io::stdout().lock();
        queue!(out, BeginSynchronizedUpdate)?;
        for row in 0..height {
            queue!(out, MoveTo(0, row))?;
            let line = match row + 1 == height {
                true => Some(&foot),
                false => lines.get(usize::from(row)),
            };
            if let Some(line) = line {
                let text: String = line.text.chars().take(usize::from(width)).collect();
                if let Some(color) = line.color {
                    queue!(out, SetForegroundColor(color))?;
                }
                queue!(out, Print(text), ResetColor)?;
            }
            queue!(out, Clear(ClearType::UntilNewLine))?;
        }
        queue!(out, EndSynchronizedUpdate)?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nothing can be done if this fails.
        let _ = execute!(io::stdout(), Show, LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
    }
}

/// A line and its colour. crossterm honours `NO_COLOR`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    text: String,
    color: Option<Color>,
}

impl Line {
    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), color: None }
    }
}

/// The lines above the status line.
fn lines(history: &History, top: usize, width: usize) -> Vec<Line> {
    let Some(sample) = history.last() else { return Vec::new() };
    let event = &sample.event;
    let chart_width = width.saturating_sub(48).clamp(10, 60);
    let mut lines = vec![
        Line::plain(format!(
            "{}  {}  {}",
            printable(&text(&event["name"])),
            text(&event["code"]),
            text(&event["status"])
        )),
        Line::plain(format!(
            "ends {} {}{}",
            local_time(&event["ends_at"]),
            text(&event["time_zone"]),
            sample.time_left().map(|left| format!(", in {}", in_words(left))).unwrap_or_default()
        )),
        Line::plain(""),
    ];
    lines.extend(budget(history, chart_width));
    let chart = |values: Vec<u64>| sparkline(&values, None, chart_width);
    let rate = history.rates.back().copied().unwrap_or_default();
    let tokens = chart(history.rates.iter().map(|rate| rate.tokens).collect());
    let requests = chart(history.rates.iter().map(|rate| rate.requests).collect());
    let per_minute = |what: &str, chart: String, rate: u64, all: u64| {
        Line::plain(format!("{what:<9} {chart} {}/min, {} total", grouped(rate), grouped(all)))
    };
    lines.push(per_minute("tokens", tokens, rate.tokens, sample.tokens));
    lines.push(per_minute("requests", requests, rate.requests, sample.requests));
    lines.push(Line::plain(format!("reserved  {} tokens", grouped(sample.held))));
    if sample.has_money() {
        lines.push(Line::plain(format!("money     {}", sample.money.in_words())));
    }
    let color = (!sample.errors.is_empty()).then_some(Color::Yellow);
    lines.push(Line { text: format!("errors    {}", sample.errors_in_words()), color });
    if let Some(latency) = sample.first_byte_in_words() {
        lines.push(Line::plain(format!("latency   first byte {latency}")));
    }
    lines.push(Line::plain(""));
    let mut columns =
        vec![Column::Words("user"), Column::Numbers("requests"), Column::Numbers("tokens")];
    if sample.has_money() {
        columns.push(Column::Numbers("USD"));
    }
    let rows = sample.attendees.iter().take(top).map(|used| {
        let usd = sample.has_money().then(|| money::cell(&used.usd.into()));
        let cells = [used.user.clone(), grouped(used.requests), grouped(used.tokens)];
        cells.into_iter().chain(usd).collect()
    });
    lines.extend(Style::default().table(&columns, rows).lines().map(Line::plain));
    match sample.attendees.len().saturating_sub(top) {
        0 => {}
        more => lines.push(Line::plain(format!("and {} more", grouped(more as u64)))),
    }
    lines
}

/// The remaining budget as a bar, and its burn-down.
fn budget(history: &History, width: usize) -> Vec<Line> {
    let Some((left, budget)) = history.last().and_then(|last| Some((last.left()?, last.budget()?)))
    else {
        return vec![Line::plain("budget    none")];
    };
    let share =
        |of: usize| usize::try_from(left.saturating_mul(of as u64) / budget.max(1)).unwrap_or(of);
    let percent = share(100);
    let color = match percent {
        0..=10 => Color::Red,
        11..=25 => Color::Yellow,
        _ => Color::Green,
    };
    let filled = share(width).min(width);
    let bar = format!("{}{}", "█".repeat(filled), "░".repeat(width - filled));
    let down = sparkline(&history.left.iter().copied().collect::<Vec<_>>(), Some(budget), width);
    let lasts = match history.budget_lasts() {
        Some(lasts) => format!("lasts {} at this rate", in_words(lasts)),
        None => String::new(),
    };
    vec![
        Line {
            text: format!(
                "budget    {bar} {percent} %, {} of {} left",
                grouped(left),
                grouped(budget)
            ),
            color: Some(color),
        },
        Line::plain(format!("burn-down {down} {lasts}")),
    ]
}

/// The last values as bars, scaled to `most` or to the largest value.
fn sparkline(values: &[u64], most: Option<u64>, width: usize) -> String {
    let shown = values.get(values.len().saturating_sub(width)..).unwrap_or(values);
    let most = most.or_else(|| shown.iter().copied().max()).unwrap_or_default().max(1);
    let bar = |value: &u64| {
        // The smallest value is still visible.
        let eighths = value.saturating_mul(8).div_ceil(most).min(8);
        usize::try_from(eighths).ok().and_then(|at| BARS.get(at)).copied().unwrap_or(' ')
    };
    let bars: String = shown.iter().map(bar).collect();
    format!("{}{bars}", " ".repeat(width - shown.len()))
}

fn in_words(span: TimeDelta) -> String {
    let minutes = span.num_minutes().max(0);
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::{sample, with_money};
    use super::*;

    #[test]
    fn the_screen_shows_burn_down_rates_and_top_attendees() {
        let mut history = History::default();
        for (second, requests, tokens) in [(0, 10, 1_000), (30, 15, 2_000), (59, 20, 8_900)] {
            history.record(sample(second, requests, tokens));
        }
        let drawn = lines(&history, 1, 60);
        let text: Vec<_> = drawn.iter().map(|line| line.text.trim_end().to_owned()).collect();
        assert_eq!(
            text,
            [
                "Oslo Hack  oslo-hack-1c3e5g7y  open",
                "ends 2026-12-06 18:00 Europe/Oslo, in 1 h 59 min",
                "",
                "budget    █░░░░░░░░░░░ 10 %, 1,000 of 10,000 left",
                "burn-down          █▇▁ lasts 0 min at this rate",
                "tokens              ▂█ 14,275/min, 8,900 total",
                "requests            ██ 10/min, 20 total",
                "reserved  100 tokens",
                "errors    1,202 (rate_limit_exceeded 1,200, upstream_busy 2)",
                "latency   first byte median 75 ms, p95 1,600 ms",
                "",
                "user  requests  tokens",
                "ada\u{fffd}        20   8,900",
                "and 1 more",
            ]
        );
        assert_eq!(drawn[3].color, Some(Color::Red));
    }

    #[test]
    fn the_screen_shows_dollars_where_they_are_limited() {
        let mut history = History::default();
        history.record(with_money(sample(0, 10, 1_000), 1.2345, 0.0));
        let text: Vec<_> = lines(&history, 2, 60).into_iter().map(|line| line.text).collect();
        let has = |line: &str| text.iter().any(|text| text.trim_end() == line);
        assert!(has("money     1.2345 USD spent, 18.7655 of 20.00 left"), "{text:#?}");
        assert!(has("user  requests  tokens     USD"), "{text:#?}");
        assert!(has("ada\u{fffd}        10   1,000  1.2345"), "{text:#?}");
        assert!(has("bob          1       5  0.0000"), "{text:#?}");
    }

    #[test]
    fn a_chart_is_as_wide_as_it_may_be() {
        assert_eq!(sparkline(&[0, 1, 8, 4], None, 6), "   ▁█▄");
        assert_eq!(sparkline(&[1, 2, 3], Some(4), 2), "▄▆");
        assert_eq!(sparkline(&[], None, 3), "   ");
    }
}
