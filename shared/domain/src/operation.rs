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

    /// All that is fixed about the operation, in one place.
    const fn facts(self) -> Facts {
        match self {
            Self::ChatCompletions => Facts {
                takes_user: true,
                streams_usage_on_request: true,
                ..Facts::of_call("chat_completions", "chat/completions", Medium::Text)
            },
            Self::Embeddings => Facts {
                takes_user: true,
                ..Facts::of_call("embeddings", "embeddings", Medium::Vectors)
            },
            Self::Completions => Facts {
                takes_user: true,
                streams_usage_on_request: true,
                ..Facts::of_call("completions", "completions", Medium::Text)
            },
            Self::ImagesGenerations => Facts {
                takes_user: true,
                ..Facts::of_call("images_generations", "images/generations", Medium::Pictures)
            },
            Self::ImagesEdits => Facts {
                takes_form: true,
                takes_user: true,
                ..Facts::of_call("images_edits", "images/edits", Medium::Pictures)
            },
            Self::AudioTranscriptions => Facts {
                takes_form: true,
                ..Facts::of_call("audio_transcriptions", "audio/transcriptions", Medium::Transcript)
            },
            Self::AudioTranslations => Facts {
                takes_form: true,
                ..Facts::of_call("audio_translations", "audio/translations", Medium::Transcript)
            },
            Self::AudioSpeech => Facts::of_call("audio_speech", "audio/speech", Medium::Sound),
            Self::Moderations => Facts::of_call("moderations", "moderations", Medium::Verdict),
            Self::Responses => {
                Facts { takes_user: true, ..Facts::of_kept("responses", "responses") }
            }
            Self::Conversations => Facts::of_kept("conversations", "conversations"),
            Self::Files => Facts::of_kept("files", "files"),
            Self::VectorStores => Facts::of_kept("vector_stores", "vector_stores"),
            Self::Assistants => Facts::of_kept("assistants", "assistants"),
            Self::Threads => Facts::of_kept("threads", "threads"),
            Self::Videos => Facts::of_kept("videos", "videos"),
        }
    }

    /// The end of the operation's path, the same at OpenAI, at Azure and here.
    #[must_use]
    pub fn path(self) -> &'static str {
        self.facts().path
    }

    /// The operation's name in the catalog, in logs and in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// What its answers are.
    #[must_use]
    pub fn medium(self) -> Medium {
        self.facts().medium
    }

    /// Whether Azure's classic API takes the operation below a deployment. What is kept upstream
    /// belongs to the resource, and a response's body names its model.
    #[must_use]
    pub fn is_below_deployment(self) -> bool {
        self.facts().is_below_deployment
    }

    /// Whether its body is a form with a file, rather than JSON.
    #[must_use]
    pub fn takes_form(self) -> bool {
        self.facts().takes_form
    }

    /// Whether Azure takes a `user` with it.
    #[must_use]
    pub fn takes_user(self) -> bool {
        self.facts().takes_user
    }

    /// Whether its streams carry usage in a frame of its own, and only if asked for it.
    #[must_use]
    pub fn streams_usage_on_request(self) -> bool {
        self.facts().streams_usage_on_request
    }
}

/// What the answers of an operation are, by which they are relayed and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Words, or what is known of an object: JSON, counted in tokens.
    Text,
    /// Numbers that mean something beside those of the same model: JSON, counted in tokens.
    Vectors,
    /// Pictures within JSON, each counted.
    Pictures,
    /// What was said in a recording, as JSON or as a text; seconds are counted.
    Transcript,
    /// A recording of what was read aloud; characters are counted.
    Sound,
    /// A judgement: JSON, of which nothing is counted.
    Verdict,
}

/// What is fixed about an operation; [`Operation`]'s methods say what each field means.
struct Facts {
    name: &'static str,
    path: &'static str,
    medium: Medium,
    is_below_deployment: bool,
    takes_form: bool,
    takes_user: bool,
    streams_usage_on_request: bool,
}

impl Facts {
    /// Of one call to a model.
    const fn of_call(name: &'static str, path: &'static str, medium: Medium) -> Self {
        Self {
            name,
            path,
            medium,
            is_below_deployment: true,
            takes_form: false,
            takes_user: false,
            streams_usage_on_request: false,
        }
    }

    /// Of calls about what is kept upstream.
    const fn of_kept(name: &'static str, path: &'static str) -> Self {
        Self { is_below_deployment: false, ..Self::of_call(name, path, Medium::Text) }
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
