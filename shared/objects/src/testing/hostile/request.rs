//! Bytes to requests: what clients send, nearly.

pub(super) mod stored;

use bytes::Bytes;
use lanyard_domain::object::Kind;
use lanyard_domain::operation::Operation;
use lanyard_gateway::signed::Claims;
use lanyard_protocol::Protocol;
use lanyard_protocol::documentation::Sample;

use self::stored::{Known, USERS};
use super::samples::{
    FORM, JSON, NAMES, NOTED, NOTES, ODD_CREDENTIALS, PATHS, QUERIES, TYPES, VALUES,
};
use super::{CODE, EVENT, PROMPT, signing};
use crate::routes::Route;

/// The longest list of fields in one body, and of requests in one input.
const MOST: u8 = 12;

/// A reader of choices.
pub(super) struct Grammar<'b> {
    pub(super) bytes: &'b [u8],
    left: u8,
    /// The objects that are known to be stored.
    pub(super) known: Vec<Known>,
    /// The number of the attendee who sends the request.
    pub(super) user: usize,
    /// Whether the request names an object of another attendee's.
    pub(super) is_foreign: bool,
}

/// A request, and how it was made.
pub(super) struct Sent {
    pub(super) operation: Operation,
    pub(super) http: http::Request<Bytes>,
    /// The row of the table of routes that it follows, if it does.
    pub(super) route: Option<&'static Route>,
    /// The number of the attendee who sends it.
    pub(super) user: usize,
    /// Whether it names an object of another attendee's.
    pub(super) is_foreign: bool,
    /// Whether a response names what is the sender's from now on.
    pub(super) makes: bool,
}

/// A signed token of the event.
fn token(user: &str) -> Option<String> {
    let claims = Claims {
        event: EVENT.parse().ok()?,
        user: user.parse().ok()?,
        issued_at: 0,
        expires_at: i64::MAX,
        id: "tok_1".parse().ok()?,
    };
    claims.sign(&signing())
}

impl<'b> Grammar<'b> {
    pub(super) fn of(bytes: &'b [u8], known: Vec<Known>) -> Self {
        Self { bytes, left: MOST, known, user: 0, is_foreign: false }
    }

