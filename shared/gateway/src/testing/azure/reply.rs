//! One scripted response: its content, how it is cut, what it waits for and how it fails.
//!
//! Start from a constructor and add to it:
//!
//! ```ignore
//! let gate = Gate::closed();
//! azure.script(Reply::sse(&[ROLE, CONTENT, FINISH, DONE], LineEnding::Lf).gated(&gate));
//! azure.script(Reply::chat_stream("hi", true).close_after(3));
//! azure.script(Reply::too_many_requests(Some("soon")));
//! ```

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::gate::{Gate, PerPiece, Wait};

/// The headers of every reply. None of them may reach a participant under its own name.
pub const AZURE_HEADERS: [(&str, &str); 8] = [
    ("apim-request-id", "5c5f1d5e-0a52-4a9e-b7d0-2f0c5f9f1a11"),
    ("x-request-id", UPSTREAM_REQUEST_ID),
    ("x-ms-region", "Scripted North"),
    ("x-ms-deployment-name", "scripted-deployment"),
    ("azureml-model-session", "d00000000000000-scripted"),
    ("x-ratelimit-remaining-requests", "99"),
    ("x-ratelimit-remaining-tokens", "9999"),
    ("x-content-type-options", "nosniff"),
];

/// The id by which Azure knows every scripted call.
pub const UPSTREAM_REQUEST_ID: &str = "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f0";

/// One piece of a huge body.
static FILLER: [u8; 64 * 1024] = [b'x'; 64 * 1024];

/// One response to one call.
#[must_use]
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers, framing left out.
    pub headers: Vec<(String, String)>,
    /// What the head waits for.
    pub before_headers: Wait,
    /// What each piece waits for.
    pub before_piece: Wait,
    /// The body.
    pub body: Body,
    /// How the body ends. Only the loopback transport has it.
    pub framing: Framing,
    /// Where it breaks off.
    pub cut: Option<Cut>,
}

/// The body, as it leaves.
#[derive(Debug, Clone)]
pub enum Body {
    /// These pieces.
    Pieces(Vec<Bytes>),
    /// This many pieces of filler, never all in memory.
    Filler(usize),
    /// This many pieces, each made when it is sent.
    Made(usize, PerPiece<Bytes>),
}

/// How the client learns where the body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// By its true length
    Length,
    /// By a length that may be wrong; the connection is closed after what there is
    Claimed(usize),
    /// By chunks
    Chunked,
    /// By the end of the connection
    UntilClose,
}

/// Where a reply breaks off, and how.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// After so many pieces; `None` is before the headers.
    pub after: Option<usize>,
    /// How.
    pub fault: Fault,
}

/// How a reply breaks off.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// The connection is closed in order.
    Close,
    /// The connection is reset.
    Reset,
    /// Nothing more comes, until the client leaves.
    Hang,
    /// There is no connection. On loopback it is a reset.
    NotConnected,
    /// There is nothing to call the deployment with. On loopback it is a reset.
    NoCredential,
}

/// How the lines of an event stream end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnding {
    /// `\n`
    Lf,
    /// `\r\n`
    CrLf,
    /// `\r`
    Cr,
}

