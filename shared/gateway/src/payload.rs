//! Reading a body: the fields that govern cost and routing, and nothing else.
//!
//! Every other field is forwarded as the bytes in which it came. A governed field is read once,
//! from the same parse that writes the body for Azure, so nothing can be read one way here and
//! another way there.

mod governed;
mod json;
mod references;
mod responses;
#[cfg(test)]
mod tests;
mod tree;

use std::borrow::Cow;

use bytes::Bytes;
use lanyard_domain::catalog::CompletionField;
use lanyard_domain::operation::Operation;
use serde_json::value::RawValue;

use crate::error::{ApiError, BadRequestCode};
use crate::request::Request;

pub use governed::{Caps, Demanded};
pub(crate) use references::Reference;

/// The largest body, in bytes: Lambda's own limit is 6 MB, with the event around it.
pub const MOST_BYTES: usize = 5 * 1024 * 1024;

/// A body's fields in their order, governed ones told from the rest.
#[derive(Debug)]
pub struct Payload<'a> {
    operation: Operation,
    fields: Vec<(Cow<'a, str>, &'a RawValue)>,
    bytes: usize,
}

impl<'a> Payload<'a> {
    /// Reads a request's body.
    ///
    /// # Errors
    ///
    /// 413, 415, or 400 `invalid_json`, `duplicate_key`, `unknown_parameter`.
    pub fn read(operation: Operation, request: &'a Request) -> Result<Self, ApiError> {
        check_media_type(request)?;
        let body = request.http.body();
        if body.len() > MOST_BYTES {
            return Err(ApiError::RequestTooLarge { limit: MOST_BYTES });
        }
        let fields = json::object(body)?;
        governed::check_names(fields.iter().map(|(name, _)| name.as_ref()))?;
        Ok(Self { operation, fields, bytes: body.len() })
    }

    /// The model that the body names.
    ///
    /// # Errors
    ///
    /// 400 if it is no text.
    pub fn model(&self) -> Result<Option<Cow<'a, str>>, ApiError> {
        let Some(raw) = self.field("model") else {
            return Ok(None);
        };
        serde_json::from_str::<json::Text<'a>>(raw.get())
            .map(|text| Some(text.0))
            .map_err(|_| invalid("model", "must be the name of a model, as text"))
    }

    /// What the request asks for, within what the event allows.
    ///
    /// # Errors
    ///
    /// 400 that names the parameter.
    pub fn demanded(&self, caps: &Caps<'_>) -> Result<Demanded, ApiError> {
        governed::read(self, caps)
    }

    /// The ids of kept objects that the body names.
    ///
    /// # Errors
    ///
    /// 400 for ids that can be nobody's.
    pub(crate) fn references(&self) -> Result<Vec<Reference>, ApiError> {
        references::read(self)
    }

    /// The prompt tokens that the items of a conversation are, or more.
    ///
    /// # Errors
    ///
    /// 400 for items that are only named, and for too many images.
    pub(crate) fn items_tokens(&self) -> Result<u64, ApiError> {
        responses::items(self, "items").map(|estimate| estimate.prompt_tokens)
    }

    /// The body for Azure.
    #[must_use]
    pub fn for_azure(
        &self,
        demanded: &Demanded,
        azure_name: &str,
        completion_field: CompletionField,
        user: &str,
    ) -> Bytes {
        let mut out = Vec::with_capacity(self.bytes + 256);
        governed::write(self, demanded, azure_name, completion_field, user, &mut out);
        out.into()
    }

    /// A field that is there and not `null`.
    fn field(&self, name: &str) -> Option<&'a RawValue> {
        let (_, raw) = self.fields.iter().find(|(field, _)| field == name)?;
        (raw.get() != "null").then_some(*raw)
    }
}

fn check_media_type(request: &Request) -> Result<(), ApiError> {
    use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
    let compressed = request.http.headers().get_all(CONTENT_ENCODING).iter();
    if compressed.into_iter().any(|encoding| encoding != "identity") {
        return Err(ApiError::UnsupportedMediaType {
            hint: "The body must not be compressed. Send it without content-encoding.",
        });
    }
    let refused = ApiError::UnsupportedMediaType {
        hint: "The body must be JSON. Send the header 'content-type: application/json'; curl sends another type unless it is told so.",
    };
    let Ok(content_type) = request.header(CONTENT_TYPE.as_str()) else {
        return Err(refused);
    };
    let essence = content_type.and_then(|value| value.split(';').next()).map(str::trim);
    match essence {
        None => Ok(()),
        Some(essence) if essence.eq_ignore_ascii_case("application/json") => Ok(()),
        Some(_) => Err(refused),
    }
}

fn invalid(param: &str, must: &str) -> ApiError {
    ApiError::bad(BadRequestCode::InvalidValue, Some(param), format!("{param} {must}."))
}

fn not_allowed(param: &str, message: impl Into<String>) -> ApiError {
    ApiError::bad(BadRequestCode::ParameterNotAllowed, Some(param), message)
}
