//! The operations that Lanyard proxies.

use serde::{Deserialize, Serialize};
use strum::VariantArray;

/// A proxied operation, as named in the organisers' API and the catalog.
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
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownOperation, parse_err_fn = unknown)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
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
    /// `POST …/responses`, and the requests on stored responses.
    Responses,
    /// `POST …/messages`, in Anthropic's format.
    Messages,
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
    /// `…/containers`, of the code interpreter, with their files.
    Containers,
}

impl Operation {
    /// Every operation.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Whether each of its calls concerns an object that Azure stores, so that an event without
    /// stored objects refuses it. Responses can be had without storing them.
    #[must_use]
    pub fn needs_stored_objects(self) -> bool {
        match self {
            Self::Conversations
            | Self::Files
            | Self::VectorStores
            | Self::Assistants
            | Self::Threads
            | Self::Videos
            | Self::Containers => true,
            Self::ChatCompletions
            | Self::Embeddings
            | Self::Completions
            | Self::ImagesGenerations
            | Self::ImagesEdits
            | Self::AudioTranscriptions
            | Self::AudioTranslations
            | Self::AudioSpeech
            | Self::Moderations
            | Self::Responses
            | Self::Messages => false,
        }
    }

    /// Whether people choose a model by it. Other operations work on objects that many models use.
    #[must_use]
    pub fn has_model(self) -> bool {
        // Videos are made by models, and can only be had as objects.
        !self.needs_stored_objects() || self == Self::Videos
    }

    /// Whether its responses are texts, whose length is capped.
    #[must_use]
    pub fn writes_text(self) -> bool {
        match self {
            Self::ChatCompletions
            | Self::Completions
            | Self::Responses
            | Self::Messages
            | Self::Threads => true,
            Self::Embeddings
            | Self::ImagesGenerations
            | Self::ImagesEdits
            | Self::AudioTranscriptions
            | Self::AudioTranslations
            | Self::AudioSpeech
            | Self::Moderations
            | Self::Conversations
            | Self::Files
            | Self::VectorStores
            | Self::Assistants
            | Self::Videos
            | Self::Containers => false,
        }
    }

    /// The operation's name in the catalog, in logs and in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// No operation has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such operation")]
pub struct UnknownOperation;

fn unknown(_: &str) -> UnknownOperation {
    UnknownOperation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_name_that_leads_back_to_it() {
        for operation in Operation::ALL.iter().copied() {
            assert_eq!(operation.name().parse::<Operation>().ok(), Some(operation));
            assert_eq!(serde_json::to_value(operation).unwrap(), operation.name());
        }
    }
}
