//! What Azure's answers mean for the event, and how to mend what is wrong.

use lanyard_domain::catalog::CompletionField;
use serde_json::{Value, json};

use super::Limits;
use crate::asker::{Answer, Silence, Streamed};
use crate::finding::{Finding, grouped};
use crate::holdings::{Listed, put};
use crate::pace::Pace;

/// Below this share of its limit a deployment is busy with something else.
const BUSY: u64 = 10;

/// What follows from the answer to the cheapest call. The check's name is the caller's to give.
pub(super) fn call(deployment: &Listed, answer: &Result<Answer, Silence>, base: &str) -> Finding {
    let answer = match answer {
        Ok(answer) => answer,
        Err(silence) => return silent(*silence),
    };
    let status = answer.status.as_u16();
    // Some of Azure's codes are the status again.
    let code = answer.code().filter(|code| *code != answer.status.as_str());
    let code = code.map(|code| format!(" {code}")).unwrap_or_default();
    let fail =
        |seen: &str, mend: String| Finding::fail("", format!("{status}{code}: {seen}"), mend);
    let put = |changes: &[(&str, Value)]| put(base, deployment, changes);
    match status {
        200..=299 if is_answer(&answer.json()) => {
            let seen = format!("It answers in {} ms.", answer.took.as_millis());
            Finding::ok("", seen)
        }
        200..=299 => fail(
            "what came is no answer of a model.",
            "Something else than Azure OpenAI answers at its endpoint. Look it up in the Azure \
             portal, under Keys and Endpoint."
                .to_owned(),
        ),
        300..=399 => fail(
            "its endpoint redirects, which is never followed.",
            format!("Write the true endpoint:\n{}", put(&[("endpoint", json!("ENDPOINT"))])),
        ),
        401 => fail(
            "Azure refuses the key.",
            format!(
                "Copy a key from the Azure portal, under Keys and Endpoint, and write it:\n{}",
                put(&[("key", json!("KEY"))])
            ),
        ),
        403 => fail(
            "Azure knows the key and refuses the call.",
            "Open the resource's network rules for this machine and for AWS, and look in the \
             Azure portal whether the resource is blocked."
                .to_owned(),
        ),
        404 => missing(deployment, answer.code().as_deref(), fail, put),
        429 => Finding::warn(
            "",
            format!("429{code}: it is busy. The key and the names are right."),
            "Run the doctor again in a minute. If it stays so, raise its quota in the Azure portal, \
             or add a replica in another region.",
        ),
        500..=599 => fail(
            "Azure fails.",
            "Run the doctor again in a minute, and look at https://status.azure.com. A replica in \
             another region helps while it lasts."
                .to_owned(),
        ),
        _ => fail(
            "Azure refuses a plain call.",
            format!(
                "Look whether the model behind it does {}, and write what it does:\n{}",
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
            "the resource has no deployment named {}, or has it since a few minutes only.",
            deployment.azure_name
        );
        return fail(
            &seen,
            format!(
                "Look up the deployment's name in the Azure portal, and write it:\n{}",
                put(&[("azure_name", json!("NAME"))])
            ),
        );
    }
    fail(
        "nothing is at this path of the resource.",
        format!(
            "Compare endpoint, azure_name and api with the Azure portal, and write what is right. \
             An old resource may know the classic form only:\n{}",
            put(&[("api", json!("classic")), ("api_version", json!("2024-10-21"))])
        ),
    )
}

fn operations(deployment: &Listed) -> String {
    deployment.operations.iter().map(|one| one.name()).collect::<Vec<_>>().join(" and ")
}

/// Each operation's answer has one list by which it is known.
fn is_answer(body: &Value) -> bool {
    ["choices", "data", "results", "output"].iter().any(|list| body[list].is_array())
}

fn silent(silence: Silence) -> Finding {
    let mend = match silence {
        Silence::UnknownName => {
            "The resource is gone, or its name is written wrong: compare the endpoint with the Azure \
             portal. A private endpoint is known inside its network only."
        }
        Silence::Refused => "Look whether the endpoint is right, and what listens there.",
        Silence::Tls => {
            "Look for a proxy on this machine's way to Azure that opens TLS; AWS is not behind it."
        }
        Silence::Late | Silence::Broken => {
            "Run the doctor again; then look for a firewall, and at https://status.azure.com."
        }
    };
    Finding::fail("", format!("It cannot be reached: {silence}."), mend)
}

/// The deployment takes the other field for the completion cap.
pub(super) fn other_field(deployment: &Listed, field: CompletionField, base: &str) -> Finding {
    let name = field.name();
    let seen = format!("400: it takes {name}, and is written down with the other field.");
    let call = put(base, deployment, &[("completion_field", json!(name))]);
    Finding::fail("", seen, format!("Write what it takes:\n{call}"))
}

/// Whether Azure's limits are those that were written down.
pub(super) fn limits(deployment: &Listed, limits: Limits, base: &str) -> Finding {
    let declared = deployment.tokens_per_minute;
    let Some(tokens) = limits.tokens else {
        let seen = match declared {
            Some(declared) => format!(
                "Azure's answer names no limit. {} tokens a minute are written down.",
                grouped(declared)
            ),
            None => "Azure's answer names no limit, and none is written down.".to_owned(),
        };
        return Finding::skip("", seen);
    };
    let requests = match limits.requests {
        Some(requests) => format!(" and {} requests", grouped(requests)),
        None => String::new(),
    };
    let seen = format!("Azure grants {} tokens{requests} a minute", grouped(tokens));
    let write = |why: &str| {
        let mut changes = vec![("tokens_per_minute", json!(tokens))];
        changes.extend(limits.requests.map(|requests| ("requests_per_minute", json!(requests))));
        format!("{why}\n{}", put(base, deployment, &changes))
    };
    match declared {
        Some(declared) if declared > tokens => Finding::warn(
            "",
            format!("{seen}; {} tokens are written down.", grouped(declared)),
            write(
                "Azure may lower a limit for some hours. Raise the quota in the Azure portal, or \
                 write down what there is:",
            ),
        ),
        Some(_)
            if limits.requests < deployment.requests_per_minute && limits.requests.is_some() =>
        {
            let declared = deployment.requests_per_minute.unwrap_or_default();
            Finding::warn(
                "",
                format!("{seen}; {} requests are written down.", grouped(declared)),
                write("Write down what there is:"),
            )
        }
        Some(_) | None if is_busy(limits, tokens) => Finding::warn(
            "",
            format!("{seen}, and most of this minute's tokens are spent."),
            "Somebody else uses the deployment now. Give the event one of its own.",
        ),
        Some(declared) => {
            Finding::ok("", format!("{seen}; {} tokens are written down.", grouped(declared)))
        }
        None => Finding::warn(
            "",
            format!("{seen}; nothing is written down."),
            write("New events reckon with what is written down:"),
        ),
    }
}

fn is_busy(limits: Limits, tokens: u64) -> bool {
    limits.remaining_tokens.is_some_and(|remaining| remaining < tokens / BUSY)
}

/// Whether a stream of Azure's own comes in frames and carries its usage.
pub(super) fn stream(streamed: &Result<Streamed, Silence>) -> Finding {
    let frames = match streamed {
        Ok(Streamed::Frames(frames)) => frames,
        Ok(Streamed::Other(answer)) if answer.status.as_u16() == 429 => {
            let seen = "429: it is busy, so its stream was not seen.";
            return Finding::warn("", seen, "Run the doctor again in a minute.");
        }
        Ok(Streamed::Other(answer)) => {
            let seen = format!(
                "{} {}: no stream came.",
                answer.status.as_u16(),
                answer.code().unwrap_or_default()
            );
            let mend = "Look in the Azure portal whether the model streams.";
            return Finding::fail("", seen, mend);
        }
        Err(silence) => {
            let seen = format!("The stream did not come to its end: {silence}.");
            return Finding::fail(
                "",
                seen,
                "Run the doctor again; then look for a proxy in between.",
            );
        }
    };
    let words = frames.arrivals.words();
    if frames.has_error || !frames.is_done {
        let seen = format!("{words}; it ended early.");
        return Finding::fail(
            "",
            seen,
            "Run the doctor again, and look at https://status.azure.com.",
        );
    }
    if frames.total_tokens.is_none() {
        return Finding::fail(
            "",
            format!("{words}; no usage came, though it was asked for."),
            "Streams would be charged by estimate. Move the deployment to a newer model version, \
             or, with api classic, to api_version 2024-10-21 or later.",
        );
    }
    match frames.arrivals.pace() {
        Pace::Apart => Finding::ok("", format!("{words}, usage at the end.")),
        Pace::Unclear => Finding::ok(
            "",
            format!("{words}, usage at the end; too few or too fast to see them apart."),
        ),
        Pace::Lump => Finding::warn(
            "",
            format!("{words}: all at once."),
            "Azure's content filter holds streams back by default. Choose the asynchronous filter \
             for the deployment in the Azure portal if attendees are to see words as they come.",
        ),
    }
}

#[cfg(test)]
mod tests;