/// Responses in full.
impl Reply {
    /// JSON text, or what claims to be it.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status, "application/json", vec![body.into()], Framing::Length)
    }

    /// An event stream of these payloads, each event a piece of its own.
    pub fn sse<T: AsRef<str>>(payloads: &[T], ending: LineEnding) -> Self {
        let end = match ending {
            LineEnding::Lf => "\n",
            LineEnding::CrLf => "\r\n",
            LineEnding::Cr => "\r",
        };
        let event = |payload: &T| Bytes::from(format!("data: {}{end}{end}", payload.as_ref()));
        Self::stream(payloads.iter().map(event).collect())
    }

    /// An event stream of these bytes, which leave in pieces that end at the offsets.
    pub fn sse_bytes(bytes: impl Into<Bytes>, offsets: &[usize]) -> Self {
        let bytes = bytes.into();
        let mut pieces = Vec::new();
        let mut start = 0;
        for end in offsets.iter().copied().chain([bytes.len()]) {
            let end = end.clamp(start, bytes.len());
            pieces.push(bytes.slice(start..end));
            start = end;
        }
        Self::stream(pieces)
    }

    /// An event stream of so many pieces, each made when it leaves.
    pub fn made(count: usize, piece: impl Fn(usize) -> Bytes + Send + Sync + 'static) -> Self {
        Self { body: Body::Made(count, PerPiece::new(piece)), ..Self::stream(Vec::new()) }
    }

    /// Audio of this type, in these pieces.
    pub fn audio(content_type: &str, pieces: &[&[u8]]) -> Self {
        let pieces = pieces.iter().map(|piece| Bytes::copy_from_slice(piece)).collect();
        Self::new(200, content_type, pieces, Framing::Chunked)
    }

    /// Azure's short error body.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, json!({"error": {"code": code, "message": message}}).to_string())
    }

    /// A 429 with this `retry-after`, which may be nonsense or missing.
    pub fn too_many_requests(retry_after: Option<&str>) -> Self {
        let reply = Self::error(429, "429", "The scripted limit is reached.");
        match retry_after {
            Some(value) => reply.header("retry-after", value),
            None => reply,
        }
    }

    /// The 400 of Azure's content filter.
    pub fn content_filter() -> Self {
        let violence = json!({"violence": {"filtered": true, "severity": "medium"}});
        let error = json!({
            "message": "The scripted filter is triggered.",
            "type": null,
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": {
                "code": "ResponsibleAIPolicyViolation",
                "content_filter_result": violence,
            },
        });
        Self::json(400, json!({"error": error}).to_string())
    }

    /// An event stream of these pieces.
    pub fn stream(pieces: Vec<Bytes>) -> Self {
        Self::new(200, "text/event-stream; charset=utf-8", pieces, Framing::Chunked)
    }

    fn new(status: u16, content_type: &str, pieces: Vec<Bytes>, framing: Framing) -> Self {
        let content_type = ("content-type", content_type);
        let headers = AZURE_HEADERS.into_iter().chain([content_type]);
        Self {
            status,
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            before_headers: Wait::Nothing,
            before_piece: Wait::Nothing,
            body: Body::Pieces(pieces),
            framing,
            cut: None,
        }
    }
}

/// Responses that are wrong in themselves.
impl Reply {
    /// A page for people, with status 200.
    pub fn html() -> Self {
        let page = "<!doctype html><title>Scripted</title><h1>Service unavailable</h1>";
        Self::new(200, "text/html", vec![Bytes::from_static(page.as_bytes())], Framing::Length)
    }

    /// JSON that breaks off, under a right length.
    pub fn malformed_json() -> Self {
        Self::json(200, "{\"choices\": [{\"message\": {\"content\": \"Hel")
    }

    /// A redirect to another place.
    pub fn redirect(location: &str) -> Self {
        Self::json(302, "").header("location", location)
    }

    /// These bytes, labelled as gzip, which they are only if the test made them so.
    pub fn gzip_labelled(body: impl Into<Bytes>) -> Self {
        Self::json(200, body).header("content-encoding", "gzip")
    }

    /// A body of so many MiB, in chunks, made while it is sent.
    pub fn huge(mebibytes: usize) -> Self {
        let mut reply = Self::json(200, "").chunked();
        reply.body = Body::Filler(mebibytes * (1024 * 1024 / FILLER.len()));
        reply
    }

    /// No response, until the client leaves.
    pub fn hang() -> Self {
        Self::json(200, "").cut(None, Fault::Hang)
    }

    /// The connection is closed instead of a response.
    pub fn dropped() -> Self {
        Self::json(200, "").cut(None, Fault::Close)
    }

    /// The connection is reset instead of a response.
    pub fn reset() -> Self {
        Self::json(200, "").cut(None, Fault::Reset)
    }
}

/// Faults that only the gateway's port knows.
impl Reply {
    /// No connection, so nothing was sent.
    pub fn not_connected() -> Self {
        Self::json(200, "").cut(None, Fault::NotConnected)
    }

    /// No key for the deployment.
    pub fn no_credential() -> Self {
        Self::json(200, "").cut(None, Fault::NoCredential)
    }
}

