//! The fields that govern a film: its length, its size and the picture that it begins with.
//!
//! As JSON, clients that were written before the API was settled are understood: a length as a
//! number, any size, a picture as bare base64. Azure makes films of a few lengths and sizes only,
//! so they get the next longer one, and the same orientation; the answer says which.

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use lanyard_domain::estimate::Estimate;
use lanyard_domain::ids::RequestId;
use lanyard_domain::operation::Operation;
use lanyard_domain::unit::{Unit, Units};

use crate::error::Refused;
use crate::governed::Demanded;
use crate::multipart::{self, Form};
use crate::names::check_form_names;
use crate::payload::{JSON, MOST_BYTES, Payload, invalid, not_allowed, single_header};
use crate::references::{CHARACTERS, Reference};
use crate::write::Object;

/// The lengths in seconds that Azure makes, and its own choice,
/// <https://learn.microsoft.com/azure/foundry/openai/concepts/video-generation>.
const LENGTHS: [u64; 3] = [4, 8, 12];
const USUAL_LENGTH: u64 = 4;

/// The longest film.
pub const LONGEST_FILM: u64 = 12;

/// The sizes that Azure makes.
const SIZES: [&str; 4] = ["720x1280", "1280x720", "1024x1792", "1792x1024"];

/// What is asked of a film.
pub struct Film<'a>(Body<'a>);

enum Body<'a> {
    Json(Payload<'a>),
    Form(Form<'a>),
}

impl<'a> Film<'a> {
    /// Reads a request's body, JSON or a form.
    ///
    /// # Errors
    ///
    /// 413, 415 and 400, as for every body.
    pub fn read(request: &'a http::Request<Bytes>, id: &RequestId) -> Result<Self, Refused> {
        let content_type =
            single_header(request.headers(), &CONTENT_TYPE).ok().flatten().unwrap_or_default();
        let Some(boundary) = content_type
            .get(..19)
            .is_some_and(|start| start.eq_ignore_ascii_case("multipart/form-data"))
            .then(|| multipart::boundary(content_type))
            .flatten()
        else {
            let json = Payload::read(Operation::Videos, request, id)?;
            return Ok(Self(Body::Json(json)));
        };
        let body = request.body();
        if body.len() > MOST_BYTES {
            return Err(Refused::TooLarge { limit: MOST_BYTES });
        }
        let form = Form::read(boundary, body, format!("lanyard-{id}"))?;
        check_form_names(form.names())?;
        // As a form, a picture is a file or its address; ids have no place in it.
        let names = |what| form.names().any(|name| name.to_ascii_lowercase().contains(what));
        if names("file_id") || form.has_text("input_reference") {
            let why = "Send the picture itself as the file input_reference.";
            return Err(not_allowed("input_reference", why));
        }
        if names("characters") {
            return Err(not_allowed("characters", CHARACTERS));
        }
        Ok(Self(Body::Form(form)))
    }

    /// The model that it names.
    pub fn model(&self) -> Result<Option<Cow<'_, str>>, Refused> {
        match &self.0 {
            Body::Json(payload) => payload.model(),
            Body::Form(form) => Ok(form.text("model")?.map(Cow::Borrowed)),
        }
    }

    /// The ids of kept objects that it names.
    pub fn references(&self) -> Result<Vec<Reference>, Refused> {
        match &self.0 {
            Body::Json(payload) => payload.references(),
            Body::Form(_) => Ok(Vec::new()),
        }
    }

    /// The body for Azure, and what it may cost.
    ///
    /// # Errors
    ///
    /// 400 that names the parameter.
    pub fn for_azure(&self, azure_name: &str) -> Result<(Demanded, HeaderValue, Bytes), Refused> {
        let mut out = Vec::new();
        match &self.0 {
            Body::Form(form) => {
                let seconds = match form.text("seconds")? {
                    None => USUAL_LENGTH,
                    Some(text) => length(text)?,
                };
                form.write(&[("model", azure_name)], &["model"], &mut out);
                let content_type = form.content_type();
                Ok((demanded(seconds), content_type, out.into()))
            }
            Body::Json(payload) => {
                let seconds = match payload.field("seconds").map(|raw| raw.get()) {
                    None => USUAL_LENGTH,
                    Some(text) if text.starts_with('"') => length(text.trim_matches('"'))?,
                    Some(number) => {
                        let asked = length(number)?;
                        LENGTHS.into_iter().find(|made| *made >= asked).unwrap_or(asked)
                    }
                };
                let mut object = Object { out: &mut out };
                object.text("model", azure_name);
                for (name, raw) in &payload.fields {
                    match name.as_ref() {
                        "model" => {}
                        "seconds" if raw.get() != "null" => {
                            object.text("seconds", &seconds.to_string());
                        }
                        "size" => object.raw("size", &size(raw.get())),
                        "input_reference" if raw.get().starts_with('"') => {
                            object.raw("input_reference", &picture(raw.get())?);
                        }
                        name => object.raw(name, raw.get()),
                    }
                }
                out.push(b'}');
                Ok((demanded(seconds), JSON, out.into()))
            }
        }
    }

    /// The body for Azure of a film that is made anew, as long as the first.
    ///
    /// # Errors
    ///
    /// 415 for a form, which Azure does not take here.
    pub fn again(&self, seconds: u64) -> Result<(Demanded, HeaderValue, Bytes), Refused> {
        let Body::Json(payload) = &self.0 else {
            let hint = "The body must be JSON: {\"prompt\": …}.";
            return Err(Refused::UnsupportedMediaType { hint });
        };
        let mut out = Vec::new();
        let mut object = Object { out: &mut out };
        for (name, raw) in payload.fields.iter().filter(|(name, _)| name == "prompt") {
            object.raw(name, raw.get());
        }
        if out.is_empty() {
            return Err(invalid("prompt", "is missing. Say what is to be different"));
        }
        out.push(b'}');
        Ok((demanded(seconds), JSON, out.into()))
    }
}

