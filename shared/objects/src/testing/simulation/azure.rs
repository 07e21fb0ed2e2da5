//! The Azure of the simulation.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lanyard_gateway::testing::SeededRandom;
use lanyard_gateway::testing::azure::kept::Kept;
use lanyard_gateway::testing::azure::{Recorded, Reply, ScriptedUpstream, usual};

use crate::testing::lock;

/// Azure: it keeps objects, and sometimes it has no room, fails, or its response is lost.
pub(super) fn azure(kept: Arc<Mutex<Kept>>, random: Arc<SeededRandom>) -> ScriptedUpstream {
    ScriptedUpstream::new(move |request: &Recorded| {
        let delay = Duration::from_millis(random.below(2_000));
        let refused = match random.below(40) {
            0 => Some(Reply::too_many_requests(None)),
            1 => Some(Reply::error(500, "500", "scripted")),
            2 => Some(Reply::not_connected()),
            _ => None,
        };
        if let Some(refused) = refused {
            return refused.delay(delay);
        }
        let kept = lock(&kept).reply(request, usual::COMPLETION);
        let reply = kept.unwrap_or_else(|| usual::reply(request, usual::COMPLETION)).delay(delay);
        let pieces = u64::try_from(reply.count()).unwrap_or_default();
        match random.below(40) {
            0 => Reply::dropped().delay(delay),
            1 if request.is_streamed() => {
                reply.close_after(usize::try_from(random.below(pieces)).unwrap_or_default())
            }
            _ => reply,
        }
    })
}
