//! The public description of a call to a model, and a sample request.

/// The public description of a call to a model. Calls about stored objects are described from their
/// routes and the `FIELDS` of their protocols.
#[derive(Clone, Copy, Debug)]
pub struct Documentation {
    /// The operation's id in the description.
    pub id: &'static str,
    /// What it does, in a few words.
    pub title: &'static str,
    /// A note for readers, for example about what is counted.
    pub note: Option<&'static str>,
    /// Its page below OpenAI's API reference, or an address.
    pub page: &'static str,
    /// The name of its body's schema, and the governed fields that it lists. A form has none.
    pub body: Option<(&'static str, &'static [Field])>,
    /// The content type of a success.
    pub response: &'static str,
    /// A small request.
    pub sample: Sample,
}

/// A governed field: its name, and its schema as JSON.
pub type Field = (&'static str, &'static str);

/// A small request, whose prompt is `Hi`.
#[derive(Clone, Copy, Debug)]
pub enum Sample {
    /// A JSON body.
    Json {
        /// Its fields, without the braces.
        fields: &'static str,
        /// More fields, that make it as cheap as it can be; `None` if it is expensive even then.
        cheapest: Option<&'static str>,
    },
    /// A form with a `prompt` and a file in this field.
    Form(&'static str),
}

impl Documentation {
    /// A description without a note, of a JSON response.
    pub(crate) const fn new(
        id: &'static str,
        title: &'static str,
        page: &'static str,
        sample: Sample,
    ) -> Self {
        let response = "application/json";
        Self { id, title, note: None, page, body: None, response, sample }
    }

    /// With a JSON body.
    pub(crate) const fn reads(self, schema: &'static str, fields: &'static [Field]) -> Self {
        Self { body: Some((schema, fields)), ..self }
    }
}

pub(crate) const MODEL: Field =
    ("model", r#"{"type": "string", "description": "The event's default if absent."}"#);

pub(crate) const STREAM: Field = (
    "stream",
    r#"{"type": "boolean", "description": "Whether the response is server-sent events."}"#,
);

pub(crate) const STREAM_OPTIONS: Field =
    ("stream_options", r#"{"type": "object", "description": "Only with `\"stream\": true`."}"#);

pub(crate) const CHOICES: Field = ("n", CHOICE_COUNT);

pub(crate) const BEST_OF: Field = ("best_of", CHOICE_COUNT);

const CHOICE_COUNT: &str =
    r#"{"type": "integer", "minimum": 1, "description": "At most the event's `max_choices`."}"#;

pub(crate) const MAX_TOKENS: Field = ("max_tokens", OUTPUT_CAP);

pub(crate) const MAX_COMPLETION_TOKENS: Field = (
    "max_completion_tokens",
    r#"{"type": "integer", "minimum": 1, "description": "The same by its newer name. Send only one of them."}"#,
);

pub(crate) const MAX_OUTPUT_TOKENS: Field = ("max_output_tokens", OUTPUT_CAP);

const OUTPUT_CAP: &str = r#"{"type": "integer", "minimum": 1, "description": "Lowered to what the event and the model allow, which is also the default."}"#;

pub(crate) const TOOLS: Field = (
    "tools",
    r#"{"type": "array", "maxItems": 128, "items": {"type": "object"}, "description": "Functions, custom tools and the hosted tools that the event allows."}"#,
);

pub(crate) const INPUT: Field = ("input", TEXTS);

pub(crate) const PROMPT: Field = ("prompt", TEXTS);

const TEXTS: &str = r#"{"type": ["string", "array"], "description": "A text, a list of at most 2,048 texts, or lists of tokens."}"#;

#[cfg(test)]
mod tests {
    use lanyard_domain::operation::Operation;
    use serde_json::Value;

    use super::*;
    use crate::{Protocol, assistants, compact, threads, videos};

    #[test]
    fn fields_and_samples_are_json() {
        let mut described = 0;
        let protocols = Operation::ALL.iter().copied().map(Protocol::of);
        let counting = Operation::ALL.iter().filter_map(|it| Protocol::of(*it).counting);
        let counting = counting.map(|counting| &counting.protocol);
        let beside = Operation::ALL.iter().flat_map(|it| Protocol::of(*it).beside).copied();
        let beside = beside.chain([&compact::COMPACT, &compact::INPUT_TOKENS]).chain(counting);
        for protocol in protocols.chain(beside) {
            let Some(documentation) = &protocol.documentation else { continue };
            described += 1;
            for (name, schema) in documentation.body.iter().flat_map(|(_, fields)| *fields) {
                let schema: Value = serde_json::from_str(schema).expect(name);
                assert!(schema["type"].is_string() || schema["type"].is_array(), "{name}");
            }
            if let Sample::Json { fields, cheapest } = documentation.sample {
                let body = format!("{{{fields}{}}}", cheapest.unwrap_or_default());
                serde_json::from_str::<Value>(&body).expect(documentation.id);
                assert!(body.contains("\"Hi\""), "{body}");
            }
        }
        assert!(described > 10, "only {described}");
    }

    #[test]
    fn governed_fields_of_stored_objects_are_json() {
        let bodies =
            [threads::RUN_FIELDS, assistants::FIELDS, videos::FIELDS, videos::REMIX_FIELDS];
        for (name, schema) in bodies.concat() {
            let schema: Value = serde_json::from_str(schema).expect(name);
            assert!(schema["type"].is_string() || schema["type"].is_array(), "{name}");
        }
    }
}
