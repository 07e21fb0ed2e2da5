//! Whose credential it is, and which event a code belongs to.
//!
//! A request may have several credentials, of which some are dummies. One that cannot be looked up
//! does not hide one that is good, but it may be good itself: then its fault is the response.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lanyard_domain::access::Proof;
use lanyard_domain::token::{EventCode, UserId};

use super::{Handle, OpenEvent, check_open};
use crate::Gateway;
use crate::error::ApiError;
use crate::parse::{Candidates, Token};
use crate::ports::Incident;

/// Whose credential it is.
pub(crate) struct Holder {
    pub(crate) at: Arc<OpenEvent>,
    pub(crate) user: UserId,
    pub(crate) proof: Proof,
}

/// The credentials of a request that were not good.
#[derive(Default)]
struct Misses {
    wrong: usize,
    /// Why the first of the others could not be looked up.
    failed: Option<ApiError>,
}

impl Misses {
    /// What was found, or else another miss.
    fn unless<T>(&mut self, found: Result<Option<T>, ApiError>) -> Option<T> {
        match found {
            Ok(Some(found)) => return Some(found),
            Ok(None) => self.wrong += 1,
            Err(error) => self.failed = self.failed.take().or(Some(error)),
        }
        None
    }
}

impl Gateway {
    /// The holder of the first credential that is good and suits.
    ///
    /// # Errors
    ///
    /// 401 if there is none, 503 if one cannot be looked up that may be it.
    pub(crate) async fn first_holder(
        &self,
        tokens: Candidates,
        now: DateTime<Utc>,
        suits: impl Fn(&Holder) -> bool,
    ) -> Result<Holder, ApiError> {
        let mut misses = Misses::default();
        for token in tokens {
            let found = self.holder(token, now).await.map(|found| found.filter(&suits));
            if let Some(found) = misses.unless(found) {
                return Ok(found);
            }
        }
        Err(self.none_good(misses))
    }

    /// The holder of a credential. `None` if it is not good.
    async fn holder(&self, token: Token, now: DateTime<Utc>) -> Result<Option<Holder>, ApiError> {
        match token {
            Token::Shared(token) => {
                let at = self.working(&Handle::Code(token.code), now).await?;
                let at = at.filter(|at| token.event.is_none_or(|event| event == at.event.id));
                Ok(at.map(|at| Holder { at, user: token.user, proof: Proof::Code }))
            }
            Token::Signed(token) => {
                let at = self.working(&Handle::Id(token.event().clone()), now).await?;
                Ok(at.and_then(|at| {
                    let claims = token.verify(&at.event.signing, now)?;
                    let proof = claims.proof()?;
                    Some(Holder { at, user: claims.user, proof })
                }))
            }
        }
    }

    /// The event of the first of these codes that is one, if it is open.
    ///
    /// # Errors
    ///
    /// As for [`Gateway::look_up`].
    pub async fn open_event_of(
        &self,
        codes: Candidates<EventCode>,
        now: DateTime<Utc>,
    ) -> Result<Arc<OpenEvent>, ApiError> {
        let at = self.event_of(codes, now).await?;
        check_open(&at.event, now)?;
        Ok(at)
    }

    /// The event of the first of these codes that is one, open or not.
    ///
    /// # Errors
    ///
    /// 401 if none is the code of an event, 503 if one cannot be looked up that may be it.
    pub async fn event_of(
        &self,
        codes: Candidates<EventCode>,
        now: DateTime<Utc>,
    ) -> Result<Arc<OpenEvent>, ApiError> {
        let mut misses = Misses::default();
        for code in codes {
            if let Some(at) = misses.unless(self.working(&Handle::Code(code), now).await) {
                return Ok(at);
            }
        }
        Err(self.none_good(misses))
    }

    /// An event by a handle that still works.
    async fn working(
        &self,
        handle: &Handle,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<OpenEvent>>, ApiError> {
        let works = |at: &Arc<OpenEvent>| at.code_works_until.is_none_or(|until| now < until);
        Ok(self.find(handle, now).await?.filter(works))
    }

    /// The refusal of a request without a good credential. Each wrong one is counted, because many of
    /// them are guesses.
    fn none_good(&self, misses: Misses) -> ApiError {
        for _ in 0..misses.wrong {
            self.ports.request_log.count(Incident::InvalidCode, None);
        }
        misses.failed.unwrap_or(ApiError::InvalidEventCode)
    }
}
