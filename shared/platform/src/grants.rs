//! What each function asks of AWS, so that its role can allow just that.
//!
//! The template's roles are held to this table in both directions, and the table to what the
//! functions are seen to call. A new call of the SDK needs a row here and a line in the template.

use std::collections::BTreeSet;

use lanyard_domain::operation::Operation;

use crate::table::Partition;

/// The audience of tokens that Azure takes in place of a key,
/// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust>.
pub const AZURE_AUDIENCE: &str = "api://AzureADTokenExchange";

/// An action of AWS, and on what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The action by IAM's name.
    pub action: &'static str,
    /// On what.
    pub on: Target,
}

/// What an action may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Items of these partitions of the table.
    Items(Partition),
    /// The parameters that hold Azure's keys.
    AzureKeys,
    /// Those of them that hold the keys of attendees' own deployments.
    OwnKeys,
    /// The function's own log.
    OwnLog,
    /// Tokens for Azure, where the operator has chosen them over keys.
    AzureIdentity,
    /// X-Ray, where the operator has turned it on. It knows no narrower resource.
    Traces,
}

const fn items(action: &'static str, partition: Partition) -> Grant {
    Grant { action, on: Target::Items(partition) }
}

/// Lambda writes what a function prints with the function's role. The SDK has no part in it.
const RUNNING: [Grant; 4] = [
    Grant { action: "logs:CreateLogStream", on: Target::OwnLog },
    Grant { action: "logs:PutLogEvents", on: Target::OwnLog },
    Grant { action: "xray:PutTraceSegments", on: Target::Traces },
    Grant { action: "xray:PutTelemetryRecords", on: Target::Traces },
];

/// `event_store`: the code, then the event and its organiser's deployments, and the attendee's own
/// where the event allows them; and the attendee's account.
const LOOKING_UP: [Grant; 4] = [
    items("dynamodb:GetItem", Partition::Code),
    items("dynamodb:GetItem", Partition::Event),
    items("dynamodb:Query", Partition::Organiser),
    items("dynamodb:Query", Partition::Own),
];

/// `ledger`: all shards of an event's account, where little is left.
const GATHERING: [Grant; 1] = [items("dynamodb:BatchGetItem", Partition::Event)];

/// `ledger` and `keys`: both accounts, the hour's counters and the session, the usage record,
/// Azure's key.
const FORWARDING: [Grant; 4] = [
    items("dynamodb:UpdateItem", Partition::Event),
    items("dynamodb:PutItem", Partition::Request),
    Grant { action: "ssm:GetParameter", on: Target::AzureKeys },
    Grant { action: "sts:GetWebIdentityToken", on: Target::AzureIdentity },
];

/// `objects`: whose the objects are that a body names.
const FINDING: [Grant; 1] = [items("dynamodb:GetItem", Partition::Objects)];

/// `objects`: what an attendee keeps upstream, and that the event has something there.
const KEEPING: [Grant; 5] = [
    items("dynamodb:Query", Partition::Objects),
    items("dynamodb:PutItem", Partition::Objects),
    items("dynamodb:UpdateItem", Partition::Objects),
    items("dynamodb:DeleteItem", Partition::Objects),
    items("dynamodb:PutItem", Partition::Marks),
];

/// `people`: the record of an answer, by its request or its session, and what is thought of it.
const RATING: [Grant; 4] = [
    items("dynamodb:GetItem", Partition::Request),
    items("dynamodb:Query", Partition::Event),
    items("dynamodb:UpdateItem", Partition::Request),
    items("dynamodb:PutItem", Partition::Rating),
];

/// `people` and `ledger`: the claim of a name, and the seat and the key's number on its account.
const REGISTERING: [Grant; 3] = [
    items("dynamodb:GetItem", Partition::Claim),
    items("dynamodb:PutItem", Partition::Claim),
    items("dynamodb:UpdateItem", Partition::Event),
];

/// `people` and `keys`: an attendee's own deployments; their keys are written and removed, never
/// read.
const BINDING: [Grant; 5] = [
    items("dynamodb:GetItem", Partition::Own),
    items("dynamodb:PutItem", Partition::Own),
    items("dynamodb:DeleteItem", Partition::Own),
    Grant { action: "ssm:PutParameter", on: Target::OwnKeys },
    Grant { action: "ssm:DeleteParameter", on: Target::OwnKeys },
];

/// `objects`: runs and films, from when they are made until they are settled.
const WORKING: [Grant; 2] =
    [items("dynamodb:PutItem", Partition::Jobs), items("dynamodb:DeleteItem", Partition::Jobs)];

/// `objects` and `event_store`: the jobs that are open, their events and deployments, the accounts
/// that hold what they may cost, and that one is settled. No code, no token, no object.
const FINISHING: [Grant; 4] = [
    items("dynamodb:Query", Partition::Jobs),
    items("dynamodb:GetItem", Partition::Event),
    items("dynamodb:Query", Partition::Organiser),
    items("dynamodb:DeleteItem", Partition::Jobs),
];

/// `objects` and `keys`: the events that may have objects, their deployments and what they keep.
const CLEARING: [Grant; 8] = [
    items("dynamodb:Query", Partition::Marks),
    items("dynamodb:GetItem", Partition::Event),
    items("dynamodb:Query", Partition::Organiser),
    items("dynamodb:Query", Partition::Objects),
    items("dynamodb:DeleteItem", Partition::Objects),
    items("dynamodb:DeleteItem", Partition::Marks),
    Grant { action: "ssm:GetParameter", on: Target::AzureKeys },
    Grant { action: "sts:GetWebIdentityToken", on: Target::AzureIdentity },
];

