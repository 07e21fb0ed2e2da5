//! Numbers for people: percentiles, ratios and how they are written.

use std::time::Duration;

/// The value below which so many hundredths of the values lie; zero of none.
pub(crate) fn percentile(sorted: &[Duration], hundredths: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last * hundredths).div_ceil(100)).copied().unwrap_or_default()
}

/// In milliseconds.
pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// How much later than, in milliseconds; negative if earlier.
pub(crate) fn added_ms(time: Duration, than: Duration) -> f64 {
    ms(time) - ms(than)
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "figures have three digits, not seventeen")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

/// The length of a list as a figure.
pub(crate) fn length<T>(list: &[T]) -> f64 {
    number(u64::try_from(list.len()).unwrap_or(u64::MAX))
}

/// How many times another; zero where there is no other.
pub(crate) fn ratio(value: f64, of: f64) -> f64 {
    if of > 0.0 { value / of } else { 0.0 }
}

/// KiB in MiB.
pub(crate) fn mib(kib: u64) -> f64 {
    number(kib) / 1_024.0
}
