//! `…/files`
//!
//! An upload is read, and then forwarded as it came: its purpose must be allowed, and everything in
//! it must be readable in one way only. <https://platform.openai.com/docs/api-reference/files>

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use lanyard_domain::models::ModelFacts;
use lanyard_domain::operation::Operation;

use crate::Protocol;
use crate::content::Content;
use crate::error::{BadRequestCode, BodyRefused};
use crate::multipart::{self, Form, Part};
use crate::payload::single_header;
use crate::stored;

pub(crate) static PROTOCOL: Protocol = stored::protocol(Operation::Files, "files");

/// The largest upload: Lambda's own limit is 6 MB, of which base64 takes a quarter.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// What files may be for. Batches and fine-tuning run outside the event's limits.
const PURPOSES: [&str; 3] = ["assistants", "user_data", "vision"];

/// The fields of an upload besides the file and its purpose.
const OTHERS: [&str; 2] = ["expires_after[anchor]", "expires_after[seconds]"];

const NO_FORM: BodyRefused = BodyRefused::UnsupportedMediaType {
    hint: "The body must be multipart/form-data with a file and a purpose, and not compressed.",
};

/// What is to be known of an upload.
#[derive(Debug, PartialEq, Eq)]
pub struct Upload {
    purpose: &'static str,
    tokens: u64,
}

impl Upload {
    /// Reads an upload.
    ///
    /// # Errors
    ///
    /// [`BodyRefused`]: too large, no form, or with a field that is not allowed.
    pub fn read(request: &http::Request<Bytes>) -> Result<Self, BodyRefused> {
        let body = request.body();
        if body.len() > MOST_BYTES {
            return Err(BodyRefused::TooLarge { limit: MOST_BYTES });
        }
        if request.headers().contains_key(CONTENT_ENCODING) {
            return Err(NO_FORM);
        }
        let content_type = single_header(request.headers(), &CONTENT_TYPE).ok().flatten();
        let boundary = content_type.and_then(multipart::form_boundary);
        let boundary = boundary.filter(|boundary| !boundary.contains(' ')).ok_or(NO_FORM)?;
        Self::of(boundary, body)
    }

    fn of(boundary: &str, body: &[u8]) -> Result<Self, BodyRefused> {
        let form = Form::read(boundary, body, String::new()).ok().filter(Form::is_plain);
        let form = form.ok_or_else(|| {
            let message = "The form in the body is malformed.";
            BodyRefused::bad(BadRequestCode::InvalidValue, None, message)
        })?;
        let bad = |code, param, message: &str| Err(BodyRefused::bad(code, param, message));
        let known = || ["file", "purpose"].into_iter().chain(OTHERS);
        for name in known() {
            let times = form.names().filter(|given| given.eq_ignore_ascii_case(name)).count();
            if times > 1 {
                let message = format!("{name} is there twice. Send it once.");
                return bad(BadRequestCode::DuplicateKey, Some(name), &message);
            }
        }
        if form.names().any(|given| !known().any(|name| name == given)) {
            let message = "A form for a file holds file, purpose and expires_after, nothing else.";
            return bad(BadRequestCode::UnknownParameter, None, message);
        }
        let Some(file) = form.part("file").filter(|part| part.file.is_some()) else {
            let message = "file is missing. Send it as a file of the form.";
            return bad(BadRequestCode::InvalidValue, Some("file"), message);
        };
        let said = form.part("purpose").map(|part: &Part<'_>| part.body).unwrap_or_default();
        let purpose = PURPOSES.into_iter().find(|purpose| purpose.as_bytes() == said);
        let Some(purpose) = purpose else {
            let message = "purpose must be assistants, user_data or vision.";
            return bad(BadRequestCode::ParameterNotAllowed, Some("purpose"), message);
        };
        Ok(Self { purpose, tokens: Content::file_tokens(file.body, &ModelFacts::UNKNOWN) })
    }

    /// The prompt tokens that naming the file adds to a request, or more.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(head: &str, content: &str) -> String {
        format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
    }

    fn read(parts: &[String]) -> Result<Upload, String> {
        let body = format!("{}--b--\r\n", parts.concat());
        Upload::of("b", body.as_bytes()).map_err(|refused| {
            let BodyRefused::Bad { code, message, .. } = &refused else {
                panic!("not a bad request: {refused}")
            };
            let is_malformed = message.contains("malformed");
            if is_malformed { "malformed" } else { code.name() }.to_owned()
        })
    }

    fn file() -> String {
        part("name=\"file\"; filename=\"a \\\"b\\\".txt\"\r\nContent-Type: text/plain", "hello")
    }

    #[test]
    fn a_file_and_its_purpose_are_found_in_any_order() {
        let purpose = part("name=\"purpose\"", "user_data");
        let upload = Ok(Upload { purpose: "user_data", tokens: 2 });
        assert_eq!(read(&[purpose.clone(), file()]), upload);
        assert_eq!(read(&[file(), purpose]), upload);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let purpose = |value| part("name=\"purpose\"", value);
        let refusal = |parts: &[String]| read(parts).unwrap_err();
        assert_eq!(refusal(&[file(), purpose("batch")]), "parameter_not_allowed");
        assert_eq!(refusal(&[file()]), "parameter_not_allowed");
        assert_eq!(refusal(&[purpose("vision")]), "invalid_value");
        assert_eq!(refusal(&[file(), purpose("vision"), purpose("batch")]), "duplicate_key");
        let shouted = part("name=\"Purpose\"", "batch");
        assert_eq!(refusal(&[file(), purpose("vision"), shouted]), "duplicate_key");
        assert_eq!(refusal(&[file(), file(), purpose("vision")]), "duplicate_key");
        let other = part("name=\"x\"", "1");
        assert_eq!(refusal(&[file(), purpose("vision"), other]), "unknown_parameter");
        for head in [
            "name=\"purpose\"; name=\"x\"",
            "name=purpose",
            "name=\"purpose\"\r\nContent-Transfer-Encoding: base64",
            "name=\"purpose\"\r\nContent-Transfer-Encoding: binary",
            "name=\"purpose\"\r\nX-Other: 1",
            "name=\"purpose\" ; filename=\"a\"",
            "name=\"purpose\"; name*=utf-8''file",
            "name=\"purpose\"\r\nContent-Disposition: form-data; name=\"x\"",
            "name*=utf-8''purpose",
            "",
        ] {
            assert_eq!(refusal(&[file(), part(head, "vision")]), "malformed", "{head}");
        }
    }
}
