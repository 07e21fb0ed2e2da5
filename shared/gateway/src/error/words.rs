//! Parts of the messages of refusals: whose allowance, what is not there, how long to wait, whom to
//! ask.

use std::time::Duration;

use lanyard_domain::amount::Amount;
use lanyard_domain::ids::DeploymentName;
use lanyard_domain::limit::{Limit, Quantity};
use lanyard_domain::operation::Operation;
use lanyard_domain::unit::Unit;
use lanyard_protocol::Protocol;

/// The scope of the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitScope {
    /// This attendee's own.
    Attendee,
    /// The event's, which all attendees share.
    Event,
}

impl LimitScope {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Attendee => "Your allowance",
            Self::Event => "The event's allowance for everybody",
        }
    }
}

/// A limit as it is named in a refusal: `tokens per day`, or `tokens per day of gpt-5`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitName {
    /// Which kind.
    pub limit: Limit,
    /// The model, if the limit is on one.
    pub model: Option<DeploymentName>,
}

impl From<Limit> for LimitName {
    fn from(limit: Limit) -> Self {
        Self { limit, model: None }
    }
}

impl std::fmt::Display for LimitName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.limit.fmt(f)?;
        self.model.iter().try_for_each(|model| write!(f, " of {model}"))
    }
}

/// The kind of thing that was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// An event.
    Event,
    /// A request, or a response, to be rated.
    Request,
    /// A deployment of the attendee's own.
    Deployment,
}

impl Missing {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Event => "There is no such event. Check the address with the organiser.",
            Self::Request => {
                "You have no such response to rate. Use the id in the header x-request-id of the response; or the response's own id, together with its x-session-id."
            }
            Self::Deployment => {
                "You have no deployment of this name. GET /api/v1/deployments lists yours."
            }
        }
    }

    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Event => "event_not_found",
            Self::Request => "request_not_found",
            Self::Deployment => "deployment_not_found",
        }
    }
}

/// Whom to ask, as the end of a sentence; empty if the organiser named no contact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactHint(String);

impl ContactHint {
    /// From an event's contact.
    #[must_use]
    pub fn of(contact: &lanyard_domain::event::Contact) -> Self {
        Self(match (contact.name.as_str(), contact.email.as_str()) {
            ("", "") => String::new(),
            (name, "") => format!(" Questions: {name}."),
            ("", email) => format!(" Questions: {email}."),
            (name, email) => format!(" Questions: {name}, {email}."),
        })
    }
}

impl std::fmt::Display for ContactHint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) fn model_not_found(
    operation: Option<Operation>,
    offered: &[DeploymentName],
    elsewhere: Option<&(DeploymentName, Vec<Operation>)>,
) -> String {
    if offered.is_empty() {
        return "This event offers no model for this operation. Ask the organiser.".to_owned();
    }
    let names: Vec<_> = offered.iter().map(DeploymentName::as_str).collect();
    let names = names.join(", ");
    let Some(operation) = operation.map(path) else {
        return format!("The event does not offer this model. It offers: {names}.");
    };
    match elsewhere {
        Some((name, operations)) => format!(
            "The event offers {name} for {}, and not for {operation}. For {operation} it offers: {names}.",
            paths(operations)
        ),
        None => format!(
            "The event does not offer this model for {operation}. For {operation} it offers: {names}."
        ),
    }
}

pub(super) fn operation_not_offered(operation: Operation, served: &[Operation]) -> String {
    let asked = path(operation);
    if served.is_empty() {
        return format!("The event has no model for {asked}.");
    }
    let served = paths(served);
    format!(
        "The event has no model for {asked}. It has models for: {served}. Set your tool to one of these."
    )
}

fn paths(operations: &[Operation]) -> String {
    let mut paths: Vec<_> = operations.iter().map(|operation| path(*operation)).collect();
    paths.sort_unstable();
    paths.dedup();
    paths.join(", ")
}

fn path(operation: Operation) -> &'static str {
    Protocol::of(operation).path
}

/// Why a request cannot be held to a limit on money.
pub(super) fn price_unknown(model: &DeploymentName, uses_hosted: bool) -> String {
    let begins = "This event limits what its attendees spend in US dollars, and";
    match uses_hosted {
        true => format!(
            "{begins} what Azure's own tools, such as web search, may cost in this request has no bound. Leave them out. In responses web search, file search and the code interpreter have one, in messages web search and web fetch. The organiser can lift the limit on US dollars."
        ),
        false => format!(
            "{begins} the price of {model} is not known. Use another model. The organiser can set this one's prices."
        ),
    }
}

pub(super) fn amount(limit: Limit, count: u64) -> Amount {
    limit.quantity().amount(count)
}

pub(super) fn units(limit: Limit) -> &'static str {
    match limit.quantity() {
        Quantity::Tokens => "tokens (the prompt and the longest response it asks for)",
        other @ (Quantity::Requests | Quantity::Unit(_)) => other.words(),
    }
}

/// What helps against a limit that a request does not fit.
pub(super) fn remedy(limit: Limit) -> String {
    smaller(limit).map_or_else(
        || "ask the organiser for more".to_owned(),
        |smaller| format!("{smaller}, or ask the organiser to raise the limit"),
    )
}

/// How to send a request that takes less of a limit.
fn smaller(limit: Limit) -> Option<&'static str> {
    Some(match limit.quantity() {
        Quantity::Requests => return None,
        Quantity::Tokens => "shorten the prompt or set a smaller max_tokens",
        Quantity::Unit(Unit::Images) => "ask for fewer images",
        Quantity::Unit(Unit::AudioSeconds) => "send a shorter recording",
        Quantity::Unit(Unit::Characters) => "send a shorter text",
        Quantity::Unit(Unit::VideoSeconds) => "ask for a shorter video",
        Quantity::Unit(Unit::Usd) => {
            "shorten the prompt, set a smaller max_tokens or use a cheaper model"
        }
    })
}

pub(super) fn wait_words(wait: Duration) -> String {
    let seconds = wait.as_millis().div_ceil(1000);
    if seconds == 1 { "1 second".to_owned() } else { format!("{seconds} seconds") }
}

/// What is left of a limit that does not admit a request, and what helps.
pub(super) fn left_words(
    limit: Limit,
    remaining: u64,
    resets_at: Option<&str>,
    contact: &ContactHint,
) -> String {
    if remaining == 0 {
        return format!("is used up. {}", reset_words(resets_at, contact));
    }
    format!(
        "has {} left, and this request may need more{}. {}",
        amount(limit, remaining),
        smaller(limit).map(|smaller| format!(": {smaller}")).unwrap_or_default(),
        reset_words(resets_at, contact)
    )
}

fn reset_words(resets_at: Option<&str>, contact: &ContactHint) -> String {
    match resets_at {
        Some(at) => format!("It is full again at {at}.{contact}"),
        None => format!("It does not reset: ask the organiser for more.{contact}"),
    }
}

/// The refusal of a body above a limit in bytes. Only the limits of models' routes are in MiB.
pub(super) fn too_large(limit: usize) -> String {
    match limit / 1_048_576 {
        0 => format!("The request is larger than {} KiB. Send less.", limit / 1024),
        mib => format!(
            "The request is larger than {mib} MiB. Send less: shorten the conversation or shrink \
             the images."
        ),
    }
}
