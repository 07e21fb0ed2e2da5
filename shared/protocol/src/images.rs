//! What governs the cost of pictures: how many are made.
//!
//! Models that report tokens are charged those as well; they are bounded by the pictures, so only
//! the prompt is held.

use lanyard_domain::estimate::Estimate;
use lanyard_domain::unit::{Unit, Units};

use crate::error::Refused;
use crate::governed::{Demanded, count, flag};
use crate::payload::{Payload, invalid};

/// The most that any model makes at once.
const MOST_AT_ONCE: u64 = 10;

/// Reads a request for pictures, as JSON or as a form.
pub(crate) fn read(payload: &Payload<'_>) -> Result<Demanded, Refused> {
    let mut text_bytes = payload.bytes;
    if let Some(form) = &payload.form {
        let files = form.files(&["image", "image[]", "mask"])?;
        text_bytes -= files.iter().map(|file| file.body.len()).sum::<usize>().min(text_bytes);
    }
    let images = count(payload, "n")?.unwrap_or(1);
    if images > MOST_AT_ONCE {
        return Err(invalid("n", &format!("must be a whole number from 1 to {MOST_AT_ONCE}")));
    }
    let units = Units::of(Unit::Images, images);
    let estimate = Estimate { units, ..Estimate::new(text_bytes as u64, 0, 0, 1) };
    Ok(Demanded::of(estimate, flag(payload, "stream")?.unwrap_or(false)))
}
