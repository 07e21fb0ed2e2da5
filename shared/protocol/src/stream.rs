//! How the frames of a streamed response are read.
//!
//! A protocol reads a stream frame by frame with a plain function. It returns what to do with the
//! frame, and keeps what it has learnt in a [`StreamState`].

mod ends;
pub mod failure;
mod produced;

use bytes::Bytes;
use lanyard_domain::account::Hold;
use lanyard_domain::ids::ResponseId;
use lanyard_domain::models::KnownModel;
use lanyard_domain::object::Kind;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;

use crate::error::ErrorShape;
use crate::sse::Frame;
pub use crate::stream::ends::ChoiceEnds;
pub(crate) use crate::stream::ends::has_reason;
use crate::stream::failure::Failure;
pub use crate::stream::produced::Produced;
use crate::tokens::RunningText;
use crate::usage::Counted;

/// How a streamed response is read.
#[derive(Clone, Copy, Debug)]
pub struct StreamFormat {
    /// The longest frame that is waited for, in bytes. `None` if the response has no frames: bytes
    /// are passed on as they come.
    pub longest_frame: Option<usize>,
    /// Reads a frame.
    pub read: fn(&Frame, &mut StreamState) -> StreamEvent,
    /// The frame that an ended stream still lacks.
    pub missing: fn(&StreamState) -> Option<&'static str>,
    /// The last frame of a complete stream, if the server has left it out and clients need it.
    pub last: fn(&StreamState) -> Option<Bytes>,
    /// The events of a response that came buffered, with its usage if the client wants that. `None` if
    /// it is no complete response.
    pub of_buffered: fn(&[u8], bool) -> Option<Bytes>,
    /// The settlement of the stream, unless Azure ended it with an error. The last argument is
    /// whether it broke off.
    pub settle: fn(&StreamState, &Hold, bool) -> Settlement,
    /// The shape of the error in that event.
    pub errors: ErrorShape,
    /// The last event of a stream that broke off, of the body of the error and the number of
    /// events before it.
    pub error: fn(&[u8], u64) -> Bytes,
    /// What a client gets while the stream is silent.
    pub keep_alive: &'static [u8],
}

/// The meaning of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// It is passed on.
    Pass,
    /// It is not passed on: the client did not ask for it.
    Drop,
    /// This frame is passed on instead.
    Replace(Bytes),
    /// It names the response, by this id if it can be read. Passed on once the id is recorded.
    Names(Option<String>),
    /// It shows an object, as this JSON. Passed on once that is recorded.
    Shows {
        /// The kind of object.
        kind: Kind,
        /// The event's data.
        data: Bytes,
    },
    /// It is Azure's error, which [`StreamState::failure`] has, and the end.
    Fails,
}

/// The state of a stream so far.
#[derive(Clone, Debug, Default)]
pub struct StreamState {
    /// The most tokens that a figure of the usage is believed to have.
    pub most_tokens: u64,
    /// Whether the model may reason without showing it.
    pub reasons: bool,
    /// Parts that the client did not request.
    pub hides: Hides,
    /// What Azure has counted of the prompt, where it says so before it has counted the rest.
    pub prompt: Option<Counted>,
    /// The usage that Azure reported.
    pub counted: Option<Counted>,
    /// The model that writes the response, if it is named and known.
    pub model: Option<KnownModel>,
    /// Azure's id of the response.
    pub response_id: Option<ResponseId>,
    /// Images that have come in full.
    pub images: u64,
    /// Whether a part of another image has come.
    pub has_partial: bool,
    /// The output so far, in case Azure never reports its usage.
    pub produced: Produced,
    /// Whether the deployment is not asked for the usage, so that the text is counted.
    pub counts_text: bool,
    /// The text so far, where it is counted.
    pub text: RunningText,
    /// The error with which Azure ended it.
    pub failure: Option<Box<Failure>>,
    /// The choices of a completion that have ended.
    pub choices: ChoiceEnds,
    /// The most images that the request makes.
    pub most_images: u64,
    /// Whether the last event has come.
    pub is_done: bool,
    /// Whether the model has said why it stops, where that comes before the last event.
    pub has_stopped: bool,
}

impl StreamState {
    /// Notes a usage that the stream reports.
    pub(crate) fn count(&mut self, counted: Option<Counted>) {
        let Some(counted) = counted else { return };
        self.counted = Some(self.counted.map_or(counted, |before| before.larger(counted)));
    }
}

/// Parts of a stream that the client did not request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hides {
    /// The usage frame at the end.
    pub usage: bool,
    /// Azure's chunks about filters, without a part of a completion. Clients of OpenAI's API read
    /// `choices[0].delta` of each chunk.
    pub filter_chunks: bool,
}

/// A comment, which clients skip:
/// <https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes>. No blank line
/// follows, because OpenAI's SDK for Go reads an empty event before each:
/// <https://github.com/openai/openai-go/pull/621>.
const COMMENT: &[u8] = b": keep-alive\n";

impl StreamFormat {
    /// Bytes without frames. Their cost is known before, and nothing in them shows that they broke
    /// off.
    pub const BYTES: Self = Self {
        longest_frame: None,
        read: |_, _| StreamEvent::Pass,
        settle: |_, hold, is_broken| match is_broken {
            true => Settlement::AtLeast(Usage::of_units(hold.units)),
            false => Settlement::Exact(Usage::of_units(hold.units)),
        },
        missing: |_| None,
        last: |_| None,
        of_buffered: |_, _| None,
        errors: ErrorShape::OpenAi,
        error: |_, _| Bytes::new(),
        keep_alive: COMMENT,
    };

    /// The same for clients of Azure AI's inference API, whose SDK fails at a comment and skips a chunk
    /// without choices: <https://github.com/Azure/azure-sdk-for-python/blob/main/sdk/ai/azure-ai-inference/azure/ai/inference/models/_patch.py>.
    #[must_use]
    pub const fn of_inference(self) -> Self {
        Self { keep_alive: b"data: {\"choices\":[]}\n\n", ..self }
    }
}
