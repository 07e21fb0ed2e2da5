//! What the calls to the service show.

use http::HeaderMap;
use lanyard_domain::operation::Operation;
use serde_json::Value;

use super::{Charged, Usage};
use crate::client::{EventStream, NoResponse, Response, Streamed};
use crate::delivery::{ChunkTimes, Delivery};
use crate::finding::Finding;

pub(super) fn judge_call(
    check: String,
    operation: Operation,
    called: &Result<Response, NoResponse>,
    charged: &mut Charged,
) -> Finding {
    let response = match called {
        Ok(response) => response,
        Err(reason) => return no_response(check, *reason),
    };
    if !response.status.is_success() {
        return rejected(check, response);
    }
    // Azure counts no tokens for a moderation.
    let is_free = operation == Operation::Moderations;
    let tokens = total_tokens(&response.json()["usage"]);
    let Some(tokens) = tokens.or(is_free.then_some(0)) else {
        let advice = "The request is charged by estimate. See the azure checks.";
        return Finding::fail(check, "The response has no usage.", advice);
    };
    charged.requests += 1;
    charged.tokens += tokens;
    if !response.headers.contains_key("x-request-id") {
        return no_request_id(check);
    }
    let usage = if is_free { "" } else { " with usage" };
    Finding::ok(check, format!("Responds in {} ms{usage}.", response.elapsed.as_millis()))
}

/// All tokens of a response. Anthropic's format has no sum of them.
fn total_tokens(usage: &Value) -> Option<u64> {
    let of = |name: &str| usage[name].as_u64();
    let cached = ["cache_read_input_tokens", "cache_creation_input_tokens"];
    let cached: u64 = cached.into_iter().filter_map(of).sum();
    of("total_tokens").or_else(|| Some(of("input_tokens")? + of("output_tokens")? + cached))
}

pub(super) fn judge_stream(
    check: String,
    called: &Result<Streamed, NoResponse>,
    is_counted: bool,
    direct: Option<&ChunkTimes>,
    charged: &mut Charged,
) -> Finding {
    let frames = match called {
        Ok(Streamed::EventStream(frames)) => frames,
        Ok(Streamed::Other(response)) if response.status.is_success() => {
            let advice = "A proxy changes the responses, or another version is deployed.";
            return Finding::fail(check, "The response is not a stream.", advice);
        }
        Ok(Streamed::Other(response)) => return rejected(check, response),
        Err(reason) => return no_response(check, *reason),
    };
    if frames.total_tokens.is_some() || !is_counted {
        charged.requests += 1;
        charged.tokens += frames.total_tokens.unwrap_or_default();
    }
    judge_frames(check, frames, is_counted, direct)
}

fn judge_frames(
    check: String,
    frames: &EventStream,
    is_counted: bool,
    direct: Option<&ChunkTimes>,
) -> Finding {
    let words = frames.times.words();
    let lacks_usage = is_counted && frames.total_tokens.is_none();
    if frames.has_error || !frames.is_done || lacks_usage {
        let missing = match lacks_usage {
            true => "the usage is missing",
            false => "the stream ended early",
        };
        let advice = format!("If the azure stream is complete: {}", find(&frames.headers));
        return Finding::fail(check, format!("{words}; {missing}."), advice);
    }
    if !frames.headers.contains_key("x-request-id") {
        return no_request_id(check);
    }
    let delivery = match direct {
        Some(direct) => frames.times.delivery_compared_to(direct),
        None => frames.times.delivery(),
    };
    let direct_pace = direct.map(ChunkTimes::delivery);
    match (delivery, direct_pace) {
        (Delivery::Incremental, _) => Finding::ok(check, format!("{words}.")),
        (Delivery::Unclear, _) => {
            Finding::ok(check, format!("{words}; too few or too fast to judge the timing."))
        }
        (Delivery::Buffered, Some(Delivery::Incremental)) => Finding::fail(
            check,
            format!("{words}: all at once, but Azure sends them one by one."),
            "Something between the function and this machine buffers the response. On AWS, every \
             streamed route of template.yaml needs ResponseTransferMode: RESPONSE_STREAM; deploy \
             again. Elsewhere, look for a proxy that buffers.",
        ),
        (Delivery::Buffered, Some(Delivery::Buffered | Delivery::Unclear) | None) => Finding::warn(
            check,
            format!("{words}: all at once. Azure may have sent them like this."),
            "See the azure stream check. Without a key, it is skipped.",
        ),
    }
}