/// Changes to a reply.
impl Reply {
    /// Sets a header, in place of one of the same name.
    pub fn header(self, name: &str, value: &str) -> Self {
        let mut reply = self.without_header(name);
        reply.headers.push((name.to_owned(), value.to_owned()));
        reply
    }

    /// Leaves a header out.
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// Waits before the headers.
    pub fn delay(mut self, time: Duration) -> Self {
        self.before_headers = Wait::Time(time);
        self
    }

    /// Holds the headers back until the gate lets one through.
    pub fn held(mut self, gate: &Gate) -> Self {
        self.before_headers = Wait::Gate(gate.clone());
        self
    }

    /// Sends these pieces as the body, each in a write of its own and, in chunks, a chunk.
    pub fn pieces<T: Into<Bytes>>(mut self, pieces: impl IntoIterator<Item = T>) -> Self {
        self.body = Body::Pieces(pieces.into_iter().map(Into::into).collect());
        self
    }

    /// Waits before each piece.
    pub fn every(mut self, time: Duration) -> Self {
        self.before_piece = Wait::Time(time);
        self
    }

    /// Waits before each piece for a time that depends on its number.
    pub fn paced(mut self, times: impl Fn(usize) -> Duration + Send + Sync + 'static) -> Self {
        self.before_piece = Wait::Times(PerPiece::new(times));
        self
    }

    /// Sends a piece only when the gate lets it through. The headers leave at once.
    pub fn gated(mut self, gate: &Gate) -> Self {
        self.before_piece = Wait::Gate(gate.clone());
        self
    }

    /// Closes the connection after so many pieces.
    pub fn close_after(self, pieces: usize) -> Self {
        self.cut(Some(pieces), Fault::Close)
    }

    /// Resets the connection after so many pieces. What the client has not read yet may be lost.
    pub fn reset_after(self, pieces: usize) -> Self {
        self.cut(Some(pieces), Fault::Reset)
    }

    /// Sends nothing more after so many pieces, and keeps the connection.
    pub fn hang_after(self, pieces: usize) -> Self {
        self.cut(Some(pieces), Fault::Hang)
    }

    /// Claims this content-length, whatever the body's is, and closes the connection after it.
    pub fn claim_length(mut self, bytes: usize) -> Self {
        self.framing = Framing::Claimed(bytes);
        self
    }

    /// Sends the body in chunks, one a piece.
    pub fn chunked(mut self) -> Self {
        self.framing = Framing::Chunked;
        self
    }

    /// Ends the body with the connection, as HTTP/1.0 did.
    pub fn until_close(mut self) -> Self {
        self.framing = Framing::UntilClose;
        self
    }

    fn cut(mut self, after: Option<usize>, fault: Fault) -> Self {
        self.cut = Some(Cut { after, fault });
        self
    }
}

/// What a transport needs.
impl Reply {
    /// Whether another request may follow on the same connection.
    #[must_use]
    pub fn keeps_alive(&self) -> bool {
        let is_framed = matches!(self.framing, Framing::Length | Framing::Chunked);
        is_framed && self.cut.is_none()
    }

    /// How many pieces the body has.
    #[must_use]
    pub fn count(&self) -> usize {
        match &self.body {
            Body::Pieces(pieces) => pieces.len(),
            Body::Filler(count) | Body::Made(count, _) => *count,
        }
    }

    /// A piece of the body, by its number; nothing past the last one.
    #[must_use]
    pub fn piece(&self, number: usize) -> Bytes {
        match &self.body {
            Body::Pieces(pieces) => pieces.get(number).cloned().unwrap_or_default(),
            Body::Filler(_) => Bytes::from_static(&FILLER),
            Body::Made(_, pieces) => pieces.get(number),
        }
    }

    /// The body's true length in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        (0..self.count()).map(|number| self.piece(number).len()).sum()
    }

    /// What happens after so many pieces; `None` asks for the time before the headers.
    #[must_use]
    pub fn fault(&self, after: Option<usize>) -> Option<Fault> {
        self.cut.filter(|cut| cut.after == after).map(|cut| cut.fault)
    }
}
