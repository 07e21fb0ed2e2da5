//! Logs and metrics: one JSON object a line on standard output, which Lambda sends to CloudWatch.
//!
//! A finished request is one line, which also holds its metrics in CloudWatch's embedded metric
//! format. Attendees appear as a keyed hash. Codes and texts do not appear.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
//!
//! Each combination of a metric and the values of its dimensions is billed by the hour in which it
//! is used. So there are few: five and the incidents by stack, one for each outcome, four for each
//! event. All other fields of a line are only for searches.

use std::io::Write;

use lanyard_domain::ids::EventId;
use lanyard_gateway::ports::{Clock, Incident, RequestLine, RequestLog};
use serde_json::{Map, Value, json};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use crate::settings::{log_directives, stack};
use crate::shell::Machine;

/// The namespace of every metric.
const NAMESPACE: &str = "Lanyard";

/// Starts structured logging. A second call has no effect.
pub fn start() {
    // `EnvFilter` would add a regular expression engine, 0.2 MB in each function.
    let filter: Targets =
        log_directives().parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false);
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
}

/// A metric's name and its unit.
type Metric = (&'static str, &'static str);

const REQUESTS: Metric = ("requests", "Count");
const PROMPT: Metric = ("prompt_tokens", "Count");
const COMPLETION: Metric = ("completion_tokens", "Count");
const DURATION: Metric = ("duration_ms", "Milliseconds");
const FIRST_BYTE: Metric = ("first_byte_ms", "Milliseconds");
const BUDGET: Metric = ("budget_used_percent", "Percent");

/// Metrics with the same dimensions.
struct Measured {
    dimensions: &'static [&'static str],
    metrics: Vec<Metric>,
}

/// The request log in CloudWatch's embedded metric format.
#[derive(Debug)]
pub struct Emf {
    stack: String,
    function: String,
}

impl Emf {
    /// A request log for one function. The environment names the stack.
    #[must_use]
    pub fn new(function: String) -> Self {
        Self { stack: stack(), function }
    }

    fn print(&self, line: Map<String, Value>, measured: &[Measured]) {
        let mut text = self.line(line, measured).to_string();
        text.push('\n');
        // A log line that cannot be written is lost. Nothing can be done about it.
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }

    fn line(&self, mut line: Map<String, Value>, measured: &[Measured]) -> Value {
        let directive = |measured: &Measured| {
            let metric = |(name, unit): &Metric| json!({"Name": name, "Unit": unit});
            let metrics: Vec<_> = measured.metrics.iter().map(metric).collect();
            let dimensions = [measured.dimensions];
            json!({"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": metrics})
        };
        let directives: Vec<_> = measured.iter().map(directive).collect();
        line.insert("stack".to_owned(), json!(self.stack));
        line.insert("function".to_owned(), json!(self.function));
        let at = Machine.now().timestamp_millis();
        line.insert("_aws".to_owned(), json!({"Timestamp": at, "CloudWatchMetrics": directives}));
        Value::Object(line)
    }
}

impl RequestLog for Emf {
    fn write(&self, line: &RequestLine) {
        self.print(fields(line), &measured(line));
    }

    fn count(&self, incident: Incident, event: Option<&EventId>) {
        let mut line = Map::new();
        line.insert(incident.name().to_owned(), json!(1));
        if let Some(event) = event {
            line.insert("event".to_owned(), json!(event.as_str()));
        }
        let metrics = vec![(incident.name(), "Count")];
        self.print(line, &[Measured { dimensions: &["stack"], metrics }]);
    }
}

/// The metrics of a finished request.
fn measured(line: &RequestLine) -> Vec<Measured> {
    let counted = vec![REQUESTS, PROMPT, COMPLETION];
    let mut by_stack = counted.clone();
    if line.outcome == "ok" {
        // A rejected request takes almost no time. It would distort the percentiles of the others.
        by_stack.extend([DURATION, FIRST_BYTE]);
    }
    let mut measured = vec![
        Measured { dimensions: &["stack"], metrics: by_stack },
        Measured { dimensions: &["stack", "outcome"], metrics: vec![REQUESTS] },
    ];
    if line.event.is_some() {
        measured.push(Measured { dimensions: &["stack", "event"], metrics: counted });
    }
    if line.budget_used_percent.is_some() {
        // Also by stack, because an alarm cannot name events that do not exist yet.
        for dimensions in [&["stack"] as &[_], &["stack", "event"]] {
            measured.push(Measured { dimensions, metrics: vec![BUDGET] });
        }
    }
    measured
}

