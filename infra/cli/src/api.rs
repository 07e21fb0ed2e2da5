//! A client of the organiser API.

use std::error::Error;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use lanyard_doctor::Secret;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{RequestBuilder, redirect};
use serde_json::Value;

use crate::error::CliError;
use crate::profile::is_loopback;

/// The characters that a path segment need not escape.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A bound on the pages that are read.
const MOST_PAGES: usize = 1_000;

/// A text as a path segment.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// Clients of HTTP take a segment `.` or `..` for a step to another path, escaped or not: a user of that
/// name would stand for the list of users, or for the event.
fn refuse_dots(path: &str) -> Result<(), CliError> {
    let path = path.split('?').next().unwrap_or_default();
    match path.split('/').find(|segment| [".", ".."].contains(segment)) {
        None => Ok(()),
        Some(name) => Err(CliError::Usage(format!(
            "No URL can hold the name {name}, so nothing was sent. To keep such a user out, use \
             registered access or a roster."
        ))),
    }
}

/// The method of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// The service, as an organiser and, for simulations, as an attendee.
pub(crate) struct Api {
    base: String,
    token: Result<Secret, CliError>,
    client: reqwest::Client,
}

impl Api {
    /// A client that follows no redirects. Requests to this machine bypass proxies.
    pub(crate) fn new(base: String, token: Result<Secret, CliError>) -> Result<Self, CliError> {
        lanyard_platform::https::use_ring();
        let builder = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(60))
            .redirect(redirect::Policy::none())
            .tcp_nodelay(true)
            .user_agent(concat!("lanyard/", env!("CARGO_PKG_VERSION")));
        let builder = if is_loopback(&base) { builder.no_proxy() } else { builder };
        let client = builder.build();
        let client =
            client.map_err(|error| CliError::failed("the HTTP client cannot be set up", error))?;
        Ok(Self { base, token, client })
    }

    /// The base URL of the service.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The organiser token, if there is one.
    pub(crate) fn token(&self) -> Option<&Secret> {
        self.token.as_ref().ok()
    }

    /// A request as an attendee.
    pub(crate) fn as_attendee(&self, path: &str, body: &Value) -> RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.base));
        request.header("content-type", "application/json").body(body.to_string())
    }

    /// A text that everybody can read.
    pub(crate) async fn text(&self, path: &str) -> Result<String, CliError> {
        let response = self.client.get(format!("{}{path}", self.base)).send().await;
        let response = response.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            let status = response.status();
            return Err(CliError::Failed(format!("{path} responds with {status}.")));
        }
        response.text().await.map_err(|error| self.unreachable(&error))
    }

    /// Sends a `GET`.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, CliError> {
        self.ask(self.client.get(self.url(path)?)).await
    }

    /// Reads all pages of a list.
    pub(crate) async fn all(&self, path: &str, items: &str) -> Result<Vec<Value>, CliError> {
        let mut all = Vec::new();
        let separator = if path.contains('?') { '&' } else { '?' };
        let mut cursor = String::new();
        for _ in 0..MOST_PAGES {
            let mut page = self.get(&format!("{path}{separator}limit=100{cursor}")).await?;
            if let Some(Value::Array(items)) = page.get_mut(items).map(Value::take) {
                all.extend(items);
            }
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={}", encoded(next)),
                None => break,
            }
        }
        Ok(all)
    }

    /// Sends a write.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CliError> {
        let url = self.url(path)?;
        let request = match method {
            Method::Post => self.client.post(url),
            Method::Put => self.client.put(url),
            Method::Patch => self.client.patch(url),
            Method::Delete => self.client.delete(url),
        };
        self.ask(match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        })
        .await
    }

    fn url(&self, path: &str) -> Result<String, CliError> {
        refuse_dots(path)?;
        Ok(format!("{}/admin{path}", self.base))
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Value, CliError> {
        let token = self.token.as_ref().map_err(|error| CliError::NotAllowed(error.to_string()))?;
        let token = token.header("Bearer ");
        let token = token.ok_or_else(|| {
            CliError::NotAllowed(
                "The organiser token has characters that are not allowed.".to_owned(),
            )
        })?;
        let request = request.header("authorization", token);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        match status.is_success() && !body.is_null() {
            true => Ok(body),
            false => Err(rejected(status, &headers, &body)),
        }
    }

    /// The error for a request that got no response.
    pub(crate) fn unreachable(&self, error: &reqwest::Error) -> CliError {
        let why = match error {
            error if error.is_timeout() => "no response in time".to_owned(),
            error => innermost(error),
        };
        CliError::Unreachable { address: self.base.clone(), why }
    }
}

/// The innermost cause. The outer ones repeat the address.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn rejected(status: StatusCode, headers: &HeaderMap, body: &Value) -> CliError {
    let error = &body["error"];
    let Some(message) = error["message"].as_str() else {
        return CliError::Failed(format!(
            "The response ({status}) is not from this service. Check the address: it ends with \
             /api."
        ));
    };
    if error["code"] == "invalid_organiser_token" {
        return CliError::NotAllowed(
            "The service does not know this organiser token. Check --token-file, \
             LANYARD_ORGANISER_TOKEN and the profile's token_file, in this order."
                .to_owned(),
        );
    }
    let message = message.to_owned();
    if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
        return CliError::NotAllowed(message);
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let detail = |detail: &Value| (text(&detail["field"]), text(&detail["message"]));
    let details = error["details"].as_array().map(|list| list.iter().map(detail).collect());
    let request_id = headers.get("x-request-id").and_then(|id| id.to_str().ok());
    CliError::Rejected {
        message,
        code: text(&error["code"]),
        details: details.unwrap_or_default(),
        request_id: request_id.map(ToOwned::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_to_another_path() {
        for name in [".", ".."] {
            let path = format!("/events/evt_1/roster/{}", encoded(name));
            assert!(refuse_dots(&path).is_err(), "{path}");
            assert!(refuse_dots(&format!("{path}?limit=1")).is_err(), "{path}");
        }
        for name in ["a.b", "...", ".ada", "ada", "?..", "a/../b"] {
            assert!(
                refuse_dots(&format!("/events/evt_1/roster/{}", encoded(name))).is_ok(),
                "{name}"
            );
        }
    }
}
