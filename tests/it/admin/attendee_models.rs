//! The usage of an attendee by model.

use std::sync::Arc;

use aws_sdk_dynamodb::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::query::QueryInput;
use chrono::TimeDelta;
use lanyard_administration::Administration;
use lanyard_domain::account::{AccountKey, Change, Field, Write};
use lanyard_domain::time::EpochNanos;
use lanyard_domain::usage::UsageRecord;
use lanyard_gateway::ports::{Clock, Ledger};
use lanyard_platform::organisers::Organisers;
use serde_json::json;

use super::harness::Harness;

/// Gives an attendee a seat at this moment.
async fn seat(harness: &Harness, path: &str, user: &str) {
    let event = path.trim_start_matches("/events/").parse().unwrap();
    let seated_at = EpochNanos::from(harness.clock.now()).0;
    let changes = vec![Change::Set(Field::SeatedAt, seated_at), Change::Add(Field::Requests, 2)];
    let write = Write { conditions: Vec::new(), changes };
    let key = AccountKey::Attendee(event, user.parse().unwrap());
    harness.table.apply(&key, &write).await.unwrap();
}

#[tokio::test]
async fn all_first_requests_of_a_newcomer_count_and_none_of_before_a_reset() {
    let harness = Harness::open().await;
    let (path, _) = harness.event(json!({})).await;
    seat(&harness, &path, "ada").await;
    // One of two requests at once asks for the seat. The other has arrived earlier, or by a clock
    // that is behind. The last one was before a reset.
    for (number, seconds_before) in [(1, 0), (2, 1), (3, 60)] {
        let record = harness.record(&path, "ada", number);
        let admitted_at = record.admitted_at - TimeDelta::seconds(seconds_before);
        harness.table.record(&UsageRecord { admitted_at, ..record }).await.unwrap();
    }
    let details = harness.get(&format!("{path}/attendees/ada")).await.ok(200);
    assert_eq!(details["by_model"][0]["requests"], 2);
    assert_eq!(details["by_model"][0]["total_tokens"], 24);
}

/// Fails every query for records.
#[derive(Debug)]
struct NoRecords;

impl Intercept for NoRecords {
    fn name(&self) -> &'static str {
        "NoRecords"
    }

    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let query = context.input().downcast_ref::<QueryInput>();
        let values = query.and_then(QueryInput::expression_attribute_values);
        let mut texts = values.into_iter().flatten().filter_map(|(_, value)| value.as_s().ok());
        match texts.any(|text| text.starts_with("REQUEST#")) {
            true => Err("throttled".into()),
            false => Ok(()),
        }
    }
}

#[tokio::test]
async fn an_attendee_is_shown_although_the_records_cannot_be_read() {
    let mut harness = Harness::open().await;
    let (path, _) = harness.event(json!({})).await;
    seat(&harness, &path, "ada").await;
    let table = harness.engine.table_of(&["admin"]).with(|config| config.interceptor(NoRecords));
    let before = &harness.admin;
    harness.admin = Arc::new(Administration {
        store: Arc::new(Organisers::new(table)),
        ledger: Arc::clone(&before.ledger),
        keys: Arc::clone(&before.keys),
        clock: Arc::clone(&before.clock),
        random: Arc::clone(&before.random),
        allow_loopback: before.allow_loopback,
    });
    let details = harness.get(&format!("{path}/attendees/ada")).await.ok(200);
    assert_eq!(details["usage"]["requests"], 2);
    assert_eq!(details["by_model"], json!([]));
}
