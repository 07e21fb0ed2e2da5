//! Step three: the ledger grants what a request may cost, or returns the reason for a refusal.
//!
//! One conditional write on the attendee's account and one on the event's, in parallel: one round
//! trip. If one is refused, the other is released. The event's may be in several shards.

mod lower;
mod refuse;
mod seat;
mod shards;

use std::iter::once_with;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt;
use lanyard_domain::access::AccessDenied;
use lanyard_domain::account::{Account, AccountKey, Field};
use lanyard_domain::admission::{self, Demand, Guess, Rejection, Side};
use lanyard_domain::allowance::Allowance;
use lanyard_domain::estimate::Estimate;
use lanyard_domain::ids::DeploymentName;
use lanyard_domain::models::ModelFacts;
use lanyard_domain::operation::Operation;
use lanyard_domain::time::EpochNanos;
use lanyard_protocol::demand::Demanded;

use self::refuse::{Sides, Why, priced};
use crate::Gateway;
use crate::error::ApiError;
use crate::lookup::Attendance;
use crate::metadata::RequestMetadata;
use crate::ports::{Cause, LedgerFault, Outcome};
use crate::request::Request;
use crate::retry::with_retry;
use crate::settle::hold_life;
pub use crate::settle::{HOLD_LIFE, Reservation};

/// How long the hold of a job lives, a run or a video: longer than Azure works on one. Runs expire
/// ten minutes after they were made, videos take some minutes.
pub const JOB_LIFE: chrono::TimeDelta = chrono::TimeDelta::hours(1);

/// Guesses that may be wrong before the account changes too fast to follow.
const GUESSES: usize = 8;

/// How long to wait for a response's settlement that may be under way.
const IN_FLIGHT_PAUSE: Duration = Duration::from_millis(60);

/// Why an account did not admit a request.
pub(crate) enum AdmissionRefused {
    Refused(Rejection),
    AccessDenied(AccessDenied),
    Full,
    /// The event gives newcomers no more seats before this time.
    NotYet(EpochNanos),
    /// The event limits money, and what the model costs is not known.
    NoPrice,
    /// `is_unknown` if a write may have been made all the same.
    Fault {
        cause: Cause,
        is_unknown: bool,
    },
}

impl From<Rejection> for AdmissionRefused {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(rejection)
    }
}

impl From<LedgerFault> for AdmissionRefused {
    fn from(fault: LedgerFault) -> Self {
        let is_unknown = match &fault {
            LedgerFault::NotMade(_) => false,
            LedgerFault::Unknown(_) | LedgerFault::Unreadable(_) => true,
        };
        Self::Fault { cause: Box::new(fault), is_unknown }
    }
}

/// A request that was not admitted.
struct RejectedRequest {
    why: Why,
    metadata: RequestMetadata,
}

/// A limit that is free again so soon is waited for: OpenAI's SDK for Python waits as long.
const SOON: Duration = Duration::from_secs(120);

impl Gateway {
    /// Reserves what a request may cost on both accounts.
    ///
    /// # Errors
    ///
    /// 429 with the time from which the request fits, 400 if it never will, 403 for an attendee
    /// without a seat, 503 if the ledger does not respond.
    pub async fn admit(
        &self,
        request: &Request,
        attendance: &Attendance,
        model: &DeploymentName,
        operation: Operation,
        demanded: &Demanded,
        metadata: RequestMetadata,
    ) -> Result<Reservation, ApiError> {
        let admitted =
            self.try_admit(request, attendance, model, operation, demanded, None, metadata).await;
        admitted.map_err(|rejected| self.error_of(attendance, request.now, model, rejected.why))
    }

