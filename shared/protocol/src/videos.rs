//! `…/videos`
//!
//! A video is made as a job; its seconds are counted. The body is JSON or a form.
//!
//! As JSON, clients that were written before the API was settled are understood: a length as a
//! number, any size, an image as bare base64. Azure makes videos of a few lengths and sizes only,
//! so they get the next longer one, and the same orientation; the response says which.
//! <https://learn.microsoft.com/azure/foundry/openai/concepts/video-generation>

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderValue;
use lanyard_domain::estimate::Estimate;
use lanyard_domain::ids::RequestId;
use lanyard_domain::object::Kind;
use lanyard_domain::operation::Operation;
use lanyard_domain::unit::{Unit, Units};

use crate::demand::Demanded;
use crate::documentation::{Field, MODEL};
use crate::error::{BadRequestCode, BodyRefused, invalid, not_allowed};
use crate::fields::count;
use crate::identity;
use crate::multipart::Form;
use crate::payload::{JSON, Payload};
use crate::references::{CHARACTERS, IdPlace, Reference};
use crate::stored;
use crate::write::{self, Object};
use crate::{BodyEncoding, Protocol};

pub(crate) static PROTOCOL: Protocol = Protocol {
    body: BodyEncoding::JsonOrForm,
    ids: &[
        IdPlace::refused("characters.**.id", CHARACTERS),
        IdPlace::names("video.id", Kind::Video),
    ],
    ..stored::protocol(Operation::Videos, "videos")
};