/// The metrics whose only dimension is the stack. Alarms can use them.
#[must_use]
pub fn metrics_by_stack() -> Vec<&'static str> {
    let incidents = Incident::ALL.iter().map(|incident| incident.name());
    [REQUESTS, PROMPT, COMPLETION, DURATION, FIRST_BYTE, BUDGET]
        .map(|(name, _)| name)
        .into_iter()
        .chain(incidents)
        .collect()
}

/// The log line of a finished request, without the metrics around it.
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
        "dropped_tools": (!line.dropped_tools.is_empty()).then(|| line.dropped_tools.join(", ")),
        "budget_used_percent": line.budget_used_percent,
    });
    let Value::Object(fields) = all else { return Map::new() };
    fields.into_iter().filter(|(_, value)| !value.is_null()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn emf(stack: &str) -> Emf {
        Emf { stack: stack.to_owned(), function: format!("{stack}-embeddings") }
    }

    fn a_line(outcome: &'static str) -> RequestLine {
        let event = Some("evt_1".parse().unwrap());
        RequestLine { outcome, event, budget_used_percent: Some(81), ..RequestLine::default() }
    }

    /// Every metric of a line with the values of its dimensions, as CloudWatch bills them.
    fn billed(line: &Value) -> BTreeSet<String> {
        let mut billed = BTreeSet::new();
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            for set in directive["Dimensions"].as_array().unwrap() {
                let names = set.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                let values: Vec<_> = names.map(|name| line[name].as_str().unwrap()).collect();
                for metric in directive["Metrics"].as_array().unwrap() {
                    let name = metric["Name"].as_str().unwrap();
                    assert!(line[name].is_u64(), "{name} has no value: {line}");
                    billed.insert(format!("{} {name}", values.join(" ")));
                }
            }
        }
        billed
    }

    fn request(stack: &str, line: &RequestLine) -> BTreeSet<String> {
        billed(&emf(stack).line(fields(line), &measured(line)))
    }

    #[test]
    fn a_request_is_measured_by_stack_outcome_and_event_and_nothing_finer() {
        let all: Vec<_> = request("a", &a_line("ok")).into_iter().collect();
        assert_eq!(
            all,
            [
                "a budget_used_percent",
                "a completion_tokens",
                "a duration_ms",
                "a evt_1 budget_used_percent",
                "a evt_1 completion_tokens",
                "a evt_1 prompt_tokens",
                "a evt_1 requests",
                "a first_byte_ms",
                "a ok requests",
                "a prompt_tokens",
                "a requests",
            ]
        );
    }

    #[test]
    fn refusals_do_not_change_the_measured_response_times() {
        let refused = request("a", &a_line("rate_limit_exceeded"));
        assert!(!refused.iter().any(|metric| metric.ends_with("_ms")), "{refused:?}");
        assert!(refused.contains("a rate_limit_exceeded requests"));
    }

    #[test]
    fn metrics_keep_their_names_because_alarms_and_dashboards_use_them() {
        assert_eq!(
            metrics_by_stack(),
            [
                "requests",
                "prompt_tokens",
                "completion_tokens",
                "duration_ms",
                "first_byte_ms",
                "budget_used_percent",
                "settle_failed",
                "stale_event",
                "invalid_code",
                "upstream_misconfigured",
                "upstream_busy",
                "hold_expired",
                "account_mended",
                "object_unrecorded",
                "object_orphaned",
                "item_unreadable",
            ]
        );
    }

    #[test]
    fn two_stacks_in_one_account_share_no_metric() {
        let line = a_line("ok");
        assert!(request("a", &line).is_disjoint(&request("b", &line)));
    }
}