    /// Like [`Gateway::admit`], for a request that may be lowered, down to `least`.
    #[expect(clippy::too_many_arguments, reason = "all of them are of one request")]
    async fn try_admit(
        &self,
        request: &Request,
        attendance: &Attendance,
        model: &DeploymentName,
        operation: Operation,
        demanded: &Demanded,
        least: Option<&Demanded>,
        metadata: RequestMetadata,
    ) -> Result<Reservation, Box<RejectedRequest>> {
        let event = attendance.event();
        let prices = attendance.at.catalog.prices(model).unwrap_or(&ModelFacts::UNKNOWN.prices);
        let (estimate, is_priced) = match metadata.is_own {
            // What the attendee's own deployments do costs the event nothing.
            true => (Estimate::NOTHING, true),
            false => priced(demanded, prices),
        };
        let least = least.filter(|_| !metadata.is_own).map(|least| priced(least, prices).0);
        // An own deployment is no model of the event's, and a call that runs no model uses none.
        let counts_model = demanded.runs_model && !metadata.is_own;
        let by_model = &event.allowances.by_model;
        let demand = Demand {
            id: request.id.clone(),
            model: if counts_model { by_model.held(model) } else { None },
            estimate,
            least,
            now: request.now.into(),
            day: attendance.day,
            expires_at: (request.now + life(request, demanded)).into(),
            is_recorded: event.records_requests,
        };
        let attendee_key = AccountKey::Attendee(event.id.clone(), attendance.user.clone());
        let event_key = AccountKey::Event(event.id.clone());
        // What is remembered may be outdated, so it does not say how far the request is to be lowered.
        let least = demand.least_estimate();
        let known = |key: &AccountKey| self.settler.memory.refusal(key, &demand, &least);
        let known = Sides { attendee: known(&attendee_key), event: known(&event_key) };
        if let Some(known) = known.if_any() {
            return Err(Box::new(RejectedRequest { why: Why::Refused(known), metadata }));
        }
        let (attendee_side, event_side) = tokio::join!(
            self.within_timeout(self.admit_attendee(
                &attendee_key,
                &event_key,
                attendance,
                &demand,
                is_priced,
            )),
            self.within_timeout(self.admit_event(event, &demand, demanded.is_job, is_priced)),
        );
        let hold = demand.hold();
        match (attendee_side, event_side) {
            (Ok((account, allowance)), Ok(shard)) => Ok(Reservation {
                id: demand.id,
                at: Arc::clone(&attendance.at),
                user: attendance.user.clone(),
                user_hash: self
                    .settler
                    .memory
                    .user_hash(&attendee_key, || attendance.at.user_hash(&attendance.user)),
                shard,
                operation,
                model: model.clone(),
                hold,
                admitted_at: request.now,
                account,
                allowance,
                is_streamed: demanded.is_streamed,
                metadata,
                settler: Some(Arc::clone(&self.settler)),
                is_sent: false,
            }),
            (attendee_side, event_side) => {
                let was_made = |side: &Result<_, AdmissionRefused>| match side {
                    Ok(()) => true,
                    Err(AdmissionRefused::Fault { is_unknown, .. }) => *is_unknown,
                    Err(
                        AdmissionRefused::Refused(_)
                        | AdmissionRefused::AccessDenied(_)
                        | AdmissionRefused::Full
                        | AdmissionRefused::NotYet(_)
                        | AdmissionRefused::NoPrice,
                    ) => false,
                };
                let attendee_side = attendee_side.map(|_| ());
                let shard = event_side.as_ref().ok().copied();
                let event_side = event_side.map(|_| ());
                let attendee = was_made(&attendee_side).then_some(attendee_key.clone());
                for (key, side) in [(&attendee_key, &attendee_side), (&event_key, &event_side)] {
                    if let Err(AdmissionRefused::Refused(rejection)) = side {
                        self.settler.memory.refused(key, &demand, *rejection);
                    }
                }
                let id = demand.id.clone();
                let error = |refused| match refused {
                    AdmissionRefused::AccessDenied(why) => attendance.access_denied(why),
                    AdmissionRefused::Full => ApiError::EventFull { contact: attendance.contact() },
                    AdmissionRefused::NotYet(at) => seat::too_many(attendance, demand.now, at),
                    AdmissionRefused::NoPrice => ApiError::PriceUnknown {
                        model: model.clone(),
                        uses_hosted: demanded.hosted.is_some(),
                        contact: attendance.contact(),
                    },
                    AdmissionRefused::Fault { cause, .. } => {
                        self.accounting_unavailable(Some(cause))
                    }
                    AdmissionRefused::Refused(_) => ApiError::Internal(None),
                };
                let why = Why::of(attendee_side, event_side, error);
                if matches!(why, Why::Lower(_)) || demanded.with_bounded_calls().is_some() {
                    // The same request may be tried again with less, under the same id.
                    self.settler.release(event, attendee, shard, id, hold).await;
                } else {
                    self.settler.release_in_background(event, attendee, shard, id, hold);
                }
                Err(Box::new(RejectedRequest { why, metadata }))
            }
        }
    }

