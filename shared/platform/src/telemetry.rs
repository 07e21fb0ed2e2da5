//! Logs and metrics: one JSON object a line on standard output, which Lambda hands to CloudWatch.
//!
//! A finished request is one line that is also its metrics, in CloudWatch's embedded metric
//! format. Attendees appear as a keyed hash, codes and texts not at all.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
//!
//! Each combination of a metric and its dimensions' values is billed by the hour in which it is
//! used. So there are few: five and the incidents by stack, one for each outcome, four for each
//! event. Everything else that a line says is there to be searched for.

use std::io::Write;

use lanyard_domain::ids::EventId;
use lanyard_gateway::ports::{Clock, Incident, Journal, RequestLine};
use serde_json::{Map, Value, json};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use crate::settings::{log_directives, stack};
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

/// A metric's name and its unit.
type Metric = (&'static str, &'static str);

const REQUESTS: Metric = ("requests", "Count");
const PROMPT: Metric = ("prompt_tokens", "Count");
const COMPLETION: Metric = ("completion_tokens", "Count");
const DURATION: Metric = ("duration_ms", "Milliseconds");
const FIRST_BYTE: Metric = ("first_byte_ms", "Milliseconds");
const BUDGET: Metric = ("budget_used_percent", "Percent");

/// Metrics under the same dimensions.
struct Measured {
    dimensions: &'static [&'static str],
    metrics: Vec<Metric>,
}

/// A journal in CloudWatch's embedded metric format.
#[derive(Debug)]
pub struct Emf {
    stack: String,
    function: String,
}

impl Emf {
    /// A journal for one function of the stack that the environment names.
    #[must_use]
    pub fn new(function: String) -> Self {
        Self { stack: stack(), function }
    }

    fn print(&self, line: Map<String, Value>, measured: &[Measured]) {
        let mut text = self.line(line, measured).to_string();
        text.push('\n');
        // Nothing can be done about a log that does not take a line.
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

impl Journal for Emf {
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

/// What is measured of a finished request.
fn measured(line: &RequestLine) -> Vec<Measured> {
    let counted = vec![REQUESTS, PROMPT, COMPLETION];
    let mut by_stack = counted.clone();
    if line.outcome == "ok" {
        // A refusal takes no time worth measuring, and would hide what an answer takes.
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
        // By stack as well, because an alarm cannot name events that are yet to come.
        for dimensions in [&["stack"] as &[_], &["stack", "event"]] {
            measured.push(Measured { dimensions, metrics: vec![BUDGET] });
        }
    }
    measured
}

/// The names of the metrics that have the stack as their only dimension, which alarms can rest on.
#[must_use]
pub fn metrics_by_stack() -> Vec<&'static str> {
    let incidents = Incident::ALL.iter().map(|incident| incident.name());
    [REQUESTS, PROMPT, COMPLETION, DURATION, FIRST_BYTE, BUDGET]
        .map(|(name, _)| name)
        .into_iter()
        .chain(incidents)
        .collect()
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

    /// Every metric of a line with its dimensions' values, as CloudWatch would bill them.
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
    fn a_refusal_hides_nothing_of_how_long_answers_take() {
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
            ]
        );
    }

    #[test]
    fn two_stacks_in_one_account_share_no_metric() {
        let line = a_line("ok");
        assert!(request("a", &line).is_disjoint(&request("b", &line)));
    }
}
