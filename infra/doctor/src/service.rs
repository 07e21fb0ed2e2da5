//! Whether the service is there, refuses as it should, and knows the organiser.

use http::{HeaderMap, StatusCode};
use lanyard_gateway::hex;
use lanyard_platform::shell;
use serde_json::Value;

use super::asker::{Answer, Asker, Silence, plain, whole};
use super::finding::Finding;
use super::holdings::{Holdings, deployment};
use super::secret::Secret;
use super::trial::USER;

/// How many items a page of a list holds, the most that the organisers' API gives.
const PAGE: &str = "limit=100";

/// Lists are not followed for ever.
const MOST_PAGES: usize = 50;

/// The address below which everything answers, from what people paste.
#[must_use]
pub fn base(address: &str) -> String {
    let address = address.trim().trim_end_matches('/');
    address.strip_suffix("/v1").unwrap_or(address).to_owned()
}

/// Asks with a code that nobody has.
///
/// # Errors
///
/// Why nothing answered.
pub(super) async fn knock(asker: &Asker, base: &str) -> Result<Answer, Silence> {
    // Well formed, so that the table is asked for it.
    let luck = shell::random::<8>().unwrap_or_default();
    let code = format!("doctor-{}/{USER}", hex(&luck));
    whole(asker.get(&format!("{base}/v1/models")).header("openai-event-code", code)).await
}

/// What follows from the answer to the knock, and whether the service is there.
#[must_use]
pub(super) fn knocked(
    base: &str,
    answer: &Result<Answer, Silence>,
    stack: Option<&str>,
) -> Vec<Finding> {
    const CHECK: &str = "service";
    let answer = match answer {
        Ok(answer) => answer,
        Err(silence) => {
            let mend = match (stack, *silence) {
                (_, Silence::Tls) => "Check this machine's clock and certificates, and look for a \
                                      proxy that intercepts TLS."
                    .to_owned(),
                (Some(stack), _) => format!(
                    "Check that this is the stack's Address output:\n  \
                     aws cloudformation describe-stacks --stack-name {stack} --query \
                     'Stacks[0].Outputs'"
                ),
                (None, _) => "Start the local service with cargo run, or choose a deployed one \
                              with --stack NAME or --address URL."
                    .to_owned(),
            };
            return vec![Finding::fail(CHECK, format!("{base}: {silence}."), mend)];
        }
    };
    let fault = shape(answer);
    match fault {
        None => vec![
            Finding::ok(CHECK, format!("{base} responds in {} ms.", answer.took.as_millis())),
            Finding::ok(
                "error format",
                "An unknown code is rejected with 401, in the error schema, with a request id.",
            ),
        ],
        Some(seen) => vec![Finding::fail(CHECK, format!("{base}: {seen}"), elsewhere(answer))],
    }
}

