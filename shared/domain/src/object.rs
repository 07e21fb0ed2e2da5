//! Objects that Azure keeps for an attendee, and who owns them.
//!
//! All attendees of an event share one resource at Azure, where an object is found by its id alone.
//! That it belongs to somebody is written down here and nowhere else.

use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::ids::{AppId, DeploymentName, EventId, Replica, RequestId, SessionId};
use crate::operation::Operation;
use crate::text::holds_text;
use crate::token::UserId;

/// What is kept.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::Display,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// An answer of the Responses API that was stored.
    Response,
    /// A conversation, to which responses belong.
    Conversation,
    /// An uploaded file.
    File,
    /// A vector store, made of files.
    VectorStore,
    /// An assistant: a model with instructions and tools.
    Assistant,
    /// A thread of messages.
    Thread,
    /// An assistant's work on a thread.
    Run,
    /// A film.
    Video,
}

impl Kind {
    /// Every kind.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The kind's name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The kind in the words of a message.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Conversation => "conversation",
            Self::File => "file",
            Self::VectorStore => "vector store",
            Self::Assistant => "assistant",
            Self::Thread => "thread",
            Self::Run => "run",
            Self::Video => "video",
        }
    }

    /// The operation under which the kind's calls are accounted, and whose path they begin with.
    #[must_use]
    pub fn operation(self) -> Operation {
        match self {
            Self::Response => Operation::Responses,
            Self::Conversation => Operation::Conversations,
            Self::File => Operation::Files,
            Self::VectorStore => Operation::VectorStores,
            Self::Assistant => Operation::Assistants,
            Self::Thread | Self::Run => Operation::Threads,
            Self::Video => Operation::Videos,
        }
    }

    /// Whether Azure works on it after it has been made. It is paid for when that ends, out of the
    /// hold of the request that made it.
    #[must_use]
    pub fn is_job(self) -> bool {
        match self {
            Self::Run | Self::Video => true,
            Self::Response
            | Self::Conversation
            | Self::File
            | Self::VectorStore
            | Self::Assistant
            | Self::Thread => false,
        }
    }
}

/// An id that Azure gave, or that a client says it gave. Safe as a segment of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct ObjectId(Arc<str>);

/// The text is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 128 of A-Z a-z 0-9 _ -")]
pub struct InvalidObjectId;

holds_text! {
    /// The id as Azure wrote it.
    ObjectId, InvalidObjectId
}

impl FromStr for ObjectId {
    type Err = InvalidObjectId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_id = (1..=128).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        if is_id { Ok(Self(text.into())) } else { Err(InvalidObjectId) }
    }
}

/// Whose objects: an attendee of an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The event.
    pub event: EventId,
    /// The attendee.
    pub user: UserId,
}

/// Where an object is kept. It exists at that resource and at no other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// Scheme and host of the resource.
    pub endpoint: String,
    /// The deployment by which the object was made.
    pub deployment: DeploymentName,
    /// Which of those that share the name.
    pub replica: Replica,
}

/// An object and its owner. Holds nothing of what the object says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// What it is.
    pub kind: Kind,
    /// What Azure calls it.
    pub id: ObjectId,
    /// The thread of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ObjectId>,
    /// At which event it was made.
    pub event: EventId,
    /// Who made it.
    pub user: UserId,
    /// Where it is kept.
    pub home: Home,
    /// The prompt tokens that naming it adds to a request, or more.
    pub tokens: u64,
    /// The request that made it.
    pub request_id: RequestId,
    /// Of a job, the session of that request: its record is written when the job ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Of a job, the application that sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When the event ends, as it was planned then.
    pub event_ends_at: DateTime<Utc>,
}

/// How long after an event its objects' owners are remembered, should Azure not let them be
/// deleted: an event may be prolonged to 31 days, and Azure keeps responses for 30.
const REMEMBERED_AFTER_END: TimeDelta = TimeDelta::days(62);

impl Owned {
    /// Whose it is.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner { event: self.event.clone(), user: self.user.clone() }
    }

    /// The path at Azure, below the operation's.
    pub fn segments(&self) -> impl Iterator<Item = &str> + Clone {
        let thread = self.parent.iter().flat_map(|thread| [thread.as_str(), "runs"]);
        thread.chain([self.id.as_str()])
    }

    /// From when on nobody needs to know any more.
    #[must_use]
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.event_ends_at + REMEMBERED_AFTER_END
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_the_table_has() {
        let names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(
            names,
            [
                "response",
                "conversation",
                "file",
                "vector_store",
                "assistant",
                "thread",
                "run",
                "video",
            ]
        );
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{kind}\""));
        }
    }

    #[test]
    fn an_id_is_safe_in_a_path() {
        for text in ["", "a/b", "..", "a.b", "a%2f", "a?b", "a#b", "å", " a", &"a".repeat(129)] {
            assert!(text.parse::<ObjectId>().is_err(), "{text:?}");
        }
        for text in ["resp_0a", "file-Ab_9", &"a".repeat(128)] {
            assert_eq!(text.parse::<ObjectId>().unwrap().as_str(), text);
        }
    }
}
