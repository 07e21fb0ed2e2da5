//! Read this first: a participant's request in seven steps.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use lanyard_domain::account::{Account, AccountKey};
use lanyard_domain::entry::Entry;
use lanyard_domain::operation::Operation;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use lanyard_protocol::Protocol;
use lanyard_protocol::payload::Payload;

use crate::answer::expect_method;
use crate::errands::Errands;
use crate::error::ApiError;
use crate::headers;
use crate::lookup::{Attendance, Events};
use crate::memory::Memory;
use crate::notes::Notes;
use crate::parse;
use crate::ports::{Clock, EventStore, Journal, Ledger, Luck, RequestLine, Upstream};
use crate::refusals::Refusals;
use crate::request::{Request, Response};
use crate::send::Sent;
use crate::settle::{Ending, Settler, ms_between};
use crate::stored::{Concern, StoredObjects};

/// The world, as the gateway sees it.
#[derive(Clone)]
pub struct Ports {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Luck.
    pub luck: Arc<dyn Luck>,
    /// Where events are looked up.
    pub events: Arc<dyn EventStore>,
    /// Where accounts are kept.
    pub ledger: Arc<dyn Ledger>,
    /// Azure.
    pub upstream: Arc<dyn Upstream>,
    /// Where finished requests are written down.
    pub journal: Arc<dyn Journal>,
    /// How long one account may take to answer, all tries together.
    pub ledger_patience: Duration,
}

/// Everything that serves requests, and what one process remembers between them.
pub struct Gateway {
    pub(crate) ports: Ports,
    pub(crate) events: Events,
    pub(crate) settler: Arc<Settler>,
    pub(crate) stored: Option<Arc<dyn StoredObjects>>,
}

