//! The figures as tables, as verdicts and as JSON.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Cell;
use super::measure::Figures;
use super::side::{BINARIES, DIRECT, ENGINE, FLOOR, MEMORY};
use crate::figures::{added_ms, length, mib, ms, percentile, ratio};

/// Processor time of Lanyard over ports in memory, in floors, at most.
pub(super) const MOST_FLOORS: f64 = 1.8;
/// The same over the embedded engine, for one connection.
const MOST_ENGINE_FLOORS: f64 = 8.0;
/// The time that the embedded engine may add to the first byte for one connection, at the median.
const MOST_FIRST_MS: f64 = 1.0;
/// The longest delay of a frame, at the 99th percentile.
const MOST_HELD_BACK_MS: f64 = 1.0;
/// If other processes use more of the processors than this, times mean little.
const QUIET: f64 = 0.1;

/// Prints the sides of one workload and number of connections.
pub(crate) fn print(cells: &[Cell]) -> Result<()> {
    let mut output = std::io::stdout().lock();
    let Some(first) = cells.first() else { return Ok(()) };
    writeln!(output, "\n{}, {} connections", first.workload, first.connections)?;
    writeln!(
        output,
        "  {:9}{:>9}{:>7}{:>7}{:>9}{:>7}{:>8}{:>8}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>7}",
        "side",
        "req/s",
        "×dir",
        "×floor",
        "cpu ms",
        "×floor",
        "below",
        "engine",
        "first50+",
        "first99+",
        "whole50+",
        "whole99+",
        "held p99",
        "peak MiB",
        "others"
    )?;
    for cell in cells {
        let row = Row::of(cell, cells);
        writeln!(
            output,
            "  {:9}{:>9.1}{:>7.2}{:>7.2}{:>9.3}{:>7.2}{:>8.3}{:>8.3}{:>9.2}{:>9.2}{:>9.2}{:>9.2}\
             {:>9.2}{:>9.1}{:>5.0}%",
            cell.side,
            cell.figures.rate(),
            row.rate_by_direct,
            row.rate_by_floor,
            row.cpu_ms,
            row.cpu_by_floor,
            row.cpu_below_ms,
            row.cpu_engine_ms,
            row.first_p50_ms,
            row.first_p99_ms,
            row.whole_p50_ms,
            row.whole_p99_ms,
            row.held_back_p99_ms,
            mib(cell.figures.peak_kib),
            cell.figures.taken_by_others * 100.0,
        )?;
    }
    Ok(())
}

/// The text of a cell, compared to the direct call and the floor.
pub(super) struct Row {
    rate_by_direct: f64,
    rate_by_floor: f64,
    /// Of the server and its child processes, without the engine.
    cpu_ms: f64,
    pub(super) cpu_by_floor: f64,
    cpu_below_ms: f64,
    cpu_engine_ms: f64,
    pub(super) first_p50_ms: f64,
    first_p99_ms: f64,
    whole_p50_ms: f64,
    whole_p99_ms: f64,
    held_back_p50_ms: f64,
    pub(super) held_back_p99_ms: f64,
}

impl Row {
    /// Compares a cell with those of the same workload and connections among others.
    pub(super) fn of(cell: &Cell, among: &[Cell]) -> Self {
        let of_side = |side: &str| {
            let is_it = |other: &&Cell| {
                let is_same = other.workload == cell.workload;
                other.side == side && is_same && other.connections == cell.connections
            };
            among.iter().find(is_it).map_or(&cell.figures, |other| &other.figures)
        };
        let (it, direct, floor) = (&cell.figures, of_side(DIRECT), of_side(FLOOR));
        let cpu = |figures: &Figures| figures.each(figures.cpu + figures.cpu_below);
        let added = |of: fn(&Figures) -> &Vec<Duration>, hundredths| {
            added_ms(percentile(of(it), hundredths), percentile(of(direct), hundredths))
        };
        Self {
            rate_by_direct: ratio(it.rate(), direct.rate()),
            rate_by_floor: ratio(it.rate(), floor.rate()),
            cpu_ms: cpu(it),
            cpu_by_floor: ratio(cpu(it), cpu(floor)),
            cpu_below_ms: it.each(it.cpu_below),
            cpu_engine_ms: it.each(it.cpu_engine),
            first_p50_ms: added(|figures| &figures.first, 50),
            first_p99_ms: added(|figures| &figures.first, 99),
            whole_p50_ms: added(|figures| &figures.whole, 50),
            whole_p99_ms: added(|figures| &figures.whole, 99),
            held_back_p50_ms: added(|figures| &figures.held_back, 50),
            held_back_p99_ms: added(|figures| &figures.held_back, 99),
        }
    }
}

