//! The figures as a table and as JSON.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use crate::measure::Figures;

/// Prints a table. Times are in milliseconds; what is in brackets is processor time.
pub(crate) fn print(measured: &[Figures]) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(
        output,
        "{:22}{:>9}{:>16}{:>8}{:>18}{:>18}{:>10}",
        "function", "MB", "ready ms", "status", "first answer", "warm answer", "peak MiB"
    )?;
    for figures in measured {
        let pair = |wall, cpu| format!("{:.1} ({:.1})", ms(wall), ms(cpu));
        let warm = format!("{:.2} ({:.2})", ms(figures.warm), ms(figures.warm_cpu));
        writeln!(
            output,
            "{:22}{:>9}{:>16}{:>8}{:>18}{:>18}{:>10}",
            figures.function,
            tenths(figures.size, 100_000),
            pair(figures.ready, figures.ready_cpu),
            figures.status,
            pair(figures.first, figures.first_cpu),
            warm,
            tenths(figures.peak_kib * 10, 1024),
        )?;
    }
    Ok(())
}

/// Writes the figures, times in milliseconds.
pub(crate) fn write(measured: &[Figures], file: &Path) -> Result<()> {
    let functions: Vec<_> = measured
        .iter()
        .map(|figures| {
            json!({
                "function": figures.function,
                "size_bytes": figures.size,
                "ready_ms": ms(figures.ready),
                "ready_cpu_ms": ms(figures.ready_cpu),
                "status": figures.status,
                "first_answer_ms": ms(figures.first),
                "first_answer_cpu_ms": ms(figures.first_cpu),
                "warm_answer_ms": ms(figures.warm),
                "warm_answer_cpu_ms": ms(figures.warm_cpu),
                "peak_kib": figures.peak_kib,
            })
        })
        .collect();
    let text = serde_json::to_string_pretty(&json!({ "functions": functions }))?;
    std::fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A number in units of which `tenth` are a tenth, with one decimal, cut off.
fn tenths(number: u64, tenth: u64) -> String {
    let tenths = number / tenth;
    format!("{}.{}", tenths / 10, tenths % 10)
}
