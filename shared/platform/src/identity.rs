//! Tokens of Entra ID, for deployments that take no key.
//!
//! AWS says who we are, Entra believes it and gives a token, Azure takes the token. A token is made
//! when the first call needs it and remembered until shortly before it ends; there is no task that
//! would renew it, because a function that waits for requests does not run. Nothing is made or
//! opened for those who use keys.

mod entra;
mod exchange;
mod sts;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use lanyard_domain::credential::Identity;
use lanyard_gateway::ports::CredentialMark;
use tokio::time::Instant;

pub use exchange::TokenFault;
pub use sts::Sts;

use entra::Granted;

/// How long before its end a token is renewed, unless Entra names a time.
const EARLY: Duration = Duration::from_secs(300);

/// How long a failure stands for the next who ask: a broken set-up is no reason to ask Entra once
/// for every request.
const FAILURE_STANDS: Duration = Duration::from_secs(5);

/// A token younger than this is not renewed when Azure refuses it. Another would be refused as
/// well: the application has no role, or the deployment is another's.
const TOO_YOUNG: Duration = Duration::from_secs(60);

/// What a call carries: the header's value, which prints as `Sensitive`, and its mark.
pub(crate) type Marked = (HeaderValue, CredentialMark);

/// The tokens of every identity.
pub(crate) struct IdentityTokens {
    http: reqwest::Client,
    sts: Option<Sts>,
    /// Where Entra is, if not at the authority's host. Only tests say so.
    entra: Option<String>,
    slots: Mutex<HashMap<Identity, Arc<Slot>>>,
}

/// One identity's token, and whose turn it is to renew it.
#[derive(Default)]
struct Slot {
    turn: tokio::sync::Mutex<()>,
    held: Mutex<Held>,
}

#[derive(Clone, Default)]
struct Held {
    token: Option<Token>,
    failed: Option<(Instant, TokenFault)>,
    /// Counts the tokens that there were.
    mark: u64,
}

#[derive(Clone)]
struct Token {
    header: HeaderValue,
    made_at: Instant,
    renew_at: Instant,
    ends_at: Instant,
}

/// What a look at a slot says.
enum Look {
    /// This will do.
    Good(Marked),
    /// This will still do, but a new one is due.
    Ageing(Marked),
    /// It has just failed.
    Failed(TokenFault),
    /// There is none.
    Nothing,
}

impl IdentityTokens {
    /// No tokens yet. Without STS there will be none.
    pub(crate) fn new(http: reqwest::Client, sts: Option<Sts>) -> Self {
        Self { http, sts, entra: None, slots: Mutex::default() }
    }

    /// Entra elsewhere, for tests.
    pub(crate) fn entra_at(&mut self, base: String) {
        self.entra = Some(base);
    }

    /// A token that is good now.
    ///
    /// However many ask, one of them makes it. A token that is due to be renewed is used while it
    /// lasts, should the renewal fail.
    pub(crate) async fn token(&self, identity: &Identity) -> Result<Marked, TokenFault> {
        let slot = self.slot(identity);
        match slot.look() {
            Look::Good(token) => return Ok(token),
            Look::Failed(fault) => return Err(fault),
            Look::Ageing(token) => {
                // Whoever has the turn renews it for all.
                let Ok(_turn) = slot.turn.try_lock() else { return Ok(token) };
                let Look::Ageing(_) = slot.look() else { return Ok(token) };
                return Ok(self.make_or_log(identity, &slot).await.unwrap_or(token));
            }
            Look::Nothing => {}
        }
        let _turn = slot.turn.lock().await;
        match slot.look() {
            Look::Good(token) | Look::Ageing(token) => Ok(token),
            Look::Failed(fault) => Err(fault),
            Look::Nothing => self.make(identity, &slot).await,
        }
    }

    /// Makes sure of another token than the refused one; true if there is.
    pub(crate) async fn renew(&self, identity: &Identity, refused: Option<CredentialMark>) -> bool {
        let slot = self.slot(identity);
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
        self.make_or_log(identity, &slot).await.is_some()
    }

    /// Makes a token; only for whoever has the turn.
    async fn make(&self, identity: &Identity, slot: &Slot) -> Result<Marked, TokenFault> {
        match self.exchange(identity).await {
            Ok(granted) => Ok(slot.keep(granted)),
            Err(fault) => {
                slot.lock().failed = Some((Instant::now(), fault.clone()));
                Err(fault)
            }
        }
    }

    /// The same where a failure has no caller to go to.
    async fn make_or_log(&self, identity: &Identity, slot: &Slot) -> Option<Marked> {
        let made = self.make(identity, slot).await;
        made.inspect_err(|fault| tracing::error!(%fault, "an identity has no new token")).ok()
    }

    async fn exchange(&self, identity: &Identity) -> Result<Granted, TokenFault> {
        let sts = self.sts.as_ref().ok_or(TokenFault::NoAws)?;
        let proof = sts.web_identity_token(&self.http, identity.authority.audience()).await?;
        let base = match &self.entra {
            Some(base) => base.clone(),
            None => format!("https://{}", identity.authority.host()),
        };
        entra::grant(&self.http, &base, identity, &proof).await
    }

    fn slot(&self, identity: &Identity) -> Arc<Slot> {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.get(identity) {
            return Arc::clone(slot);
        }
        Arc::clone(slots.entry(identity.clone()).or_default())
    }
}

impl Slot {
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
        held.mark += u64::from(!is_same);
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere cannot leave plain values half written.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
