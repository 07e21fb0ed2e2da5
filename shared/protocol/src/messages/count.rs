//! `POST …/messages/count_tokens`: counts the tokens of a body, and costs none.
//! <https://docs.claude.com/en/api/messages-count-tokens>

use bytes::Bytes;
use lanyard_domain::estimate::Estimate;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;

use super::{call, read, write_rest};
use crate::demand::{Caps, Demanded};
use crate::documentation::{Documentation, MODEL, Sample, TOOLS};
use crate::error::BodyRefused;
use crate::payload::{Payload, Target};
use crate::response::ResponseFormat;
use crate::write::Object;
use crate::{Counting, Protocol};

pub(super) static TOKENS: Counting = Counting {
    protocol: Protocol {
        response: ResponseFormat {
            cost: |_, _, _| Settlement::Exact(Usage::of_tokens(0, 0)),
            ..ResponseFormat::TOKENS
        },
        documentation: Some(Documentation {
            note: Some(
                "Costs neither a request nor tokens. An estimate, where Azure does not count.",
            ),
            ..Documentation::new("countMessage", "Counts the tokens of messages", PAGE, SAMPLE)
                .reads(
                    "MessagesToCount",
                    &[
                        MODEL,
                        ("messages", r#"{"type": "array", "items": {"type": "object"}}"#),
                        TOOLS,
                    ],
                )
        }),
        ..call("messages/count_tokens", read_count, write)
    },
    response: |tokens| Bytes::from(serde_json::json!({"input_tokens": tokens}).to_string()),
};

const PAGE: &str = "https://docs.claude.com/en/api/messages-count-tokens";

const SAMPLE: Sample = Sample::Json {
    fields: r#""messages": [{"role": "user", "content": "Hi"}]"#,
    cheapest: Some(""),
};

fn read_count(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<Demanded, BodyRefused> {
    let demanded = read(payload, caps)?;
    Ok(Demanded {
        is_streamed: false,
        completion_cap: None,
        asked_cap: None,
        counted: Some(demanded.estimate.prompt_tokens),
        estimate: Estimate::default(),
        ..demanded
    })
}

fn write(payload: &Payload<'_>, demanded: &Demanded, target: &Target<'_>, out: &mut Vec<u8>) {
    let mut object = Object { out };
    object.text("model", target.azure_name);
    write_rest(payload, demanded, object);
}
