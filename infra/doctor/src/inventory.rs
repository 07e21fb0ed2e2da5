//! The organiser's deployments and events, as the organiser API lists them.

use std::ops::Deref;

use chrono::{DateTime, Utc};
use lanyard_domain::allowance::{Allowance, Limit};
use lanyard_domain::catalog::Deployment;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::finding::Finding;
use super::secret::Secret;

/// The organiser's deployments and events.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// Deployments. Each replica is one entry.
    pub deployments: Vec<Listed>,
    /// Events that have not ended.
    pub events: Vec<Event>,
}

/// The fields of an event that the checks need.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Event {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// `scheduled`, `open`, `paused` or `ended`.
    pub status: String,
    /// The code.
    pub code: Secret,
    /// Start.
    pub starts_at: DateTime<Utc>,
    /// End.
    pub ends_at: DateTime<Utc>,
    /// Expected attendees.
    pub attendees: u64,
    /// Names of the offered deployments; `None` means all.
    pub deployments: Option<Vec<String>>,
    /// Limits.
    pub allowances: Allowances,
}

/// The limits of an event.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Allowances {
    /// Per attendee.
    pub attendee: Allowance,
    /// For the whole event.
    pub event: Allowance,
}

impl Inventory {
    /// Keeps only the named deployments, if any are named. Reports the missing ones.
    pub(super) fn narrow(&mut self, only: &[String]) -> Vec<Finding> {
        if only.is_empty() {
            return Vec::new();
        }
        self.deployments.retain(|one| only.iter().any(|name| name == one.name.as_str()));
        let is_missing =
            |name: &&String| !self.deployments.iter().any(|one| one.name.as_str() == **name);
        let missing = only.iter().filter(is_missing).map(|name| {
            let advice = "List them with lanyard deployment list, or GET /api/admin/deployments.";
            Finding::fail(
                format!("deployment {name}"),
                "There is no deployment with this name.",
                advice,
            )
        });
        missing.collect()
    }
}

impl Event {
    /// Whether attendees can use it now.
    #[must_use]
    pub(super) fn is_open(&self) -> bool {
        self.status == "open"
    }

    /// Whether it has ended.
    #[must_use]
    pub(super) fn is_over(&self) -> bool {
        self.status == "ended"
    }

    /// Whether it offers a deployment.
    #[must_use]
    pub(super) fn offers(&self, deployment: &Deployment) -> bool {
        let names = self.deployments.as_ref();
        names.is_none_or(|names| names.iter().any(|name| name == deployment.name.as_str()))
    }

    /// Tokens per minute that all its attendees may use; `None` means no limit.
    #[must_use]
    pub(super) fn allowed_tokens(&self) -> Option<u64> {
        let each = self.allowances.attendee.limit(Limit::TokensPerMinute);
        let all = each.map(|each| each.saturating_mul(self.attendees));
        self.allowances.event.limit(Limit::TokensPerMinute).or(all)
    }
}

/// A deployment, and the request body that would write it unchanged.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    deployment: Deployment,
    body: Map<String, Value>,
}

impl Deref for Listed {
    type Target = Deployment;

    fn deref(&self) -> &Deployment {
        &self.deployment
    }
}

/// A deployment from the list, with the reference of its key.
#[must_use]
pub(super) fn deployment(listed: &Value, organiser: &str) -> Option<Listed> {
    let mut body: Map<String, Value> = listed.as_object()?.clone();
    let mut fields = body.clone();
    let text = |name: &str| listed[name].as_str();
    let reference = format!("{organiser}/{}/{}", text("name")?, text("replica")?);
    // The list has dollars and the catalog micro-dollars. The checks need neither.
    fields.remove("prices");
    // The catalog has one of the two; the list names both.
    if fields.get("identity").is_none_or(Value::is_null) {
        fields.remove("identity");
        fields.insert("key_reference".to_owned(), json!(reference));
    }
    // The list also has what a request cannot set.
    body.retain(|field, value| {
        !["name", "facts", "warnings"].contains(&field.as_str()) && !value.is_null()
    });
    Some(Listed { deployment: serde_json::from_value(Value::Object(fields)).ok()?, body })
}

/// A deployment's name, with its replica unless that is `main`.
#[must_use]
pub(super) fn label(deployment: &Deployment) -> String {
    match deployment.replica.as_str() {
        "main" => deployment.name.to_string(),
        replica => format!("{}#{replica}", deployment.name),
    }
}

