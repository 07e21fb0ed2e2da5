//! `POST /models/images/embeddings` of Azure AI Inference
//!
//! Images, each alone or with a text, become vectors; prompt tokens are counted.
//! <https://learn.microsoft.com/rest/api/aifoundry/modelinference/>

use lanyard_domain::account::Hold;
use lanyard_domain::estimate::Estimate;
use lanyard_domain::operation::Operation;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;
use serde_json::value::RawValue;

use crate::content::{Content, MOST_IMAGES};
use crate::demand::{Caps, Demanded};
use crate::documentation::{Documentation, Field, MODEL, Sample};
use crate::error::{BodyRefused, invalid};
use crate::fields::refuse_foreign;
use crate::payload::{Payload, Target};
use crate::response::ResponseFormat;
use crate::tree::Node;
use crate::usage::{ResponseUsage, with_units};
use crate::{Api, Protocol};
use crate::{completion, tools, write};

pub(crate) static PROTOCOL: Protocol = Protocol {
    api: Api::Inference,
    is_bound_to_model: true,
    may_be_missing: true,
    response: ResponseFormat { cost, ..ResponseFormat::TOKENS },
    documentation: Some(Documentation {
        note: Some("Served below `/models` alone, as Azure AI Inference has it."),
        ..Documentation::new("embedImages", "Embeddings of images", PAGE, SAMPLE)
            .reads("ImageEmbedding", &FIELDS)
    }),
    ..Protocol::call(Operation::Embeddings, "images/embeddings", read, write)
};

const PAGE: &str = "https://learn.microsoft.com/rest/api/aifoundry/modelinference/";

const FIELDS: [Field; 2] = [
    MODEL,
    (
        "input",
        r#"{"type": "array", "maxItems": 50, "items": {"type": "object", "required": ["image"], "properties": {"image": {"type": "string", "description": "A data URL."}, "text": {"type": "string"}}}}"#,
    ),
];

const SAMPLE: Sample = Sample::Json {
    fields: r#""input": [{"image": "data:image/png;base64,iVBORw0KGgo=", "text": "Hi"}]"#,
    cheapest: Some(""),
};

const INPUT: &str = "input";

const WANTED: &str = "must be a list of objects, each with an image as a data URL";

fn read(payload: &Payload<'_>, caps: &Caps<'_>) -> Result<Demanded, BodyRefused> {
    refuse_foreign(payload)?;
    tools::check_all(payload, caps)?;
    completion::check_streaming(payload)?;
    completion::choices(payload, caps)?;
    let raw = payload.field(INPUT).map(RawValue::get);
    let raw = raw.ok_or_else(|| invalid(INPUT, "is missing. Send a list of images"))?;
    let Ok(Node::List(pairs)) = serde_json::from_str::<Node<'_>>(raw) else {
        return Err(invalid(INPUT, WANTED));
    };
    let mut content = Content::nothing(caps.facts);
    for pair in &pairs {
        let Node::Map(fields) = pair else { return Err(invalid(INPUT, WANTED)) };
        // A field may be there twice, and nobody knows which of them Azure reads.
        for (name, value) in fields {
            match image(name, value)? {
                Some(image) => content.see_image(image),
                None => content.see(value),
            }
        }
    }
    if content.images > MOST_IMAGES {
        return Err(invalid(INPUT, &format!("may hold at most {MOST_IMAGES} images")));
    }
    let demanded = Demanded::of(Estimate::of_tokens(content.tokens, 0), false);
    Ok(Demanded { contexts: pairs.len() as u64, ..demanded })
}

/// The data of an image; none if the field is another one.
fn image<'n>(name: &str, value: &'n Node<'_>) -> Result<Option<&'n str>, BodyRefused> {
    if !name.eq_ignore_ascii_case("image") {
        return Ok(None);
    }
    value.text().map(Some).ok_or_else(|| invalid(INPUT, WANTED))
}

/// Azure AI Inference knows no field that names a person.
fn write(payload: &Payload<'_>, demanded: &Demanded, target: &Target<'_>, out: &mut Vec<u8>) {
    write::body(payload, demanded, target, out, |_| {});
}

