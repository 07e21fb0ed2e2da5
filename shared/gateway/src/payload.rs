//! Reading a body: the fields that govern cost and routing, and nothing else.
//!
//! Every other field is forwarded as the bytes in which it came. A governed field is read once,
//! from the same parse that writes the body for Azure, so nothing can be read one way here and
//! another way there.

mod assistants;
mod audio;
mod films;
mod governed;
mod images;
mod json;
mod multipart;
mod names;
mod prompts;
mod references;
mod responses;
mod seconds;
#[cfg(test)]
mod tests;
mod tree;
mod write;

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderValue;
use lanyard_domain::catalog::CompletionField;
use lanyard_domain::operation::Operation;
use serde_json::value::RawValue;

use self::multipart::Form;
use crate::error::{ApiError, BadRequestCode};
use crate::request::Request;
use crate::send::JSON;

pub(crate) use assistants::RUN_PROMPT;
pub(crate) use films::{Film, LONGEST_FILM};
pub use governed::{Caps, Demanded};
pub use references::Reference;

/// The largest body, in bytes: Lambda's own limit is 6 MB, with the event around it.
pub const MOST_BYTES: usize = 5 * 1024 * 1024;

/// The fields of a JSON object of Azure's, in their order; none if it is something else.
pub(crate) fn fields_of(bytes: &[u8]) -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
    json::object(bytes).ok()
}

/// A body's fields in their order, governed ones told from the rest.
#[derive(Debug)]
pub struct Payload<'a> {
    operation: Operation,
    /// Of a JSON body.
    fields: Vec<(Cow<'a, str>, &'a RawValue)>,
    /// The other kind of body, for the operations that take files.
    form: Option<Form<'a>>,
    bytes: usize,
}

impl<'a> Payload<'a> {
    /// Reads a request's body.
    ///
    /// # Errors
    ///
    /// 413, 415, or 400 `invalid_json`, `duplicate_key`, `unknown_parameter`.
    pub fn read(operation: Operation, request: &'a Request) -> Result<Self, ApiError> {
        let content_type = content_type(request)?;
        let body = request.http.body();
        let too_large = || match body.len() > MOST_BYTES {
            true => Err(ApiError::RequestTooLarge { limit: MOST_BYTES }),
            false => Ok(()),
        };
        let bytes = body.len();
        if operation.takes_form() {
            let boundary = content_type
                .filter(|value| is(value, "multipart/form-data"))
                .and_then(multipart::boundary)
                .ok_or(ApiError::UnsupportedMediaType { hint: NO_FORM })?;
            too_large()?;
            let form = Form::read(boundary, body, format!("lanyard-{}", request.id))?;
            names::check_form_names(form.names())?;
            return Ok(Self { operation, fields: Vec::new(), form: Some(form), bytes });
        }
        if content_type.is_some_and(|value| !is(value, "application/json")) {
            return Err(ApiError::UnsupportedMediaType { hint: NO_JSON });
        }
        too_large()?;
        let fields = json::object(body)?;
        names::check_names(fields.iter().map(|(name, _)| name.as_ref()))?;
        Ok(Self { operation, fields, form: None, bytes })
    }

    /// The model that the body names.
    ///
    /// # Errors
    ///
    /// 400 if it is no text.
    pub fn model(&self) -> Result<Option<Cow<'a, str>>, ApiError> {
        if let Some(form) = &self.form {
            return Ok(form.text("model")?.map(Cow::Borrowed));
        }
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

    /// The content type of the body for Azure.
    #[must_use]
    pub fn content_type(&self) -> HeaderValue {
        match &self.form {
            Some(form) => form.content_type(),
            None => JSON,
        }
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

    /// Checks the tools of an assistant, and what tools are to find.
    ///
    /// # Errors
    ///
    /// 400 that names the parameter.
    pub(crate) fn check_assistant(&self, caps: &Caps<'_>) -> Result<(), ApiError> {
        assistants::check(self, caps)
    }

    /// What a run may cost, with this prompt unless it names its own bound.
    ///
    /// # Errors
    ///
    /// 400 that names the parameter.
    pub(crate) fn run(&self, caps: &Caps<'_>, usual_prompt: u64) -> Result<Demanded, ApiError> {
        assistants::run(self, caps, usual_prompt)
    }

    /// The body of a run for Azure.
    pub(crate) fn run_for_azure(&self, demanded: &Demanded, azure_name: &str) -> Bytes {
        assistants::write_run(self, demanded, azure_name)
    }

    /// The body of an assistant for Azure.
    pub(crate) fn assistant_for_azure(&self, azure_name: &str) -> Bytes {
        assistants::write_assistant(self, azure_name)
    }

    /// Whether the answer is to be streamed.
    ///
    /// # Errors
    ///
    /// 400 unless it is said by true or false.
    pub(crate) fn is_streamed(&self) -> Result<bool, ApiError> {
        Ok(governed::flag(self, "stream")?.unwrap_or(false))
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
        match &self.form {
            Some(form) => {
                let mut ours = vec![("model", azure_name)];
                if self.operation.takes_user() {
                    ours.push(("user", user));
                }
                form.write(&ours, &["model", "user"], &mut out);
            }
            None => write::write(self, demanded, azure_name, completion_field, user, &mut out),
        }
        out.into()
    }

    /// A field that is there and not `null`.
    fn field(&self, name: &str) -> Option<&'a RawValue> {
        let (_, raw) = self.fields.iter().find(|(field, _)| field == name)?;
        (raw.get() != "null").then_some(*raw)
    }

    /// The same as text: of JSON as it is written, of a form as it is.
    fn written(&self, name: &str) -> Result<Option<&'a str>, ApiError> {
        match &self.form {
            Some(form) => form.text(name),
            None => Ok(self.field(name).map(RawValue::get)),
        }
    }
}

const NO_JSON: &str = "The body must be JSON. Send the header 'content-type: application/json'; curl sends another type unless it is told so.";
const NO_FORM: &str = "The body must be a form with a file. Send multipart/form-data, and let your HTTP client write the content type: it names the boundary between the parts.";

/// The content type of a body that is not compressed; `None` where the client names none.
fn content_type(request: &Request) -> Result<Option<&str>, ApiError> {
    use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
    let compressed = request.http.headers().get_all(CONTENT_ENCODING).iter();
    if compressed.into_iter().any(|encoding| encoding != "identity") {
        return Err(ApiError::UnsupportedMediaType {
            hint: "The body must not be compressed. Send it without content-encoding.",
        });
    }
    let content_type = request.header(&CONTENT_TYPE);
    content_type.map_err(|_| ApiError::UnsupportedMediaType {
        hint: "There is more than one content type. Send one.",
    })
}

fn is(content_type: &str, essence: &str) -> bool {
    let first = content_type.split(';').next().unwrap_or_default();
    first.trim().eq_ignore_ascii_case(essence)
}

fn invalid(param: &str, must: &str) -> ApiError {
    ApiError::bad(BadRequestCode::InvalidValue, Some(param), format!("{param} {must}."))
}

fn not_allowed(param: &str, message: impl Into<String>) -> ApiError {
    ApiError::bad(BadRequestCode::ParameterNotAllowed, Some(param), message)
}
