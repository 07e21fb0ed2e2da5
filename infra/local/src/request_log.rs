//! What a developer sees of each request: one readable line on standard error.

use lanyard_domain::ids::EventId;
use lanyard_gateway::ports::{Incident, RequestLine, RequestLog};
use tracing_subscriber::EnvFilter;

/// Starts readable logging. `LANYARD_LOG` says how much; a second call changes nothing.
pub fn start_log() {
    // The embedded engine warns of every condition that fails, which is how the ledger works.
    let directives = format!("{},dynoxide=error", lanyard_platform::settings::log_directives());
    let filter = EnvFilter::try_new(directives).unwrap_or_else(|_| EnvFilter::new("info"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_writer(std::io::stderr)
        // Otherwise a line that cannot be written panics, and with it the request.
        .log_internal_errors(false)
        .try_init();
}

/// Finished requests as log lines.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogLines;

impl RequestLog for LogLines {
    fn write(&self, line: &RequestLine) {
        tracing::info!(
            status = line.status,
            outcome = line.outcome,
            operation = line.operation.map(|operation| operation.name()),
            model = line.model.as_ref().map(|model| model.as_str()),
            prompt_tokens = line.charge.prompt_tokens,
            completion_tokens = line.charge.completion_tokens,
            first_byte_ms = line.first_byte_ms,
            duration_ms = line.duration_ms,
            dropped_tools = (!line.dropped_tools.is_empty()).then(|| line.dropped_tools.join(", ")),
            request_id = line.request_id.as_ref().map(|id| id.as_str()),
            "request"
        );
    }

    fn count(&self, incident: Incident, event: Option<&EventId>) {
        tracing::warn!(incident = incident.name(), event = event.map(EventId::as_str), "incident");
    }
}