fn demanded(seconds: u64) -> Demanded {
    let units = Units::of(Unit::VideoSeconds, seconds);
    let mut demanded = Demanded::of(Estimate { units, ..Estimate::default() }, false);
    demanded.is_job = true;
    demanded
}

fn length(text: &str) -> Result<u64, Refused> {
    let seconds = text.parse::<u64>().ok().filter(|seconds| (1..=3_600).contains(seconds));
    seconds.ok_or_else(|| invalid("seconds", "must be a whole number, such as \"4\""))
}

/// A size that Azure makes, where it makes another: wide or high, as it was.
fn size(raw: &str) -> String {
    let asked = raw.trim_matches('"');
    let sides = asked
        .split_once('x')
        .and_then(|(wide, high)| Some((wide.parse::<u32>().ok()?, high.parse::<u32>().ok()?)));
    match sides {
        Some((wide, high)) if !SIZES.contains(&asked) => {
            let made = if wide > high { SIZES[1] } else { SIZES[0] };
            format!("\"{made}\"")
        }
        Some(_) | None => raw.to_owned(),
    }
}

/// A picture, given as an address or as bare base64, as Azure reads it.
fn picture(raw: &str) -> Result<String, Refused> {
    let refused =
        || invalid("input_reference", "must be a JPEG, PNG or WebP picture in base64, or its URL");
    let text: String = serde_json::from_str(raw).map_err(|_| refused())?;
    let url = if ["https://", "http://", "data:image/"].iter().any(|start| text.starts_with(start))
    {
        text
    } else {
        // The first bytes of each format, in base64.
        let kinds = [("iVBOR", "png"), ("/9j/", "jpeg"), ("UklGR", "webp")];
        let kind = kinds.into_iter().find(|(start, _)| text.starts_with(start));
        let (_, kind) = kind.ok_or_else(refused)?;
        let is_base64 = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=\r\n".contains(&b));
        if !is_base64 {
            return Err(refused());
        }
        format!("data:image/{kind};base64,{}", text.replace(['\r', '\n'], ""))
    };
    Ok(serde_json::json!({ "image_url": url }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_pictures_of_older_clients_are_understood() {
        assert_eq!(size("\"1920x1080\""), "\"1280x720\"");
        assert_eq!(size("\"512x512\""), "\"720x1280\"");
        assert_eq!(size("\"1792x1024\""), "\"1792x1024\"");
        assert_eq!(size("\"big\""), "\"big\"");
        assert_eq!(size("7"), "7");
        let told = picture("\"iVBORw0KGgo=\"").unwrap();
        assert_eq!(told, r#"{"image_url":"data:image/png;base64,iVBORw0KGgo="}"#);
        let told = picture("\"https://example.org/a.png\"").unwrap();
        assert_eq!(told, r#"{"image_url":"https://example.org/a.png"}"#);
        for odd in ["\"\"", "\"file:///etc/passwd\"", "\"iVBOR <script>\"", "\"R0lGOD\""] {
            assert!(picture(odd).is_err(), "{odd}");
        }
    }
}
