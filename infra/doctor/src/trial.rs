//! Uses an event as an attendee would: every model whole and streamed, and whether each token is
//! accounted for.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use http::HeaderValue;
use lanyard_domain::catalog::CompletionField;
use lanyard_domain::operation::Operation;
use lanyard_protocol::Protocol;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::asker::{Answer, Asker, Frames, Silence, Streamed, streamed, whole};
use super::azure::{long_chat, question};
use super::finding::{Finding, Level};
use super::holdings::Holdings;
use super::pace::{Arrivals, Pace};
use super::secret::Secret;

/// The user that the doctor is at an event.
pub(super) const USER: &str = "lanyard-doctor";

/// How long a settlement may take to show.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);

/// How often it is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What Azure sent directly, by the model's name.
pub(super) type Direct<'d> = Vec<(&'d str, &'d Arrivals)>;

/// The credential to use: the one that was given, or that of an open event.
#[must_use]
pub(super) fn credential(given: Option<&Secret>, holdings: Option<&Holdings>) -> Option<Secret> {
    let open = || Some(&holdings?.events.iter().find(|event| event.is_open())?.code);
    given.or_else(open).map(|code| code.with_user(USER))
}

/// Says how to make an event to try things with.
#[must_use]
pub(super) fn without_credential(base: &str, now: DateTime<Utc>) -> Finding {
    let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let event = json!({
        "name": "Trial", "attendees": 10, "time_zone": "UTC",
        "starts_at": instant(now), "ends_at": instant(now + TimeDelta::hours(1)),
    });
    Finding::skip("service calls", "No open event and no code, so nothing was called.").next(
        format!(
            "Create an event for an hour, and run the doctor again:\n  \
             curl {base}/admin/events -H \"Authorization: Bearer $LANYARD_ORGANISER_TOKEN\" \\\n    \
             -H 'Content-Type: application/json' -d '{event}'"
        ),
    )
}

/// The event as the attendee sees it.
#[derive(Clone, Debug, Deserialize)]
struct View {
    models: Vec<Model>,
    usage: Usage,
}

#[derive(Clone, Debug, Deserialize)]
struct Model {
    id: String,
    operations: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
struct Usage {
    requests: u64,
    total_tokens: u64,
    held_tokens: u64,
}

/// Tries the event's models one after the other, or only those that are named.
pub(super) async fn run(
    asker: &Asker,
    base: &str,
    credential: &Secret,
    direct: &Direct<'_>,
    only: &[String],
) -> Vec<Finding> {
    let Some(code) = credential.header("") else {
        let mend = "A code has letters, digits, - _ and dots, then / and a user name.";
        return vec![Finding::fail(
            "service calls",
            "The code has characters that are not allowed.",
            mend,
        )];
    };
    let trial = Trial { asker, base, code };
    let mut before = match trial.view().await {
        Ok(view) => view,
        Err(finding) => return vec![finding],
    };
    before.models.retain(|model| only.is_empty() || only.contains(&model.id));
    let mut findings = Vec::new();
    let mut spent = Spent::default();
    let mut left_out = BTreeSet::new();
    for model in &before.models {
        let direct = direct.iter().find(|(name, _)| *name == model.id).map(|(_, stream)| *stream);
        for name in &model.operations {
            // A later service may have operations that this doctor does not know.
            match name.parse().ok().and_then(|operation| Some((operation, cheapest(operation)?))) {
                Some((operation, body)) => {
                    findings.push(trial.call(&model.id, operation, body, &mut spent).await);
                    if operation == Operation::ChatCompletions {
                        findings.push(trial.stream(&model.id, direct, &mut spent).await);
                    }
                }
                None => {
                    left_out.insert(name.as_str());
                }
            }
        }
    }
    if !left_out.is_empty() {
        let left_out = left_out.into_iter().collect::<Vec<_>>().join(", ");
        let seen =
            format!("Not called, because they are expensive or store something: {left_out}.");
        findings.push(Finding::skip("service others", seen));
    }
    if before.models.is_empty() {
        let mend = "Offer deployments at the event: PATCH its field deployments, or add a \
                    deployment.";
        findings.push(Finding::fail("service calls", "The event has no such model.", mend));
    } else {
        findings.push(trial.settled(before.usage, spent).await);
    }
    findings
}

/// What the answers said that they cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Spent {
    requests: u64,
    tokens: u64,
}

