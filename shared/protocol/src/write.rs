//! The body that Azure gets: the governed fields as this proxy wants them, the rest as it came.

use lanyard_domain::catalog::CompletionField;
use lanyard_domain::operation::Operation;
use serde_json::value::RawValue;

use crate::governed::Demanded;
use crate::payload::Payload;
use crate::responses;

/// Writes the body for Azure: governed fields as this proxy wants them, the rest as they came.
pub(crate) fn write(
    payload: &Payload<'_>,
    demanded: &Demanded,
    azure_name: &str,
    completion_field: CompletionField,
    user: &str,
    out: &mut Vec<u8>,
) {
    if payload.operation == Operation::Responses {
        return responses::write(payload, demanded, azure_name, user, out);
    }
    let mut object = Object { out };
    object.text("model", azure_name);
    if payload.operation.takes_user() {
        object.text("user", user);
    }
    if let Some(cap) = demanded.completion_cap {
        let field = match completion_field {
            _ if payload.operation == Operation::Completions => CompletionField::MaxTokens,
            CompletionField::MaxTokens if demanded.names_completion_tokens => {
                CompletionField::MaxCompletionTokens
            }
            field => field,
        };
        object.raw(field.name(), &cap.to_string());
    }
    // Speech says `stream_format` instead, which stays as it came.
    if demanded.is_streamed && payload.operation != Operation::AudioSpeech {
        object.raw("stream", "true");
    }
    if demanded.is_streamed && payload.operation.streams_usage_on_request() {
        object.raw("stream_options", &stream_options(payload));
    }
    for (name, raw) in &payload.fields {
        match name.as_ref() {
            "model"
            | "user"
            | "max_tokens"
            | "max_completion_tokens"
            | "max_output_tokens"
            | "stream"
            | "stream_options"
            | "background"
            | "data_sources"
            | "dataSources" => {}
            "store" => object.raw("store", "false"),
            "service_tier" => object.raw("service_tier", "\"default\""),
            name => object.raw(name, raw.get()),
        }
    }
    object.out.push(b'}');
}

/// The client's options with usage asked for: every stream is accounted by it.
fn stream_options(payload: &Payload<'_>) -> String {
    let given = payload.field("stream_options").map_or("{}", RawValue::get);
    let mut options: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(given).unwrap_or_default();
    options.insert("include_usage".to_owned(), true.into());
    serde_json::Value::Object(options).to_string()
}

pub(crate) struct Object<'o> {
    pub(crate) out: &'o mut Vec<u8>,
}

impl Object<'_> {
    pub(crate) fn raw(&mut self, name: &str, value: &str) {
        self.out.push(if self.out.is_empty() { b'{' } else { b',' });
        self.quoted(name);
        self.out.push(b':');
        self.out.extend_from_slice(value.as_bytes());
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.raw(name, "");
        self.quoted(value);
    }

    fn quoted(&mut self, text: &str) {
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(&mut *self.out, text);
    }
}
