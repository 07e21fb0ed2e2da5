//! The wire formats of the proxied operations: the checks of a body, its estimate, the body for
//! Azure, and how Azure's response is read.
//!
//! [`Protocol::of`] is the place to start. It maps an operation to its [`Protocol`], a value with
//! its complete format. Each is in its own file, named after the operation. The other files are
//! what several protocols share. All are functions from bytes to values, without `async`, IO or a
//! clock.

pub mod added;
pub mod assistants;
mod budget;
mod buffered;
mod chat;
mod chunk;
pub mod compact;
mod completion;
mod completions;
mod containers;
mod content;
pub mod conversations;
pub mod demand;
pub mod documentation;
mod embeddings;
pub mod error;
mod estimate;
pub mod failed;
mod fields;
pub mod files;
pub mod headers;
pub mod identity;
mod image_embeddings;
mod images;
mod input;
mod inputs;
mod items;
mod json;
mod messages;
mod moderations;
mod multipart;
mod names;
pub mod payload;
mod pdf;
pub mod reasoning;
mod recording;
pub mod references;
pub mod refusal;
pub mod response;
mod responses;
pub mod sent;
mod speech;
pub mod sse;
pub mod stored;
pub mod stream;
pub mod threads;
mod tokens;
mod tools;
mod transcription;
mod tree;
mod url;
pub mod usage;
mod vector_stores;
pub mod videos;
pub mod wait;
mod write;

use bytes::Bytes;
use lanyard_domain::account::Hold;
use lanyard_domain::object::Kind;
use lanyard_domain::operation::Operation;
use lanyard_domain::settlement::Settlement;

use crate::demand::{Caps, Demanded};
use crate::documentation::Documentation;
use crate::error::BodyRefused;
use crate::headers::PassedHeader;
use crate::payload::{Payload, Target};
use crate::references::IdPlace;
use crate::response::{Content, ResponseFormat};
use crate::stream::failure::{self, Failure};
use crate::stream::{StreamFormat, StreamState};
use crate::usage::ResponseUsage;

/// All that is particular to the wire format of one operation.
///
/// There is one for each [`Operation`], in its own file. The rest of the code takes a protocol and
/// never asks which operation it is.
#[derive(Debug)]
pub struct Protocol {
    /// The operation, as it is accounted.
    pub operation: Operation,
    /// The end of the operation's path: the same at OpenAI, at Azure and here.
    pub path: &'static str,
    /// The API of Azure's that it belongs to.
    pub api: Api,
    /// The path of the operation in Azure's classic API.
    pub placement: Placement,
    /// Whether Azure's SDKs name no deployment in the path, although Azure's classic API has one.
    pub is_asked_at_resource: bool,
    /// Whether old clients name the model in the path: `engines/{engine}/completions`.
    pub has_engine_path: bool,
    /// Whether Azure AI Inference has it too, below `/models`.
    pub has_inference_path: bool,
    /// Whether results of one model mean nothing beside those of another: vectors.
    pub is_bound_to_model: bool,
    /// How a request's body is encoded.
    pub body: BodyEncoding,
    /// Reads the governed fields: the demand within the event's caps, with its estimate.
    pub read: ReadBody,
    /// Writes the body for Azure.
    pub write: WriteBody,
    /// Whether some resources of Azure's do not serve it yet.
    pub may_be_missing: bool,
    /// The preview of the API that it belongs to, a value of the header `openai-beta`.
    pub preview: Option<&'static str>,
    /// The headers of the client that pass to Azure.
    pub headers: &'static [PassedHeader],
    /// Calls of the same operation under paths of their own, with formats of their own.
    pub beside: &'static [&'static Protocol],
    /// The call that counts the tokens of the same body, and costs none.
    pub counting: Option<&'static Counting>,
    /// Where a JSON body may name stored objects.
    pub ids: &'static [IdPlace],
    /// How a buffered response is read, and its usage.
    pub response: ResponseFormat,
    /// How the frames of a streamed response are read, and their usage.
    pub stream: StreamFormat,
    /// Its public description; none for stored objects, whose routes have their own.
    pub documentation: Option<Documentation>,
}

/// Reads the governed fields of a body.
pub type ReadBody = fn(&Payload<'_>, &Caps<'_>) -> Result<Demanded, BodyRefused>;

/// Writes a body for Azure.
pub type WriteBody = fn(&Payload<'_>, &Demanded, &Target<'_>, &mut Vec<u8>);

/// The preview of assistants and threads, the only one that a client may ask for.
const ASSISTANTS_PREVIEW: &str = "assistants=v2";

/// The API of Azure's to which an operation belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Azure OpenAI: `{endpoint}/openai/…`.
    OpenAi,
    /// Claude on Azure AI Foundry: `{endpoint}/anthropic/v1/…`.
    Anthropic,
    /// Azure AI Inference, where Azure OpenAI has no such operation: `{endpoint}/models/…`.
    Inference,
}

/// A buffered JSON response, as far as it governs anything.
#[derive(Debug)]
pub struct BufferedResponse {
    /// What it cost.
    pub settlement: Settlement,
    /// Its id at Azure.
    pub id: Option<String>,
    /// The error that it is, if it is nothing else.
    pub failure: Option<Failure>,
    /// Whether it names an error beside its results, as an object does that has failed.
    pub has_error: bool,
}

