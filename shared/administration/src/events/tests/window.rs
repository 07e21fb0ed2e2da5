use insta::assert_snapshot;
use serde_json::json;

use super::{create, mistakes, oslo};

#[test]
fn times_that_a_clock_change_skips_or_repeats_are_named() {
    let refused = create(json!({
        "name": "Night", "time_zone": "Europe/Oslo",
        "starts_at": "2026-03-29T02:30", "ends_at": "2026-10-25T02:30",
    }));
    assert_snapshot!(mistakes(refused), @"
    starts_at 2026-03-29 02:30:00 does not exist in Europe/Oslo: a clock change skips it; choose another time or add an offset
    ends_at 2026-10-25 02:30:00 happens twice in Europe/Oslo because of a clock change: write 2026-10-25 02:30:00+02:00 or 2026-10-25 02:30:00+01:00
    ");
}

#[test]
fn a_window_ends_after_it_starts_and_within_a_month() {
    let ends = |ends_at: &str| create(oslo(json!({"ends_at": ends_at})));
    assert_snapshot!(mistakes(ends("2026-12-05T09:00")), @"ends_at must be after starts_at");
    assert_snapshot!(mistakes(ends("2027-01-05T09:01")), @"ends_at must be at most 31 days after starts_at");
    assert!(ends("2027-01-05T09:00").is_ok());
    // October has a day of 25 hours in Oslo.
    let october = json!({"starts_at": "2026-10-01T00:00", "ends_at": "2026-11-01T00:00"});
    assert!(create(oslo(october)).is_ok());
}

#[test]
fn times_with_an_offset_ignore_the_time_zone() {
    let times = json!({"starts_at": "2026-12-05T08:00Z", "ends_at": "2026-12-06T12:00:00-05:00"});
    let event = create(oslo(times)).unwrap();
    assert_eq!(event.window.starts_at().to_rfc3339(), "2026-12-05T08:00:00+00:00");
    assert_eq!(event.window.ends_at().to_rfc3339(), "2026-12-06T17:00:00+00:00");
}