    pub(super) fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                *first
            }
            None => 0,
        }
    }

    pub(super) fn one_in(&mut self, times: u8) -> bool {
        self.byte().is_multiple_of(times)
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let index = usize::from(self.byte()).checked_rem(from.len())?;
        from.get(index).copied()
    }

    /// The next request; `None` when the bytes are used up.
    pub(super) fn request(&mut self) -> Option<Sent> {
        loop {
            if self.bytes.is_empty() || self.left == 0 {
                return None;
            }
            self.left -= 1;
            // Skips requests that no HTTP client can send.
            let request = if self.one_in(2) { self.stored() } else { self.try_request() };
            if request.is_some() {
                return request;
            }
        }
    }

    /// Chooses who sends the next request.
    pub(super) fn begin(&mut self) {
        self.user = if self.one_in(3) { usize::from(self.byte()) % USERS } else { 0 };
        self.is_foreign = false;
    }

    fn try_request(&mut self) -> Option<Sent> {
        self.begin();
        let path = if self.one_in(3) { self.pick(&PATHS)? } else { self.pick(&PATHS[..17])? };
        let query = if self.one_in(4) { self.pick(&QUERIES)? } else { "" };
        let path = if self.one_in(4) { "/api/v1/responses" } else { path };
        let names = |operation: &&Operation| {
            path.trim_end_matches('/').ends_with(Protocol::of(**operation).path)
        };
        let longest =
            Operation::ALL.iter().filter(names).max_by_key(|o| Protocol::of(**o).path.len());
        let operation = longest.copied().unwrap_or(Operation::ChatCompletions);
        let method = if self.one_in(12) { self.pick(&["GET", "PUT", "OPTIONS"])? } else { "POST" };
        let builder = http::Request::builder().method(method).uri(format!("{path}?{query}"));
        let usual = if Protocol::of(operation).takes_form() { FORM } else { JSON };
        let builder = self.headers(builder, usual)?;
        let http = builder.body(self.body(operation)).ok()?;
        let makes = operation == Operation::Responses;
        // A body is read of a POST alone.
        let (user, is_foreign) = (self.user, self.is_foreign && method == "POST");
        Some(Sent { operation, http, route: None, user, is_foreign, makes })
    }

    /// The headers that clients send, nearly.
    pub(super) fn headers(
        &mut self,
        mut builder: http::request::Builder,
        content_type: &str,
    ) -> Option<http::request::Builder> {
        for _ in 0..1 + u8::from(self.one_in(16)) {
            let name = self.pick(&["openai-event-code", "api-key", "authorization"])?;
            let mut value = if self.one_in(6) { self.odd_credential() } else { self.credential() };
            if name == "authorization" && !self.one_in(8) {
                value.splice(0..0, *b"Bearer ");
            }
            builder = builder.header(name, value);
        }
        let content_type = if self.one_in(8) { self.pick(&TYPES)? } else { content_type };
        builder = builder.header("content-type", content_type);
        if self.one_in(24) {
            builder = builder.header("content-encoding", "gzip");
        }
        if self.one_in(16) {
            builder = builder.header("x-model", self.pick(&["model", "gpt-nope", "../.."])?);
        }
        if self.one_in(6) {
            builder = builder.header(self.pick(&NOTED)?, self.pick(&NOTES)?);
        }
        Some(builder)
    }

    fn credential(&mut self) -> Vec<u8> {
        let user = format!("user{}", self.user);
        match self.byte() % 8 {
            0 => token(&user).unwrap_or_default().into_bytes(),
            1 => format!("{EVENT}@{CODE}/{user}").into_bytes(),
            _ => format!("{CODE}/{user}").into_bytes(),
        }
    }

    fn odd_credential(&mut self) -> Vec<u8> {
        let mut credential = match self.one_in(4) {
            true => self.odd_token(),
            false => self.pick(&ODD_CREDENTIALS).unwrap_or_default().to_vec(),
        };
        if self.one_in(4) {
            let taken = self.bytes.len().min(usize::from(self.byte()));
            credential.extend_from_slice(&self.bytes[..taken.min(self.bytes.len())]);
        }
        credential
    }

    /// A token with a character changed, somewhere.
    fn odd_token(&mut self) -> Vec<u8> {
        let mut token = token("ada").unwrap_or_default().into_bytes();
        let place = usize::from(self.byte()).checked_rem(token.len()).unwrap_or_default();
        let character = self.pick(b"A.-/ =").unwrap_or_default();
        if let Some(byte) = token.get_mut(place) {
            *byte = character;
        }
        token
    }

    fn body(&mut self, operation: Operation) -> Bytes {
        if self.one_in(16) {
            let taken = self.bytes.len().min(40);
            return Bytes::copy_from_slice(&self.bytes[..taken]);
        }
        let mut fields = match Protocol::of(operation).documentation.map(|it| it.sample) {
            Some(Sample::Json { fields, .. }) => {
                let prompt = format!("\"{PROMPT} {}\"", "x".repeat(usize::from(self.byte())));
                vec![fields.replace("\"Hi\"", &prompt)]
            }
            Some(Sample::Form(file)) => return self.form(file),
            // `stored` makes their bodies; this is what a stranger to the API sends.
            None => vec![r#""a":1"#.to_owned()],
        };
        if operation == Operation::Responses {
            fields = vec![self.response()];
        }
        if !self.one_in(3) {
            fields.push(r#""model":"model""#.to_owned());
        }
        if self.one_in(3) {
            fields.push(r#""stream":true"#.to_owned());
        }
        self.json(fields)
    }

    /// The fields of a response that may be stored, and go on from what is stored.
    fn response(&mut self) -> String {
        let named = match self.byte() % 6 {
            0 => format!(r#","previous_response_id":"{}""#, self.id(Kind::Response)),
            1 => format!(r#","conversation":"{}""#, self.id(Kind::Conversation)),
            _ => String::new(),
        };
        format!(r#""input":"{PROMPT}","store":{}{named}"#, self.one_in(2))
    }

    /// A body of these fields and perhaps of odd ones, and not always well formed.
    pub(super) fn json(&mut self, mut fields: Vec<String>) -> Bytes {
        if self.one_in(2) {
            for _ in 0..self.byte() % 5 {
                let name = self.pick(&NAMES).unwrap_or_default();
                let value = self.pick(&VALUES).unwrap_or_default();
                fields.push(format!("\"{name}\":{value}"));
            }
        }
        let mut body = format!("{{{}}}", fields.join(","));
        if self.one_in(20) {
            body.push_str(self.pick(&["x", "}", " {}", "\u{feff}", "\0"]).unwrap_or_default());
        }
        if self.one_in(24) {
            body = "[".repeat(usize::from(self.byte()) * 4) + &body;
        }
        Bytes::from(body)
    }

    /// A form with a file and a purpose, nearly.
    pub(super) fn file_form(&mut self, purpose: &str) -> Bytes {
        let end = if self.one_in(12) { "" } else { "--b--\r\n" };
        let part = "--b\r\nContent-Disposition: form-data; name=";
        Bytes::from(format!(
            "{part}\"purpose\"\r\n\r\n{purpose}\r\n\
             {part}\"file\"; filename=\"{PROMPT}.txt\"\r\n\r\n{PROMPT}\r\n{end}"
        ))
    }

    /// A form with a file, nearly.
    fn form(&mut self, file: &str) -> Bytes {
        let bytes = self.bytes.len().min(usize::from(self.byte()));
        let mut body = Vec::new();
        let mut part = |head: &str, content: &[u8]| {
            body.extend_from_slice(b"--b\r\nContent-Disposition: form-data; name=");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(b"\r\n\r\n");
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        };
        part(
            &format!("\"{file}\"; filename=\"{PROMPT}.wav\"\r\nContent-Type: audio/wav"),
            self.bytes.get(..bytes).unwrap_or_default(),
        );
        part("\"prompt\"", PROMPT.as_bytes());
        if !self.one_in(3) {
            part("\"model\"", b"model");
        }
        if self.one_in(2) {
            for _ in 0..self.byte() % 4 {
                let name = self.pick(&NAMES).unwrap_or_default();
                let value = self.pick(&VALUES).unwrap_or_default();
                part(&format!("\"{name}\""), value.trim_matches('"').as_bytes());
            }
        }
        if self.one_in(16) {
            part("\"mask\"; filename*=utf-8''x", b"x");
        }
        if !self.one_in(12) {
            body.extend_from_slice(b"--b--\r\n");
        }
        body.into()
    }
}
