//! An event of the doctor's own, so that its test calls leave nothing behind in a real one.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::client::{HttpClient, NoResponse, Response, buffered};
use super::finding::Finding;
use super::secret::Secret;

/// The event ends by itself, if the doctor cannot end it.
const LONGEST: TimeDelta = TimeDelta::minutes(30);

/// How often a reset is tried while the last requests are settled, and after which pause.
const TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(500);

/// An event that is deleted after the calls.
pub(super) struct TemporaryEvent<'c> {
    client: &'c HttpClient,
    authorization: HeaderValue,
    /// The URL of the event in the organisers' API.
    url: String,
    id: String,
    /// Its code.
    pub(super) code: Secret,
}

impl<'c> TemporaryEvent<'c> {
    /// Creates an event that offers all deployments, with limits that the calls do not reach.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(super) async fn create(
        client: &'c HttpClient,
        base: &str,
        token: &Secret,
        now: DateTime<Utc>,
    ) -> Result<Self, Finding> {
        let Some(authorization) = token.header("Bearer ") else {
            return Err(not_created("The organiser token has characters that are not allowed."));
        };
        let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let limits = json!({
            "requests_per_minute": 1_000, "requests_per_day": null, "tokens_per_minute": null,
            "tokens_per_day": null, "in_flight": 16,
        });
        let body = json!({
            "name": "Doctor", "attendees": 1, "time_zone": "UTC",
            "starts_at": instant(now), "ends_at": instant(now + LONGEST),
            "description": "Test calls of lanyard doctor. The event is deleted afterwards.",
            "allowances": {"attendee": limits, "event": limits},
        });
        let url = format!("{base}/admin/events");
        let request = client.post(&url, &body).header("authorization", authorization.clone());
        let created = match buffered(request).await {
            Ok(response) if response.status == StatusCode::CREATED => response.json(),
            Ok(response) => return Err(not_created(&refused("POST /admin/events", &response))),
            Err(reason) => return Err(not_created(&format!("POST /admin/events: {reason}."))),
        };
        let text = |field: &str| created[field].as_str().unwrap_or_default().to_owned();
        let id = text("id");
        let Ok(code) = text("code").parse::<Secret>();
        Ok(Self { client, authorization, url: format!("{url}/{id}"), id, code })
    }

    /// Ends the event, and deletes its usage and then the event itself. Returns a finding if
    /// something of it is left.
    pub(super) async fn remove(self) -> Option<Finding> {
        let left = |what: &str| {
            Finding::warn(
                "doctor's event",
                format!("The event {} is left: {what}", self.id),
                "End, reset and delete it in the dashboard.",
            )
        };
        let confirm = json!({"confirm": self.id});
        for (method, part, body) in [
            (Method::POST, "/end", json!({})),
            (Method::POST, "/reset", confirm),
            (Method::DELETE, "", Value::Null),
        ] {
            match self.call(&method, part, &body).await {
                Ok(response) if response.status.is_success() => {}
                Ok(response) => {
                    return Some(left(&refused(&format!("{method} {part}"), &response)));
                }
                Err(reason) => return Some(left(&format!("{reason}."))),
            }
        }
        None
    }

    /// A call, again while requests are in progress.
    async fn call(
        &self,
        method: &Method,
        part: &str,
        body: &Value,
    ) -> Result<Response, NoResponse> {
        let url = format!("{}{part}", self.url);
        let send = || {
            let request = match *method {
                Method::DELETE => self.client.delete(&url),
                _ => self.client.post(&url, body),
            };
            buffered(request.header("authorization", self.authorization.clone()))
        };
        for _ in 0..TRIES {
            let response = send().await?;
            if response.status != StatusCode::SERVICE_UNAVAILABLE {
                return Ok(response);
            }
            tokio::time::sleep(PAUSE).await;
        }
        send().await
    }
}

fn refused(what: &str, response: &Response) -> String {
    let code = response.code().unwrap_or_default();
    format!("{what} returned {} {code}.", response.status.as_u16())
}

fn not_created(why: &str) -> Finding {
    Finding::skip("doctor's event", format!("No event could be created for the calls: {why}"))
}
