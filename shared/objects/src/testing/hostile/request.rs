//! Bytes to requests: what clients send, nearly.

use bytes::Bytes;
use lanyard_domain::operation::Operation;
use lanyard_gateway::signed::Claims;
use lanyard_protocol::Protocol;
use lanyard_protocol::documentation::Sample;

use super::{CODE, EVENT, PROMPT, signing};

/// The longest list of fields in one body, and of requests in one input.
const MOST: u8 = 12;

/// A reader of choices.
pub(super) struct Grammar<'b> {
    bytes: &'b [u8],
    left: u8,
}

const NAMES: [&str; 32] = [
    "previous_response_id",
    "conversation",
    "file_id",
    "model",
    "messages",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "n",
    "best_of",
    "input",
    "store",
    "user",
    "service_tier",
    "background",
    "tools",
    "data_sources",
    "dataSources",
    "Max_Tokens",
    "max\\u005ftokens",
    "temperature",
    "seed",
    "response_format",
    "STREAM",
    "prompt",
    "file",
    "image[]",
    "n[]",
    "stream_format",
    "",
];

const VALUES: [&str; 43] = [
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1",
    "5",
    "100",
    "1.5",
    "1e3",
    "4294967296",
    "1e400",
    "\"100\"",
    "\"model\"",
    "\"gpt-nope\"",
    "\"../..\"",
    "\"\"",
    "\"\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "[]",
    "{}",
    "[[[]]]",
    "{\"include_usage\":true}",
    "{\"include_usage\":false}",
    "[1,2,3]",
    "[[1],[2]]",
    "[{\"role\":\"user\",\"content\":\"canary-prompt\"}]",
    "[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:,\"}}]}]",
    "[{\"role\":\"user\",\"content\":null},7,\"x\"]",
    "[{\"type\":\"function\"}]",
    "[{\"type\":\"web_search\"}]",
    "[{\"type\":7}]",
    "\"priority\"",
    "NaN",
    "'x'",
    "\"canary-prompt",
    "{\"a\":",
    "tru",
    "\"canary-prompt\"",
    "[\"canary-prompt\",\"canary-prompt\"]",
    "sse",
    "\"sse\"",
    "11",
];

const PATHS: [&str; 31] = [
    "/api/v1/chat/completions",
    "/api/v1/embeddings",
    "/api/openai/v1/chat/completions",
    "/api/openai/deployments/model/chat/completions",
    "/api/v1/openai/deployments/model/embeddings",
    "/api/openai-proxy/chat/completions",
    "/api/v1/chat/completions/",
    "/api/v1/completions",
    "/api/v1/engines/model/completions",
    "/api/v1/images/generations",
    "/api/openai/deployments/model/images/edits",
    "/api/v1/audio/transcriptions",
    "/api/openai/v1/audio/translations",
    "/api/v1/audio/speech",
    "/api/v1/moderations",
    "/v1/chat/completions",
    "/api/openai/images/generations:submit",
    "/api/v1/engines//completions",
    "/api/v1/engines/../completions",
    "/api/openai/deployments/../chat/completions",
    "/api/openai/deployments/%2e%2e/chat/completions",
    "/api/openai/deployments/.%2e/chat/completions",
    "/api/openai/deployments/a%2f..%2fb/chat/completions",
    "/api/openai/deployments/gpt;x/chat/completions",
    "/api/openai/deployments/gpt%00/embeddings",
    "/api/openai/deployments/%252e/chat/completions",
    "/api/openai/deployments//chat/completions",
    "/api/v1//chat/completions",
    "/api/openai/files",
    "/",
    "/api/v1/chat/completions/x",
];

const QUERIES: [&str; 8] = [
    "",
    "api-version=2024-10-21",
    "api-version=v1&api-version=v1",
    "api-version=%zz",
    "a=b",
    "=",
    "a=%26",
    "api-version=2024-10-21%26x=y",
];

const FORM: &str = "multipart/form-data; boundary=b";

