//! Objects that Azure stores for an attendee, and their owners.
//!
//! All attendees of an event share one resource at Azure, where every caller that has an object's
//! id can read the object. The owner is recorded only here.

use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::ids::{AppId, DeploymentName, EventId, Replica, RequestId, SessionId};
use crate::operation::Operation;
use crate::text::holds_text;
use crate::token::UserId;

/// The kind of a stored object.
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
    /// A stored response of the Responses API.
    Response,
    /// A conversation, which responses belong to.
    Conversation,
    /// An uploaded file.
    File,
    /// A vector store, which is made of files.
    VectorStore,
    /// An assistant: a model with instructions and tools.
    Assistant,
    /// A thread of messages.
    Thread,
    /// A run of an assistant on a thread.
    Run,
    /// A video.
    Video,
    /// A container, in which the code interpreter of a response has worked.
    Container,
}

impl Kind {
    /// Every kind.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The kind's name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The kind as text for messages.
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
            Self::Container => "container",
        }
    }

    /// The operation that accounts for the kind's requests. Their path begins with the operation's
    /// path.
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
            Self::Container => Operation::Containers,
        }
    }

    /// Whether Azure works on it after it was created. It is charged when that work ends, from the
    /// reservation of the request that created it.
    #[must_use]
    pub fn is_job(self) -> bool {
        match self {
            Self::Run | Self::Video => true,
            Self::Response
            | Self::Conversation
            | Self::File
            | Self::VectorStore
            | Self::Assistant
            | Self::Thread
            | Self::Container => false,
        }
    }
}

/// An object id from Azure, or one that a client claims to be from Azure. It is safe as a path
/// segment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct ObjectId(Arc<str>);

/// The text is not an object id.
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

/// The owner of objects: an attendee of an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The event.
    pub event: EventId,
    /// The attendee.
    pub user: UserId,
}

/// Where an object is stored. It exists only at that resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// Scheme and host of the resource.
    pub endpoint: String,
    /// The deployment that created the object.
    pub deployment: DeploymentName,
    /// The replica of that deployment.
    pub replica: Replica,
}

/// An object and its owner. It holds none of the object's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// The kind.
    pub kind: Kind,
    /// The id at Azure.
    pub id: ObjectId,
    /// The thread, for a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ObjectId>,
    /// The event at which it was created.
    pub event: EventId,
    /// The attendee who created it.
    pub user: UserId,
    /// Where it is stored.
    pub home: Home,
    /// An upper bound of the prompt tokens that a reference to it adds to a request.
    pub tokens: u64,
    /// The request that created it.
    pub request_id: RequestId,
    /// The session of that request, for a job. A job's usage record is written when the job ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The application that sent that request, for a job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppId>,
    /// The ids of the items in its output, for a response: requests may refer to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ObjectId>,
    /// The output that a stream of it has shown, in tokens, for a run whose stream ended before it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub streamed_tokens: u64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// The planned end of the event at that time.
    pub event_ends_at: DateTime<Utc>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(tokens: &u64) -> bool {
    *tokens == 0
}

/// How long an object's owner is remembered after the event, in case Azure does not delete the
/// object. An event may be extended to 31 days, and Azure keeps responses for 30.
const REMEMBERED_AFTER_END: TimeDelta = TimeDelta::days(62);

impl Owned {
    /// The owner.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner { event: self.event.clone(), user: self.user.clone() }
    }

    /// The segments of its path at Azure, below the operation's path.
    pub fn segments(&self) -> impl Iterator<Item = &str> + Clone {
        let thread = self.parent.iter().flat_map(|thread| [thread.as_str(), "runs"]);
        thread.chain([self.id.as_str()])
    }

    /// When the owner no longer needs to be known.
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
                "container",
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