/// The curl command that writes a deployment with some fields changed.
///
/// The body has every field, because omitted fields get their defaults.
#[must_use]
pub(super) fn put(base: &str, deployment: &Listed, changes: &[(&str, Value)]) -> String {
    let mut body = deployment.body.clone();
    body.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let body = Value::Object(body);
    let name = &deployment.name;
    format!(
        "curl -X PUT {base}/admin/deployments/{name} \\\n  \
         -H \"Authorization: Bearer $LANYARD_ORGANISER_TOKEN\" \\\n  \
         -H 'Content-Type: application/json' -d '{body}'"
    )
}

/// The curl command that changes an event.
#[must_use]
pub(super) fn patch(base: &str, event: &Event, change: &Value) -> String {
    let id = &event.id;
    format!(
        "curl -X PATCH {base}/admin/events/{id} \\\n  \
         -H \"Authorization: Bearer $LANYARD_ORGANISER_TOKEN\" \\\n  \
         -H 'Content-Type: application/json' -d '{change}'"
    )
}

#[cfg(test)]
pub(super) mod samples {
    use super::*;

    pub(crate) fn a_deployment(name: &str) -> Listed {
        a_deployment_at(name, "https://oslo.openai.azure.com")
    }

    pub(crate) fn a_deployment_at(name: &str, endpoint: &str) -> Listed {
        let listed = json!({
            "name": name, "replica": "main", "endpoint": endpoint,
            "azure_name": name, "operations": ["chat_completions"], "api": "v1", "weight": 1,
            "requests_per_minute": 1_000, "tokens_per_minute": 100_000,
            "completion_field": "max_tokens", "prices": {"prompt": 0.15, "completion": 0.6},
        });
        deployment(&listed, "main").unwrap()
    }

    pub(crate) fn an_idle_deployment(name: &str) -> Listed {
        let mut idle = a_deployment(name);
        idle.deployment.weight = 0;
        idle
    }

    pub(crate) fn an_event(name: &str, starts_at: &str, ends_at: &str) -> Event {
        let listed = json!({
            "id": name, "name": name, "status": "scheduled", "paused": false, "code": "c0de",
            "starts_at": starts_at, "ends_at": ends_at, "attendees": 100, "deployments": null,
            "allowances": {
                "attendee": {"tokens_per_minute": 20_000, "in_flight": 4},
                "event": {"tokens_per_minute": 80_000, "attendees": null},
            },
        });
        serde_json::from_value(listed).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use lanyard_domain::credential::Credential;

    use super::samples::{a_deployment, an_event};
    use super::*;

    #[test]
    fn a_listed_deployment_leads_to_its_key() {
        let deployment = a_deployment("gpt-4o");
        assert_eq!(deployment.credential, Credential::Key("main/gpt-4o/main".to_owned()));
        assert_eq!(label(&deployment), "gpt-4o");
    }

    #[test]
    fn the_advised_request_keeps_the_other_fields() {
        let call = put("https://h/api", &a_deployment("gpt-4o"), &[("key", json!("KEY"))]);
        assert!(call.contains("PUT https://h/api/admin/deployments/gpt-4o "), "{call}");
        let body = call.split("-d '").nth(1).unwrap().trim_end_matches('\'');
        let body: Value = serde_json::from_str(body).unwrap();
        let expected = json!({
            "replica": "main", "endpoint": "https://oslo.openai.azure.com", "azure_name": "gpt-4o",
            "operations": ["chat_completions"], "api": "v1", "weight": 1,
            "requests_per_minute": 1_000, "tokens_per_minute": 100_000,
            "completion_field": "max_tokens", "prices": {"prompt": 0.15, "completion": 0.6},
            "key": "KEY",
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn allowed_tokens_are_the_events_limit_or_the_sum_of_its_attendees() {
        let mut event = an_event("oslo", "2026-12-05T09:00:00+01:00", "2026-12-06T18:00:00+01:00");
        assert_eq!(event.allowed_tokens(), Some(80_000));
        event.allowances.event.set(Limit::TokensPerMinute, None);
        assert_eq!(event.allowed_tokens(), Some(2_000_000));
        event.allowances.attendee.set(Limit::TokensPerMinute, None);
        assert_eq!(event.allowed_tokens(), None);
    }
}
