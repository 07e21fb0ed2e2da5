//! A tool that a request offers, and a call of it.

use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{grammar, schema};

/// Which of the shapes a call has on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `tool_calls` with a `function`
    Function,
    /// `tool_calls` with a `custom` tool, whose input is free text
    Custom,
    /// `function_call`, the form before tools
    Legacy,
}

/// The call that the simulator makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ToolCall {
    pub(super) kind: Kind,
    /// The namespace of its tool, if it has one.
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    pub(super) arguments: String,
}

/// A tool that the request offers.
#[derive(Debug, Clone)]
pub(super) struct Offer<'a> {
    pub(super) kind: Kind,
    pub(super) namespace: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) description: &'a str,
    /// The schema of its arguments, or the format of its input.
    shape: &'a Value,
}

impl<'a> Offer<'a> {
    /// A tool, described by an object with a name, a description, and parameters or a format.
    pub(super) fn read(
        kind: Kind,
        namespace: Option<&'a str>,
        described: &'a Value,
        place: &str,
    ) -> Result<Self, Refusal> {
        let place = format!("{place}.name");
        let Some(name) = described["name"].as_str() else {
            return Err(Refusal::missing(&place));
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
            let message = format!(
                "Invalid '{place}': string does not match pattern. Expected a string that matches \
                 the pattern '^[a-zA-Z0-9_-]+$' and has at most 64 characters."
            );
            return Err(Refusal::field(place, Some("invalid_value"), message));
        }
        let shape = match kind {
            Kind::Custom => &described["format"],
            Kind::Function | Kind::Legacy => &described["parameters"],
        };
        if kind == Kind::Custom {
            grammar::check(shape, &place.replace(".name", ".format"))?;
        }
        let description = described["description"].as_str().unwrap_or_default();
        Ok(Self { kind, namespace, name, description, shape })
    }

    /// A tool of a message in Anthropic's format, if the client runs it.
    pub(super) fn of_messages(tool: &'a Value) -> Option<Self> {
        Some(Self {
            kind: Kind::Function,
            namespace: None,
            name: tool["name"].as_str()?,
            description: tool["description"].as_str().unwrap_or_default(),
            shape: tool.get("input_schema")?,
        })
    }

    /// A call of it, with what the prompt gives as arguments or with made-up ones.
    pub(super) fn call(&self, given: Option<String>) -> ToolCall {
        let made_up = || match (self.kind, self.shape) {
            (Kind::Custom, format) => grammar::example(format, self.name),
            (Kind::Function | Kind::Legacy, Value::Null) => json!({}).to_string(),
            (Kind::Function | Kind::Legacy, parameters) => schema::example(parameters).to_string(),
        };
        ToolCall {
            kind: self.kind,
            namespace: self.namespace.map(str::to_owned),
            name: self.name.to_owned(),
            arguments: given.unwrap_or_else(made_up),
        }
    }
}
