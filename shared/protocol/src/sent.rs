//! The ids of stored objects in what is sent of a body: a tool that is removed names nothing.

use std::borrow::Cow;

use crate::demand::Demanded;
use crate::error::BodyRefused;
use crate::payload::Payload;
use crate::reasoning::LeftOut;
use crate::references::{self, Reference};
use crate::{input, tools};

/// Every id in what is sent of a body, each once.
///
/// # Errors
///
/// [`BodyRefused`] for ids that can have no owner.
pub fn references(
    payload: &Payload<'_>,
    demanded: &Demanded,
) -> Result<Vec<Reference>, BodyRefused> {
    let dropped = &demanded.dropped_tools;
    if dropped.is_empty() {
        return payload.references();
    }
    // The tools alone: nothing else is removed for this.
    let only_tools =
        Demanded { dropped_tools: dropped.clone(), is_kept: true, ..Demanded::nothing() };
    let fields = payload.fields.iter().map(|(name, raw)| {
        let value = match name.as_ref() {
            "tools" => tools::without(raw.get(), dropped),
            "input" => input::written(raw.get(), &only_tools, LeftOut::NONE),
            _ => Cow::Borrowed(raw.get()),
        };
        (name.as_ref(), value)
    });
    let fields: Vec<_> = fields.collect();
    let fields = fields.iter().map(|(name, value)| (*name, value.as_ref()));
    references::read(payload.protocol.ids, fields)
}
