//! The ports of the gateway, named by role.
//!
//! `shared/platform` carries these out on AWS and Azure; `testing` in memory.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream::BoxStream;
use http::{HeaderName, HeaderValue, Method};
use lanyard_domain::account::{Account, AccountKey, Write};
use lanyard_domain::catalog::Deployment;
use lanyard_domain::event::Event;
use lanyard_domain::hour::HourCount;
use lanyard_domain::ids::{DeploymentName, EventId, RequestId};
use lanyard_domain::operation::Operation;
use lanyard_domain::token::{EventCode, UserId};
use lanyard_domain::usage::{Charge, UsageRecord};
use strum::VariantArray;

/// The cause of a fault; for the log, never for an attendee.
pub type Cause = Box<dyn Error + Send + Sync>;

/// The time, so that tests can move it.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;
}

/// Random numbers, for spreading retries and for what must not be guessed.
pub trait Random: Send + Sync {
    /// Any number.
    fn next_u64(&self) -> u64;

    /// One to five seconds, so that rejected clients do not all return at once.
    fn spread(&self) -> Duration {
        Duration::from_millis(1_000 + self.next_u64() % 4_000)
    }
}

/// An event as a code finds it.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The event.
    pub event: Event,
    /// All deployments of its organiser.
    pub deployments: Vec<Deployment>,
    /// Deployments that are left out because they cannot be read.
    pub unreadable: Arc<[Unreadable]>,
    /// When the code stops working, if it was replaced.
    pub code_works_until: Option<DateTime<Utc>>,
}

/// Why an event could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// The store did not respond.
    #[error("the event store did not respond")]
    Unavailable(#[source] Cause),
    /// The item is malformed or newer than this code.
    #[error("an item of the event store cannot be read")]
    Unreadable(#[source] Cause),
}

/// Where events are looked up.
#[async_trait]
pub trait EventStore: Send + Sync {
    /// The event that a code names, if any.
    async fn find(&self, code: &EventCode) -> Result<Option<Listing>, StoreFault>;

    /// The event of an id, if any.
    async fn find_by_id(&self, id: &EventId) -> Result<Option<Listing>, StoreFault>;

    /// The deployments that one attendee alone uses.
    async fn own_deployments(
        &self,
        event: &EventId,
        user: &UserId,
    ) -> Result<Found<Deployment>, StoreFault>;
}

/// The result of a write.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was made, and this is the account after it.
    Made(Account),
    /// A condition failed, and this is the account as it was, if there is one.
    Kept(Option<Account>),
}

/// An item of the store that is malformed or newer than this code.
#[derive(Debug)]
pub struct Unreadable {
    /// Where it is in the store, for the log.
    pub item: String,
    /// Why it cannot be read.
    pub cause: Cause,
}

impl Unreadable {
    /// Logs the item.
    pub fn log(&self) {
        tracing::error!(item = self.item, cause = &*self.cause, "item_unreadable");
    }

    /// Logs and counts the item, so that an alarm names it. Nothing else waits for it.
    pub fn report(&self, request_log: &dyn RequestLog, event: Option<&EventId>) {
        self.log();
        request_log.count(Incident::ItemUnreadable, event);
    }
}

/// The items of a list, and those of them that cannot be read.
#[derive(Debug)]
pub struct Found<T> {
    /// The items.
    pub items: Vec<T>,
    /// Those that are left out.
    pub unreadable: Vec<Unreadable>,
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self { items: Vec::new(), unreadable: Vec::new() }
    }
}

impl<T> Found<T> {
    /// Items of which each could be read.
    #[must_use]
    pub fn all(items: Vec<T>) -> Self {
        Self { items, unreadable: Vec::new() }
    }

    /// Adds an item, or what is wrong with it.
    pub fn add(&mut self, item: String, read: Result<T, Cause>) {
        match read {
            Ok(read) => self.items.push(read),
            Err(cause) => self.unreadable.push(Unreadable { item, cause }),
        }
    }

