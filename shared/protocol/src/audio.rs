//! What governs the cost of speech: the seconds that are heard, the characters that are read.

use lanyard_domain::estimate::Estimate;
use lanyard_domain::unit::{Unit, Units};

use crate::error::Refused;
use crate::governed::{Demanded, flag};
use crate::json::Text;
use crate::payload::{Payload, invalid};
use crate::seconds;

/// Reads a form with a recording. The form is there: no other body is read for these operations.
pub(crate) fn heard(payload: &Payload<'_>) -> Result<Demanded, Refused> {
    let files = match &payload.form {
        Some(form) => form.files(&["file"])?,
        None => Vec::new(),
    };
    let [file] = files.as_slice() else {
        return Err(invalid("file", "must be there once"));
    };
    let units = Units::of(Unit::AudioSeconds, seconds::at_most(file.body));
    Ok(Demanded::of(Estimate::of_units(units), flag(payload, "stream")?.unwrap_or(false)))
}

/// Reads a text that is to be spoken.
pub(crate) fn spoken(payload: &Payload<'_>) -> Result<Demanded, Refused> {
    let text = |name: &str| {
        let raw = payload.field(name);
        raw.map(|raw| serde_json::from_str::<Text<'_>>(raw.get()).map(|text| text.0))
    };
    let input = match text("input") {
        Some(Ok(input)) => input,
        Some(Err(_)) => return Err(invalid("input", "must be a text")),
        None => return Err(invalid("input", "is missing. Send the text to be spoken")),
    };
    let is_streamed = match text("stream_format").transpose() {
        Ok(format) => match format.as_deref() {
            None | Some("audio") => false,
            Some("sse") => true,
            Some(_) => return Err(invalid("stream_format", "must be audio or sse")),
        },
        Err(_) => return Err(invalid("stream_format", "must be audio or sse")),
    };
    let units = Units::of(Unit::Characters, input.chars().count() as u64);
    Ok(Demanded::of(Estimate::of_units(units), is_streamed))
}
