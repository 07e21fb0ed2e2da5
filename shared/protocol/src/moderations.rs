//! `POST …/moderations`
//!
//! Texts are judged. Azure counts nothing for them, so only the request is counted.
//! <https://platform.openai.com/docs/api-reference/moderations>

use lanyard_domain::operation::Operation;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;

use crate::Protocol;
use crate::demand::{Caps, Demanded};
use crate::documentation::{Documentation, INPUT, MODEL, Sample};
use crate::error::BodyRefused;
use crate::fields::refuse_foreign;
use crate::inputs::Inputs;
use crate::payload::{Payload, Target};
use crate::response::ResponseFormat;
use crate::tools;
use crate::write;

pub(crate) static PROTOCOL: Protocol = Protocol {
    response: ResponseFormat {
        cost: |_, _, _| Settlement::Exact(Usage::of_tokens(0, 0)),
        ..ResponseFormat::TOKENS
    },
    is_asked_at_resource: true,
    documentation: Some(DOCUMENTATION),
    ..Protocol::call(Operation::Moderations, "moderations", read, write)
};

const DOCUMENTATION: Documentation = Documentation {
    note: Some("Counted as one request and no tokens."),
    ..Documentation::new("moderate", "Moderation", "moderations/create", SAMPLE)
        .reads("Moderation", &[MODEL, INPUT])
};

const SAMPLE: Sample = Sample::Json { fields: r#""input": "Hi""#, cheapest: Some("") };

fn read(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<Demanded, BodyRefused> {
    refuse_foreign(payload)?;
    tools::check_all(payload, caps)?;
    Inputs::required(payload)?;
    Ok(Demanded::nothing())
}

fn write(payload: &Payload<'_>, demanded: &Demanded, target: &Target<'_>, out: &mut Vec<u8>) {
    write::body(payload, demanded, target, out, |_| {});
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::tests::a_hold;

    #[test]
    fn a_moderation_costs_one_request() {
        let cost = PROTOCOL.read_response(br#"{"results":[]}"#, &a_hold(), u64::MAX);
        assert_eq!(cost.unwrap().settlement, Settlement::Exact(Usage::default()));
    }
}
