//! Access tokens of Entra ID, for deployments that do not use a key.
//!
//! AWS issues a proof of identity, Entra ID exchanges it for an access token, and Azure accepts the
//! token. A token is fetched when the first request needs it, and cached until shortly before it
//! expires. No background task renews it, because a function does not run between requests.
//! Deployments with keys cause no call to STS or Entra ID.

mod entra;
mod exchange;
mod sts;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use lanyard_domain::credential::{Audience, Identity};
use lanyard_gateway::ports::CredentialMark;
use tokio::time::Instant;

pub use exchange::TokenFault;
pub use sts::Sts;

use entra::Granted;

/// How long before its expiry a token is renewed, unless Entra ID gives a time.
const EARLY: Duration = Duration::from_secs(300);

/// How long a failure is cached. A broken configuration must not cause a call to Entra ID for every
/// request.
const FAILURE_STANDS: Duration = Duration::from_secs(5);

/// A token younger than this is not renewed when Azure refuses it. A new one would be refused as
/// well: the application lacks the role, or the deployment belongs to another person.
const TOO_YOUNG: Duration = Duration::from_secs(60);

/// The credential of a request: the value of the header, marked as sensitive, and the credential's
/// number.
pub(crate) type Marked = (HeaderValue, CredentialMark);

/// The cached tokens of all identities.
pub(crate) struct IdentityTokens {
    http: reqwest::Client,
    sts: Option<Sts>,
    /// The address of Entra ID if it is not the authority's host. Only tests set it.
    entra: Option<String>,
    slots: Mutex<HashMap<(Identity, Audience), Arc<Slot>>>,
}

/// The token of one identity, and the lock for its renewal.
#[derive(Default)]
struct Slot {
    turn: tokio::sync::Mutex<()>,
    held: Mutex<Held>,
}

#[derive(Clone, Default)]
struct Held {
    token: Option<Token>,
    failed: Option<(Instant, TokenFault)>,
    /// The number of this token. It increases by two with each new token, and says by its lowest bit
    /// for which audience the token is.
    mark: u64,
}

#[derive(Clone)]
struct Token {
    header: HeaderValue,
    made_at: Instant,
    renew_at: Instant,
    ends_at: Instant,
}

/// The state of a slot.
enum Look {
    /// The token is valid.
    Good(Marked),
    /// The token is valid but should be renewed.
    Ageing(Marked),
    /// A recent request for a token failed.
    Failed(TokenFault),
    /// There is no token.
    Nothing,
}

impl IdentityTokens {
    /// Starts without tokens. Without STS no token can be fetched.
    pub(crate) fn new(http: reqwest::Client, sts: Option<Sts>) -> Self {
        Self { http, sts, entra: None, slots: Mutex::default() }
    }

    /// Sets the address of Entra ID, for tests.
    pub(crate) fn entra_at(&mut self, base: String) {
        self.entra = Some(base);
    }

    /// A valid token.
    ///
    /// If many requests ask at once, one of them fetches the token. If a renewal fails, the old
    /// token is used until it expires.
    pub(crate) async fn token(
        &self,
        identity: &Identity,
        audience: Audience,
    ) -> Result<Marked, TokenFault> {
        let slot = self.slot(identity, audience);
        match slot.look() {
            Look::Good(token) => return Ok(token),
            Look::Failed(fault) => return Err(fault),
            Look::Ageing(token) => {
                // The request that holds the lock renews the token for all.
                let Ok(_turn) = slot.turn.try_lock() else { return Ok(token) };
                let Look::Ageing(_) = slot.look() else { return Ok(token) };
                return Ok(self.make_or_log(identity, audience, &slot).await.unwrap_or(token));
            }
            Look::Nothing => {}
        }
        let _turn = slot.turn.lock().await;
        match slot.look() {
            Look::Good(token) | Look::Ageing(token) => Ok(token),
            Look::Failed(fault) => Err(fault),
            Look::Nothing => self.make(identity, audience, &slot).await,
        }
    }

