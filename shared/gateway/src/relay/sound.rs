//! The task that drives an answer of plain bytes, such as sound, to its end.
//!
//! Nothing in it can be counted or said: its cost is known before, and a break is an early end.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::pump::{Fed, WAITING_FRAMES};
use super::{Next, next_chunk};
use crate::admit::Reservation;
use crate::error::ApiError;
use crate::ports::UpstreamBody;
use crate::settle::{Ending, OK, Settler};
use crate::{Body, Gateway};

/// Reads the first bytes, so that an answer without any is still an error, and starts the task.
///
/// # Errors
///
/// 502 or 504 with the reservation, which is to be settled.
pub(super) async fn start(
    gateway: &Gateway,
    mut upstream: UpstreamBody,
    until: Option<Instant>,
    reservation: Reservation,
) -> Result<Body, (ApiError, Reservation)> {
    let first = loop {
        match next_chunk(&mut upstream, until).await {
            Next::Chunk(chunk) if chunk.is_empty() => {}
            Next::Chunk(chunk) => break chunk,
            Next::End => {
                let nothing = ApiError::UpstreamUnreachable(Some("the answer is empty".into()));
                return Err((nothing, reservation));
            }
            Next::Broken(error) => return Err((error, reservation)),
        }
    };
    let settler = Arc::clone(&gateway.settler);
    let first_byte_at = settler.clock.now();
    let (downstream, receiver) = mpsc::channel(WAITING_FRAMES);
    let driven = drive(settler, upstream, until, first, first_byte_at, downstream, reservation);
    gateway.settler.behind(driven);
    Ok(Fed::body(receiver))
}

async fn drive(
    settler: Arc<Settler>,
    mut upstream: UpstreamBody,
    until: Option<Instant>,
    first: Bytes,
    first_byte_at: DateTime<Utc>,
    downstream: mpsc::Sender<Bytes>,
    reservation: Reservation,
) {
    let mut downstream = Some(downstream);
    let mut next = Next::Chunk(first);
    let error = loop {
        match next {
            Next::Chunk(chunk) => {
                let sent = match (&downstream, until) {
                    (Some(to), Some(until)) => {
                        matches!(tokio::time::timeout_at(until, to.send(chunk)).await, Ok(Ok(())))
                    }
                    (Some(to), None) => to.send(chunk).await.is_ok(),
                    (None, _) => false,
                };
                if !sent {
                    downstream = None;
                }
            }
            Next::End => break None,
            Next::Broken(error) => break Some(error),
        }
        next = next_chunk(&mut upstream, until).await;
    };
    drop(upstream);
    if let Some(error) = &error {
        tracing::warn!(request_id = %reservation.id, error = ?error, "answer broke off");
    }
    let usage = Usage::of_units(reservation.hold.units);
    let settlement = match error {
        None => Settlement::Exact(usage),
        Some(_) => Settlement::AtLeast(usage),
    };
    let outcome = error.as_ref().map_or(OK, ApiError::code);
    settler.settle(reservation, Ending::of(settlement, outcome, 200, Some(first_byte_at))).await;
    // Dropping the sender ends the answer: only now, when its cost is written down.
    drop(downstream);
}
