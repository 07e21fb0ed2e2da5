//! Checks that the service responds, rejects an unknown code, and knows the organiser.

use http::{HeaderMap, StatusCode};
use lanyard_gateway::hex;
use lanyard_platform::shell;
use serde_json::Value;

use super::client::{HttpClient, NoResponse, Response, buffered, plain};
use super::finding::Finding;
use super::inventory::{Inventory, deployment};
use super::secret::Secret;
use super::service_calls::USER;

/// The largest page size of the organiser API.
const PAGE: &str = "limit=100";

/// A bound on the pages that are read.
const MOST_PAGES: usize = 50;

/// The base URL of the service, from a pasted address.
#[must_use]
pub fn base(address: &str) -> String {
    let address = address.trim().trim_end_matches('/');
    let address = address.strip_suffix("/v1").unwrap_or(address);
    let host = address.split_once("://").map_or(address, |(_, host)| host);
    // The service answers below its stage alone.
    if host.contains('/') { address.to_owned() } else { format!("{address}/api") }
}

/// Sends a request with an unknown code.
///
/// # Errors
///
/// Why there is no response.
pub(super) async fn probe(client: &HttpClient, base: &str) -> Result<Response, NoResponse> {
    // The code is well formed, so the service looks it up in the table.
    let random = shell::random::<8>().unwrap_or_default();
    let code = format!("doctor-{}/{USER}", hex(&random));
    buffered(client.get(&format!("{base}/v1/models")).header("openai-event-code", code)).await
}

/// Judges the response to the probe.
#[must_use]
pub(super) fn judge_probe(
    base: &str,
    response: &Result<Response, NoResponse>,
    stack: Option<&str>,
) -> Vec<Finding> {
    const CHECK: &str = "service";
    let response = match response {
        Ok(response) => response,
        Err(reason) => {
            let advice = match (stack, *reason) {
                (_, NoResponse::Tls) => {
                    "Check this machine's clock and certificates, and look for a \
                                      proxy that intercepts TLS."
                        .to_owned()
                }
                (Some(stack), _) => format!(
                    "Check that this is the stack's Address output:\n  \
                     aws cloudformation describe-stacks --stack-name {stack} --query \
                     'Stacks[0].Outputs'"
                ),
                (None, _) => "Start the local service with cargo run, or choose a deployed one \
                              with --stack NAME or --address URL."
                    .to_owned(),
            };
            return vec![Finding::fail(CHECK, format!("{base}: {reason}."), advice)];
        }
    };
    let error = format_problem(response);
    match error {
        None => vec![
            Finding::ok(CHECK, format!("{base} responds in {} ms.", response.elapsed.as_millis())),
            Finding::ok(
                "error format",
                "An unknown code is rejected with 401, in the error schema, with a request id.",
            ),
        ],
        Some(seen) => {
            vec![Finding::fail(CHECK, format!("{base}: {seen}"), format_advice(response))]
        }
    }
}

/// What is wrong with the error for an unknown code.
fn format_problem(response: &Response) -> Option<String> {
    let body = response.json();
    let error = body.get("error").and_then(Value::as_object);
    let has_all = |error: &serde_json::Map<String, Value>| {
        ["message", "type", "param", "code"].iter().all(|key| error.contains_key(*key))
    };
    if !error.is_some_and(has_all) {
        let status = response.status.as_u16();
        return Some(format!(
            "the response ({status}) does not use the error schema of this service."
        ));
    }
    if response.status != StatusCode::UNAUTHORIZED {
        let code = response.code().unwrap_or_default();
        return Some(format!(
            "an unknown code is rejected with {} {code}, not 401.",
            response.status.as_u16()
        ));
    }
    if header(&response.headers, "x-should-retry") != Some("false") {
        return Some(
            "SDKs would retry an unknown code: the header x-should-retry is missing.".to_owned(),
        );
    }
    let has_id = header(&response.headers, "x-request-id").is_some();
    (!has_id)
        .then(|| "the response has no x-request-id, so it cannot be found in the logs.".to_owned())
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn format_advice(response: &Response) -> &'static str {
    match response.status.as_u16() {
        403 | 404 => {
            "Another service may be at this address. It must end with /api, the name of the stage."
        }
        500..=599 => {
            "The function of GET /v1/models fails. See its log:\n  \
             aws logs tail /aws/lambda/STACK-models --since 10m"
        }
        _ => "A proxy changes the responses, or another version is deployed. Deploy this version.",
    }
}

/// Reads the organiser's deployments and events.
pub(super) async fn inventory(
    client: &HttpClient,
    base: &str,
    token: Option<&Secret>,
    organiser: &str,
) -> (Vec<Finding>, Option<Inventory>) {
    const CHECK: &str = "organiser";
    let Some(token) = token else {
        let finding =
            Finding::skip(CHECK, "No organiser token, so deployments and events cannot be read.");
        let advice = "Set LANYARD_ORGANISER_TOKEN, or use --token-file.";
        return (vec![finding.next(advice)], None);
    };
    let mut inventory = Inventory::default();
    let lists = async {
        tokio::try_join!(
            list(client, base, token, "deployments"),
            list(client, base, token, "events")
        )
    };
    let (deployments, events) = match lists.await {
        Ok(lists) => lists,
        Err(finding) => return (vec![finding], None),
    };
    for listed in &deployments {
        let Some(known) = deployment(listed, organiser) else {
            return (vec![strange("deployments")], None);
        };
        inventory.deployments.push(known);
    }
    for listed in events {
        match serde_json::from_value::<super::inventory::Event>(listed) {
            Ok(event) if event.is_over() => {}
            Ok(event) => inventory.events.push(event),
            Err(_) => return (vec![strange("events")], None),
        }
    }
    (vec![owned(&inventory, base)], Some(inventory))
}