impl Gateway {
    /// A gateway that remembers nothing yet.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        let settler = Arc::new(Settler {
            ledger: Arc::clone(&ports.ledger),
            clock: Arc::clone(&ports.clock),
            journal: Arc::clone(&ports.journal),
            memory: Memory::default(),
            refusals: Refusals::default(),
            tasks: Errands::default(),
        });
        Self { ports, events: Events::default(), settler, stored: None }
    }

    /// The world, as this gateway sees it.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// The same gateway for requests that name stored objects too.
    #[must_use]
    pub fn with_stored_objects(mut self, stored: Arc<dyn StoredObjects>) -> Self {
        self.stored = Some(stored);
        self
    }

    /// Takes a request from its arrival to the answer.
    ///
    /// # Errors
    ///
    /// Every row of the error table.
    pub async fn forward(
        &self,
        operation: Operation,
        request: Request,
    ) -> Result<Response, ApiError> {
        let mut line = RequestLine { operation: Some(operation), ..RequestLine::default() };
        let answered = self.forward_noting(operation, &request, &mut line).await;
        self.note_refusal(&request, line, &answered);
        answered
    }

    /// Writes down a request that was refused before anything was reserved, and counts it at its
    /// event.
    pub fn note_refusal(
        &self,
        request: &Request,
        mut line: RequestLine,
        answered: &Result<Response, ApiError>,
    ) {
        if let Err(error) = answered
            && line.outcome != SETTLED
        {
            line.request_id = Some(request.id.clone());
            line.outcome = error.code();
            line.status = error.status().as_u16();
            line.duration_ms = ms_between(request.now, self.ports.clock.now());
            self.ports.journal.write(&line);
            self.settler.count_refusal(line, request.now);
        }
        self.settler.write_refusals(request.now);
    }

    async fn forward_noting(
        &self,
        operation: Operation,
        request: &Request,
        line: &mut RequestLine,
    ) -> Result<Response, ApiError> {
        let protocol = Protocol::of(operation);
        let route = parse::route(request.http.uri().path(), protocol)?;
        expect_method(request, &Method::POST, "POST, OPTIONS")?;
        let token = parse::token(request)?;

        let attendance = self.look_up(token, request.now, line).await?;
        parse::check_query(request.http.uri().query())?;
        let mut notes = Notes::read(request)?;
        let payload = Payload::read(protocol, &request.http, &request.id)?;
        let model = payload.model()?;
        let header = request.header(&headers::MODEL).ok().flatten();
        let wanted = route.deployment.or(header).or(model.as_deref());
        let mut choice = attendance.choose(wanted, operation)?;
        line.model = choice.name().cloned();
        let mut caps = attendance.caps();
        caps.keeps_objects &= self.stored.is_some();
        let mut demanded = payload.demanded(&caps)?;
        let references = payload.references()?;
        let mut hook = None;
        if demanded.is_kept || !references.is_empty() {
            let concern = Concern {
                request,
                attendance: &attendance,
                operation,
                model: wanted,
                references,
                is_stored: demanded.is_kept,
                estimate: demanded.estimate,
            };
            let Some(stored) = &self.stored else { return Err(attendance.objects_not_kept()) };
            let resolved = stored.resolve(concern).await?;
            choice = resolved.choice;
            demanded = demanded.carrying(resolved.prompt_tokens);
            hook = Some(resolved.hook);
        }
        line.model = choice.name().cloned();
        notes.is_own = choice.is_own();

        let model = choice.name().ok_or(ApiError::Internal(None))?;
        let mut reservation =
            self.admit(request, &attendance, model, operation, &demanded, notes).await?;

        line.outcome = SETTLED;
        let hook_of_send = hook.as_deref();
        match self.send(request, &payload, &demanded, &choice, &mut reservation, hook_of_send).await
        {
            Ok(Sent::Answer { answer, from }) => {
                if let Some(hook) = &mut hook {
                    hook.responds(from);
                }
                self.relay(request, &demanded, route.dialect, answer, reservation, hook).await
            }
            Ok(Sent::Refused { error, is_charged }) => {
                // A filter that refuses has read the prompt. Nobody counts it, so the estimate does.
                let usage = Usage::of_tokens(reservation.hold.prompt_tokens, 0);
                let settlement =
                    if is_charged { Settlement::Exact(usage) } else { Settlement::Void };
                let mut ending = Ending::refused(&error, settlement);
                ending.is_estimated = is_charged;
                self.settle_behind(reservation, ending);
                Err(error)
            }
            Err(error) => {
                self.settle_behind(reservation, Ending::refused(&error, Settlement::Void));
                Err(error)
            }
        }
    }

    /// The attendee who sends a request, for routes that cost nothing.
    ///
    /// # Errors
    ///
    /// 401, 403 and 503, as for every route.
    pub async fn attend(&self, request: &Request) -> Result<Attendance, ApiError> {
        let line = &mut RequestLine::default();
        let attendance = self.look_up(parse::token(request)?, request.now, line).await?;
        if attendance.entry != Entry::Anybody {
            let account = self.account(&attendance).await?;
            if let Some(why) = attendance.entry.refusal(&account) {
                return Err(attendance.no_entry(why));
            }
        }
        Ok(attendance)
    }

    /// An attendee's account as it is now; an empty one for a newcomer.
    ///
    /// # Errors
    ///
    /// 503 if the ledger does not answer.
    pub async fn account(&self, attendance: &Attendance) -> Result<Account, ApiError> {
        let key = AccountKey::Attendee(attendance.event().id.clone(), attendance.user.clone());
        let account = self.ports.ledger.account(&key).await;
        account
            .map(Option::unwrap_or_default)
            .map_err(|fault| self.accounting_unavailable(Some(fault.into())))
    }

    /// Waits until everything that outlives its answer is done: before a process may freeze or end.
    pub async fn settled(&self) {
        self.settler.tasks.done().await;
    }
}

/// The journal's line is written when the reservation is settled.
pub const SETTLED: &str = "settled";

impl Ending {
    fn refused(error: &ApiError, settlement: Settlement) -> Self {
        Self::of(settlement, error.code(), error.status().as_u16(), None)
    }
}

/// Handlers run on any thread: this does not compile if a step of `forward` could not.
const _: fn(&Gateway, Request) = |gateway, request| {
    fn is_send(_: impl Send) {}
    is_send(gateway.forward(Operation::ChatCompletions, request));
};
