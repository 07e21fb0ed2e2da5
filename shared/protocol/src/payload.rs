//! A request's body: the fields that govern cost and routing, and nothing else.
//!
//! Every other field is forwarded as the bytes in which it came. A governed field is read once,
//! from the same parse that writes the body for Azure, so nothing can be read one way here and
//! another way there.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use lanyard_domain::catalog::CompletionField;
use lanyard_domain::ids::RequestId;
use serde_json::value::RawValue;

use crate::added::{AddedField, RefusedFields};
use crate::demand::{Caps, Demanded};
use crate::error::{BodyRefused, invalid};
use crate::multipart::{self, Form};
use crate::reasoning::{self, LeftOut};
use crate::references::{self, Reference};
use crate::tokens::cl100k;
use crate::{Api, BodyEncoding, Protocol};
use crate::{json, names};

#[cfg(test)]
mod tests;

/// The content type of most bodies.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The largest body, in bytes: Lambda's own limit is 6 MB, with the event around it.
pub const MOST_BYTES: usize = 5 * 1024 * 1024;

const NO_JSON: &str = "The body must be JSON. Send the header 'content-type: application/json'; curl sends another type unless it is told so.";
const NO_FORM: &str = "The body must be a form with a file. Send multipart/form-data, and let your HTTP client write the content type: it names the boundary between the parts.";

/// The fields of a JSON object of Azure's, in their order; none if it is something else.
#[must_use]
pub fn fields_of(bytes: &[u8]) -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
    json::fields(bytes)
}

/// A body's fields in their order.
#[derive(Debug)]
pub struct Payload<'a> {
    pub(crate) protocol: &'static Protocol,
    /// Of a JSON body.
    pub(crate) fields: Vec<(Cow<'a, str>, &'a RawValue)>,
    /// The other kind of body, for the operations that take files.
    pub(crate) form: Option<Form<'a>>,
    /// The body as it came.
    pub(crate) body: &'a [u8],
}

/// The deployment that a body is written for, and the attendee whom it names.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The deployment's name at Azure.
    pub azure_name: &'a str,
    /// The field by which it takes the cap of a chat.
    pub completion_field: CompletionField,
    /// The id of the attendee at Azure.
    pub user: &'a str,
    /// The fields of ours that it refuses.
    pub refused: RefusedFields,
    /// Reasoning that the client sends back and no resource can read.
    pub left_out: LeftOut<'a>,
}

impl Target<'_> {
    /// The attendee's hash for fields that name a person, if the deployment accepts the field.
    pub(crate) fn identity(&self, field: AddedField) -> Option<&str> {
        (!self.refused.has(field)).then_some(self.user)
    }
}

impl<'a> Payload<'a> {
    /// Reads a request's body. A form is written anew under a boundary made of the request's id.
    ///
    /// # Errors
    ///
    /// [`BodyRefused`]: too large, of another type, not JSON or not a form, or with a governed field
    /// that is there twice or in other letters.
    pub fn read(
        protocol: &'static Protocol,
        request: &'a http::Request<Bytes>,
        id: &RequestId,
    ) -> Result<Self, BodyRefused> {
        let content_type = content_type(request.headers())?;
        let body = request.body();
        let boundary = content_type.and_then(multipart::form_boundary);
        let boundary = match (protocol.body, boundary) {
            (BodyEncoding::Form, None) => {
                return Err(BodyRefused::UnsupportedMediaType { hint: NO_FORM });
            }
            (BodyEncoding::Form | BodyEncoding::JsonOrForm, Some(boundary)) => Some(boundary),
            (BodyEncoding::Json, _) | (BodyEncoding::JsonOrForm, None) => None,
        };
        let is_json = content_type.is_none_or(|value| is(value, "application/json"));
        if boundary.is_none() && !is_json {
            return Err(BodyRefused::UnsupportedMediaType { hint: NO_JSON });
        }
        if body.len() > MOST_BYTES {
            return Err(BodyRefused::TooLarge { limit: MOST_BYTES });
        }
        let mut payload = Self { protocol, fields: Vec::new(), form: None, body };
        match boundary {
            Some(boundary) => {
                let mut form = Form::read(boundary, body, format!("lanyard-{id}"))?;
                names::check_form_names(form.names())?;
                form.spell_flags(&["stream", "background"]);
                payload.form = Some(form);
            }
            None => {
                payload.fields = json::object(body)?;
                names::check_names(payload.fields.iter().map(|(name, _)| name.as_ref()))?;
            }
        }
        Ok(payload)
    }

