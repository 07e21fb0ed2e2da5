//! Whose credential it is, and which event a code belongs to.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lanyard_domain::access::Proof;
use lanyard_domain::token::{EventCode, UserId};

use super::{Handle, OpenEvent, check_open};
use crate::Gateway;
use crate::error::ApiError;
use crate::parse::{Pass, Passes};
use crate::ports::Incident;

impl Gateway {
    /// The event and the user of a credential. `None` if it is not good.
    pub(super) async fn holder(
        &self,
        pass: Pass,
        now: DateTime<Utc>,
    ) -> Result<Option<(Arc<OpenEvent>, UserId, Proof)>, ApiError> {
        match pass {
            Pass::Shared(token) => {
                let at = self.working(&Handle::Code(token.code), now).await?;
                let at = at.filter(|at| token.event.is_none_or(|event| event == at.event.id));
                Ok(at.map(|at| (at, token.user, Proof::Code)))
            }
            Pass::Signed(token) => {
                let at = self.working(&Handle::Id(token.event().clone()), now).await?;
                Ok(at.and_then(|at| {
                    let claims = token.verify(&at.event.signing, now)?;
                    let proof = claims.proof()?;
                    Some((at, claims.user, proof))
                }))
            }
        }
    }

    /// The event of the first of these codes that is one, if it is open.
    ///
    /// # Errors
    ///
    /// As for [`Gateway::look_up`].
    pub async fn open_event_of_any(
        &self,
        codes: Passes<EventCode>,
        now: DateTime<Utc>,
    ) -> Result<Arc<OpenEvent>, ApiError> {
        let at = self.event_of_any(codes, now).await?;
        check_open(&at.event, now)?;
        Ok(at)
    }

    /// The event of a code, open or not.
    ///
    /// # Errors
    ///
    /// 401 for a code of no event, 503 if it cannot be read.
    pub async fn event_of(
        &self,
        code: &EventCode,
        now: DateTime<Utc>,
    ) -> Result<Arc<OpenEvent>, ApiError> {
        let at = self.working(&Handle::Code(code.clone()), now).await?;
        at.ok_or_else(|| self.wrong_credential())
    }

    /// The event of the first of these codes that is one.
    ///
    /// # Errors
    ///
    /// As for [`Gateway::event_of`].
    pub async fn event_of_any(
        &self,
        codes: Passes<EventCode>,
        now: DateTime<Utc>,
    ) -> Result<Arc<OpenEvent>, ApiError> {
        for code in codes {
            if let Some(at) = self.working(&Handle::Code(code), now).await? {
                return Ok(at);
            }
        }
        Err(self.wrong_credential())
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

    /// The refusal of a credential that is not good, counted, because many of them are guesses.
    pub(super) fn wrong_credential(&self) -> ApiError {
        self.ports.request_log.count(Incident::InvalidCode, None);
        ApiError::InvalidEventCode
    }
}