/// The tokens that Azure reports. Where it does not divide them, all are those of images: some models
/// have a higher price for them.
fn cost(response: &ResponseUsage<'_>, _: &[u8], hold: &Hold) -> Settlement {
    let Some(mut counted) = response.counted() else {
        return Settlement::AtLeast(Usage::of_tokens(0, 0));
    };
    let details = &mut counted.usage.details;
    if !details.has_prompt_kinds {
        details.input_image = counted.usage.prompt_tokens;
    }
    with_units(counted, hold.units)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::{Value, json};

    use super::*;
    use crate::response::tests::a_hold;

    /// The beginning of a PNG of this size.
    fn png(width: u32, height: u32) -> String {
        let mut head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        head.extend(width.to_be_bytes());
        head.extend(height.to_be_bytes());
        head.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
        head.extend([0; 4_096]);
        format!("data:image/png;base64,{}", STANDARD.encode(head))
    }

    fn held_as_written(body: &str, model: &str) -> Result<u64, BodyRefused> {
        let caps = Caps::of_model(model);
        let request = http::Request::post("/").body(bytes::Bytes::from(body.to_owned())).unwrap();
        let id = format!("req_{:032x}", 1).parse().unwrap();
        let demanded = Payload::read(&PROTOCOL, &request, &id)?.demanded(&caps)?;
        Ok(demanded.estimate.tokens())
    }

    fn held(input: &Value, model: &str) -> Result<u64, BodyRefused> {
        held_as_written(&json!({"input": input}).to_string(), model)
    }

    #[test]
    fn images_are_held_by_the_models_rule_and_texts_as_texts() {
        let image = |width, height| json!([{"image": png(width, height)}]);
        // Each image is 1,000 tokens for the third generation, whatever its size.
        for size in [(1, 1), (4_000, 4_000)] {
            assert_eq!(held(&image(size.0, size.1), "cohere-embed-v3-english").unwrap(), 1_000);
        }
        assert_eq!(held(&image(320, 320), "embed-v-4-0").unwrap(), 100);
        let words = "some words ".repeat(100);
        let pair = held(&json!([{"image": png(320, 320), "text": words}]), "embed-v-4-0").unwrap();
        assert!((290..400).contains(&pair), "{pair}");
        // The size of an image at an address, and of one that cannot be read, is unknown.
        for unknown in ["https://example.org/a.png", "data:image/png;base64,AAAA", ""] {
            assert_eq!(held(&json!([{"image": unknown}]), "embed-v-4-0").unwrap(), 10_000);
        }
    }

    #[test]
    fn a_field_that_is_there_twice_or_in_other_letters_is_held_each_time() {
        let (small, large) = (png(32, 32), png(3_200, 320));
        for (first, second) in [(&small, &large), (&large, &small)] {
            let twice = format!(r#"{{"input":[{{"image":"{first}","Image":"{second}"}}]}}"#);
            assert_eq!(held_as_written(&twice, "embed-v-4-0").unwrap(), 1_001);
        }
    }

    #[test]
    fn anything_but_a_list_of_images_is_refused() {
        let many = vec![json!({"image": png(1, 1)}); 51];
        for input in [
            json!("text"),
            json!(["text"]),
            json!([[1]]),
            json!([{"image": {"url": "x"}}]),
            json!([{"image": null}]),
            json!(many),
            json!(null),
        ] {
            let refused = held(&input, "embed-v-4-0").unwrap_err();
            assert!(format!("{refused:?}").contains("input"), "{input}: {refused:?}");
        }
    }

    #[test]
    fn tokens_that_azure_does_not_divide_are_those_of_images() {
        let usage = |usage: Value| {
            let body = json!({"usage": usage}).to_string();
            PROTOCOL.read_response(body.as_bytes(), &a_hold(), 5_000).unwrap().settlement
        };
        let of_images = |settlement: Settlement| match settlement {
            Settlement::Exact(usage) => Some((usage.prompt_tokens, usage.details.input_image)),
            Settlement::AtLeast(_) | Settlement::Estimated(_) | Settlement::Void => None,
        };
        let plain = json!({"prompt_tokens": 1_009, "completion_tokens": 0, "total_tokens": 1_009});
        assert_eq!(of_images(usage(plain.clone())), Some((1_009, 1_009)));
        let mut divided = plain;
        divided["prompt_tokens_details"] = json!({"image_tokens": 1_000});
        assert_eq!(of_images(usage(divided)), Some((1_009, 1_000)));
        assert_eq!(of_images(usage(Value::Null)), None);
    }
}
