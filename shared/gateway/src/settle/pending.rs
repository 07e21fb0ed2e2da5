//! Settling a request that ended before its cost was known.

use std::sync::Arc;

use lanyard_domain::account::{Account, AccountKey, Hold};
use lanyard_domain::ids::{DeploymentName, RequestId};
use lanyard_domain::operation::Operation;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::shard;
use lanyard_domain::token::UserId;

use super::{Ending, OK, Reservation};
use crate::Gateway;
use crate::lookup::OpenEvent;
use crate::metadata::RequestMetadata;

/// A request that ended before its cost was known. Its hold is still open.
#[derive(Clone, Debug)]
pub struct PendingRequest {
    /// Which request.
    pub id: RequestId,
    /// The attendee.
    pub user: UserId,
    /// The operation and the model.
    pub operation: Operation,
    /// The model that works on it.
    pub model: DeploymentName,
    /// Metadata for its usage record.
    pub metadata: RequestMetadata,
}

impl PendingRequest {
    /// Its reservation, as it was left open.
    fn reservation(self, at: Arc<OpenEvent>, account: Account, hold: Hold) -> Reservation {
        let granted = at.event.allowances.attendee_for(hold.model.map(|model| model.key));
        Reservation {
            user_hash: at.user_hash(&self.user),
            // Such a request is bound to the shard that its id names first.
            shard: shard::choices(&self.id, at.event.shards)[0],
            id: self.id,
            metadata: self.metadata,
            user: self.user,
            operation: self.operation,
            model: self.model,
            hold,
            admitted_at: hold.admitted_at.to_utc(),
            allowance: account.allowance(&granted),
            account,
            at,
            is_streamed: false,
            // If this process dies, the next settlement or the sweep finds the hold.
            settler: None,
            is_sent: true,
        }
    }
}

impl Gateway {
    /// Settles a request that ended before its cost was known. Returns false if its hold is still
    /// open, and true if it was settled now or earlier.
    pub async fn settle_pending(
        &self,
        request: PendingRequest,
        at: &Arc<OpenEvent>,
        settlement: impl FnOnce(&Hold) -> Settlement,
    ) -> bool {
        let key = AccountKey::Attendee(at.event.id.clone(), request.user.clone());
        let account = match self.ports.ledger.account(&key).await {
            Ok(account) => account.unwrap_or_default(),
            Err(fault) => {
                tracing::warn!(request_id = %request.id, fault = ?fault, "not settled yet");
                return false;
            }
        };
        let Some(hold) = account.holds.get(&request.id).copied() else { return true };
        let ending = Ending::of(settlement(&hold), OK, 200, None);
        let reservation = request.reservation(Arc::clone(at), account, hold);
        self.settle(reservation, ending).await
    }
}
