//! Reads a form as far as the simulator needs it: its texts, and its first file.

use http::{HeaderMap, header};
use serde_json::Value;

use super::fields::Object;
use super::refusal::Refusal;

/// A form's texts by name, and the bytes of its first file.
#[derive(Debug, Default)]
pub(super) struct Form<'a> {
    fields: Object,
    pub(super) file: Option<&'a [u8]>,
}

impl<'a> Form<'a> {
    /// Reads a body by the boundary that its content type names.
    pub(super) fn read(headers: &HeaderMap, body: &'a [u8]) -> Result<Self, Refusal> {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let boundary = content_type
            .filter(|value| value.starts_with("multipart/form-data"))
            .and_then(|value| value.split_once("boundary="))
            .map(|(_, boundary)| format!("--{}", boundary.trim_matches('"')))
            .ok_or_else(|| Refusal::invalid("The body must be multipart/form-data."))?;
        let mut form = Self::default();
        let mut rest = body;
        while let Some(start) = find(rest, boundary.as_bytes()) {
            let part = rest.get(..start).unwrap_or_default();
            rest = rest.get(start + boundary.len()..).unwrap_or_default();
            form.take(part);
        }
        Ok(form)
    }

    fn take(&mut self, part: &'a [u8]) {
        let Some(end) = find(part, b"\r\n\r\n") else { return };
        let head = String::from_utf8_lossy(part.get(..end).unwrap_or_default()).into_owned();
        let body = part.get(end + 4..).unwrap_or_default();
        let body = body.strip_suffix(b"\r\n").unwrap_or(body);
        if head.contains("filename=") {
            self.file.get_or_insert(body);
            return;
        }
        let name = head.split_once("name=\"").and_then(|(_, rest)| rest.split_once('"'));
        if let Some((name, _)) = name {
            let text = String::from_utf8_lossy(body).into_owned();
            // Numbers and flags are what JSON makes of them, as at Azure.
            let value = match text.as_str() {
                "true" | "false" => Value::Bool(text == "true"),
                digits => digits.parse::<u64>().map_or(Value::String(text.clone()), Value::from),
            };
            self.texts().insert(name.to_owned(), value);
        }
    }

    fn texts(&mut self) -> &mut Object {
        &mut self.fields
    }

    /// The texts, as a body of JSON would have them.
    pub(super) fn object(&self) -> &Object {
        &self.fields
    }

    /// A text field; `true` is a text here.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let value = self.fields.get(name)?;
        value.as_str().or_else(|| (*value == Value::Bool(true)).then_some("true"))
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_the_file_are_found() {
        let mut headers = HeaderMap::new();
        let content_type = "multipart/form-data; boundary=b".parse().unwrap();
        headers.insert(header::CONTENT_TYPE, content_type);
        let body = b"--b\r\ncontent-disposition: form-data; name=\"n\"\r\n\r\n2\r\n--b\r\n\
            content-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n\0\r\n\r\n--b--\r\n";
        let form = Form::read(&headers, body).unwrap();
        assert_eq!(form.object()["n"], 2);
        assert_eq!(form.file, Some(&b"\0\r\n"[..]));
        assert!(Form::read(&HeaderMap::new(), body).is_err());
    }
}
