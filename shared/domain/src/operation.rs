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
    /// `POST …/completions`
    Completions,
    /// `POST …/images/generations`
    ImagesGenerations,
    /// `POST …/images/edits`
    ImagesEdits,
    /// `POST …/audio/transcriptions`
    AudioTranscriptions,
    /// `POST …/audio/translations`
    AudioTranslations,
    /// `POST …/audio/speech`
    AudioSpeech,
    /// `POST …/moderations`
    Moderations,
    /// `POST …/responses`, and what is done with stored responses.
    Responses,
    /// `…/conversations`
    Conversations,
    /// `…/files`
    Files,
    /// `…/vector_stores`
    VectorStores,
    /// `…/assistants`
    Assistants,
    /// `…/threads`, with their messages and runs.
    Threads,
    /// `…/videos`
    Videos,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 16] = [
        Self::ChatCompletions,
        Self::Embeddings,
        Self::Completions,
        Self::ImagesGenerations,
        Self::ImagesEdits,
        Self::AudioTranscriptions,
        Self::AudioTranslations,
        Self::AudioSpeech,
        Self::Moderations,
        Self::Responses,
        Self::Conversations,
        Self::Files,
        Self::VectorStores,
        Self::Assistants,
        Self::Threads,
        Self::Videos,
    ];

    /// The end of the operation's path, the same at OpenAI, at Azure and here.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat/completions",
            Self::Embeddings => "embeddings",
            Self::Completions => "completions",
            Self::ImagesGenerations => "images/generations",
            Self::ImagesEdits => "images/edits",
            Self::AudioTranscriptions => "audio/transcriptions",
            Self::AudioTranslations => "audio/translations",
            Self::AudioSpeech => "audio/speech",
            Self::Moderations => "moderations",
            Self::Responses => "responses",
            Self::Conversations => "conversations",
            Self::Files => "files",
            Self::VectorStores => "vector_stores",
            Self::Assistants => "assistants",
            Self::Threads => "threads",
            Self::Videos => "videos",
        }
    }

    /// Whether Azure's classic API takes the operation below a deployment. What is kept upstream
    /// belongs to the resource, and a response's body names its model.
    #[must_use]
    pub fn is_below_deployment(self) -> bool {
        match self {
            Self::ChatCompletions
            | Self::Embeddings
            | Self::Completions
            | Self::ImagesGenerations
            | Self::ImagesEdits
            | Self::AudioTranscriptions
            | Self::AudioTranslations
            | Self::AudioSpeech
            | Self::Moderations => true,
            Self::Responses
            | Self::Conversations
            | Self::Files
            | Self::VectorStores
            | Self::Assistants
            | Self::Threads
            | Self::Videos => false,
        }
    }

    /// The operation's name in the catalog, in logs and in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat_completions",
            Self::Embeddings => "embeddings",
            Self::Completions => "completions",
            Self::ImagesGenerations => "images_generations",
            Self::ImagesEdits => "images_edits",
            Self::AudioTranscriptions => "audio_transcriptions",
            Self::AudioTranslations => "audio_translations",
            Self::AudioSpeech => "audio_speech",
            Self::Moderations => "moderations",
            Self::Responses => "responses",
            Self::Conversations => "conversations",
            Self::Files => "files",
            Self::VectorStores => "vector_stores",
            Self::Assistants => "assistants",
            Self::Threads => "threads",
            Self::Videos => "videos",
        }
    }

    /// Whether its body is a form with a file, rather than JSON.
    #[must_use]
    pub fn takes_form(self) -> bool {
        match self {
            Self::ImagesEdits | Self::AudioTranscriptions | Self::AudioTranslations => true,
            Self::ChatCompletions
            | Self::Embeddings
            | Self::Completions
            | Self::ImagesGenerations
            | Self::AudioSpeech
            | Self::Moderations
            | Self::Responses
            | Self::Conversations
            | Self::Files
            | Self::VectorStores
            | Self::Assistants
            | Self::Threads
            | Self::Videos => false,
        }
    }

    /// Whether Azure takes a `user` with it.
    #[must_use]
    pub fn takes_user(self) -> bool {
        match self {
            Self::ChatCompletions
            | Self::Embeddings
            | Self::Completions
            | Self::ImagesGenerations
            | Self::ImagesEdits
            | Self::Responses => true,
            Self::AudioTranscriptions
            | Self::AudioTranslations
            | Self::AudioSpeech
            | Self::Moderations
            | Self::Conversations
            | Self::Files
            | Self::VectorStores
            | Self::Assistants
            | Self::Threads
            | Self::Videos => false,
        }
    }

    /// Whether its streams carry usage in a frame of its own, and only if asked for it.
    #[must_use]
    pub fn streams_usage_on_request(self) -> bool {
        match self {
            Self::ChatCompletions | Self::Completions => true,
            Self::Embeddings
            | Self::ImagesGenerations
            | Self::ImagesEdits
            | Self::AudioTranscriptions
            | Self::AudioTranslations
            | Self::AudioSpeech
            | Self::Moderations
            | Self::Responses
            | Self::Conversations
            | Self::Files
            | Self::VectorStores
            | Self::Assistants
            | Self::Threads
            | Self::Videos => false,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_name_that_leads_back_to_it() {
        for operation in Operation::ALL {
            assert_eq!(operation.name().parse::<Operation>().ok(), Some(operation));
            assert_eq!(serde_json::to_value(operation).unwrap(), operation.name());
        }
    }
}
