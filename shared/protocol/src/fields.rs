//! Reads single governed fields, and refuses values that no protocol accepts.

use crate::error::{BadRequestCode, BodyRefused, invalid, not_allowed};
use crate::payload::Payload;

/// A field that is `true` or `false`, also in a form.
pub(crate) fn flag(payload: &Payload<'_>, name: &str) -> Result<Option<bool>, BodyRefused> {
    match payload.written(name)? {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(invalid(name, "must be true or false, without quotes")),
    }
}

/// A count from 1 to 2^31 − 1, the range of Azure's own integers.
pub(crate) fn count(payload: &Payload<'_>, name: &str) -> Result<Option<u64>, BodyRefused> {
    count_from(payload, name, 1)
}

/// The same from this number on.
pub(crate) fn count_from(
    payload: &Payload<'_>,
    name: &str,
    least: u64,
) -> Result<Option<u64>, BodyRefused> {
    let Some(text) = payload.written(name)? else {
        return Ok(None);
    };
    // JSON has no sign before a number, and no zeros: a form gets no other numbers.
    let has_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = has_digits && (!text.starts_with('0') || text == "0");
    text.parse::<u64>()
        .ok()
        .filter(|_| is_plain)
        .filter(|count| (least..=u64::from(i32::MAX.cast_unsigned())).contains(count))
        .map(Some)
        .ok_or_else(|| invalid(name, &format!("must be a whole number from {least} to 2147483647")))
}

/// Whether the response is to be streamed.
pub(crate) fn is_streamed(payload: &Payload<'_>) -> Result<bool, BodyRefused> {
    Ok(flag(payload, "stream")?.unwrap_or(false))
}

/// Refuses fields that reach past the event, and those that belong to the Responses API.
pub(crate) fn refuse_foreign(payload: &Payload<'_>) -> Result<(), BodyRefused> {
    refuse_background(payload)?;
    refuse_foreign_to_images(payload)
}

/// The same for images, whose `background` is what they are drawn on.
pub(crate) fn refuse_foreign_to_images(payload: &Payload<'_>) -> Result<(), BodyRefused> {
    for field in ["data_sources", "dataSources"] {
        if payload.field(field).is_some() {
            return Err(not_allowed(field, format!("{field} is not allowed here. Leave it out.")));
        }
    }
    if payload.field("max_output_tokens").is_some() {
        return Err(BodyRefused::bad(
            BadRequestCode::UnknownParameter,
            Some("max_output_tokens"),
            "max_output_tokens does not belong to this operation. Use max_completion_tokens.",
        ));
    }
    Ok(())
}

pub(crate) fn refuse_background(payload: &Payload<'_>) -> Result<(), BodyRefused> {
    if flag(payload, "background")? == Some(true) {
        return Err(not_allowed(
            "background",
            "background is not allowed: it would return before the response is there. Leave it out.",
        ));
    }
    Ok(())
}