/// A call that counts the tokens of a body.
#[derive(Debug)]
pub struct Counting {
    /// Its protocol.
    pub protocol: Protocol,
    /// The response with a count of ours, where Azure does not count.
    pub response: fn(u64) -> Bytes,
}

/// The path of an operation in Azure's classic API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Below a deployment, which the path names.
    Deployment,
    /// At the resource: the body names the deployment, or an object does.
    Resource,
}

/// How a request's body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEncoding {
    /// A JSON object.
    Json,
    /// `multipart/form-data`.
    Form,
    /// Either of them.
    JsonOrForm,
}

impl Protocol {
    /// A call of a model: JSON in, JSON or chunks out, tokens counted.
    const fn call(
        operation: Operation,
        path: &'static str,
        read: ReadBody,
        write: WriteBody,
    ) -> Self {
        Self {
            operation,
            path,
            api: Api::OpenAi,
            placement: Placement::Deployment,
            is_asked_at_resource: false,
            has_engine_path: false,
            has_inference_path: false,
            is_bound_to_model: false,
            body: BodyEncoding::Json,
            read,
            write,
            may_be_missing: false,
            preview: None,
            headers: &[],
            beside: &[],
            counting: None,
            ids: &[],
            response: ResponseFormat::TOKENS,
            stream: chunk::FORMAT,
            documentation: None,
        }
    }

    /// The protocol of an operation.
    #[must_use]
    pub const fn of(operation: Operation) -> &'static Self {
        match operation {
            Operation::ChatCompletions => &chat::PROTOCOL,
            Operation::Embeddings => &embeddings::PROTOCOL,
            Operation::Completions => &completions::PROTOCOL,
            Operation::ImagesGenerations => &images::GENERATIONS,
            Operation::ImagesEdits => &images::EDITS,
            Operation::AudioTranscriptions => &transcription::TRANSCRIPTIONS,
            Operation::AudioTranslations => &transcription::TRANSLATIONS,
            Operation::AudioSpeech => &speech::PROTOCOL,
            Operation::Moderations => &moderations::PROTOCOL,
            Operation::Responses => &responses::PROTOCOL,
            Operation::Messages => &messages::PROTOCOL,
            Operation::Conversations => &conversations::PROTOCOL,
            Operation::Files => &files::PROTOCOL,
            Operation::VectorStores => &vector_stores::PROTOCOL,
            Operation::Assistants => &assistants::PROTOCOL,
            Operation::Threads => &threads::PROTOCOL,
            Operation::Videos => &videos::PROTOCOL,
            Operation::Containers => &containers::PROTOCOL,
        }
    }

    /// The protocol of a kind of stored object.
    #[must_use]
    pub fn of_kind(kind: Kind) -> &'static Self {
        Self::of(kind.operation())
    }

    /// Whether a request's body must be a form.
    #[must_use]
    pub fn takes_form(&self) -> bool {
        self.body == BodyEncoding::Form
    }

    /// The `accept` header for Azure.
    #[must_use]
    pub fn accept(&self, is_streamed: bool) -> &'static str {
        if is_streamed { "text/event-stream" } else { self.response.accept }
    }

    /// The `openai-beta` header for Azure: what the client asks for, if it is known, or else what
    /// the operation needs.
    #[must_use]
    pub fn preview(&self, asked: Option<&str>) -> Option<&'static str> {
        let mut asked = asked.unwrap_or_default().split(',').map(str::trim);
        let is_known = asked.any(|asked| asked == ASSISTANTS_PREVIEW);
        if is_known { Some(ASSISTANTS_PREVIEW) } else { self.preview }
    }

    /// The kind of a response with this content type. Anything that is not listed is refused or
    /// read as JSON.
    #[must_use]
    pub fn content(&self, is_streamed: bool, content_type: Option<&str>) -> Content {
        let essence = content_type.and_then(|value| value.split(';').next());
        let essence = essence.unwrap_or_default().trim();
        if is_streamed && essence.eq_ignore_ascii_case("text/event-stream") {
            return Content::Events;
        }
        (self.response.content)(essence)
    }

    /// A buffered JSON response; `None` if it is not a JSON object. It may be megabytes of numbers,
    /// so it is read once. No figure of its usage is believed above `most` tokens.
    #[must_use]
    pub fn read_response(&self, body: &[u8], hold: &Hold, most: u64) -> Option<BufferedResponse> {
        let mut response: ResponseUsage<'_> = serde_json::from_slice(body).ok()?;
        response.most = most;
        let settlement = (self.response.cost)(&response, body, hold).with_reserved_output(hold);
        let failure = match response.may_be_error() {
            true => failed::failure_of(body),
            false => None,
        };
        let settlement = failure.as_ref().map_or(settlement, |failure| {
            let state = StreamState { counted: response.counted(), ..StreamState::default() };
            failure::settle(failure, &state, hold)
        });
        let settlement = settlement.written_by(response.model());
        let (id, has_error) = (response.name(), response.has_error());
        Some(BufferedResponse { settlement, id, failure, has_error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_has_a_protocol_of_its_own() {
        for operation in Operation::ALL {
            assert_eq!(Protocol::of(*operation).operation, *operation);
        }
    }
}