const TYPES: [&str; 9] = [
    "application/json",
    "application/json; charset=utf-8",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    FORM,
    "multipart/form-data; boundary=c; boundary=b",
    "multipart/form-data; boundary=\"",
    "",
];

const NOTED: [&str; 5] = ["x-session-id", "x-app-id", "x-company-id", "x-api-version", "x-user-id"];

const NOTES: [&str; 8] = ["", "my.session-1", "a b", "a#b", "---", "../..", "2023-12-06", "0x1"];

/// A token that the event signed for somebody.
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
    pub(super) fn of(bytes: &'b [u8]) -> Self {
        Self { bytes, left: MOST }
    }

    fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                *first
            }
            None => 0,
        }
    }

    fn one_in(&mut self, times: u8) -> bool {
        self.byte().is_multiple_of(times)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let index = usize::from(self.byte()).checked_rem(from.len())?;
        from.get(index).copied()
    }

    /// The next request; `None` when the bytes are used up.
    pub(super) fn request(&mut self) -> Option<(Operation, http::Request<Bytes>)> {
        loop {
            if self.bytes.is_empty() || self.left == 0 {
                return None;
            }
            self.left -= 1;
            // What no HTTP client can send is no request.
            if let Some(request) = self.try_request() {
                return Some(request);
            }
        }
    }

    fn try_request(&mut self) -> Option<(Operation, http::Request<Bytes>)> {
        let path = if self.one_in(3) { self.pick(&PATHS)? } else { self.pick(&PATHS[..15])? };
        let query = if self.one_in(4) { self.pick(&QUERIES)? } else { "" };
        let path = if self.one_in(4) { "/api/v1/responses" } else { path };
        let names = |operation: &&Operation| {
            path.trim_end_matches('/').ends_with(Protocol::of(**operation).path)
        };
        let longest =
            Operation::ALL.iter().filter(names).max_by_key(|o| Protocol::of(**o).path.len());
        let operation = longest.copied().unwrap_or(Operation::ChatCompletions);
        let method = if self.one_in(12) { self.pick(&["GET", "PUT", "OPTIONS"])? } else { "POST" };
        let mut builder = http::Request::builder().method(method).uri(format!("{path}?{query}"));
        for _ in 0..1 + u8::from(self.one_in(16)) {
            let name = self.pick(&["openai-event-code", "api-key", "authorization"])?;
            let mut value = if self.one_in(6) { self.odd_credential() } else { self.credential() };
            if name == "authorization" && !self.one_in(8) {
                value.splice(0..0, *b"Bearer ");
            }
            builder = builder.header(name, value);
        }
        let usual = if Protocol::of(operation).takes_form() { FORM } else { TYPES[0] };
        let content_type = if self.one_in(8) { self.pick(&TYPES)? } else { usual };
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
        Some((operation, builder.body(self.body(operation)).ok()?))
    }

    fn credential(&mut self) -> Vec<u8> {
        let user = format!("user{}", self.byte() % 3);
        match self.byte() % 8 {
            0 => token(&user).unwrap_or_default().into_bytes(),
            1 => format!("{EVENT}@{CODE}/{user}").into_bytes(),
            _ => format!("{CODE}/{user}").into_bytes(),
        }
    }

    fn odd_credential(&mut self) -> Vec<u8> {
        let odd: [&[u8]; 8] = [
            b"",
            b"/",
            b"canary-code",
            b"other-code/ada",
            b"canary-code/",
            b"x' or '/ada",
            "h\u{430}ckathon/ada".as_bytes(),
            b"canary-code/a\tb",
        ];
        let mut credential = match self.one_in(4) {
            true => self.odd_token(),
            false => self.pick(&odd).unwrap_or_default().to_vec(),
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
            // Their bodies are those of stored objects, which this grammar does not speak.
            None => Vec::new(),
        };
        if !self.one_in(3) {
            fields.push(r#""model":"model""#.to_owned());
        }
        if self.one_in(3) {
            fields.push(r#""stream":true"#.to_owned());
        }
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
