//! `…/files`
//!
//! An upload is read, and its purpose must be allowed. If everything in it is readable in one way
//! only, it is forwarded as it came; else it is written anew, so that Azure reads what was checked.
//! <https://platform.openai.com/docs/api-reference/files>

use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use lanyard_domain::ids::RequestId;
use lanyard_domain::models::ModelFacts;
use lanyard_domain::operation::Operation;
use memchr::memmem;

use crate::Protocol;
use crate::content::Content;
use crate::error::{BadRequestCode, BodyRefused};
use crate::multipart::{self, Form, Part};
use crate::payload::single_header;
use crate::stored;

pub(crate) static PROTOCOL: Protocol = stored::protocol(Operation::Files, "files");

/// The largest upload: Lambda's own limit is 6 MB, of which base64 uses a quarter.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// The allowed purposes of files. Batches and fine-tuning run outside the event's limits.
const PURPOSES: [&str; 3] = ["assistants", "user_data", "vision"];

/// The facts for a file that any model may read: one of unknown size fills its context, whatever that
/// is.
const ANY_MODEL: ModelFacts = ModelFacts { context: Some(u64::MAX), ..ModelFacts::UNKNOWN };

/// The fields of an upload besides the file and its purpose.
const OTHERS: [&str; 2] = ["expires_after[anchor]", "expires_after[seconds]"];

const NO_FORM: BodyRefused = BodyRefused::UnsupportedMediaType {
    hint: "The body must be multipart/form-data with a file and a purpose, and not compressed.",
};

/// The checked fields of an upload.
#[derive(Debug, PartialEq, Eq)]
pub struct Upload {
    purpose: &'static str,
    tokens: u64,
    anew: Option<(HeaderValue, Bytes)>,
}

impl Upload {
    /// Reads an upload. It is written anew, if need be, under a boundary made of the request's id.
    ///
    /// # Errors
    ///
    /// [`BodyRefused`]: too large, no form, or with a field that is not allowed.
    pub fn read(request: &http::Request<Bytes>, id: &RequestId) -> Result<Self, BodyRefused> {
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
        Self::of(boundary, body, format!("lanyard-{id}"))
    }

