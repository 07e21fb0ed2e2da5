//! The operations that Lanyard proxies.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A proxied operation, in the words of the organisers' API and the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// `POST …/chat/completions`
    ChatCompletions,
    /// `POST …/embeddings`
    Embeddings,
    /// `POST …/responses`, and what is done with stored responses.
    Responses,
    /// `…/conversations`
    Conversations,
    /// `…/files`
    Files,
    /// `…/vector_stores`
    VectorStores,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 6] = [
        Self::ChatCompletions,
        Self::Embeddings,
        Self::Responses,
        Self::Conversations,
        Self::Files,
        Self::VectorStores,
    ];

    /// The end of the operation's path, the same at OpenAI, at Azure and here.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat/completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
            Self::Conversations => "conversations",
            Self::Files => "files",
            Self::VectorStores => "vector_stores",
        }
    }

    /// Whether Azure's classic API takes the operation below a deployment. What is kept upstream
    /// belongs to the resource, and a response's body names its model.
    #[must_use]
    pub fn is_below_deployment(self) -> bool {
        match self {
            Self::ChatCompletions | Self::Embeddings => true,
            Self::Responses | Self::Conversations | Self::Files | Self::VectorStores => false,
        }
    }

    /// The operation's name in the catalog, in logs and in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat_completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
            Self::Conversations => "conversations",
            Self::Files => "files",
            Self::VectorStores => "vector_stores",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no operation of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such operation")]
pub struct UnknownOperation;

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|operation| operation.name() == text).ok_or(UnknownOperation)
    }
}
