//! The models that the simulator pretends to have.
//!
//! A deployment's name is its model's name, as in most workshops.

/// What may be asked of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// `chat/completions`
    Chat,
    /// `embeddings`
    Embeddings,
    /// `completions`
    Completions,
    /// `images/generations` and `images/edits`
    Images,
    /// `audio/transcriptions` and `audio/translations`
    Hearing,
    /// `audio/speech`
    Speech,
    /// `moderations`
    Moderations,
    /// `videos`
    Videos,
    /// `messages`, in Anthropic's format
    Messages,
}

impl Operation {
    /// The operation as Azure's messages name it.
    pub(super) fn azure_name(self) -> &'static str {
        match self {
            Self::Chat => "ChatCompletions_Create",
            Self::Embeddings => "Embeddings_Create",
            Self::Completions => "Completions_Create",
            Self::Images => "ImageGenerations_Create",
            Self::Hearing => "Transcriptions_Create",
            Self::Speech => "Speech_Create",
            Self::Moderations => "Moderations_Create",
            Self::Videos => "Videos_Create",
            Self::Messages => "Messages_Create",
        }
    }
}

/// One simulated model.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Model {
    /// The deployment's name, which requests use.
    pub(super) name: &'static str,
    /// The name with its version, which answers use.
    pub(super) version: &'static str,
    /// The one operation it serves.
    pub(super) operation: Operation,
    /// The longest prompt, in tokens; 0 where nobody counts.
    pub(super) context: usize,
    /// The longest completion, in tokens; for embeddings, the number of dimensions.
    pub(super) largest: usize,
}

const MODELS: [Model; 12] = [
    Model {
        name: "gpt-4o-mini",
        version: "gpt-4o-mini-2024-07-18",
        operation: Operation::Chat,
        context: 128_000,
        largest: 16_384,
    },
    Model {
        name: "gpt-4o",
        version: "gpt-4o-2024-11-20",
        operation: Operation::Chat,
        context: 128_000,
        largest: 16_384,
    },
    Model {
        name: "text-embedding-3-small",
        version: "text-embedding-3-small",
        operation: Operation::Embeddings,
        context: 8_192,
        largest: 1_536,
    },
    Model {
        name: "gpt-35-turbo-instruct",
        version: "gpt-35-turbo-instruct-0914",
        operation: Operation::Completions,
        context: 4_096,
        largest: 4_096,
    },
    Model {
        name: "dall-e-3",
        version: "dall-e-3-3.0",
        operation: Operation::Images,
        context: 0,
        largest: 0,
    },
    Model {
        name: "gpt-image-1",
        version: "gpt-image-1-2025-04-15",
        operation: Operation::Images,
        context: 0,
        largest: 0,
    },
    Model {
        name: "whisper",
        version: "whisper-001",
        operation: Operation::Hearing,
        context: 0,
        largest: 0,
    },
    Model {
        name: "gpt-4o-mini-transcribe",
        version: "gpt-4o-mini-transcribe-2025-03-20",
        operation: Operation::Hearing,
        context: 0,
        largest: 0,
    },
    Model {
        name: "gpt-4o-mini-tts",
        version: "gpt-4o-mini-tts-2025-03-20",
        operation: Operation::Speech,
        context: 0,
        largest: 0,
    },
    Model {
        name: "omni-moderation",
        version: "omni-moderation-2024-09-26",
        operation: Operation::Moderations,
        context: 0,
        largest: 0,
    },
    Model {
        name: "claude-sonnet-5",
        version: "claude-sonnet-5",
        operation: Operation::Messages,
        context: 1_000_000,
        largest: 128_000,
    },
    Model {
        name: "sora-2",
        version: "sora-2-2025-10-06",
        operation: Operation::Videos,
        context: 0,
        largest: 0,
    },
];

/// The names of all deployments.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    MODELS.iter().map(|model| model.name)
}

/// Why a deployment does not serve an operation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotServed {
    /// There is no deployment of that name.
    Unknown,
    /// It serves another operation than this.
    Other {
        /// What was asked for.
        operation: Operation,
        /// The deployment.
        model: &'static str,
    },
}

/// The model behind a deployment, if it serves the operation.
pub(super) fn find(name: &str, operation: Operation) -> Result<&'static Model, NotServed> {
    let model = MODELS.iter().find(|model| model.name.eq_ignore_ascii_case(name));
    let model = model.ok_or(NotServed::Unknown)?;
    if model.operation != operation {
        return Err(NotServed::Other { operation, model: model.name });
    }
    Ok(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_is_found_by_its_name_and_operation() {
        let found = find("gpt-4o-mini", Operation::Chat).unwrap();
        assert_eq!(found.version, "gpt-4o-mini-2024-07-18");
        assert_eq!(find("gpt-9", Operation::Chat), Err(NotServed::Unknown));
        assert_eq!(
            find("gpt-4o", Operation::Embeddings),
            Err(NotServed::Other { operation: Operation::Embeddings, model: "gpt-4o" })
        );
    }
}