    /// The items, after each of the others was logged and counted.
    pub fn reported(self, request_log: &dyn RequestLog, event: Option<&EventId>) -> Vec<T> {
        for unreadable in &self.unreadable {
            unreadable.report(request_log, event);
        }
        self.items
    }
}

/// Why a write, or a read, has no known outcome.
#[derive(Debug, thiserror::Error)]
pub enum LedgerFault {
    /// It was certainly not made.
    #[error("the ledger refused to work")]
    NotMade(#[source] Cause),
    /// It may have been made; the response was lost.
    #[error("the ledger's response was lost")]
    Unknown(#[source] Cause),
    /// The item is malformed or newer than this code. A write to it may have been made.
    #[error("an item of the ledger cannot be read")]
    Unreadable(#[source] Cause),
}

impl LedgerFault {
    /// Whether the write was certainly not made, so that it may be tried again.
    #[must_use]
    pub fn is_not_made(&self) -> bool {
        match self {
            Self::NotMade(_) => true,
            Self::Unknown(_) | Self::Unreadable(_) => false,
        }
    }
}

/// A page of attendees' accounts.
#[derive(Debug, Default)]
pub struct AttendeePage {
    /// The accounts.
    pub accounts: Vec<(UserId, Account)>,
    /// Those that cannot be read in full.
    pub unreadable: Vec<UnreadableAccount>,
    /// Where the next page begins, if there is one.
    pub next: Option<UserId>,
}

/// An account that is malformed in some places.
#[derive(Debug)]
pub struct UnreadableAccount {
    /// Which, and what is wrong with it.
    pub item: Unreadable,
    /// The part of it that can be read. It serves sums only: no rule may decide on it.
    pub rest: Account,
}

/// Where accounts and usage are kept. Each write is one try; the caller decides on another.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Makes a conditional write, or returns the account that failed it.
    async fn apply(&self, key: &AccountKey, write: &Write) -> Result<Outcome, LedgerFault>;

    /// An account as it is now.
    async fn account(&self, key: &AccountKey) -> Result<Option<Account>, LedgerFault>;

    /// Several accounts, at most a hundred, each as it is at some instant of the call; empty where
    /// there is none.
    async fn accounts(&self, keys: &[AccountKey]) -> Result<Vec<Account>, LedgerFault>;

    /// The accounts of an event's attendees in the order of their names, `after` a name.
    async fn attendees(
        &self,
        event: &EventId,
        after: Option<&UserId>,
        limit: u16,
    ) -> Result<AttendeePage, LedgerFault>;

    /// Remembers a settled request. If it is already remembered, returns how.
    async fn record(&self, record: &UsageRecord) -> Result<Option<UsageRecord>, LedgerFault>;

    /// Adds to the hour of a model, next to the shard that admitted, for charts. Lost responses
    /// make charts inexact, not bills.
    async fn count_hour(&self, count: &HourCount) -> Result<(), LedgerFault>;

    /// Files a settled request under the session that its client named. Doing it again changes
    /// nothing.
    async fn file_in_session(&self, record: &UsageRecord) -> Result<(), LedgerFault>;

    /// The events whose accounts may need the sweep.
    async fn events_to_sweep(&self, now: DateTime<Utc>) -> Result<Found<Event>, LedgerFault>;
}

/// A call to Azure, complete but for the deployment's credential.
#[derive(Clone, Debug)]
pub struct UpstreamCall {
    /// The method.
    pub method: Method,
    /// Built from the catalog, and of what is kept upstream from our own record.
    pub url: String,
    /// The content type of the body, if there is one.
    pub content_type: Option<HeaderValue>,
    /// The body to send.
    pub body: Bytes,
    /// The requested preview of the API, a value of `OpenAI-Beta`.
    pub beta: Option<&'static str>,
    /// Headers of the client that the protocol passes on.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The accepted content types of the response.
    pub accept: &'static str,
    /// Whether a stream is expected.
    pub is_streamed: bool,
    /// Our id, for Azure's logs.
    pub request_id: RequestId,
    /// How long to wait for the head of the response.
    pub timeout: Duration,
}

/// The body of a response, as it arrives. A break is the end.
pub type UpstreamBody = BoxStream<'static, Result<Bytes, Cause>>;

/// Why Azure sent no response.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamFault {
    /// There was no connection, so nothing was sent.
    #[error("the deployment could not be reached")]
    NotConnected(#[source] Cause),
    /// The connection broke before the response's head, when the request may have been sent.
    #[error("the connection to the deployment broke")]
    Broken(#[source] Cause),
    /// No response in time. The request may have been sent.
    #[error("the deployment did not respond in time")]
    Timeout,
    /// There is nothing to call the deployment with: no key, or no token for its identity.
    #[error("the deployment has no usable credential")]
    NoCredential(#[source] Cause),
}

pub use lanyard_protocol::refusal::Secret;

/// Which credential a call carried: equal marks, equal credentials. Says nothing of the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialMark(pub u64);

/// Azure.
#[async_trait]
pub trait Upstream: Send + Sync {
    /// Sends a call with the deployment's credential. The response has its [`CredentialMark`] among
    /// its extensions, and its [`Secret`], which is hidden in Azure's errors.
    async fn send(
        &self,
        deployment: &Deployment,
        call: UpstreamCall,
    ) -> Result<http::Response<UpstreamBody>, UpstreamFault>;

    /// Replaces the refused credential by another one, if there is one: a key that was changed, or
    /// a fresh token. True if there is.
    async fn renew_credential(
        &self,
        deployment: &Deployment,
        refused: Option<CredentialMark>,
    ) -> bool;
}

/// The log line of a finished request: no prompt, no completion, no code.
#[derive(Clone, Debug, Default)]
pub struct RequestLine {
    /// Which request.
    pub request_id: Option<RequestId>,
    /// At which event, once it is known.
    pub event: Option<EventId>,
    /// A keyed hash of the attendee.
    pub attendee: Option<String>,
    /// The attendee by name, for the organiser. It is not written to the log.
    pub user: Option<UserId>,
    /// The operation.
    pub operation: Option<Operation>,
    /// Under which name.
    pub model: Option<DeploymentName>,
    /// `ok`, or the code of the error.
    pub outcome: &'static str,
    /// The status that the attendee got.
    pub status: u16,
    /// The charge.
    pub charge: Charge,
    /// Whether the estimate was charged.
    pub is_estimated: bool,
    /// Whether the response was streamed.
    pub is_streamed: bool,
    /// From arrival to the end of the response.
    pub duration_ms: u64,
    /// From arrival to the first byte of the response.
    pub first_byte_ms: u64,
    /// The types of tools that were removed from the request.
    pub dropped_tools: Arc<[String]>,
    /// How much of the event's budget is spent or held after this request, in whole per cent. 100 if
    /// nothing is left for another request.
    pub budget_used_percent: Option<u64>,
}

/// Where finished requests are written down and measured.
pub trait RequestLog: Send + Sync {
    /// One line for one request.
    fn write(&self, line: &RequestLine);

    /// Something that an operator must know of: counted, and looked at.
    fn count(&self, incident: Incident, event: Option<&EventId>);
}

/// Something that an operator must know about. The name of its metric is derived: a golden test
/// holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Incident {
    /// A settlement could not be written; the log line has all that is needed to do so later.
    SettleFailed,
    /// The store was unavailable and a remembered event was used.
    StaleEvent,
    /// A code names no event, or no longer does: a mistake, or a guess.
    InvalidCode,
    /// Azure refused our key or does not know the deployment.
    UpstreamMisconfigured,
    /// Azure had no room.
    UpstreamBusy,
    /// A hold expired and the sweep settled it.
    HoldExpired,
    /// An event's account differed from the sum of its attendees' and was corrected. Alarms already
    /// use the name of its metric.
    #[strum(serialize = "account_mended")]
    AccountReconciled,
    /// The owner of a new object could not be written down, so it was deleted again.
    ObjectUnrecorded,
    /// Nor could it be deleted: it stays upstream, and nobody can reach it.
    ObjectOrphaned,
    /// An item of the table is malformed or newer than this code. Jobs go on without it.
    ItemUnreadable,
}

impl Incident {
    /// Every incident.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The name of the metric.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}
