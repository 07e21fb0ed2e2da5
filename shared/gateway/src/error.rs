//! Everything that can be refused, in one table.
//!
//! `Display` is for the participant and safe to send: it has what happened, why, and what to do. It
//! repeats no part of the request. Causes sit behind `source` and go to the log.

mod anthropic;
pub(crate) mod table;
mod words;

use std::time::Duration;

use lanyard_domain::ids::{DeploymentName, EventId};
use lanyard_domain::object::Kind;
use lanyard_domain::operation::Operation;
pub use lanyard_protocol::error::BadRequestCode;
use lanyard_protocol::error::BodyRefused;
pub use lanyard_protocol::refusal::ModelRefusal;

pub use self::words::{ContactHint, LimitName, LimitScope, Missing};
use self::words::{
    amount, left_words, model_not_found, operation_not_offered, price_unknown, remedy, too_large,
    units, wait_words,
};
use crate::ports::Cause;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No valid code, for whatever reason: one body for all.
    #[error(
        "No valid event code was sent: the code, the name behind it or both are missing or wrong. Send CODE/USER as your API key, in one of the headers openai-event-code, api-key or x-api-key, or as 'Authorization: Bearer CODE/USER'. CODE is the event's code. USER is a name of your choice, such as your GitHub user name: 1 to 128 ASCII letters, digits and signs (write bjorn or jose for names with accents)."
    )]
    InvalidEventCode,
    /// The code is good, the event is yet to come.
    #[error("The event has not started. It opens at {starts_at}.{contact}")]
    EventNotStarted {
        /// In the event's zone and UTC.
        starts_at: String,
        /// Whom to ask.
        contact: ContactHint,
    },
    /// The code is good, the event is over.
    #[error("The event is over. It ended at {ended_at}.{contact}")]
    EventEnded {
        /// In the event's zone and UTC.
        ended_at: String,
        /// Whom to ask.
        contact: ContactHint,
    },
    /// The organiser stopped the event for now.
    #[error("The organiser has paused the event. Try again when it goes on.{contact}")]
    EventPaused {
        /// Whom to ask.
        contact: ContactHint,
    },
    /// The organiser keeps this attendee out.
    #[error("The organiser has blocked this user at this event.{contact}")]
    AttendeeBlocked {
        /// Whom to ask.
        contact: ContactHint,
    },
    /// Newcomers take seats too fast.
    #[error(
        "Many new users are joining at once. This event takes {allowed} new users per minute. Try again in {}, under the same name. Users who have joined are not affected.",
        wait_words(*retry_after)
    )]
    TooManyNewcomers {
        /// New users per minute.
        allowed: u64,
        /// Until the next seat is given.
        retry_after: Duration,
    },
    /// Every seat is taken.
    #[error(
        "The event is full: it takes no further users. If you have used it before, use the same user name again.{contact}"
    )]
    EventFull {
        /// Whom to ask.
        contact: ContactHint,
    },
    /// The event has a roster, and this user is not on it.
    #[error(
        "This user is not on the event's roster. Check that the name is spelt as the organiser has it.{contact}"
    )]
    NotOnRoster {
        /// Whom to ask.
        contact: ContactHint,
    },
    /// The code alone does not admit this user.
    #[error(
        "At this event each user needs a personal key. Get yours with the event's code: POST /api/event/{event}/register. If somebody else has registered this name, the organiser can remove that registration.{contact}"
    )]
    RegistrationRequired {
        /// Where to register.
        event: EventId,
        /// Whom to ask.
        contact: ContactHint,
    },
    /// Another person has claimed the name, or the proof is wrong.
    #[error(
        "This user is registered already, with another proof. Use the proof that you registered with, or another user name.{contact}"
    )]
    AlreadyRegistered {
        /// Whom to ask.
        contact: ContactHint,
    },
    /// The name is already used with the event's code, and may have stored objects.
    #[error(
        "This user name is in use with the event's code and may have stored files, so it cannot be registered. Register another name, or go on with this one and the code.{contact}"
    )]
    NameInUse {
        /// Whom to ask.
        contact: ContactHint,
    },
    /// The event does not offer this service.
    #[error("This event does not offer {what}.{contact}")]
    NotOffered {
        /// The service.
        what: &'static str,
        /// Whom to ask.
        contact: ContactHint,
    },
    /// The deployment does not support the operation of the path.
    #[error("{}{contact}", operation_not_offered(*operation, served))]
    OperationNotOffered {
        /// The operation of the path.
        operation: Operation,
        /// The operations that the event's deployments support.
        served: Vec<Operation>,
        /// Whom to ask.
        contact: ContactHint,
    },
    /// Neither the attendee nor the event has a deployment.
    #[error(
        "There is no deployment to send this to: the event offers none, and you have none of your own.{contact}"
    )]
    NoDeployment {
        /// Whom to ask.
        contact: ContactHint,
    },
    /// Azure refused the attendee's own key or deployment.
    #[error(
        "The deployment of your own did not accept its key, or is not there. Check its endpoint, name and key, and PUT it again."
    )]
    OwnDeploymentRefused(#[source] Option<Cause>),
    /// Something that is not there, or not the caller's.
    #[error("{}", .0.words())]
    NotFound(Missing),
    /// The name is not in the event's catalog.
    #[error("{}", model_not_found(*operation, offered, elsewhere.as_ref()))]
    ModelNotFound {
        /// The operation; `None` where any model would do.
        operation: Option<Operation>,
        /// The models that the event offers for this operation.
        offered: Vec<DeploymentName>,
        /// The model that was named, if the event offers it for other operations.
        elsewhere: Option<(DeploymentName, Vec<Operation>)>,
    },
    /// The event keeps nothing upstream.
    #[error(
        "This event stores nothing at Azure: no responses, conversations, files, vector stores, assistants, threads or videos. Set store to false in your client, so that it sends everything with each request: store=False in the OpenAI and Agents SDKs, LangChain and Agno, default_options={{\"store\": False}} in agent-framework, store_enabled=False in Semantic Kernel.{contact}"
    )]
    ObjectsNotKept {
        /// Whom to ask.
        contact: ContactHint,
    },
    /// No such object, or one of another attendee: one body for all.
    #[error("There is no {} of yours with this id. Only what you made at this event yourself can be used, and it is gone once it is deleted.", kind.words())]
    ObjectNotFound {
        /// The kind of object.
        kind: Kind,
        /// The field that named it; none if the path did.
        param: Option<&'static str>,
    },
    /// A new object's owner could not be written down.
    #[error(
        "What was made could not be written down as yours, so it was deleted again. Try again in a few seconds."
    )]
    OwnershipUnavailable {
        /// Spread, so that not everybody returns at once.
        retry_after: Duration,
        /// For the log.
        #[source]
        cause: Option<Cause>,
    },
    /// Azure does not serve this path at the model's resource.
    #[error(
        "The model's resource does not serve this yet. Send the request to /responses with the whole input, and make the input shorter in your program."
    )]
    NotServed,
    /// Batches run where nothing is metered.
    #[error(
        "Batches are not offered, because they run for hours outside the event's limits. Send the requests one by one."
    )]
    BatchesNotOffered,
    /// No such path.
    #[error(
        "There is nothing at this path. The base is /api/v1, as in /api/v1/chat/completions; for Azure's clients the endpoint is /api. GET /api/v1/event names the models and what each does."
    )]
    UnknownRoute,
    /// The path names a deployment and goes on with something that none has.
    #[error(
        "There is nothing at this path. Use /api/openai/{path}: only calls of a model are below a deployment. Set the endpoint of Azure's clients to /api, and leave /deployments/NAME out of the base URL."
    )]
    NotBelowDeployment {
        /// Its path beside the deployments.
        path: &'static str,
    },
    /// The path exists, the method does not.
    #[error("This path does not take this method. Use {allow}.")]
    MethodNotAllowed {
        /// The methods that it accepts.
        allow: &'static str,
    },
    /// The client asks for a WebSocket.
    #[error(
        "Responses are not served over WebSockets. Send a POST over HTTP, with \"stream\": true to get events as they come."
    )]
    UpgradeRequired,
    /// A field of the body or the query is not acceptable.
    #[error("{message}")]
    BadRequest {
        /// The code of the error.
        code: BadRequestCode,
        /// Which parameter.
        param: Option<String>,
        /// What the client should do.
        message: String,
    },
    /// The body is well formed, but a value is impossible.
    #[error("{message}")]
    Unprocessable {
        /// Which field.
        param: &'static str,
        /// What the field must be.
        message: &'static str,
    },
    /// The request can never fit the allowance.
    #[error("This request may need {} {}, and {} is {} {limit}. Waiting does not help: {}.", amount(limit.limit, *needed), units(limit.limit), scope.words().to_lowercase(), amount(limit.limit, *allowed), remedy(limit.limit))]
    AllowanceTooSmall {
        /// The scope of the limit: an attendee, or the event.
        scope: LimitScope,
        /// Which.
        limit: LimitName,
        /// The limit's value.
        allowed: u64,
        /// The estimate of the request.
        needed: u64,
    },
    /// The event limits money, and what the model costs is not known.
    #[error("{}{contact}", price_unknown(model, *uses_hosted))]
    PriceUnknown {
        /// The model.
        model: DeploymentName,
        /// Whether it is tools of Azure's whose price is not known.
        uses_hosted: bool,
        /// Whom to ask.
        contact: ContactHint,
    },
    /// Azure's own refusal of what the participant sent.
    #[error("{}", .0.message)]
    RefusedByModel(Box<ModelRefusal>),
    /// The body is too large.
    #[error("{}", too_large(*limit))]
    RequestTooLarge {
        /// In bytes.
        limit: usize,
    },
    /// The body is no JSON, or is compressed.
    #[error("{hint}")]
    UnsupportedMediaType {
        /// The media type to send instead.
        hint: &'static str,
    },
    /// A rate is used up for some seconds.
    #[error("{} of {} {limit} is {}. Wait {} and try again.", scope.words(), amount(limit.limit, *allowed), if *is_held { "reserved by requests that are still running" } else { "used up" }, wait_words(*retry_after))]
    RateLimitExceeded {
        /// The scope of the limit: an attendee, or the event.
        scope: LimitScope,
        /// Which.
        limit: LimitName,
        /// The limit's value.
        allowed: u64,
        /// Until the same request fits.
        retry_after: Duration,
        /// Whether only reservations of requests in flight prevent the admission.
        is_held: bool,
    },
    /// Too many requests are under way.
    #[error("{} of {allowed} {limit} is used up. A response that you abandoned counts until it ends. Wait {} and try again.", scope.words(), wait_words(*retry_after))]
    TooManyInFlight {
        /// The scope of the limit: an attendee, or the event.
        scope: LimitScope,
        /// Which: on all models or on one.
        limit: LimitName,
        /// The limit's value.
        allowed: u64,
        /// Until one of them has probably ended.
        retry_after: Duration,
    },
    /// A day's allowance or the budget is used up, or less is left than the request may need.
    #[error("{} of {} {limit} {}", scope.words(), amount(limit.limit, *allowed), left_words(limit.limit, *remaining, resets_at.as_deref(), contact))]
    InsufficientQuota {
        /// The scope of the limit: an attendee, or the event.
        scope: LimitScope,
        /// Which.
        limit: LimitName,
        /// The limit's value.
        allowed: u64,
        /// What is left of it.
        remaining: u64,
        /// When it resets, as people at the event read it; a budget never does.
        resets_at: Option<String>,
        /// Whom to ask.
        contact: ContactHint,
    },
    /// Azure is at its own rate limit.
    #[error("The model is busy: everybody at the event together reached what it can take. This is not your allowance and costs you nothing. Wait {} and try again.", wait_words(*retry_after))]
    UpstreamBusy {
        /// The wait that Azure asked for, bounded.
        retry_after: Duration,
    },
    /// Azure's model is overloaded.
    #[error("The model is overloaded. This is not your allowance and costs you nothing. Wait {} and try again.", wait_words(*retry_after))]
    UpstreamOverloaded {
        /// Azure's own word, within reason.
        retry_after: Duration,
    },
    /// Azure returned no usable response.
    #[error("The model could not be reached or gave no usable response. Try again.")]
    UpstreamUnreachable(#[source] Option<Cause>),
    /// The request was sent, and no usable response arrived.
    #[error(
        "The connection to the model broke, or its response cannot be used. The model may have worked, so the request is charged. Before you send it again, check whether it is worth that."
    )]
    UpstreamBroken(#[source] Option<Cause>),
    /// The request was sent, and Azure did not respond in time.
    #[error(
        "The model did not respond in time. It may have worked, so the request is charged. Ask for a stream (\"stream\": true), which may take longer, or for a shorter response."
    )]
    UpstreamTimeout,
    /// Azure reported its own timeout, or no time was left for a call.
    #[error("The model did not respond in time. Try again.")]
    UpstreamLate(#[source] Option<Cause>),
    /// Azure refused our key or our deployment.
    #[error(
        "The event's connection to this model is not set up correctly. This is not your fault and trying again does not help: tell the organiser."
    )]
    UpstreamMisconfigured(#[source] Option<Cause>),
    /// The ledger or the event store is unavailable: nothing was sent.
    #[error(
        "Your allowance cannot be checked at the moment, so nothing was sent. Try again in a few seconds."
    )]
    AccountingUnavailable {
        /// Spread, so that not everybody returns at once.
        retry_after: Duration,
        /// For the log.
        #[source]
        cause: Option<Cause>,
    },
    /// Our own mistake.
    #[error(
        "Something went wrong on our side. Try again; if it goes on, give the organiser the request id."
    )]
    Internal(#[source] Option<Cause>),
}

impl ApiError {
    /// The same error after the request was sent: a model may have worked, so that repeating it may
    /// cost as much again.
    #[must_use]
    pub fn after_sending(self) -> Self {
        if let Self::UpstreamUnreachable(cause) = self {
            return Self::UpstreamBroken(cause);
        }
        self
    }

    /// A 400 that names a parameter.
    #[must_use]
    pub fn bad(code: BadRequestCode, param: Option<&str>, message: impl Into<String>) -> Self {
        Self::BadRequest { code, param: param.map(ToOwned::to_owned), message: message.into() }
    }
}

impl From<BodyRefused> for ApiError {
    fn from(refused: BodyRefused) -> Self {
        match refused {
            BodyRefused::Bad { code, param, message } => Self::BadRequest { code, param, message },
            BodyRefused::TooLarge { limit } => Self::RequestTooLarge { limit },
            BodyRefused::UnsupportedMediaType { hint } => Self::UnsupportedMediaType { hint },
        }
    }
}