/// Prints for each target whether it holds, and where.
pub(super) fn print_verdicts(cells: &[Cell]) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "\nTargets")?;
    for cell in cells.iter().filter(|cell| cell.side == MEMORY) {
        let floors = Row::of(cell, cells).cpu_by_floor;
        writeln!(
            output,
            "  {} memory, {} at {}: {floors:.2} of the floor's processor time, at most {MOST_FLOORS}",
            word(floors <= MOST_FLOORS),
            cell.workload,
            cell.connections
        )?;
    }
    for cell in cells.iter().filter(|cell| cell.side == ENGINE && cell.connections == 1) {
        let Row { cpu_by_floor, first_p50_ms: first, .. } = Row::of(cell, cells);
        writeln!(
            output,
            "  {} engine, {} at 1: {cpu_by_floor:.2} of the floor's processor time, at most {MOST_ENGINE_FLOORS}",
            word(cpu_by_floor <= MOST_ENGINE_FLOORS),
            cell.workload
        )?;
        writeln!(
            output,
            "  {} engine, {} at 1: {first:.2} ms added to the first byte (p50), at most {MOST_FIRST_MS}{}",
            word(first <= MOST_FIRST_MS),
            cell.workload,
            doubt(cell)
        )?;
    }
    let sides = [FLOOR, MEMORY, ENGINE, BINARIES];
    let streams = cells.iter().filter(|cell| !cell.figures.held_back.is_empty());
    for cell in streams.filter(|cell| sides.contains(&cell.side)) {
        let held_back = Row::of(cell, cells).held_back_p99_ms;
        writeln!(
            output,
            "  {} {}, {} at {}: frames held back {held_back:.2} ms (p99), at most {MOST_HELD_BACK_MS}{}",
            word(held_back <= MOST_HELD_BACK_MS),
            cell.side,
            cell.workload,
            cell.connections,
            doubt(cell)
        )?;
    }
    Ok(())
}

pub(crate) fn word(holds: bool) -> &'static str {
    if holds { "holds  " } else { "MISSED " }
}

pub(crate) fn doubt(cell: &Cell) -> String {
    let others = cell.figures.taken_by_others;
    match others > QUIET {
        true => format!("; others took {:.0} % of the processors", others * 100.0),
        false => String::new(),
    }
}

/// Writes all figures, times in milliseconds.
pub(super) fn write(cells: &[Cell], file: &Path) -> Result<()> {
    let cells: Vec<Value> = cells.iter().map(|cell| of(cell, cells)).collect();
    let text = serde_json::to_string_pretty(&json!({ "cells": cells }))?;
    std::fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
}

fn of(cell: &Cell, among: &[Cell]) -> Value {
    let (it, row) = (&cell.figures, Row::of(cell, among));
    let times = |values: &[Duration]| {
        let at = |hundredths| ms(percentile(values, hundredths));
        json!({"samples": length(values), "p50": at(50), "p99": at(99)})
    };
    json!({
        "side": cell.side, "workload": cell.workload, "connections": cell.connections,
        "requests": it.requests, "failed": it.failed, "requests_per_second": it.rate(),
        "requests_by_direct": row.rate_by_direct, "requests_by_floor": row.rate_by_floor,
        "cpu_ms": row.cpu_ms, "cpu_by_floor": row.cpu_by_floor,
        "cpu_below_ms": row.cpu_below_ms, "cpu_engine_ms": row.cpu_engine_ms,
        "first_byte_ms": times(&it.first), "whole_ms": times(&it.whole),
        "frame_ms": times(&it.held_back),
        "added_first_byte_ms": {"p50": row.first_p50_ms, "p99": row.first_p99_ms},
        "added_whole_ms": {"p50": row.whole_p50_ms, "p99": row.whole_p99_ms},
        "held_back_ms": {"p50": row.held_back_p50_ms, "p99": row.held_back_p99_ms},
        "peak_kib": it.peak_kib, "taken_by_others": it.taken_by_others,
    })
}
