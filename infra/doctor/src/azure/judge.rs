//! Judges Azure's responses, and advises how to fix problems.

use chrono::{DateTime, Utc};
use lanyard_domain::catalog::{CompletionField, Deployment};
use lanyard_domain::model_warnings;
use lanyard_protocol::added::{AddedField, RefusedFields};
use serde_json::{Value, json};

use super::Limits;
use crate::client::{NoResponse, Response, Streamed, is_local};
use crate::delivery::Delivery;
use crate::finding::{Finding, grouped};
use crate::inventory::{Listed, put};

/// Below this share of its limit, a deployment is used by something else.
const BUSY: u64 = 10;

/// Judges the response to the cheapest request. The caller sets the name of the check.
pub(super) fn call(deployment: &Listed, response: &Response, base: &str) -> Finding {
    let status = response.status.as_u16();
    // Some of Azure's codes repeat the status.
    let code = response.code().filter(|code| *code != response.status.as_str());
    let code = code.map(|code| format!(" {code}")).unwrap_or_default();
    let fail =
        |seen: &str, advice: String| Finding::fail("", format!("{status}{code}: {seen}"), advice);
    let put = |changes: &[(&str, Value)]| put(base, deployment, changes);
    match status {
        200..=299 if is_model_response(&response.json()) => {
            let seen = format!("Responds in {} ms.", response.elapsed.as_millis());
            Finding::ok("", seen)
        }
        200..=299 => fail(
            "the response is not from a model.",
            "The endpoint is not Azure OpenAI. Find the endpoint in the Azure portal, under Keys \
             and Endpoint."
                .to_owned(),
        ),
        300..=399 => fail(
            "the endpoint redirects, and redirects are not followed.",
            format!("Set the correct endpoint:\n{}", put(&[("endpoint", json!("ENDPOINT"))])),
        ),
        401 => fail(
            "Azure rejects the key.",
            format!(
                "Copy a key from the Azure portal, under Keys and Endpoint, and set it:\n{}",
                put(&[("key", json!("KEY"))])
            ),
        ),
        403 => fail(
            "Azure accepts the key and rejects the request.",
            "Allow this machine and AWS in the network rules of the resource, and check in the \
             Azure portal whether the resource is blocked."
                .to_owned(),
        ),
        404 => missing(deployment, response.code().as_deref(), fail, put),
        429 => Finding::warn(
            "",
            format!("429{code}: rate limited. The key and the names are correct."),
            "Run the doctor again in a minute. If it is still rate limited, raise its quota in \
             the Azure portal, or add a replica in another region.",
        ),
        500..=599 => fail(
            "Azure returned an error.",
            "Run the doctor again in a minute, and check https://status.azure.com. A replica in \
             another region helps until Azure recovers."
                .to_owned(),
        ),
        _ => fail(
            "Azure rejects a simple request.",
            format!(
                "Check whether the model supports {}, and set the operations that it supports:\n{}",
                operations(deployment),
                put(&[])
            ),
        ),
    }
}

fn missing(
    deployment: &Listed,
    code: Option<&str>,
    fail: impl Fn(&str, String) -> Finding,
    put: impl Fn(&[(&str, Value)]) -> String,
) -> Finding {
    if code == Some("DeploymentNotFound") {
        let seen = format!(
            "the resource has no deployment named {}, or it was created a few minutes ago.",
            deployment.azure_name
        );
        return fail(
            &seen,
            format!(
                "Find the deployment's name in the Azure portal, and set it:\n{}",
                put(&[("azure_name", json!("NAME"))])
            ),
        );
    }
    fail(
        "the resource does not have this path.",
        format!(
            "Compare endpoint, azure_name and api with the Azure portal, and correct them. An old \
             resource may support only the classic API:\n{}",
            put(&[("api", json!("classic")), ("api_version", json!("2024-10-21"))])
        ),
    )
}

fn operations(deployment: &Listed) -> String {
    deployment.operations.iter().map(|one| one.name()).collect::<Vec<_>>().join(" and ")
}

/// The response of each operation has one of these lists.
fn is_model_response(body: &Value) -> bool {
    ["choices", "data", "results", "output", "content"].iter().any(|list| body[list].is_array())
}

/// The endpoint does not respond.
pub(super) fn no_response(reason: NoResponse) -> Finding {
    let advice = match reason {
        NoResponse::UnknownName => {
            "The resource was deleted, or its name is wrong: compare the endpoint with the Azure \
             portal. A private endpoint can be resolved only inside its network."
        }
        NoResponse::Refused => "Check that the endpoint is correct.",
        NoResponse::Tls => {
            "Look for a proxy between this machine and Azure that intercepts TLS. It does not \
             affect AWS."
        }
        NoResponse::Late | NoResponse::Broken => {
            "Run the doctor again, look for a firewall, and check https://status.azure.com."
        }
    };
    Finding::fail("", format!("Cannot be reached: {reason}."), advice)
}

/// A model that is not known, or is soon retired. Those of a simulator on this machine never are.
pub(super) fn model(deployment: &Deployment, check: &str, now: DateTime<Utc>) -> Vec<Finding> {
    if is_local(&deployment.endpoint) {
        return Vec::new();
    }
    let advice = "Set the model with lanyard deployment edit --model or PUT \
                  /api/admin/deployments/NAME, or replace the deployment.";
    let warnings = model_warnings::of(deployment, now).into_iter();
    warnings.map(|warning| Finding::warn(check, warning, advice)).collect()
}

