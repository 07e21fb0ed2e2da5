//! A sample request for each operation, and its model.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use lanyard_domain::operation::Operation;
use lanyard_gateway::testing::a_deployment;
use lanyard_protocol::documentation::Sample;
use lanyard_protocol::{Placement, Protocol};
use serde_json::{Value, json};

use super::attendee::Attendee;
use super::builder::Builder;
use super::canary;

/// Whether an operation is one call of a model, without anything that Azure keeps.
pub(crate) fn is_one_call(operation: Operation) -> bool {
    let placement = Protocol::of(operation).placement;
    placement == Placement::Deployment || operation == Operation::Messages
}

/// A recording of ten seconds: 16 bit at 16 kHz.
pub(crate) fn recording() -> Vec<u8> {
    let mut wav =
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0".to_vec();
    wav.extend(std::iter::repeat_n(7, 320_000));
    wav
}

/// A part of a form: its name, the rest of its head, its bytes.
pub(crate) type Part<'p> = (&'p str, &'p str, &'p [u8]);

/// A form between the boundary `b`.
pub(crate) fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, head, bytes) in parts {
        let head = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"{head}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    body
}

/// The head of a file.
pub(crate) const WAV: &str = "; filename=\"../ada/secret.WAV\"\r\nContent-Type: audio/wav";
pub(crate) const PNG: &str = "; filename=\"elephant.png\"\r\nContent-Type: image/png";

impl Attendee {
    /// A request with a form.
    pub(crate) fn post_form(&self, path: &str, parts: &[Part<'_>]) -> http::Request<Bytes> {
        let mut request = self.post(path, form(parts));
        let content_type = http::HeaderValue::from_static("multipart/form-data; boundary=b");
        request.headers_mut().insert(CONTENT_TYPE, content_type);
        request
    }

    /// The usual request for an operation, which names no model.
    pub(crate) fn asks_for(&self, operation: Operation) -> http::Request<Bytes> {
        let protocol = Protocol::of(operation);
        let path = format!("/api/v1/{}", protocol.path);
        let prompt = canary::PROMPT;
        if operation == Operation::Videos {
            return self.post(&path, json!({"prompt": prompt, "seconds": "4"}).to_string());
        }
        let documentation = protocol.documentation.expect("it is one call");
        match documentation.sample {
            Sample::Json { fields, .. } => {
                let prompt = Value::from(prompt).to_string();
                self.post(&path, format!("{{{}}}", fields.replace("\"Hi\"", &prompt)))
            }
            Sample::Form(file) => {
                let (head, bytes) = match file {
                    "image" => (PNG, b"\x89PNG".to_vec()),
                    _ => (WAV, recording()),
                };
                self.post_form(&path, &[(file, head, &bytes), ("prompt", "", prompt.as_bytes())])
            }
        }
    }
}

impl Builder {
    /// A model for every operation, each the default of its operation.
    pub(crate) fn everything(self) -> Self {
        let more = Operation::ALL.iter().copied().filter(|operation| {
            let is_there = matches!(operation, Operation::ChatCompletions | Operation::Embeddings);
            is_one_call(*operation) && !is_there
        });
        more.fold(self, |builder, operation| {
            let name = format!("model-{}", operation.name());
            let mut deployment = a_deployment(&name, operation);
            let azure = format!("{}-{name}", canary::AZURE_NAME);
            deployment.azure_name = azure.parse().expect("the name is an id");
            let name = deployment.name.clone();
            builder
                .deployments(|deployments| deployments.push(deployment))
                .with(|event| drop(event.default_deployments.insert(operation, name)))
        })
    }
}