fn owned(inventory: &Inventory, base: &str) -> Finding {
    const CHECK: &str = "organiser";
    let open = inventory.events.iter().filter(|event| event.is_open()).count();
    let (deployments, events) = (inventory.deployments.len(), inventory.events.len());
    let seen = format!(
        "The token is valid. Deployments: {deployments}. Events: {open} open, {} scheduled or \
         paused.",
        events - open
    );
    match deployments {
        0 => Finding::fail(
            CHECK,
            seen,
            format!(
                "An event needs a deployment. Add one:\n  \
                 curl -X PUT {base}/admin/deployments/gpt-5-mini \\\n    \
                 -H \"Authorization: Bearer $LANYARD_ORGANISER_TOKEN\" \\\n    \
                 -H 'Content-Type: application/json' -d '{{\"endpoint\": \
                 \"https://RESOURCE.openai.azure.com\", \"operations\": [\"chat_completions\"], \
                 \"key\": \"KEY\", \"tokens_per_minute\": 100000}}'"
            ),
        ),
        _ => Finding::ok(CHECK, seen),
    }
}

async fn list(
    client: &HttpClient,
    base: &str,
    token: &Secret,
    what: &'static str,
) -> Result<Vec<Value>, Finding> {
    let authorization = token.header("Bearer ").ok_or_else(|| rejected(what, 401, None))?;
    let (mut items, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..MOST_PAGES {
        let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let url = format!("{base}/admin/{what}?{PAGE}{after}");
        let sent = buffered(client.get(&url).header("authorization", authorization.clone())).await;
        let response = sent.map_err(|reason| {
            let seen = format!("GET /admin/{what}: {reason}.");
            Finding::fail("organiser", seen, "Try again, then check the log of the admin function.")
        })?;
        let mut page = response.json();
        let Some(listed) = page[what].as_array_mut().filter(|_| response.status.is_success())
        else {
            return Err(rejected(what, response.status.as_u16(), response.code()));
        };
        items.append(listed);
        cursor = page["next"].as_str().and_then(plain_cursor);
        if cursor.is_none() {
            break;
        }
    }
    Ok(items)
}

/// A cursor of the API, which is hexadecimal.
fn plain_cursor(text: &str) -> Option<String> {
    text.bytes().all(|b| b.is_ascii_hexdigit()).then(|| text.to_owned())
}

fn rejected(what: &str, status: u16, code: Option<String>) -> Finding {
    let code = code.as_deref().and_then(plain).unwrap_or_default();
    let seen = format!("GET /admin/{what} returned {status} {code}.");
    let advice = match status {
        401 => {
            "The organiser token is not valid for this service. The output FirstOrganiser of a \
             deployed stack is the request that creates one. The token of the local service is in \
             the file organiser-token in its data folder."
        }
        _ => {
            "The table may be unavailable. See the checks of the table, and the log of the admin \
             function."
        }
    };
    Finding::fail("organiser", seen, advice)
}

fn strange(what: &str) -> Finding {
    let seen = format!("The response of GET /admin/{what} cannot be read.");
    Finding::fail("organiser", seen, "Use the doctor of the deployed version.")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::DateTime;

    use super::super::finding::Level;
    use super::*;

    fn response(
        status: u16,
        headers: &[(&'static str, &'static str)],
        body: &'static str,
    ) -> Response {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
        });
        Response {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.collect(),
            body: bytes::Bytes::from_static(body.as_bytes()),
            sent_at: DateTime::UNIX_EPOCH,
            elapsed: Duration::from_millis(3),
        }
    }

    const ERROR: &str = r#"{"error":{"message":"m","type":"authentication_error","param":null,"code":"invalid_event_code"}}"#;
    const HEADERS: [(&str, &str); 2] = [("x-should-retry", "false"), ("x-request-id", "req_1")];

    fn seen(response: Result<Response, NoResponse>) -> (Level, String) {
        let finding = judge_probe("https://h/api", &response, None).remove(0);
        (finding.level, format!("{} {}", finding.seen, finding.advice.unwrap_or_default()))
    }

    #[test]
    fn pasted_addresses_become_the_base_url() {
        for address in [
            "https://h/api",
            "https://h/api/",
            " https://h/api/v1",
            "https://h/api/v1/",
            "https://h",
            "https://h/",
            "https://h/v1",
        ] {
            assert_eq!(base(address), "https://h/api", "{address}");
        }
        assert_eq!(base("http://127.0.0.1:8787"), "http://127.0.0.1:8787/api");
        assert_eq!(base("https://h/other/api"), "https://h/other/api");
    }

    #[test]
    fn our_error_is_recognised() {
        assert_eq!(seen(Ok(response(401, &HEADERS, ERROR))).0, Level::Ok);
    }

    #[test]
    fn another_error_is_not_ours() {
        for (status, headers, body, words) in [
            (403, &HEADERS[..], r#"{"message":"Forbidden"}"#, "name of the stage"),
            (502, &HEADERS[..], r#"{"message":"Internal server error"}"#, "aws logs tail"),
            (200, &HEADERS[..], "<html>", "error schema"),
            (404, &HEADERS[..], ERROR, "not 401"),
            (401, &HEADERS[1..], ERROR, "x-should-retry"),
            (401, &HEADERS[..1], ERROR, "x-request-id"),
        ] {
            let (level, text) = seen(Ok(response(status, headers, body)));
            assert_eq!(level, Level::Fail);
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn an_unreachable_service_comes_with_advice_to_start_it() {
        let (level, text) = seen(Err(NoResponse::Refused));
        assert_eq!(level, Level::Fail);
        assert!(text.contains("connection refused") && text.contains("cargo run"), "{text}");
    }
}
