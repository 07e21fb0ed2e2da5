//! The fields that are ours in a request for Azure: what we add, and what we rename or fill with our
//! own value. A deployment that refuses one of them must not make the client's request fail.

use http::StatusCode;
use lanyard_domain::models::{CompletionField, ModelFacts};
use serde_json::Value;

/// A field that is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddedField {
    /// `user`: a hash that identifies the attendee.
    User,
    /// `safety_identifier`: the same hash, where the client has one.
    SafetyIdentifier,
    /// `stream_options`, which asks for the usage of a stream.
    StreamOptions,
    /// `max_tokens`
    MaxTokens,
    /// `max_completion_tokens`
    MaxCompletionTokens,
    /// `include`, which asks for encrypted reasoning.
    Include,
    /// `metadata` of Anthropic's format, which holds the same hash.
    Metadata,
}

impl AddedField {
    const ALL: [Self; 7] = [
        Self::User,
        Self::SafetyIdentifier,
        Self::StreamOptions,
        Self::MaxTokens,
        Self::MaxCompletionTokens,
        Self::Include,
        Self::Metadata,
    ];

    /// The field's name in a request.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::SafetyIdentifier => "safety_identifier",
            Self::StreamOptions => "stream_options",
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::Include => "include",
            Self::Metadata => "metadata",
        }
    }

    /// Whether it is the cap of a completion.
    const fn is_cap(self) -> bool {
        matches!(self, Self::MaxTokens | Self::MaxCompletionTokens)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The fields of ours that a deployment refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefusedFields(u8);

impl RefusedFields {
    /// Fields that a model is known to refuse.
    #[must_use]
    pub fn of(facts: &ModelFacts) -> Self {
        let mut refused = Self::default();
        if facts.refuses_user {
            refused = refused.with(AddedField::User).with(AddedField::SafetyIdentifier);
        }
        if facts.refuses_stream_options {
            refused = refused.with(AddedField::StreamOptions);
        }
        refused
    }

    /// These, and one more.
    #[must_use]
    pub const fn with(self, field: AddedField) -> Self {
        Self(self.0 | field.bit())
    }

    /// Every field but those of the cap, which no request can do without.
    #[must_use]
    pub fn all_but_caps() -> Self {
        AddedField::ALL.into_iter().filter(|field| !field.is_cap()).collect()
    }

    /// All of both.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether a field is refused.
    #[must_use]
    pub const fn has(self, field: AddedField) -> bool {
        self.0 & field.bit() != 0
    }

    /// Those of them that are ours in a request.
    #[must_use]
    pub fn filter(self, is_ours: impl Fn(AddedField) -> bool) -> Self {
        self.iter().filter(|field| is_ours(*field)).collect()
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = AddedField> {
        AddedField::ALL.into_iter().filter(move |field| self.has(*field))
    }

    /// Whether nothing is refused.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The field for the cap of a chat: the usual one, or the other where only that is left. A chat
    /// always has a cap.
    #[must_use]
    pub const fn cap_field(self, usual: CompletionField) -> CompletionField {
        let refuses_older = self.has(AddedField::MaxTokens);
        let refuses_newer = self.has(AddedField::MaxCompletionTokens);
        match usual {
            CompletionField::MaxTokens if refuses_older && !refuses_newer => {
                CompletionField::MaxCompletionTokens
            }
            CompletionField::MaxCompletionTokens if refuses_newer && !refuses_older => {
                CompletionField::MaxTokens
            }
            CompletionField::MaxTokens | CompletionField::MaxCompletionTokens => usual,
        }
    }
}

impl FromIterator<AddedField> for RefusedFields {
    fn from_iter<I: IntoIterator<Item = AddedField>>(fields: I) -> Self {
        fields.into_iter().fold(Self::default(), Self::with)
    }
}

/// The fields of ours that an error response is about; none if it is about something else. Azure
/// names one in `param`, other models of Foundry several in a list of places (`loc`) or in the
/// message alone.
#[must_use]
pub fn refused_fields(status: StatusCode, body: &[u8]) -> RefusedFields {
    if !matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY) {
        return RefusedFields::default();
    }
    // Some servers write a sentence and no JSON. A page of HTML is a gateway's.
    let body = serde_json::from_slice(body).unwrap_or_else(|_| {
        let text =
            std::str::from_utf8(body).ok().filter(|text| !text.trim_start().starts_with('<'));
        serde_json::json!({ "message": text })
    });
    let named = |name: &str| AddedField::ALL.into_iter().find(|field| field.name() == name);
    if let Some(param) = body.pointer("/error/param").and_then(Value::as_str) {
        // The value of a cap may be the client's, the other values are ours.
        let is_about_us = |field: &AddedField| {
            !field.is_cap() || messages(&body).any(|message| says_unknown(&message))
        };
        return named(param).filter(is_about_us).into_iter().collect();
    }
    let mut places = Vec::new();
    unknown_places(&body, &mut places);
    if !places.is_empty() {
        return places.into_iter().filter_map(named).collect();
    }
    let mut messages = messages(&body).filter(|message| says_unknown(message));
    messages.find_map(|message| fields_in(&message)).unwrap_or_default()
}

/// The fields of ours that a message names: the first, and others beside it in quotes. A cap behind
/// the first field may be the remedy.
fn fields_in(message: &str) -> Option<RefusedFields> {
    // Behind it are the fields that the server knows.
    let end = KNOWN_FIELDS.iter().filter_map(|words| message.find(words)).min();
    let message = &message[..end.unwrap_or(message.len())];
    let places = AddedField::ALL.into_iter();
    let mut places: Vec<_> =
        places.filter_map(|field| Some((place(message, field.name())?, field))).collect();
    places.sort_unstable_by_key(|(place, _)| *place);
    let (_, first) = *places.first()?;
    let is_another = |(at, field): &&(usize, AddedField)| {
        let quote = |byte: Option<u8>| byte.is_some_and(|byte| matches!(byte, b'\'' | b'"' | b'`'));
        let end = at + field.name().len();
        !field.is_cap()
            && quote(message[..*at].bytes().next_back())
            && quote(message[end..].bytes().next())
    };
    let others = places.iter().skip(1).filter(is_another).map(|(_, field)| *field);
    Some(std::iter::once(first).chain(others).collect())
}

/// The words before a list of fields that a server supports.
const KNOWN_FIELDS: [&str; 4] =
    [", expected ", ". supported fields", ". allowed fields", ". valid fields"];

/// All texts of a body: the texts of `message`, `msg` and `detail`, and its code.
fn messages(body: &Value) -> impl Iterator<Item = String> {
    let mut texts = Vec::new();
    collect(body, false, &mut texts);
    texts.into_iter()
}

fn collect(value: &Value, is_message: bool, texts: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let says = matches!(name.as_str(), "message" | "msg" | "detail" | "code" | "type");
                collect(value, says, texts);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, is_message, texts)),
        Value::String(text) if is_message => {
            // Pydantic writes the place of a field so in a sentence.
            texts.push(text.to_ascii_lowercase().replace("body.", ""));
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The fields of the request that a list of faults calls one too many:
/// `{"type": "extra_forbidden", "loc": ["body", "user"], …}`.
fn unknown_places<'v>(value: &'v Value, places: &mut Vec<&'v str>) {
    match value {
        Value::Object(fields) => {
            let place = fields.get("loc").and_then(Value::as_array);
            let is_unknown = ["type", "msg"].iter().any(|name| {
                let text = fields.get(*name).and_then(Value::as_str).unwrap_or_default();
                says_unknown(&text.to_ascii_lowercase())
            });
            match place {
                Some(place) if is_unknown => match place.as_slice() {
                    [field] | [_, field] => places.extend(field.as_str()),
                    _ => {}
                },
                Some(_) => {}
                None => fields.values().for_each(|value| unknown_places(value, places)),
            }
        }
        Value::Array(list) => list.iter().for_each(|value| unknown_places(value, places)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether a message, in lower case, means that a field is not supported, rather than that its
/// value is wrong.
fn says_unknown(message: &str) -> bool {
    const WORDS: [&str; 11] = [
        "unrecognized",
        "unsupported",
        "unknown",
        "unexpected",
        "not supported",
        "not permitted",
        "not allowed",
        "does not support",
        "extra_forbidden",
        "extra fields",
        "extra inputs",
    ];
    WORDS.iter().any(|word| message.contains(word)) && !message.contains("unsupported value")
}

/// The position at which a message names a field as a separate word.
fn place(message: &str, field: &str) -> Option<usize> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'[');
    let mut places = message.match_indices(field).map(|(at, _)| at);
    places.find(|at| {
        let at = *at;
        let before = message[..at].bytes().next_back();
        let after = message[at + field.len()..].bytes().next();
        !before.is_some_and(is_part) && !after.is_some_and(|byte| is_part(byte) && byte != b'.')
    })
}

#[cfg(test)]
mod tests;
