//! The organisers' API, as far as a measurement needs it.

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use lanyard_domain::allowance::Limit;
use lanyard_domain::ids::EventId;
use lanyard_gateway::ports::Clock;
use lanyard_platform::shell::Machine;
use serde_json::{Map, Value, json};

use crate::child::Child;

/// The code of the event at which the sides are asked.
pub(crate) const CODE: &str = "measured";

/// The chat model.
pub(crate) const CHAT_MODEL: &str = "gpt-5-mini";

/// The embedding model.
pub(crate) const EMBEDDING_MODEL: &str = "text-embedding-3-small";

/// Limits that are set; all others are lifted.
pub(crate) type Limits<'l> = &'l [(Limit, u64)];

/// An organiser of a local service.
pub(crate) struct Organiser {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Organiser {
    /// The organiser whose token the service has shown.
    pub(crate) fn of(service: &Child) -> Result<Self> {
        let token = service.ready["token"].as_str().context("the service shows no token")?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        let base = format!("{}/api/admin", service.address);
        Ok(Self { http, base, token: token.to_owned() })
    }

    /// Makes an event that is open now, with these limits for each attendee and in all.
    pub(crate) async fn event(
        &self,
        code: &str,
        attendee: Limits<'_>,
        event: Limits<'_>,
    ) -> Result<EventId> {
        let limits = |set: Limits<'_>| {
            let all = Limit::ALL.iter().map(|limit| {
                let value = set.iter().find(|(of, _)| of == limit).map(|(_, value)| *value);
                (limit.name().to_owned(), json!(value))
            });
            Value::Object(all.collect::<Map<_, _>>())
        };
        let mut in_all = limits(event);
        in_all["attendees"] = Value::Null;
        let now = Machine.now();
        let body = json!({
            "name": "Measured", "code": code, "time_zone": "UTC",
            "starts_at": (now - TimeDelta::hours(1)).to_rfc3339(),
            "ends_at": (now + TimeDelta::days(1)).to_rfc3339(),
            "default_deployments": {
                "chat_completions": CHAT_MODEL, "embeddings": EMBEDDING_MODEL,
            },
            "allowances": {"attendee": limits(attendee), "event": in_all},
        });
        let made = self.call(http::Method::POST, "/events", Some(body)).await?;
        Ok(made["id"].as_str().context("the event has no id")?.parse()?)
    }

    /// Reads something.
    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        self.call(http::Method::GET, path, None).await
    }

    async fn call(&self, method: http::Method, path: &str, body: Option<Value>) -> Result<Value> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        request = request.bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await?;
        let (status, body) = (response.status(), response.bytes().await?);
        ensure!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&body));
        Ok(serde_json::from_slice(&body)?)
    }
}