/// `ledger`: the list of events, their settings and accounts, and usage records. No code, no
/// token, no deployment.
const SWEEPING: [Grant; 6] = [
    items("dynamodb:Query", Partition::Sweep),
    items("dynamodb:BatchGetItem", Partition::Event),
    items("dynamodb:GetItem", Partition::Event),
    items("dynamodb:Query", Partition::Event),
    items("dynamodb:UpdateItem", Partition::Event),
    items("dynamodb:PutItem", Partition::Request),
];

/// `organisers`, `people`, `ledger` and `keys`: everything but objects; of usage records those that
/// began a session, read. Keys are written and removed, never read. A transaction asks for the
/// permission of each of its parts.
const ORGANISING: [Grant; 25] = [
    items("dynamodb:GetItem", Partition::Token),
    items("dynamodb:GetItem", Partition::Organiser),
    items("dynamodb:GetItem", Partition::Event),
    items("dynamodb:BatchGetItem", Partition::Event),
    items("dynamodb:Query", Partition::Organiser),
    items("dynamodb:Query", Partition::Event),
    items("dynamodb:PutItem", Partition::Token),
    items("dynamodb:PutItem", Partition::Code),
    items("dynamodb:PutItem", Partition::Organiser),
    items("dynamodb:PutItem", Partition::Event),
    items("dynamodb:PutItem", Partition::Sweep),
    items("dynamodb:UpdateItem", Partition::Event),
    items("dynamodb:DeleteItem", Partition::Code),
    items("dynamodb:DeleteItem", Partition::Organiser),
    items("dynamodb:DeleteItem", Partition::Event),
    items("dynamodb:DeleteItem", Partition::Sweep),
    items("dynamodb:GetItem", Partition::Request),
    items("dynamodb:Query", Partition::Rating),
    items("dynamodb:DeleteItem", Partition::Claim),
    items("dynamodb:GetItem", Partition::Own),
    items("dynamodb:Query", Partition::Own),
    items("dynamodb:PutItem", Partition::Own),
    items("dynamodb:DeleteItem", Partition::Own),
    Grant { action: "ssm:PutParameter", on: Target::AzureKeys },
    Grant { action: "ssm:DeleteParameter", on: Target::AzureKeys },
];

/// What a function does, as far as AWS is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Relays an operation to Azure.
    Forward,
    /// Relays an operation whose body may name what Azure keeps.
    Converse,
    /// Relays what is done with objects that Azure keeps.
    Keep,
    /// The same, and some of them are jobs.
    Employ,
    /// Answers an attendee from the table.
    Answer,
    /// Keeps what attendees think of answers.
    Rate,
    /// Gives attendees their personal keys.
    Register,
    /// Keeps deployments of attendees' own.
    Bind,
    /// Hands out pages that it carries, and asks AWS for nothing.
    Show,
    /// Serves organisers.
    Organise,
    /// Closes what crashes left open.
    Sweep,
    /// Deletes what Azure keeps of events that are over.
    Clear,
    /// Settles jobs of which nobody has seen the end.
    Finish,
}

impl Work {
    /// The work of a function, by the name of its package; `None` if no row above is for it.
    #[must_use]
    pub fn of(function: &str) -> Option<Self> {
        let is_proxied = |operation: &Operation| operation.name().replace('_', "-") == function;
        match function {
            "admin" => Some(Self::Organise),
            "event" | "models" => Some(Self::Answer),
            "rate" => Some(Self::Rate),
            "register" => Some(Self::Register),
            "own-deployments" => Some(Self::Bind),
            "pages" => Some(Self::Show),
            "sweep" => Some(Self::Sweep),
            "clear-objects" => Some(Self::Clear),
            "chat-completions" => Some(Self::Converse),
            "finish-jobs" => Some(Self::Finish),
            "responses" | "conversations" | "files" | "vector-stores" | "assistants" => {
                Some(Self::Keep)
            }
            "threads" | "videos" => Some(Self::Employ),
            _ => Operation::ALL.iter().any(is_proxied).then_some(Self::Forward),
        }
    }

    /// What the SDK is asked for.
    #[must_use]
    pub fn calls(self) -> BTreeSet<Grant> {
        match self {
            Self::Forward => LOOKING_UP.into_iter().chain(GATHERING).chain(FORWARDING).collect(),
            Self::Converse => Self::Forward.calls().into_iter().chain(FINDING).collect(),
            Self::Keep => Self::Converse.calls().into_iter().chain(KEEPING).collect(),
            Self::Employ => Self::Keep.calls().into_iter().chain(WORKING).collect(),
            Self::Finish => FORWARDING.into_iter().chain(FINISHING).collect(),
            Self::Answer => LOOKING_UP.into(),
            Self::Rate => LOOKING_UP.into_iter().chain(RATING).collect(),
            Self::Register => LOOKING_UP.into_iter().chain(REGISTERING).collect(),
            Self::Bind => LOOKING_UP.into_iter().chain(BINDING).collect(),
            Self::Show => BTreeSet::new(),
            Self::Organise => ORGANISING.into(),
            Self::Sweep => SWEEPING.into(),
            Self::Clear => CLEARING.into(),
        }
    }

    /// All that the role must allow, and nothing else may it.
    #[must_use]
    pub fn grants(self) -> BTreeSet<Grant> {
        self.calls().into_iter().chain(RUNNING).collect()
    }
}
