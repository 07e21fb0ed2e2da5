//! An event and a deployment to begin with.
#![expect(clippy::expect_used, reason = "a test that begins with nonsense must not go on")]

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use lanyard_domain::access::Access;
use lanyard_domain::allowance::Allowances;
use lanyard_domain::catalog::{AzureApi, CompletionField, Deployment};
use lanyard_domain::credential::Credential;
use lanyard_domain::event::{Contact, Event, OwnDeployments, Page, Signing};
use lanyard_domain::hosted_tools::HostedTools;
use lanyard_domain::models::FactOverrides;
use lanyard_domain::operation::Operation;
use lanyard_domain::window::Window;

/// An event without limits that has been open for a day and will be for another. Its id is its
/// code, its zone UTC.
///
/// # Panics
///
/// If the code is malformed.
#[must_use]
pub fn an_event(code: &str, now: DateTime<Utc>) -> Event {
    let day = TimeDelta::days(1);
    Event {
        id: code.parse().expect("the code of a test is an id"),
        organiser: "organiser".parse().expect("is an id"),
        name: "A test's event".to_owned(),
        code: code.parse().expect("the code of a test is a code"),
        window: a_window(now - day, now + day, "UTC"),
        is_paused: false,
        expected_attendees: 100,
        preset: None,
        seats_per_minute: None,
        allowances: Allowances::default(),
        deployments: None,
        default_deployments: BTreeMap::new(),
        max_completion_tokens: None,
        max_choices: 1,
        hosted_tools: HostedTools::default(),
        keeps_objects: false,
        contact: Contact::default(),
        page: Page::default(),
        user_salt: "salt".to_owned(),
        version: 1,
        created_at: now - day,
        access: Access::Open,
        own_deployments: OwnDeployments::None,
        records_requests: true,
        signing: Signing::default(),
        shards: 1,
    }
}

/// A window in an IANA zone.
///
/// # Panics
///
/// If the window is empty or the zone is unknown.
#[must_use]
pub fn a_window(starts_at: DateTime<Utc>, ends_at: DateTime<Utc>, zone: &str) -> Window {
    let stored = serde_json::json!({"starts_at": starts_at, "ends_at": ends_at, "time_zone": zone});
    serde_json::from_value(stored).expect("the window of a test is a window")
}

/// A deployment of this name that does one operation, at a host that does not exist.
///
/// # Panics
///
/// If the name is malformed.
#[must_use]
pub fn a_deployment(name: &str, operation: Operation) -> Deployment {
    Deployment {
        name: name.parse().expect("the name of a test is a name"),
        replica: "one".parse().expect("is a replica"),
        endpoint: "http://azure.invalid".to_owned(),
        azure_name: name.parse().expect("the name of a test is a name"),
        model: None,
        overrides: FactOverrides::default(),
        operations: vec![operation],
        api: AzureApi::V1,
        weight: 1,
        requests_per_minute: None,
        tokens_per_minute: None,
        completion_field: CompletionField::MaxTokens,
        prices: None,
        credential: Credential::Key(format!("{name}/one")),
    }
}
