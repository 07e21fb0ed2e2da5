//! What the removal of a deployment means for the events that have not ended.

use lanyard_domain::account::Field;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::event::{Event, Phase};
use lanyard_domain::ids::{DeploymentName, EventId};
use serde_json::Map;

use crate::Call;
use crate::accounts;
use crate::audit::Action;
use crate::error::AdminError;
use crate::events::{changed, updated};

/// How many events are read together.
const EVENTS_AT_ONCE: u16 = 100;
/// How many events a refusal names.
pub(super) const EVENTS_NAMED: usize = 5;

/// The removal of a deployment that leaves the organiser with `rest`.
pub(super) struct Removal<'a> {
    pub(super) name: &'a DeploymentName,
    pub(super) rest: &'a [Deployment],
}

impl Removal<'_> {
    /// Refuses the removal if an event needs the deployment. Else chooses other default models where
    /// an event has this one, and returns warnings about those for which there is no other.
    ///
    /// The defaults are changed before the removal: if that fails afterwards, both work.
    pub(super) async fn prepare(&self, call: Call<'_>) -> Result<Vec<String>, AdminError> {
        let events = self.events(call).await?;
        let mut needing = Vec::new();
        for event in &events {
            if needing.len() < EVENTS_NAMED && self.is_needed(call, event).await? {
                needing.push(event.name.clone());
            }
        }
        if !needing.is_empty() {
            return Err(AdminError::DeploymentInUse { events: needing });
        }
        let mut warnings = Vec::new();
        for event in events {
            if event.default_deployments.values().any(|default| default == self.name) {
                warnings.extend(self.other_defaults(call, &event).await?);
            }
        }
        Ok(warnings)
    }

    /// Events, open or to come, that offer the deployment.
    async fn events(&self, call: Call<'_>) -> Result<Vec<Event>, AdminError> {
        let offers =
            |event: &Event| event.phase(call.now()) != Phase::Ended && event.offers(self.name);
        let mut all = Vec::new();
        let mut after: Option<EventId> = None;
        loop {
            let page = call.admin.store.events(call.organiser(), after.as_ref(), EVENTS_AT_ONCE);
            let (events, next) = page.await?;
            all.extend(events.into_iter().filter(offers));
            after = next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Whether an event that offers the deployment cannot do without it. An event without a list
    /// offers one fewer, unless a request to it may be in progress: accounts count requests in
    /// progress, and hours say whether this name was ever used. A first request counts once it has
    /// ended: the usual deployment to be removed is one with a mistyped name, which serves none.
    async fn is_needed(&self, call: Call<'_>, event: &Event) -> Result<bool, AdminError> {
        if self.rest.iter().any(|other| other.name == *self.name) {
            return Ok(false);
        }
        if event.deployments.is_some() {
            return Ok(true);
        }
        let account = accounts::of_event(call, event).await?;
        if account.count(Field::Open) == 0 {
            return Ok(false);
        }
        let hours = call.admin.store.hours(event).await?;
        Ok(hours.iter().any(|hour| hour.requests > 0 && hour.model.as_ref() == Some(self.name)))
    }

    /// Changes the default models of an event as any change without the deployment does.
    async fn other_defaults(
        &self,
        call: Call<'_>,
        event: &Event,
    ) -> Result<Option<String>, AdminError> {
        let after = updated(call, &event.id, Action::Change, |event| {
            changed(event, &Map::new(), self.rest, call.now())
        });
        let after = after.await?.default_deployments;
        let lost =
            event.default_deployments.keys().filter(|operation| !after.contains_key(operation));
        let lost: Vec<_> = lost.map(|operation| operation.name()).collect();
        Ok((!lost.is_empty()).then(|| {
            format!(
                "{} has no default model any more for: {}. Requests that name none are refused \
                 until you add a deployment or choose a default.",
                event.name,
                lost.join(", ")
            )
        }))
    }
}
