//! The models that the simulator pretends to have.
//!
//! Most deployments have the name of their model, as in most workshops.

use lanyard_domain::models::{CompletionField, DEFAULT_MODEL, ModelFacts};

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

/// One simulated deployment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Model {
    /// The deployment's name, which requests use.
    pub(super) name: &'static str,
    /// The model, by which its facts are known.
    model: &'static str,
    /// The model with its version, which responses use.
    pub(super) version: &'static str,
    /// The one operation it serves.
    pub(super) operation: Operation,
}

impl Model {
    /// What is known of the model. Refusals and limits follow from it, never from a name.
    pub(super) fn facts(&self) -> ModelFacts {
        ModelFacts::of(self.model).copied().unwrap_or(ModelFacts::UNKNOWN)
    }

    /// The context window, in tokens.
    pub(super) fn context(&self) -> usize {
        as_usize(self.facts().context.unwrap_or(USUAL_CONTEXT))
    }

    /// The longest completion, in tokens.
    pub(super) fn largest(&self) -> usize {
        let facts = self.facts();
        as_usize(facts.max_output.or(facts.context).unwrap_or(USUAL_CONTEXT))
    }

    /// Whether it is one of OpenAI's reasoning models, which take no sampling parameters.
    pub(super) fn reasons(&self) -> bool {
        let facts = self.facts();
        facts.reasons && facts.cap == CompletionField::MaxCompletionTokens
    }

    const fn new(name: &'static str, version: &'static str, operation: Operation) -> Self {
        Self { name, model: name, version, operation }
    }

    /// The model behind a deployment whose name says nothing about it.
    const fn behind(self, name: &'static str) -> Self {
        Self { name, ..self }
    }
}

fn as_usize(tokens: u64) -> usize {
    usize::try_from(tokens).unwrap_or(usize::MAX)
}

/// The context of a model whose facts have none.
const USUAL_CONTEXT: u64 = 128_000;

/// The dimensions of an embedding.
pub(super) const DIMENSIONS: usize = 1_536;

const SMALL: Model = Model::new(DEFAULT_MODEL, "gpt-5-mini-2025-08-07", Operation::Chat);
const MISTRAL: Model = Model::new("mistral-large-3", "mistral-large-3", Operation::Chat);

const MODELS: [Model; 17] = [
    SMALL,
    Model::new("gpt-4o-mini", "gpt-4o-mini-2024-07-18", Operation::Chat),
    Model::new("gpt-4o", "gpt-4o-2024-11-20", Operation::Chat),
    MISTRAL,
    // Azure leaves the names of deployments to people, so a name may say nothing about the model.
    SMALL.behind("prod-smart"),
    MISTRAL.behind("prod-french"),
    Model::new("text-embedding-3-small", "text-embedding-3-small", Operation::Embeddings),
    Model::new("cohere-embed-v3-english", "cohere-embed-v3-english", Operation::Embeddings),
    Model::new("gpt-35-turbo-instruct", "gpt-35-turbo-instruct-0914", Operation::Completions),
    Model::new("dall-e-3", "dall-e-3-3.0", Operation::Images),
    Model::new("gpt-image-1", "gpt-image-1-2025-04-15", Operation::Images),
    Model::new("whisper", "whisper-001", Operation::Hearing),
    Model::new("gpt-4o-mini-transcribe", "gpt-4o-mini-transcribe-2025-03-20", Operation::Hearing),
    Model::new("gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-03-20", Operation::Speech),
    Model::new("omni-moderation", "omni-moderation-2024-09-26", Operation::Moderations),
    Model::new("sora-2", "sora-2-2025-10-06", Operation::Videos),
    Model::new("claude-sonnet-5", "claude-sonnet-5", Operation::Messages),
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
    fn facts_decide_what_a_deployment_can_do_whatever_its_name() {
        let find = |name| find(name, Operation::Chat).unwrap();
        for name in [DEFAULT_MODEL, "prod-smart"] {
            assert_eq!((find(name).reasons(), find(name).largest()), (true, 128_000), "{name}");
        }
        assert_eq!((find("gpt-4o").context(), find("gpt-4o").largest()), (128_000, 16_384));
        assert!(find("prod-french").facts().refuses_user && !find("prod-french").reasons());
    }

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