    fn of(boundary: &str, body: &[u8], new: String) -> Result<Self, BodyRefused> {
        let form = Form::read(boundary, body, new)?;
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
        for name in known().filter(|name| *name != "file") {
            form.text(name)?;
        }
        let Some(file) = form.part("file").filter(|part| part.file.is_some()) else {
            let message = match form.part("file") {
                Some(_) => "file is text without a file name. Send it as a file with a name.",
                None => "file is missing. Send it as a file of the form.",
            };
            return bad(BadRequestCode::InvalidValue, Some("file"), message);
        };
        let said = form.part("purpose").map(|part: &Part<'_>| part.body).unwrap_or_default();
        let purpose = PURPOSES.into_iter().find(|purpose| purpose.as_bytes() == said);
        let Some(purpose) = purpose else {
            let message = "purpose must be assistants, user_data or vision.";
            return bad(BadRequestCode::ParameterNotAllowed, Some("purpose"), message);
        };
        let tokens = Content::nothing(&ANY_MODEL).file_tokens(file.body);
        // In a file, a boundary after another line end is one for some readers.
        let marks = memmem::find_iter(body, &format!("--{boundary}")).count();
        let is_plain = form.is_plain() && marks == form.names().count() + 1;
        let anew = (!is_plain).then(|| (form.content_type(), form.copy().into()));
        Ok(Self { purpose, tokens, anew })
    }

    /// The prompt tokens that naming the file adds to a request, or more.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// The content type and the body to send in place of those that came, if there are any.
    #[must_use]
    pub fn anew(self) -> Option<(HeaderValue, Bytes)> {
        self.anew
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(head: &str, content: &str) -> String {
        format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
    }

    fn read(parts: &[String]) -> Result<Upload, String> {
        upload(&format!("{}--b--\r\n", parts.concat()))
    }

    fn upload(body: &str) -> Result<Upload, String> {
        Upload::of("b", body.as_bytes(), "new".to_owned()).map_err(|refused| {
            let BodyRefused::Bad { code, message, .. } = &refused else {
                panic!("not a bad request: {refused}")
            };
            let is_malformed = message.contains("malformed");
            if is_malformed { "malformed" } else { code.name() }.to_owned()
        })
    }

    #[test]
    fn a_file_that_cannot_be_sized_is_of_any_size() {
        let purpose = part("name=\"purpose\"", "user_data");
        let tokens = |content: &str| {
            let file = part("name=\"file\"; filename=\"a.docx\"", content);
            read(&[file, purpose.clone()]).unwrap().tokens()
        };
        assert_eq!(tokens("PK\u{3}\u{4} and no archive"), u64::MAX);
        assert_eq!(tokens("%PDF-1.7 1 0 obj <</Encrypt 9 0 R>> endobj"), u64::MAX);
    }

    fn file() -> String {
        part("name=\"file\"; filename=\"a (b).txt\"\r\nContent-Type: text/plain", "hello")
    }

    #[test]
    fn a_file_and_its_purpose_are_found_in_any_order() {
        let purpose = part("name=\"purpose\"", "user_data");
        let upload = Ok(Upload { purpose: "user_data", tokens: 2, anew: None });
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
            "name=purpose; Name=x",
            "name=\"purpose\"\r\nContent-Transfer-Encoding: base64",
            "name=\"purpose\"\r\nContent-Type: multipart/mixed; boundary=c",
            "name=\"purpose\"\nX-Other: 1",
            "name=\"purpose\"; name*=utf-8''file",
            "name=\"purpose\"\r\nContent-Disposition: form-data; name=\"x\"",
            "",
        ] {
            assert_eq!(refusal(&[file(), part(head, "vision")]), "malformed", "{head}");
        }
        let as_file = part("name=\"purpose\" ; filename=\"a\"", "vision");
        assert_eq!(refusal(&[file(), as_file]), "invalid_value");
        let whole = format!("{}{}--b--\r\n", file(), purpose("vision"));
        for body in [
            format!("x\n{}\r\n{whole}", file()),
            format!("{whole}{}--b--\r\n", file()),
            format!("{whole}\n--b"),
        ] {
            assert!(upload(&body).is_err(), "{body}");
        }
    }

    #[test]
    fn what_others_might_read_otherwise_is_written_anew() {
        let purpose = part("name=\"purpose\"", "vision");
        let whole = format!("{}{purpose}--b--\r\n", file());
        assert_eq!(upload(whole.trim_end()).unwrap().anew(), None);
        let anew = |name: &str, content: &str| {
            format!(
                "--new\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
                 content-type: text/plain\r\n\r\n{content}\r\n--new\r\n\
                 content-disposition: form-data; name=\"purpose\"\r\n\r\nvision\r\n--new--\r\n"
            )
        };
        let check = |body: &str, expected: String| {
            let (kind, written) = upload(body).unwrap().anew().unwrap_or_else(|| panic!("{body}"));
            assert_eq!(kind, "multipart/form-data; boundary=new");
            assert_eq!(String::from_utf8(written.to_vec()).unwrap(), expected, "{body}");
        };
        for body in [
            format!("\r\n{whole}"),
            format!("A form follows.\r\n{whole}"),
            format!("{whole}That was it."),
            whole.replace("name=\"purpose\"", "name=purpose"),
            whole.replace("Disposition: f", "disposition:F"),
            whole.replace("\r\n\r\nvision", "\r\nContent-Transfer-Encoding: 8bit\r\n\r\nvision"),
            whole.replace("\r\n\r\nhello", "\r\ncontent-transfer-encoding: binary\r\n\r\nhello"),
            whole.replace("\r\n\r\nvision", "\r\nContent-Type: text/plain\r\n\r\nvision"),
            whole.replace("\r\n\r\nvision", "\r\nX-Other: 1\r\n\r\nvision"),
        ] {
            check(&body, anew("a (b).txt", "hello"));
        }
        for (given, name) in [
            ("filename=a.txt", "a.txt"),
            ("filename=\"=?utf-8?B?4oKs?=\"; filename*=utf-8''%E2%82%AC.txt", "€.txt"),
            ("filename*=UTF-8''a%22%0d%0Ab%5c.txt; filename=c.txt", "a%22__b%5C.txt"),
            ("filename*=iso-8859-1'en'%e9.txt", "é.txt"),
            ("filename=a.txt; filename*=utf-8''%zz", "a.txt"),
            ("filename*=utf-8''%e9", "upload"),
            ("filename=\"a\\\"; name=\\\"b\"", "a%22; name=%22b"),
        ] {
            check(&whole.replace("filename=\"a (b).txt\"", given), anew(name, "hello"));
        }
        check(&whole.replace("hello", "he\n--b\nllo"), anew("a (b).txt", "he\n--b\nllo"));
    }
}