    async fn admit_attendee(
        &self,
        key: &AccountKey,
        event_key: &AccountKey,
        attendance: &Attendance,
        demand: &Demand,
        is_priced: bool,
    ) -> Result<(Account, Allowance), AdmissionRefused> {
        let of_model;
        let granted = match demand.model_key() {
            None => &attendance.allowances().attendee,
            model => {
                of_model = attendance.allowances().attendee_for(model);
                &of_model
            }
        };
        let memory = &self.settler.memory;
        let terms_of = |account: &Account| (account.allowance(granted), account.get(Field::Terms));
        let reconciled_through = memory.reconciled_through(event_key);
        let ((mut allowance, mut terms), mut guess) = memory
            .look(key, |seen| (terms_of(&seen.account), seen.guess(demand, reconciled_through)));
        let mut may_pause = true;
        for _ in 0..GUESSES {
            if !is_priced && allowance.limits_money() {
                return Err(AdmissionRefused::NoPrice);
            }
            let old = if admission::may_fit(&allowance, demand) {
                let side = Side::Attendee { terms };
                let mut write = admission::write(side, &allowance, demand, &guess);
                write.conditions.extend(attendance.policy.condition());
                match self.apply_with_retry(key, &write).await? {
                    Outcome::Made(account) => {
                        let numbers = account.numbers.clone();
                        memory.saw(key, Account { numbers, ..Account::default() }, guess);
                        return Ok((account, allowance));
                    }
                    Outcome::Kept(old) => old,
                }
            } else {
                // The attendee's own limits may be others than those that are remembered.
                self.ports.ledger.account(key).await?
            };
            let old = old.unwrap_or_default();
            if old.holds.contains_key(&demand.id) {
                // An earlier try was made and its response was lost.
                return Ok((old, allowance));
            }
            if let Some(why) = attendance.policy.refusal(&old) {
                return Err(AdmissionRefused::AccessDenied(why));
            }
            (allowance, terms) = terms_of(&old);
            let rejection = Rejection::by_account(&allowance, &old, demand);
            if rejection.is_none() && !old.numbers.contains_key(&Field::SeatedAt) {
                self.seat(key, event_key, attendance.event(), demand.now).await?;
            }
            match rejection {
                Some(rejection)
                    if rejection.refusal().may_end_with_a_request()
                        && std::mem::take(&mut may_pause) =>
                {
                    tokio::time::sleep(IN_FLIGHT_PAUSE).await;
                }
                Some(rejection) => return Err(rejection.into()),
                None => {}
            }
            guess = Guess::from_account(&old, demand);
        }
        Err(too_busy())
    }

    /// One to five seconds, so that not everybody returns at once.
    pub(crate) fn spread(&self) -> Duration {
        self.ports.random.spread()
    }

    /// A 503 that spreads those who come back over some seconds.
    #[must_use]
    pub fn accounting_unavailable(&self, cause: Option<Cause>) -> ApiError {
        ApiError::AccountingUnavailable { retry_after: self.spread(), cause }
    }

    /// A write that names a hold or sets a time, so that repeating it changes nothing: tried again
    /// whatever became of the first try.
    pub(crate) async fn apply_with_retry(
        &self,
        key: &AccountKey,
        write: &lanyard_domain::account::Write,
    ) -> Result<Outcome, LedgerFault> {
        let apply = || self.ports.ledger.apply(key, write);
        with_retry(once_with(|| self.jitter()), apply, |_| true).await
    }

    /// A write that would count twice: tried again only if it was certainly not made.
    pub(super) async fn apply_once(
        &self,
        key: &AccountKey,
        write: &lanyard_domain::account::Write,
    ) -> Result<Outcome, LedgerFault> {
        let apply = || self.ports.ledger.apply(key, write);
        with_retry(once_with(|| self.jitter()), apply, LedgerFault::is_not_made).await
    }

    /// Not an `async fn`, which would store the future twice: as its argument and where it waits.
    fn within_timeout<T>(
        &self,
        side: impl Future<Output = Result<T, AdmissionRefused>>,
    ) -> impl Future<Output = Result<T, AdmissionRefused>> {
        tokio::time::timeout(self.ports.ledger_timeout, side).map(|side| {
            side.unwrap_or_else(|elapsed| {
                Err(AdmissionRefused::Fault { cause: Box::new(elapsed), is_unknown: true })
            })
        })
    }

    /// A short, random pause.
    fn jitter(&self) -> Duration {
        Duration::from_millis(25 + self.ports.random.next_u64() % 75)
    }
}

/// How long the hold of a request lives.
fn life(request: &Request, demanded: &Demanded) -> TimeDelta {
    if demanded.is_job {
        return JOB_LIFE;
    }
    let life = hold_life(request.deadline, demanded.is_streamed);
    TimeDelta::from_std(life).unwrap_or(HOLD_LIFE)
}

fn too_busy() -> AdmissionRefused {
    AdmissionRefused::Fault {
        cause: "the account changes too fast to follow".into(),
        is_unknown: false,
    }
}