struct Trial<'t> {
    asker: &'t Asker,
    base: &'t str,
    code: HeaderValue,
}

impl Trial<'_> {
    async fn view(&self) -> Result<View, Finding> {
        const CHECK: &str = "service event";
        let url = format!("{}/v1/event", self.base);
        let asked = whole(self.asker.get(&url).header("openai-event-code", self.code.clone()));
        let answer = asked.await.map_err(|silence| {
            Finding::fail(CHECK, format!("GET /v1/event: {silence}."), "Run the doctor again.")
        })?;
        if !answer.status.is_success() {
            return Err(refused(CHECK.to_owned(), &answer));
        }
        serde_json::from_slice(&answer.body).map_err(|_| {
            let seen = "The response of GET /v1/event cannot be read.";
            Finding::fail(CHECK, seen, "Use the doctor of the deployed version.")
        })
    }

    async fn call(
        &self,
        model: &str,
        operation: Operation,
        body: Value,
        spent: &mut Spent,
    ) -> Finding {
        let check = format!("service {model} {}", operation.name());
        let called = whole(self.post(Protocol::of(operation).path, model, body)).await;
        judge_call(check, operation, &called, spent)
    }

    async fn stream(&self, model: &str, direct: Option<&Arrivals>, spent: &mut Spent) -> Finding {
        let path = Protocol::of(Operation::ChatCompletions).path;
        let called = streamed(self.post(path, model, long_chat())).await;
        judge_stream(format!("service {model} stream"), &called, direct, spent)
    }

    fn post(&self, path: &str, model: &str, mut body: Value) -> reqwest::RequestBuilder {
        body["model"] = json!(model);
        let url = format!("{}/v1/{path}", self.base);
        self.asker.post(&url, &body).header("openai-event-code", self.code.clone())
    }

    /// Waits until what was spent shows in the account.
    async fn settled(&self, before: Usage, spent: Spent) -> Finding {
        let deadline = Instant::now() + SETTLED_WITHIN;
        loop {
            let after = match self.view().await {
                Ok(view) => view.usage,
                Err(finding) => return finding,
            };
            let finding = judge_account(before, after, spent);
            if finding.level == Level::Ok || Instant::now() > deadline {
                return finding;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// The cheapest body of an operation, with room for a model to think in. The gateway writes the
/// cap as each deployment takes it.
fn cheapest(operation: Operation) -> Option<Value> {
    let mut body = question(operation, CompletionField::MaxTokens)?;
    if operation == Operation::ChatCompletions {
        body[CompletionField::MaxTokens.name()] = json!(16);
    }
    Some(body)
}

fn judge_call(
    check: String,
    operation: Operation,
    called: &Result<Answer, Silence>,
    spent: &mut Spent,
) -> Finding {
    let answer = match called {
        Ok(answer) => answer,
        Err(silence) => return silent(check, *silence),
    };
    if !answer.status.is_success() {
        return refused(check, answer);
    }
    // Azure counts no tokens for a moderation.
    let is_free = operation == Operation::Moderations;
    let tokens = answer.json()["usage"]["total_tokens"].as_u64();
    let Some(tokens) = tokens.or(is_free.then_some(0)) else {
        let mend = "The request is charged by estimate. See the azure checks.";
        return Finding::fail(check, "The response has no usage.", mend);
    };
    spent.requests += 1;
    spent.tokens += tokens;
    if !answer.headers.contains_key("x-request-id") {
        return without_id(check);
    }
    let usage = if is_free { "" } else { " with usage" };
    Finding::ok(check, format!("Responds in {} ms{usage}.", answer.took.as_millis()))
}

fn judge_stream(
    check: String,
    called: &Result<Streamed, Silence>,
    direct: Option<&Arrivals>,
    spent: &mut Spent,
) -> Finding {
    let frames = match called {
        Ok(Streamed::Frames(frames)) => frames,
        Ok(Streamed::Other(answer)) if answer.status.is_success() => {
            let mend = "A proxy changes the responses, or another version is deployed.";
            return Finding::fail(check, "The response is not a stream.", mend);
        }
        Ok(Streamed::Other(answer)) => return refused(check, answer),
        Err(silence) => return silent(check, *silence),
    };
    if let Some(tokens) = frames.total_tokens {
        spent.requests += 1;
        spent.tokens += tokens;
    }
    judge_frames(check, frames, direct)
}

fn judge_frames(check: String, frames: &Frames, direct: Option<&Arrivals>) -> Finding {
    let words = frames.arrivals.words();
    if frames.has_error || !frames.is_done || frames.total_tokens.is_none() {
        let missing = match frames.total_tokens {
            None => "the usage is missing",
            Some(_) => "the stream ended early",
        };
        let mend = "If the azure stream is complete, search the function's log for the \
                    x-request-id.";
        return Finding::fail(check, format!("{words}; {missing}."), mend);
    }
    if !frames.headers.contains_key("x-request-id") {
        return without_id(check);
    }
    let pace = match direct {
        Some(direct) => frames.arrivals.pace_beside(direct),
        None => frames.arrivals.pace(),
    };
    let direct_pace = direct.map(Arrivals::pace);
    match (pace, direct_pace) {
        (Pace::Apart, _) => Finding::ok(check, format!("{words}.")),
        (Pace::Unclear, _) => {
            Finding::ok(check, format!("{words}; too few or too fast to judge the timing."))
        }
        (Pace::Lump, Some(Pace::Apart)) => Finding::fail(
            check,
            format!("{words}: all at once, but Azure sends them one by one."),
            "Something between the function and this machine buffers the response. On AWS, every \
             streamed route of template.yaml needs ResponseTransferMode: RESPONSE_STREAM; deploy \
             again. Elsewhere, look for a proxy that buffers.",
        ),
        (Pace::Lump, Some(Pace::Lump | Pace::Unclear) | None) => Finding::warn(
            check,
            format!("{words}: all at once. Azure may have sent them like this."),
            "See the azure stream check. Without a key, it is skipped.",
        ),
    }
}

fn judge_account(before: Usage, after: Usage, spent: Spent) -> Finding {
    const CHECK: &str = "service accounting";
    let requests = after.requests.saturating_sub(before.requests);
    let tokens = after.total_tokens.saturating_sub(before.total_tokens);
    let seen = format!(
        "The attendee's account has {requests} of {} requests and {tokens} of {} tokens",
        spent.requests, spent.tokens
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
    // Others may use the same name at the same time.
    if requests < spent.requests || tokens < spent.tokens {
        let mend = "Usage is missing. Search the functions' logs for accounting, and see the \
                    checks of the table.";
        return Finding::fail(CHECK, format!("{seen}."), mend);
    }
    Finding::ok(CHECK, format!("{seen}; nothing is reserved."))
}

fn without_id(check: String) -> Finding {
    let mend = "A proxy removes headers. Without the request id, a request cannot be found in the \
                logs.";
    Finding::fail(check, "The response has no x-request-id.", mend)
}

fn silent(check: String, silence: Silence) -> Finding {
    let mend = "Check the function's log, and look for a proxy.";
    Finding::fail(check, format!("{silence}."), mend)
}

/// What a refusal of our own means to an operator.
fn refused(check: String, answer: &Answer) -> Finding {
    let status = answer.status.as_u16();
    let code = answer.code().unwrap_or_default();
    let seen = format!("{status} {code}.");
    let mend = match code.as_str() {
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
            "The event's limits are smaller than one short request. Raise its tokens per minute."
        }
        _ => "Search the function's log for the x-request-id.",
    };
    Finding::fail(check, seen, mend)
}

#[cfg(test)]
mod tests;