/// The deployment needs the other field for max output tokens.
pub(super) fn other_field(deployment: &Listed, field: CompletionField, base: &str) -> Finding {
    let name = field.name();
    let seen = format!("400: the model needs {name}, and the deployment has the other field.");
    let call = put(base, deployment, &[("completion_field", json!(name))]);
    Finding::fail("", seen, format!("Set the field:\n{call}"))
}

/// The fields of the gateway's that the model refuses, if it refuses any.
pub(super) fn refused(
    deployment: &Listed,
    known: RefusedFields,
    found: RefusedFields,
    base: &str,
) -> Option<Finding> {
    let is_added = |field: &AddedField| *field != AddedField::SafetyIdentifier;
    let names: Vec<_> = found.iter().filter(is_added).map(AddedField::name).collect();
    let seen = match names.as_slice() {
        [] => return None,
        names => format!("The model refuses {}, so it is asked without.", names.join(" and ")),
    };
    let counted = match found.has(AddedField::StreamOptions) {
        true => " Streams are charged by their text.",
        false => "",
    };
    if found == known {
        return Some(Finding::ok("", format!("{seen}{counted}")));
    }
    let call = put(base, deployment, &[("model", json!("MODEL"))]);
    let advice = format!(
        "Requests work: the gateway repeats the first one without these fields. Set the model, so \
         that it need not find out:\n{call}"
    );
    Some(Finding::warn("", format!("{seen}{counted}"), advice))
}

/// Compares Azure's limits with the configured ones.
pub(super) fn limits(deployment: &Listed, limits: Limits, base: &str) -> Finding {
    let declared = deployment.tokens_per_minute;
    let Some(tokens) = limits.tokens else {
        let seen = match declared {
            Some(declared) => {
                format!("Azure reports no limit. Configured: {} tokens/min.", grouped(declared))
            }
            None => "Azure reports no limit, and none is configured.".to_owned(),
        };
        return Finding::skip("", seen);
    };
    let requests = match limits.requests {
        Some(requests) => format!(", {} requests/min", grouped(requests)),
        None => String::new(),
    };
    let seen = format!("Azure grants {} tokens/min{requests}", grouped(tokens));
    let write = |why: &str| {
        let mut changes = vec![("tokens_per_minute", json!(tokens))];
        changes.extend(limits.requests.map(|requests| ("requests_per_minute", json!(requests))));
        format!("{why}\n{}", put(base, deployment, &changes))
    };
    match declared {
        Some(declared) if declared > tokens => Finding::warn(
            "",
            format!("{seen}; configured: {} tokens/min.", grouped(declared)),
            write(
                "Azure may lower a limit for some hours. Raise the quota in the Azure portal, or \
                 configure the current limit:",
            ),
        ),
        Some(_)
            if limits.requests < deployment.requests_per_minute && limits.requests.is_some() =>
        {
            let declared = deployment.requests_per_minute.unwrap_or_default();
            Finding::warn(
                "",
                format!("{seen}; configured: {} requests/min.", grouped(declared)),
                write("Configure the current limit:"),
            )
        }
        Some(_) | None if is_busy(limits, tokens) => Finding::warn(
            "",
            format!("{seen}, and most of this minute's tokens are used."),
            "Something else is using the deployment. Give the event its own deployment.",
        ),
        Some(declared) => {
            Finding::ok("", format!("{seen}; configured: {} tokens/min.", grouped(declared)))
        }
        None => Finding::warn(
            "",
            format!("{seen}; no limit is configured."),
            write("New events use the configured limit. Configure it:"),
        ),
    }
}

fn is_busy(limits: Limits, tokens: u64) -> bool {
    limits.remaining_tokens.is_some_and(|remaining| remaining < tokens / BUSY)
}

/// Checks that Azure's own stream arrives in chunks and has usage.
pub(super) fn stream(streamed: &Result<Streamed, NoResponse>, is_counted: bool) -> Finding {
    let frames = match streamed {
        Ok(Streamed::EventStream(frames)) => frames,
        Ok(Streamed::Other(response)) if response.status.as_u16() == 429 => {
            let seen = "429: rate limited, so the stream was not checked.";
            return Finding::warn("", seen, "Run the doctor again in a minute.");
        }
        Ok(Streamed::Other(response)) => {
            let seen = format!(
                "{} {}: the response is not a stream.",
                response.status.as_u16(),
                response.code().unwrap_or_default()
            );
            let advice = "Check in the Azure portal whether the model supports streaming.";
            return Finding::fail("", seen, advice);
        }
        Err(reason) => {
            let seen = format!("The stream was interrupted: {reason}.");
            return Finding::fail("", seen, "Run the doctor again, then look for a proxy.");
        }
    };
    let words = frames.times.words();
    if frames.has_error || !frames.is_done {
        let seen = format!("{words}; the stream ended early.");
        return Finding::fail(
            "",
            seen,
            "Run the doctor again, and check https://status.azure.com.",
        );
    }
    if frames.total_tokens.is_none() && is_counted {
        return Finding::fail(
            "",
            format!("{words}; the requested usage is missing."),
            "Streams would be charged by estimate. Use a newer model version or, with the classic \
             API, api_version 2024-10-21 or later.",
        );
    }
    let usage = if frames.total_tokens.is_some() { "usage at the end" } else { "without usage" };
    match frames.times.delivery() {
        Delivery::Incremental => Finding::ok("", format!("{words}, {usage}.")),
        Delivery::Unclear => {
            Finding::ok("", format!("{words}, {usage}; too few or too fast to judge the timing."))
        }
        Delivery::Buffered => Finding::warn(
            "",
            format!("{words}: all at once."),
            "Azure's content filter buffers streams by default. To stream without delay, choose \
             the asynchronous filter for the deployment in the Azure portal.",
        ),
    }
}

#[cfg(test)]
mod tests;
