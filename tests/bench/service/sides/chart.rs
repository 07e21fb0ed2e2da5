//! The figures as a chart: for each workload, one panel for each question that has a target.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use super::report::{MOST_FLOORS, Row};
use super::side::{BINARIES, ENGINE, FLOOR, MEMORY};
use super::{Cell, WORKLOADS};
use crate::figures::{length, ratio};

const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 220.0;
/// Room above and below the bars, for labels.
const TOP: f64 = 44.0;
const BARS: f64 = 130.0;

/// The tallest bar, in targets: longer bars are cut off, and labelled with their value.
const TALLEST: f64 = 3.0;

/// Each side's colour.
const SIDES: [(&str, &str); 4] =
    [(FLOOR, "#9aa0a6"), (MEMORY, "#1a73e8"), (ENGINE, "#188038"), (BINARIES, "#e37400")];

/// A question, its response, and what it may be at most.
type Question = (&'static str, fn(&Row) -> f64, f64);

const QUESTIONS: [Question; 3] = [
    ("processor time, in floors", |row| row.cpu_by_floor, MOST_FLOORS),
    ("added to the first byte, ms p50", |row| row.first_p50_ms, 1.0),
    ("frames held back, ms p99", |row| row.held_back_p99_ms, 1.0),
];

/// Writes the chart.
pub(super) fn write(cells: &[Cell], file: &Path) -> Result<()> {
    let mut panels = String::new();
    let mut below = 0.0;
    for (_, workload) in WORKLOADS {
        let mut beside = 0.0;
        for question in QUESTIONS {
            let shown: Vec<_> = cells.iter().filter(|cell| cell.workload == workload).collect();
            let is_there = !question.0.starts_with("frames")
                || shown.iter().any(|cell| !cell.figures.held_back.is_empty());
            if is_there {
                let panel = panel(workload, question, &shown, cells)?;
                write!(panels, "<g transform=\"translate({beside} {below})\">{panel}</g>")?;
                beside += WIDTH;
            }
        }
        below += HEIGHT;
    }
    let (width, height) = (3.0 * WIDTH, below + 24.0);
    let mut legend = String::new();
    let mut beside = 10.0;
    for (side, colour) in SIDES {
        write!(
            legend,
            "<rect x=\"{beside}\" y=\"{below}\" width=\"10\" height=\"10\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"{}\">{side}</text>",
            beside + 14.0,
            below + 9.0
        )?;
        beside += 90.0;
    }
    let chart = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>{panels}{legend}</svg>\n"
    );
    std::fs::write(file, chart).with_context(|| format!("cannot write {}", file.display()))
}

/// Bars for each number of connections, and a line where they should end.
fn panel(workload: &str, question: Question, shown: &[&Cell], all: &[Cell]) -> Result<String> {
    let (title, response, most) = question;
    let mut connections: Vec<_> = shown.iter().map(|cell| cell.connections).collect();
    connections.dedup();
    connections.sort_unstable();
    connections.dedup();
    let values = |side: &str, connections: usize| {
        let is_it = |cell: &&&Cell| cell.side == side && cell.connections == connections;
        shown.iter().find(is_it).map(|cell| response(&Row::of(cell, all)).max(0.0))
    };
    let highest = most * TALLEST;
    let mut panel =
        format!("<text x=\"10\" y=\"20\" font-weight=\"bold\">{workload}: {title}</text>");
    let group = ratio(WIDTH - 30.0, length(&connections));
    let mut left = 10.0;
    for at in &connections {
        let bar = (group - 16.0) / 4.0;
        let mut x = left;
        for (side, colour) in SIDES {
            if let Some(value) = values(side, *at) {
                let height = ratio(value, highest).min(1.0) * BARS;
                write!(
                    panel,
                    "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\" \
                     fill=\"{colour}\"/><text x=\"{x:.1}\" y=\"{:.1}\" font-size=\"8\">{value:.2}</text>",
                    TOP + BARS - height,
                    bar - 2.0,
                    TOP + BARS - height - 3.0
                )?;
            }
            x += bar;
        }
        write!(panel, "<text x=\"{left:.1}\" y=\"{:.1}\">{at} at once</text>", TOP + BARS + 16.0)?;
        left += group;
    }
    let y = TOP + BARS - ratio(most, highest) * BARS;
    write!(
        panel,
        "<line x1=\"10\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#d93025\" \
         stroke-dasharray=\"4 3\"/>",
        WIDTH - 20.0
    )?;
    Ok(panel)
}
