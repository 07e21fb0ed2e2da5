//! The clock's events, as EventBridge sends them.
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html>

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use super::{ACCOUNT, STACK};
use crate::template::Schedule;

/// The event of one tick.
#[must_use]
pub(super) fn event(schedule: &Schedule, id: &str, region: &str, now: DateTime<Utc>) -> Bytes {
    let rule = format!("arn:aws:events:{region}:{ACCOUNT}:rule/{STACK}-{}", schedule.function);
    let event = json!({
        "version": "0", "id": id, "detail-type": "Scheduled Event", "source": "aws.events",
        "account": ACCOUNT, "time": now.to_rfc3339_opts(SecondsFormat::Secs, true),
        "region": region, "resources": [rule], "detail": {},
    });
    event.to_string().into()
}
