//! The usage of an attendee by model, from the records of their requests.

use std::collections::BTreeMap;
use std::error::Error;

use chrono::{DateTime, Utc};
use lanyard_domain::account::Account;
use lanyard_domain::admission;
use lanyard_domain::ids::{DeploymentName, EventId};
use lanyard_domain::token::UserId;
use lanyard_domain::usage::{Charge, UsageRecord};
use serde::Serialize;

use crate::Call;
use crate::accounts::Numbers;

/// The most pages of records that are read: about ten thousand records.
const PAGES: usize = 10;

/// The usage of an attendee with a model.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "AttendeeModel"))]
pub(super) struct ModelView {
    /// `null` for requests that were settled after their function had crashed.
    model: Option<DeploymentName>,
    #[serde(flatten)]
    numbers: Numbers,
}

/// The usage of an attendee by model. Records that cannot be read are missing: when the store is
/// throttled, the organiser needs the limits and the rejected requests in particular.
pub(super) async fn by_model(
    call: Call<'_>,
    event: &EventId,
    user: &UserId,
    account: &Account,
) -> Vec<ModelView> {
    let mut sums = Sums::default();
    let Some(since) = admission::used_since(account) else { return Vec::new() };
    let since = since.to_utc();
    let mut after = None;
    for _ in 0..PAGES {
        let (records, next) = match call.admin.store.records(event, user, after.as_ref()).await {
            Ok(page) => page,
            Err(fault) => {
                let cause: &(dyn Error + 'static) = &fault;
                tracing::warn!(event = %event, cause, "the usage by model is incomplete");
                break;
            }
        };
        sums.add(&records, since);
        after = next;
        if after.is_none() {
            break;
        }
    }
    sums.views()
}

/// Requests and their charge, by model.
#[derive(Default)]
struct Sums(BTreeMap<Option<DeploymentName>, (u64, Charge)>);

impl Sums {
    /// Adds records. Those of before `since` stay when a reset deletes the account, and do not count.
    fn add(&mut self, records: &[UsageRecord], since: DateTime<Utc>) {
        for record in records.iter().filter(|record| record.admitted_at >= since) {
            let (requests, charge) = self.0.entry(record.model.clone()).or_default();
            *requests += 1;
            *charge = charge.plus(record.charge);
        }
    }

    fn views(self) -> Vec<ModelView> {
        let view = |(model, (requests, charge))| {
            let numbers = Numbers::new(requests, charge);
            ModelView { model, numbers }
        };
        self.0.into_iter().map(view).collect()
    }
}