pub(super) fn judge_account(before: Usage, after: Usage, charged: Charged) -> Finding {
    const CHECK: &str = "service accounting";
    let requests = after.requests.saturating_sub(before.requests);
    let tokens = after.total_tokens.saturating_sub(before.total_tokens);
    let seen = format!(
        "The attendee's account has {requests} of {} requests and {tokens} of {} tokens",
        charged.requests, charged.tokens
    );
    if after.held_tokens > 0 {
        let held = after.held_tokens;
        return Finding::warn(
            CHECK,
            format!("{seen}; {held} tokens are still reserved."),
            "Reservations end with the attendee's other requests, or the sweep function releases \
             them within half an hour. If they stay, check its log.",
        );
    }
    // Others may use the same user name at the same time.
    if requests < charged.requests || tokens < charged.tokens {
        let advice = "Usage is missing. Search the functions' logs for accounting, and see the \
                    checks of the table.";
        return Finding::fail(CHECK, format!("{seen}."), advice);
    }
    Finding::ok(CHECK, format!("{seen}; nothing is reserved."))
}

fn no_request_id(check: String) -> Finding {
    let advice = "A proxy removes headers. Without the request id, a request cannot be found in the \
                logs.";
    Finding::fail(check, "The response has no x-request-id.", advice)
}

fn no_response(check: String, reason: NoResponse) -> Finding {
    let advice = "Check the function's log, and look for a proxy.";
    Finding::fail(check, format!("{reason}."), advice)
}

/// Where a request is found: in the log of its function, or of the local service.
fn find(headers: &HeaderMap) -> String {
    let id = headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or("unknown");
    format!("Search for {id} in the function's log, or in what the local service prints.")
}

/// What an error of the service means for its operator.
pub(super) fn rejected(check: String, response: &Response) -> Finding {
    let status = response.status.as_u16();
    let code = response.code().unwrap_or_default();
    let seen = format!("{status} {code}.");
    let advice = match code.as_str() {
        "invalid_event_code" => "No event has this code. GET /admin/events lists your codes.",
        "event_not_started" | "event_ended" | "event_paused" => {
            "The event is not open. Use --code with the code of an open event, or leave it out."
        }
        "event_full" | "attendee_blocked" => {
            "Raise allowances.event.attendees, unblock the attendee, or use another name: --code \
             CODE/USER."
        }
        "upstream_misconfigured" => {
            "Azure rejects the service's request: see the azure checks above. If they pass, the \
             function cannot read the key: check its log."
        }
        "rate_limit_exceeded" | "too_many_in_flight" | "insufficient_quota" => {
            return Finding::warn(
                check,
                seen,
                "A limit of the attendee or of the event is reached. Wait, raise it, or use \
                 another name: --code CODE/USER.",
            );
        }
        "upstream_busy" => {
            return Finding::warn(check, seen, "Azure is busy: see the azure limits checks.");
        }
        "accounting_unavailable" => {
            "The usage store is unavailable: see the checks of the table, and the function's log."
        }
        "allowance_too_small" => {
            "The event's limits are smaller than one short request. Raise its limits on tokens."
        }
        _ => return Finding::fail(check, seen, find(&response.headers)),
    };
    Finding::fail(check, seen, advice)
}

#[cfg(test)]
mod tests;