/// What is wrong with the refusal of a wrong code.
fn shape(answer: &Answer) -> Option<String> {
    let body = answer.json();
    let error = body.get("error").and_then(Value::as_object);
    let has_all = |error: &serde_json::Map<String, Value>| {
        ["message", "type", "param", "code"].iter().all(|key| error.contains_key(*key))
    };
    if !error.is_some_and(has_all) {
        let status = answer.status.as_u16();
        return Some(format!(
            "the response ({status}) does not use the error schema of this service."
        ));
    }
    if answer.status != StatusCode::UNAUTHORIZED {
        let code = answer.code().unwrap_or_default();
        return Some(format!(
            "an unknown code is rejected with {} {code}, not 401.",
            answer.status.as_u16()
        ));
    }
    if header(&answer.headers, "x-should-retry") != Some("false") {
        return Some(
            "SDKs would retry an unknown code: the header x-should-retry is missing.".to_owned(),
        );
    }
    let has_id = header(&answer.headers, "x-request-id").is_some();
    (!has_id)
        .then(|| "the response has no x-request-id, so it cannot be found in the logs.".to_owned())
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn elsewhere(answer: &Answer) -> &'static str {
    match answer.status.as_u16() {
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

/// Everything that the organiser has.
pub(super) async fn holdings(
    asker: &Asker,
    base: &str,
    token: Option<&Secret>,
    organiser: &str,
) -> (Vec<Finding>, Option<Holdings>) {
    const CHECK: &str = "organiser";
    let Some(token) = token else {
        let finding =
            Finding::skip(CHECK, "No organiser token, so deployments and events cannot be read.");
        let mend = "Set LANYARD_ORGANISER_TOKEN, or use --token-file.";
        return (vec![finding.next(mend)], None);
    };
    let mut holdings = Holdings::default();
    let lists = async {
        tokio::try_join!(
            list(asker, base, token, "deployments"),
            list(asker, base, token, "events")
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
        holdings.deployments.push(known);
    }
    for listed in events {
        match serde_json::from_value::<super::holdings::Event>(listed) {
            Ok(event) if event.is_over() => {}
            Ok(event) => holdings.events.push(event),
            Err(_) => return (vec![strange("events")], None),
        }
    }
    (vec![owned(&holdings, base)], Some(holdings))
}

fn owned(holdings: &Holdings, base: &str) -> Finding {
    const CHECK: &str = "organiser";
    let open = holdings.events.iter().filter(|event| event.is_open()).count();
    let (deployments, events) = (holdings.deployments.len(), holdings.events.len());
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
                 curl -X PUT {base}/admin/deployments/gpt-4o-mini \\\n    \
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
    asker: &Asker,
    base: &str,
    token: &Secret,
    what: &'static str,
) -> Result<Vec<Value>, Finding> {
    let authorization = token.header("Bearer ").ok_or_else(|| refused(what, 401, None))?;
    let (mut items, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..MOST_PAGES {
        let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let url = format!("{base}/admin/{what}?{PAGE}{after}");
        let asked = whole(asker.get(&url).header("authorization", authorization.clone())).await;
        let answer = asked.map_err(|silence| {
            let seen = format!("GET /admin/{what}: {silence}.");
            Finding::fail("organiser", seen, "Try again, then check the log of the admin function.")
        })?;
        let mut page = answer.json();
        let Some(listed) = page[what].as_array_mut().filter(|_| answer.status.is_success()) else {
            return Err(refused(what, answer.status.as_u16(), answer.code()));
        };
        items.append(listed);
        cursor = page["next"].as_str().and_then(plain_cursor);
        if cursor.is_none() {
            break;
        }
    }
    Ok(items)
}

/// A cursor as the API makes it: hex.
fn plain_cursor(text: &str) -> Option<String> {
    text.bytes().all(|b| b.is_ascii_hexdigit()).then(|| text.to_owned())
}

fn refused(what: &str, status: u16, code: Option<String>) -> Finding {
    let code = code.as_deref().and_then(plain).unwrap_or_default();
    let seen = format!("GET /admin/{what} returned {status} {code}.");
    let mend = match status {
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
    Finding::fail("organiser", seen, mend)
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

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Answer {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
        });
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.collect(),
            body: bytes::Bytes::from_static(body.as_bytes()),
            asked_at: DateTime::UNIX_EPOCH,
            took: Duration::from_millis(3),
        }
    }

    const REFUSAL: &str = r#"{"error":{"message":"m","type":"authentication_error","param":null,"code":"invalid_event_code"}}"#;
    const HEADERS: [(&str, &str); 2] = [("x-should-retry", "false"), ("x-request-id", "req_1")];

    fn seen(answer: Result<Answer, Silence>) -> (Level, String) {
        let finding = knocked("https://h/api", &answer, None).remove(0);
        (finding.level, format!("{} {}", finding.seen, finding.mend.unwrap_or_default()))
    }

    #[test]
    fn what_people_paste_becomes_the_base() {
        for address in ["https://h/api", "https://h/api/", " https://h/api/v1", "https://h/api/v1/"]
        {
            assert_eq!(base(address), "https://h/api", "{address}");
        }
    }

    #[test]
    fn our_refusal_is_recognised() {
        assert_eq!(seen(Ok(answer(401, &HEADERS, REFUSAL))).0, Level::Ok);
    }

    #[test]
    fn another_refusal_is_not_ours() {
        for (status, headers, body, words) in [
            (403, &HEADERS[..], r#"{"message":"Forbidden"}"#, "name of the stage"),
            (502, &HEADERS[..], r#"{"message":"Internal server error"}"#, "aws logs tail"),
            (200, &HEADERS[..], "<html>", "error schema"),
            (404, &HEADERS[..], REFUSAL, "not 401"),
            (401, &HEADERS[1..], REFUSAL, "x-should-retry"),
            (401, &HEADERS[..1], REFUSAL, "x-request-id"),
        ] {
            let (level, text) = seen(Ok(answer(status, headers, body)));
            assert_eq!(level, Level::Fail);
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn a_service_that_is_not_there_is_named_with_a_way_to_start_it() {
        let (level, text) = seen(Err(Silence::Refused));
        assert_eq!(level, Level::Fail);
        assert!(text.contains("connection refused") && text.contains("cargo run"), "{text}");
    }
}