/// The governed fields of a new video, for the description of the API.
pub const FIELDS: &[Field] = &[
    MODEL,
    ("prompt", r#"{"type": "string"}"#),
    (
        "seconds",
        r#"{"type": ["string", "integer"], "description": "4, 8 or 12; 4 if absent. In JSON, a number between them gets the next longer one."}"#,
    ),
    ("n", r#"{"type": "integer", "maximum": 1}"#),
];

/// The governed fields of a remix, which is as long as its video.
pub const REMIX_FIELDS: &[Field] = &[("prompt", r#"{"type": "string"}"#)];

/// The lengths in seconds that Azure makes, and its own choice.
const LENGTHS: [u64; 3] = [4, 8, 12];
const USUAL_LENGTH: u64 = 4;

/// The longest video, in seconds.
pub const MOST_SECONDS: u64 = 12;

/// The sizes that Azure makes.
const SIZES: [&str; 4] = ["720x1280", "1280x720", "1024x1792", "1792x1024"];

/// A request for a video.
pub struct VideoRequest<'a>(Payload<'a>);

impl<'a> VideoRequest<'a> {
    /// Reads a request's body, JSON or a form.
    ///
    /// # Errors
    ///
    /// [`BodyRefused`], as for every body.
    pub fn read(request: &'a http::Request<Bytes>, id: &RequestId) -> Result<Self, BodyRefused> {
        let payload = Payload::read(&PROTOCOL, request, id)?;
        if let Some(form) = &payload.form {
            check_form(form)?;
        }
        check_multipliers(&payload)?;
        Ok(Self(payload))
    }

    /// The model that it names.
    ///
    /// # Errors
    ///
    /// [`BodyRefused`] if it is not a text.
    pub fn model(&self) -> Result<Option<Cow<'_, str>>, BodyRefused> {
        self.0.model()
    }

    /// The ids of stored objects that it names.
    ///
    /// # Errors
    ///
    /// [`BodyRefused`] for ids that can have no owner.
    pub fn references(&self) -> Result<Vec<Reference>, BodyRefused> {
        self.0.references()
    }

    /// The body for Azure, its content type, and what it may cost.
    ///
    /// # Errors
    ///
    /// [`BodyRefused`] that names the parameter.
    pub fn for_azure(
        &self,
        azure_name: &str,
    ) -> Result<(Demanded, HeaderValue, Bytes), BodyRefused> {
        let mut out = Vec::new();
        let (seconds, is_large) = match &self.0.form {
            Some(form) => {
                let seconds = form.text("seconds")?.map(length).transpose()?;
                write::form(&self.0, [("model", azure_name)], &mut out);
                (seconds.unwrap_or(USUAL_LENGTH), form.text("size")?.is_some_and(is_large))
            }
            None => self.write_json(azure_name, &mut out)?,
        };
        Ok((demanded(seconds, is_large), self.0.content_type(), out.into()))
    }

    /// Writes the body as JSON, and returns its seconds and whether the video is a large one.
    fn write_json(&self, azure_name: &str, out: &mut Vec<u8>) -> Result<(u64, bool), BodyRefused> {
        let seconds = match self.0.field("seconds").map(|raw| raw.get()) {
            None => USUAL_LENGTH,
            Some(text) if text.starts_with('"') => length(text.trim_matches('"'))?,
            Some(number) => {
                let asked = length(number)?;
                LENGTHS.into_iter().find(|made| *made >= asked).unwrap_or(asked)
            }
        };
        let mut is_large_video = false;
        let mut object = Object { out };
        object.text("model", azure_name);
        for (name, raw) in &self.0.fields {
            match name.as_ref() {
                "model" => {}
                name if identity::names_person(name) => {}
                "seconds" if raw.get() != "null" => object.text("seconds", &seconds.to_string()),
                "size" => {
                    let size = size(raw.get());
                    is_large_video |= size != "null" && is_large(size.trim_matches('"'));
                    object.raw("size", &size);
                }
                "input_reference" if raw.get().starts_with('"') => {
                    object.raw("input_reference", &image(raw.get())?);
                }
                name => object.raw(name, raw.get()),
            }
        }
        object.end();
        Ok((seconds, is_large_video))
    }

    /// The body for Azure of a video that is made anew, as long and as large as the first.
    ///
    /// # Errors
    ///
    /// [`BodyRefused`] for a form, which Azure does not take here, and without a prompt.
    pub fn again(
        &self,
        seconds: u64,
        is_large: bool,
    ) -> Result<(Demanded, HeaderValue, Bytes), BodyRefused> {
        if self.0.form.is_some() {
            let hint = "The body must be JSON: {\"prompt\": …}.";
            return Err(BodyRefused::UnsupportedMediaType { hint });
        }
        let mut out = Vec::new();
        let mut object = Object { out: &mut out };
        for (name, raw) in self.0.fields.iter().filter(|(name, _)| name == "prompt") {
            object.raw(name, raw.get());
        }
        if object.out.is_empty() {
            return Err(invalid("prompt", "is missing. Say what is to be different"));
        }
        object.end();
        Ok((demanded(seconds, is_large), JSON, out.into()))
    }
}

/// A request makes one video, of the length in `seconds`: other fields would make more of it than
/// is counted.
fn check_multipliers(payload: &Payload<'_>) -> Result<(), BodyRefused> {
    for name in ["n", "n_variants"] {
        if count(payload, name)?.is_some_and(|videos| videos > 1) {
            return Err(not_allowed(name, format!("{name} is at most 1. Ask again instead.")));
        }
    }
    if payload.written("n_seconds")?.is_some() {
        return Err(BodyRefused::bad(
            BadRequestCode::UnknownParameter,
            Some("n_seconds"),
            "n_seconds does not belong to this operation. Use seconds.",
        ));
    }
    Ok(())
}

/// As a form, an image is a file or its address; ids have no place in it.
fn check_form(form: &Form<'_>) -> Result<(), BodyRefused> {
    let names = |what| form.names().any(|name| name.to_ascii_lowercase().contains(what));
    if names("file_id") || form.has_text("input_reference") {
        let why = "Send the picture itself as the file input_reference.";
        return Err(not_allowed("input_reference", why));
    }
    if names("characters") {
        return Err(not_allowed("characters", CHARACTERS));
    }
    Ok(())
}

fn demanded(seconds: u64, is_large_video: bool) -> Demanded {
    let units = Units::of(Unit::VideoSeconds, seconds);
    let mut demanded =
        Demanded::of(Estimate { units, is_large_video, ..Estimate::default() }, false);
    demanded.is_job = true;
    demanded
}

/// Whether a video of this size may have the price of large ones: all but those of 1280 × 720 pixels.
/// <https://developers.openai.com/api/docs/pricing#video-generation>
#[must_use]
pub fn is_large(size: &str) -> bool {
    !SIZES[..2].contains(&size)
}

fn length(text: &str) -> Result<u64, BodyRefused> {
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

/// An image, given as an address or as bare base64, as Azure reads it.
fn image(raw: &str) -> Result<String, BodyRefused> {
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
    fn nothing_makes_more_of_a_video_than_is_counted() {
        let read = |body: &str| {
            let request = http::Request::new(Bytes::from(body.to_owned()));
            VideoRequest::read(&request, &"req_1".parse().unwrap()).map(|_| ())
        };
        assert!(read(r#"{"prompt":"x","n_variants":1,"n":1}"#).is_ok());
        for body in [
            r#"{"n_variants":4}"#,
            r#"{"n_variants":"4"}"#,
            r#"{"n":2}"#,
            r#"{"n_seconds":20}"#,
            r#"{"N_Variants":4}"#,
            r#"{"n_variants":1,"n_variants":4}"#,
        ] {
            assert!(read(body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_large_video_is_held_as_one_in_json_and_in_a_form() {
        let is_large = |content_type: &str, body: String| {
            let mut request = http::Request::new(Bytes::from(body));
            request.headers_mut().insert("content-type", content_type.parse().unwrap());
            let video = VideoRequest::read(&request, &"req_1".parse().unwrap()).unwrap();
            video.for_azure("sora-2-pro").unwrap().0.estimate.is_large_video
        };
        for (size, expected) in [
            ("1792x1024", true),
            ("1024x1792", true),
            ("1280x720", false),
            ("720x1280", false),
            ("big", true),
        ] {
            let json = format!(r#"{{"prompt":"x","size":"{size}"}}"#);
            assert_eq!(is_large("application/json", json), expected, "{size}");
            let part = "content-disposition: form-data; name=\"size\"";
            let form = format!("--b\r\n{part}\r\n\r\n{size}\r\n--b--\r\n");
            assert_eq!(is_large("multipart/form-data; boundary=b", form), expected, "{size}");
        }
        // Azure makes no others, so JSON gets the next smaller one.
        let other = r#"{"prompt":"x","size":"1920x1080"}"#;
        assert!(!is_large("application/json", other.to_owned()));
        assert!(!is_large("application/json", r#"{"prompt":"x","size":null}"#.to_owned()));
    }

    #[test]
    fn sizes_and_images_of_older_clients_are_understood() {
        assert_eq!(size("\"1920x1080\""), "\"1280x720\"");
        assert_eq!(size("\"512x512\""), "\"720x1280\"");
        assert_eq!(size("\"1792x1024\""), "\"1792x1024\"");
        assert_eq!(size("\"big\""), "\"big\"");
        assert_eq!(size("7"), "7");
        let written = image("\"iVBORw0KGgo=\"").unwrap();
        assert_eq!(written, r#"{"image_url":"data:image/png;base64,iVBORw0KGgo="}"#);
        let written = image("\"https://example.org/a.png\"").unwrap();
        assert_eq!(written, r#"{"image_url":"https://example.org/a.png"}"#);
        for odd in ["\"\"", "\"file:///etc/passwd\"", "\"iVBOR <script>\"", "\"R0lGOD\""] {
            assert!(image(odd).is_err(), "{odd}");
        }
    }
}
