//! A reservation in the ledger, which must be settled.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lanyard_domain::account::{Account, AccountKey, Hold};
use lanyard_domain::allowance::Allowance;
use lanyard_domain::bill::Bill;
use lanyard_domain::catalog::AccountedModel;
use lanyard_domain::ids::{DeploymentName, RequestId};
use lanyard_domain::operation::Operation;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::token::UserId;
use lanyard_domain::usage::Usage;

use super::{Ending, Settler};
use crate::lookup::OpenEvent;
use crate::metadata::RequestMetadata;

/// A request that the ledger has admitted. It must be settled: dropped, it settles itself.
#[must_use = "an admitted request must be settled"]
#[derive(Debug)]
pub struct Reservation {
    pub(crate) id: RequestId,
    pub(crate) at: Arc<OpenEvent>,
    pub(crate) user: UserId,
    /// The attendee as Azure and the request log know them.
    pub(crate) user_hash: String,
    /// The shard of the event's account that admitted it.
    pub(crate) shard: u16,
    pub(crate) operation: Operation,
    pub(crate) model: DeploymentName,
    pub(crate) hold: Hold,
    pub(crate) admitted_at: DateTime<Utc>,
    /// The attendee's account just after admission, and its allowance.
    pub(crate) account: Account,
    pub(crate) allowance: Allowance,
    pub(crate) is_streamed: bool,
    pub(crate) metadata: RequestMetadata,
    pub(crate) settler: Option<Arc<Settler>>,
    pub(crate) is_sent: bool,
}

impl Reservation {
    /// Remembers that the request is on its way: from now on, an unknown end costs the estimate.
    pub fn mark_sent(&mut self) {
        self.is_sent = true;
    }

    /// The estimate that is reserved.
    #[must_use]
    pub fn hold(&self) -> &Hold {
        &self.hold
    }

    /// What a request that ended so cost, if the event pays for it and its price is known.
    pub(crate) fn bill(&self, settlement: &Settlement) -> Option<Bill> {
        self.accounted(settlement)?.prices.bill(settlement.usage()?)
    }

    /// The name under which a request that ended so is recorded: that of the model which wrote the
    /// response, if it is another one than the deployment's.
    pub(crate) fn written_by(&self, accounted: Option<&AccountedModel>) -> DeploymentName {
        let name = accounted.and_then(|accounted| accounted.name?.parse().ok());
        name.unwrap_or_else(|| self.model.clone())
    }

    /// What the response of a request that ended so is accounted as, if the event pays for it.
    pub(crate) fn accounted(&self, settlement: &Settlement) -> Option<AccountedModel> {
        let usage = settlement.usage().filter(|_| !self.metadata.is_own)?;
        self.at.catalog.accounted(&self.model, usage.model)
    }

    /// Leaves the hold open: the request ends before its cost is known.
    pub fn leave_open(mut self) {
        self.disarm();
    }

    /// The keys of the two accounts.
    pub(crate) fn attendee_key(&self) -> AccountKey {
        AccountKey::Attendee(self.at.event.id.clone(), self.user.clone())
    }

    /// Takes over the duty to settle.
    pub(crate) fn disarm(&mut self) -> Option<Arc<Settler>> {
        self.settler.take()
    }
}

impl Drop for Reservation {
    /// A panic, or a future that was dropped: settled in the background all the same.
    fn drop(&mut self) {
        let Some(settler) = self.settler.take() else {
            return;
        };
        let settlement = match self.is_sent {
            true => Settlement::AtLeast(Usage::default()),
            false => Settlement::Void,
        };
        let abandoned = Self {
            id: self.id.clone(),
            at: Arc::clone(&self.at),
            user: self.user.clone(),
            user_hash: std::mem::take(&mut self.user_hash),
            shard: self.shard,
            operation: self.operation,
            model: self.model.clone(),
            hold: self.hold,
            admitted_at: self.admitted_at,
            account: Account::default(),
            allowance: self.allowance,
            is_streamed: self.is_streamed,
            metadata: self.metadata.clone(),
            settler: None,
            is_sent: self.is_sent,
        };
        settler.settle_in_background(abandoned, Ending::of(settlement, "abandoned", 500, None));
    }
}
