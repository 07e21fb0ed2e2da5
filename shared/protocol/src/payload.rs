//! Reading a body: the fields that govern cost and routing, and nothing else.
//!
//! Every other field is forwarded as the bytes in which it came. A governed field is read once,
//! from the same parse that writes the body for Azure, so nothing can be read one way here and
//! another way there.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use lanyard_domain::catalog::CompletionField;
use lanyard_domain::ids::RequestId;
use lanyard_domain::operation::Operation;
use serde_json::value::RawValue;

use crate::error::{BadRequestCode, Refused};
use crate::governed::{Caps, Demanded};
use crate::multipart::{self, Form};
use crate::references::Reference;
use crate::{governed, json, names, references, responses, runs, write};

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;

/// The content type of most bodies.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The largest body, in bytes: Lambda's own limit is 6 MB, with the event around it.
pub const MOST_BYTES: usize = 5 * 1024 * 1024;

/// The fields of a JSON object of Azure's, in their order; none if it is something else.
pub fn fields_of(bytes: &[u8]) -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
    json::object(bytes).ok()
}

/// A body's fields in their order, governed ones told from the rest.
#[derive(Debug)]
pub struct Payload<'a> {
    pub(crate) operation: Operation,
    /// Of a JSON body.
    pub(crate) fields: Vec<(Cow<'a, str>, &'a RawValue)>,
    /// The other kind of body, for the operations that take files.
    pub(crate) form: Option<Form<'a>>,
    pub(crate) bytes: usize,
}

impl<'a> Payload<'a> {
    /// Reads a request's body.
    ///
    /// # Errors
    ///
    /// 413, 415, or 400 `invalid_json`, `duplicate_key`, `unknown_parameter`.
    pub fn read(
        operation: Operation,
        request: &'a http::Request<Bytes>,
        id: &RequestId,
    ) -> Result<Self, Refused> {
        let content_type = content_type(request.headers())?;
        let body = request.body();
        let too_large = || match body.len() > MOST_BYTES {
            true => Err(Refused::TooLarge { limit: MOST_BYTES }),
            false => Ok(()),
        };
        let bytes = body.len();
        if operation.takes_form() {
            let boundary = content_type
                .filter(|value| is(value, "multipart/form-data"))
                .and_then(multipart::boundary)
                .ok_or(Refused::UnsupportedMediaType { hint: NO_FORM })?;
            too_large()?;
            let form = Form::read(boundary, body, format!("lanyard-{id}"))?;
            names::check_form_names(form.names())?;
            return Ok(Self { operation, fields: Vec::new(), form: Some(form), bytes });
        }
        if content_type.is_some_and(|value| !is(value, "application/json")) {
            return Err(Refused::UnsupportedMediaType { hint: NO_JSON });
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
    pub fn model(&self) -> Result<Option<Cow<'a, str>>, Refused> {
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
    pub fn demanded(&self, caps: &Caps<'_>) -> Result<Demanded, Refused> {
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
    pub fn references(&self) -> Result<Vec<Reference>, Refused> {
        references::read(self)
    }

    /// The prompt tokens that the items of a conversation are, or more.
    ///
    /// # Errors
    ///
    /// 400 for items that are only named, and for too many images.
    pub fn items_tokens(&self) -> Result<u64, Refused> {
        responses::items(self, "items").map(|estimate| estimate.prompt_tokens)
    }

    /// Checks the tools of an assistant, and what tools are to find.
    ///
    /// # Errors
    ///
    /// 400 that names the parameter.
    pub fn check_assistant(&self, caps: &Caps<'_>) -> Result<(), Refused> {
        runs::check(self, caps)
    }

    /// What a run may cost, with this prompt unless it names its own bound.
    ///
    /// # Errors
    ///
    /// 400 that names the parameter.
    pub fn run(&self, caps: &Caps<'_>, usual_prompt: u64) -> Result<Demanded, Refused> {
        runs::run(self, caps, usual_prompt)
    }

    /// The body of a run for Azure.
    pub fn run_for_azure(&self, demanded: &Demanded, azure_name: &str) -> Bytes {
        runs::write_run(self, demanded, azure_name)
    }

    /// The body of an assistant for Azure.
    pub fn assistant_for_azure(&self, azure_name: &str) -> Bytes {
        runs::write_assistant(self, azure_name)
    }

    /// Whether the answer is to be streamed.
    ///
    /// # Errors
    ///
    /// 400 unless it is said by true or false.
    pub fn is_streamed(&self) -> Result<bool, Refused> {
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
    pub(crate) fn field(&self, name: &str) -> Option<&'a RawValue> {
        let (_, raw) = self.fields.iter().find(|(field, _)| field == name)?;
        (raw.get() != "null").then_some(*raw)
    }

    /// The same as text: of JSON as it is written, of a form as it is.
    pub(crate) fn written(&self, name: &str) -> Result<Option<&'a str>, Refused> {
        match &self.form {
            Some(form) => form.text(name),
            None => Ok(self.field(name).map(RawValue::get)),
        }
    }
}

const NO_JSON: &str = "The body must be JSON. Send the header 'content-type: application/json'; curl sends another type unless it is told so.";
const NO_FORM: &str = "The body must be a form with a file. Send multipart/form-data, and let your HTTP client write the content type: it names the boundary between the parts.";

/// The content type of a body that is not compressed; `None` where the client names none.
fn content_type(headers: &HeaderMap) -> Result<Option<&str>, Refused> {
    use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
    let compressed = headers.get_all(CONTENT_ENCODING).iter();
    if compressed.into_iter().any(|encoding| encoding != "identity") {
        return Err(Refused::UnsupportedMediaType {
            hint: "The body must not be compressed. Send it without content-encoding.",
        });
    }
    single_header(headers, &CONTENT_TYPE).map_err(|_| Refused::UnsupportedMediaType {
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

pub(crate) fn invalid(param: &str, must: &str) -> Refused {
    Refused::bad(BadRequestCode::InvalidValue, Some(param), format!("{param} {must}."))
}

pub(crate) fn not_allowed(param: &str, message: impl Into<String>) -> Refused {
    Refused::bad(BadRequestCode::ParameterNotAllowed, Some(param), message)
}
