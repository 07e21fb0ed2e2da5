//! Logs and metrics: one JSON object a line on standard output, which Lambda hands to CloudWatch.
//!
//! A finished request is one line that is also its metrics, in CloudWatch's embedded metric
//! format. Attendees appear as a keyed hash, codes and texts not at all.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::Write;

use lanyard_domain::ids::EventId;
use lanyard_gateway::ports::{Clock, Incident, Journal, RequestLine};
use serde_json::{Map, Value, json};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use crate::settings::log_directives;
use crate::shell::Machine;

/// The namespace of every metric.
const NAMESPACE: &str = "Lanyard";

/// Starts structured logging. A second call changes nothing.
pub fn start() {
    // `EnvFilter` would bring an engine for regular expressions, 0.2 MB of each function.
    let filter: Targets =
        log_directives().parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false);
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
}

/// A journal in CloudWatch's embedded metric format.
#[derive(Debug)]
pub struct Emf {
    function: String,
}

impl Emf {
    /// A journal for one function.
    #[must_use]
    pub fn new(function: String) -> Self {
        Self { function }
    }

    fn print(&self, mut line: Map<String, Value>, dimensions: &Value, metrics: &[(&str, &str)]) {
        let metrics: Vec<_> =
            metrics.iter().map(|(name, unit)| json!({"Name": name, "Unit": unit})).collect();
        line.insert("function".to_owned(), json!(self.function));
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": Machine.now().timestamp_millis(),
                "CloudWatchMetrics": [{
                    "Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": metrics,
                }],
            }),
        );
        let mut text = Value::Object(line).to_string();
        text.push('\n');
        // Nothing can be done about a log that does not take a line.
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }
}

impl Journal for Emf {
    fn write(&self, line: &RequestLine) {
        let dimensions = match (&line.event, &line.model) {
            (Some(_), Some(_)) => json!([["function"], ["event"], ["event", "model"], ["outcome"]]),
            (Some(_), None) => json!([["function"], ["event"], ["outcome"]]),
            (None, _) => json!([["function"], ["outcome"]]),
        };
        let metrics = [
            ("requests", "Count"),
            ("prompt_tokens", "Count"),
            ("completion_tokens", "Count"),
            ("duration_ms", "Milliseconds"),
            ("first_byte_ms", "Milliseconds"),
        ];
        self.print(fields(line), &dimensions, &metrics);
    }

    fn count(&self, incident: Incident, event: Option<&EventId>) {
        let mut line = Map::new();
        line.insert(incident.name().to_owned(), json!(1));
        let dimensions = match event {
            Some(event) => {
                line.insert("event".to_owned(), json!(event.as_str()));
                json!([["function"], ["event"]])
            }
            None => json!([["function"]]),
        };
        self.print(line, &dimensions, &[(incident.name(), "Count")]);
    }
}

/// The line of a finished request, without the envelope of its metrics.
#[must_use]
pub fn fields(line: &RequestLine) -> Map<String, Value> {
    let all = json!({
        "message": "request finished",
        "request_id": line.request_id.as_ref().map(|id| id.as_str()),
        "event": line.event.as_ref().map(EventId::as_str),
        "attendee": line.attendee,
        "operation": line.operation.map(|operation| operation.name()),
        "model": line.model.as_ref().map(|model| model.as_str()),
        "outcome": line.outcome,
        "status": line.status,
        "is_estimated": line.is_estimated,
        "is_streamed": line.is_streamed,
        "requests": 1,
        "prompt_tokens": line.charge.prompt_tokens,
        "completion_tokens": line.charge.completion_tokens,
        "duration_ms": line.duration_ms,
        "first_byte_ms": line.first_byte_ms,
    });
    match all {
        Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Map::new(),
    }
}