    /// The model that the body names. An empty name is none.
    ///
    /// # Errors
    ///
    /// [`BodyRefused`] if it is not a text.
    pub fn model(&self) -> Result<Option<Cow<'a, str>>, BodyRefused> {
        if let Some(form) = &self.form {
            let named = form.text("model")?.filter(|name| !name.is_empty());
            return Ok(named.map(Cow::Borrowed));
        }
        let Some(raw) = self.field("model") else {
            return Ok(None);
        };
        serde_json::from_str::<json::Text<'a>>(raw.get())
            .map(|text| Some(text.0).filter(|name| !name.is_empty()))
            .map_err(|_| invalid("model", "must be the name of a model, as text"))
    }

    /// The demand of the request, within the event's bounds.
    ///
    /// # Errors
    ///
    /// [`BodyRefused`] that names the parameter.
    pub fn demanded(&self, caps: &Caps<'_>) -> Result<Demanded, BodyRefused> {
        let demanded = (self.protocol.read)(self, caps)?;
        Ok(match caps.facts.has_older_tokenizer {
            true => demanded.carrying(cl100k::tokens_beyond(self.body)),
            false => demanded,
        })
    }

    /// Whether a refusal of a field is about what we wrote, rather than about what the client sent.
    /// Fields that name a person are always ours. So are the name of the cap's field, and our
    /// additions to `include`.
    #[must_use]
    pub fn is_ours(&self, field: AddedField) -> bool {
        match field {
            AddedField::User
            | AddedField::SafetyIdentifier
            | AddedField::MaxTokens
            | AddedField::MaxCompletionTokens
            | AddedField::Include => true,
            AddedField::Metadata => self.protocol.api == Api::Anthropic,
            AddedField::StreamOptions => self.field(field.name()).is_none(),
        }
    }

    /// The fingerprints of the encrypted reasoning that the client sends back.
    #[must_use]
    pub fn reasoning_fingerprints(&self) -> Vec<u64> {
        self.field("input").map(|input| reasoning::fingerprints(input.get())).unwrap_or_default()
    }

    /// The ids of stored objects that the body names.
    ///
    /// # Errors
    ///
    /// [`BodyRefused`] for ids that can have no owner.
    pub fn references(&self) -> Result<Vec<Reference>, BodyRefused> {
        references::read(self.protocol.ids, self.written_fields())
    }

    /// The fields of a JSON body as they are written.
    fn written_fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, raw)| (name.as_ref(), raw.get()))
    }

    /// The body for Azure.
    #[must_use]
    pub fn for_azure(&self, demanded: &Demanded, target: &Target<'_>) -> Bytes {
        let mut out = Vec::with_capacity(self.body.len() + 256);
        (self.protocol.write)(self, demanded, target, &mut out);
        out.into()
    }

    /// The content type of the body for Azure.
    #[must_use]
    pub fn content_type(&self) -> HeaderValue {
        match &self.form {
            Some(form) => form.content_type(),
            None => JSON,
        }
    }

    /// A field that is there and not `null`.
    pub(crate) fn field(&self, name: &str) -> Option<&'a RawValue> {
        let (_, raw) = self.fields.iter().find(|(field, _)| field == name)?;
        (raw.get() != "null").then_some(*raw)
    }

    /// The same as text: of JSON as it is written, of a form as it is.
    pub(crate) fn written(&self, name: &str) -> Result<Option<&'a str>, BodyRefused> {
        match &self.form {
            Some(form) => form.text(name),
            None => Ok(self.field(name).map(RawValue::get)),
        }
    }
}

/// The content type of a body that is not compressed; `None` where the client names none.
fn content_type(headers: &HeaderMap) -> Result<Option<&str>, BodyRefused> {
    let is_plain = |encoding: &HeaderValue| {
        encoding.is_empty() || encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    };
    if !headers.get_all(CONTENT_ENCODING).iter().all(is_plain) {
        return Err(BodyRefused::UnsupportedMediaType {
            hint: "The body must not be compressed. Send it without content-encoding.",
        });
    }
    single_header(headers, &CONTENT_TYPE).map_err(|_| BodyRefused::UnsupportedMediaType {
        hint: "There is more than one content type. Send one.",
    })
}

/// The value of a header that is there once and is plain text.
///
/// # Errors
///
/// [`NotPlain`] if it is there more than once or is not ASCII.
pub fn single_header<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'h str>, NotPlain> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(NotPlain);
    }
    value.to_str().map(Some).map_err(|_| NotPlain)
}

/// A header that is there twice, or holds more than ASCII.
#[derive(Debug)]
pub struct NotPlain;

fn is(content_type: &str, essence: &str) -> bool {
    let first = content_type.split(';').next().unwrap_or_default();
    first.trim().eq_ignore_ascii_case(essence)
}