    /// Fetches a token other than the refused one, for the audience of that one. True if there is one.
    pub(crate) async fn renew(
        &self,
        identity: &Identity,
        usual: Audience,
        refused: Option<CredentialMark>,
    ) -> bool {
        let audience = refused.map_or(usual, audience_of);
        let slot = self.slot(identity, audience);
        let _turn = slot.turn.lock().await;
        let held = slot.lock().clone();
        if refused.is_some_and(|refused| refused != CredentialMark(held.mark)) {
            return held.token.is_some();
        }
        let is_young = held.token.is_some_and(|token| token.made_at.elapsed() < TOO_YOUNG);
        let has_failed = held.failed.is_some_and(|(at, _)| at.elapsed() < FAILURE_STANDS);
        if is_young || has_failed {
            return false;
        }
        self.make_or_log(identity, audience, &slot).await.is_some()
    }

    /// Fetches a token. The caller must hold the lock.
    async fn make(
        &self,
        identity: &Identity,
        audience: Audience,
        slot: &Slot,
    ) -> Result<Marked, TokenFault> {
        match self.exchange(identity, audience).await {
            Ok(granted) => Ok(slot.keep(granted)),
            Err(fault) => {
                slot.lock().failed = Some((Instant::now(), fault.clone()));
                Err(fault)
            }
        }
    }

    /// Like `make`, but logs a failure, where no caller can receive it.
    async fn make_or_log(
        &self,
        identity: &Identity,
        audience: Audience,
        slot: &Slot,
    ) -> Option<Marked> {
        let made = self.make(identity, audience, slot).await;
        made.inspect_err(|fault| tracing::error!(%fault, "an identity has no new token")).ok()
    }

    async fn exchange(
        &self,
        identity: &Identity,
        audience: Audience,
    ) -> Result<Granted, TokenFault> {
        let sts = self.sts.as_ref().ok_or(TokenFault::NoAws)?;
        let proof = sts.web_identity_token(&self.http, identity.authority.audience()).await?;
        let base = match &self.entra {
            Some(base) => base.clone(),
            None => format!("https://{}", identity.authority.host()),
        };
        entra::grant(&self.http, &base, identity, audience, &proof).await
    }

    fn slot(&self, identity: &Identity, audience: Audience) -> Arc<Slot> {
        let mut slots = lock(&self.slots);
        let key = (identity.clone(), audience);
        Arc::clone(slots.entry(key).or_insert_with(|| Arc::new(Slot::of(audience))))
    }
}

impl Slot {
    fn of(audience: Audience) -> Self {
        let mark = u64::from(audience == Audience::Foundry);
        let held = Mutex::new(Held { mark, ..Held::default() });
        Self { held, ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        lock(&self.held)
    }

    fn look(&self) -> Look {
        let held = self.lock();
        let now = Instant::now();
        let failed = held.failed.as_ref().filter(|(at, _)| now < *at + FAILURE_STANDS);
        match (held.token.as_ref().filter(|token| now < token.ends_at), failed) {
            (Some(token), None) if now >= token.renew_at => Look::Ageing(held.marked(token)),
            (Some(token), _) => Look::Good(held.marked(token)),
            (None, Some((_, fault))) => Look::Failed(fault.clone()),
            (None, None) => Look::Nothing,
        }
    }

    fn keep(&self, granted: Granted) -> Marked {
        let Granted { header, asked_at, lasts, renew_after } = granted;
        let early = lasts.saturating_sub(EARLY).max(lasts / 2);
        let token = Token {
            header,
            made_at: Instant::now(),
            renew_at: asked_at + renew_after.map_or(early, |after| after.min(early)),
            ends_at: asked_at + lasts,
        };
        let mut held = self.lock();
        let is_same = held.token.as_ref().is_some_and(|before| before.header == token.header);
        held.mark += if is_same { 0 } else { 2 };
        held.failed = None;
        let marked = held.marked(&token);
        held.token = Some(token);
        marked
    }
}

impl Held {
    fn marked(&self, token: &Token) -> Marked {
        (token.header.clone(), CredentialMark(self.mark))
    }
}

/// For which audience a token is.
fn audience_of(mark: CredentialMark) -> Audience {
    if mark.0 % 2 == 1 { Audience::Foundry } else { Audience::OpenAi }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere cannot leave plain values in a partial state.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
