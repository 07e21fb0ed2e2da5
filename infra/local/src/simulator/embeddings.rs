//! Answers embeddings: unit vectors that depend on nothing but the input's bytes.
//!
//! Equal inputs get equal vectors; similar inputs do not get similar ones.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::catalog::{DIMENSIONS, Model, NotServed, Operation};
use super::fields::{self, Object};
use super::refusal::Refusal;
use super::{parameters, tokens};

/// The most inputs in one request.
const MOST_INPUTS: usize = 2_048;

/// The tokens of an image, whatever its size.
const TOKENS_PER_IMAGE: usize = 1_000;

/// The response.
#[derive(Debug, Serialize)]
pub(super) struct Embeddings {
    object: &'static str,
    data: Vec<Embedding>,
    model: &'static str,
    usage: Usage,
}

#[derive(Debug, Serialize)]
struct Embedding {
    object: &'static str,
    index: usize,
    embedding: Vector,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Vector {
    Float(Vec<f32>),
    Base64(String),
}

#[derive(Debug, Serialize)]
struct Usage {
    prompt_tokens: usize,
    total_tokens: usize,
}

/// One text or list of tokens, or an image, alone or with a text.
struct Input {
    bytes: Vec<u8>,
    /// Those of the text.
    tokens: usize,
    has_image: bool,
}

impl Input {
    fn paid(&self) -> usize {
        self.tokens + if self.has_image { TOKENS_PER_IMAGE } else { 0 }
    }
}

impl Embeddings {
    /// Reads the body and embeds its inputs.
    pub(super) fn respond(body: &Object, model: &'static Model) -> Result<Self, Refusal> {
        Self::embed(body, model, inputs(body)?)
    }

    /// The same of an image, alone or with a text: the body of Azure AI Inference.
    pub(super) fn of_images(body: &Object, model: &'static Model) -> Result<Self, Refusal> {
        let unsupported = NotServed::Other { operation: Operation::Embeddings, model: model.name };
        model.facts().image.ok_or(unsupported)?;
        let inputs = match fields::given(body, "input") {
            None => return Err(Refusal::missing("input")),
            Some(Value::Array(pairs)) => {
                pairs.iter().map(pair).collect::<Result<Vec<_>, Refusal>>()?
            }
            Some(other) => return Err(Refusal::wrong_type("input", "an array", other)),
        };
        match inputs.len() {
            0 => Err(empty()),
            1 => Self::embed(body, model, inputs),
            // https://learn.microsoft.com/azure/ai-foundry/foundry-models/how-to/use-image-embeddings
            _ => Err(Refusal::field("input", None, "'input' must hold one image.")),
        }
    }

    fn embed(body: &Object, model: &'static Model, inputs: Vec<Input>) -> Result<Self, Refusal> {
        parameters::refuse_parameters(body, parameters::EMBEDDINGS, "")?;
        let dimensions = fields::integer(body, "dimensions", 1..=DIMENSIONS)?;
        let dimensions = dimensions.unwrap_or(DIMENSIONS);
        let is_base64 = match fields::text(body, "encoding_format")? {
            None | Some("float") => false,
            Some("base64") => true,
            Some(_) => {
                return Err(Refusal::unsupported("encoding_format", "'float' and 'base64'"));
            }
        };
        if let Some(long) = inputs.iter().find(|input| input.tokens > model.context()) {
            let (tokens, context) = (long.tokens, model.context());
            let message = format!("An input has {tokens} tokens; {context} is the most.");
            return Err(Refusal::invalid(message));
        }
        let embed = |(index, input): (usize, &Input)| {
            let vector = unit_vector(&input.bytes, dimensions);
            let embedding = if is_base64 {
                let bytes: Vec<u8> =
                    vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                Vector::Base64(STANDARD.encode(&bytes))
            } else {
                Vector::Float(vector)
            };
            Embedding { object: "embedding", index, embedding }
        };
        let prompt_tokens = inputs.iter().map(Input::paid).sum();
        Ok(Self {
            object: "list",
            data: inputs.iter().enumerate().map(embed).collect(),
            model: model.version,
            usage: Usage { prompt_tokens, total_tokens: prompt_tokens },
        })
    }

    /// What was paid.
    pub(super) fn prompt_tokens(&self) -> usize {
        self.usage.prompt_tokens
    }
}

fn inputs(body: &Object) -> Result<Vec<Input>, Refusal> {
    match fields::given(body, "input") {
        None => Err(Refusal::missing("input")),
        Some(Value::Array(many)) if many.is_empty() => Err(empty()),
        Some(Value::Array(many)) if many.iter().all(Value::is_number) => {
            token_list(many).map(|one| vec![one])
        }
        Some(Value::Array(many)) if many.len() > MOST_INPUTS => {
            let message = format!("'input' may hold at most {MOST_INPUTS} inputs.");
            Err(Refusal::field("input", Some("array_above_max_length"), message))
        }
        Some(Value::Array(many)) => many.iter().map(one).collect(),
        Some(single) => one(single).map(|one| vec![one]),
    }
}

fn one(input: &Value) -> Result<Input, Refusal> {
    match input {
        Value::String(text) if text.is_empty() => Err(empty()),
        Value::String(text) => words(text),
        Value::Array(tokens) if tokens.is_empty() => Err(empty()),
        Value::Array(tokens) => token_list(tokens),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            Err(Refusal::wrong_type("input", "texts or lists of tokens", input))
        }
    }
}

/// An image with a text, if it has one.
fn pair(pair: &Value) -> Result<Input, Refusal> {
    let Value::Object(pair) = pair else {
        return Err(Refusal::wrong_type("input[0]", "an object", pair));
    };
    let image = match fields::text(pair, "image")? {
        Some(image) if image.starts_with("data:image/") => image,
        Some(_) => return Err(Refusal::unsupported("input[0].image", "data URLs of images")),
        None => return Err(Refusal::missing("input[0].image")),
    };
    let text = fields::text(pair, "text")?.map(words).transpose()?;
    let tokens = text.map_or(0, |text| text.tokens);
    Ok(Input { bytes: format!("{image}{tokens}").into_bytes(), tokens, has_image: true })
}

fn words(text: &str) -> Result<Input, Refusal> {
    let lower = text.to_lowercase();
    if lower.contains("trigger the content filter") {
        return Err(Refusal::ContentFilter);
    }
    if lower.contains("trigger a rate limit") {
        return Err(Refusal::RateLimit(Operation::Embeddings));
    }
    Ok(Input { bytes: text.as_bytes().to_vec(), tokens: tokens::count(text), has_image: false })
}

fn token_list(tokens: &[Value]) -> Result<Input, Refusal> {
    let ids: Option<Vec<u64>> = tokens.iter().map(Value::as_u64).collect();
    let Some(ids) = ids else {
        let message = "'input' must hold texts, or whole numbers that are tokens.";
        return Err(Refusal::field("input", Some("invalid_type"), message));
    };
    let bytes = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    Ok(Input { bytes, tokens: ids.len(), has_image: false })
}

fn empty() -> Refusal {
    Refusal::field("input", Some("empty_input"), "'input' must not be empty.")
}

/// A vector of length 1. Fewer dimensions are the first of the larger vector, made longer again.
fn unit_vector(input: &[u8], dimensions: usize) -> Vec<f32> {
    let blocks = (0_u32..).flat_map(|block| {
        let digest: [u8; 32] =
            Sha256::new().chain_update(block.to_le_bytes()).chain_update(input).finalize().into();
        digest
    });
    let bytes: Vec<u8> = blocks.take(dimensions * 2).collect();
    let numbers: Vec<f32> = bytes
        .chunks_exact(2)
        .map(|pair| f32::from(u16::from_le_bytes([pair[0], pair[1]])) / 32_767.5 - 1.0)
        .collect();
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    numbers.iter().map(|number| number / length).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::simulator::catalog;

    fn respond(body: Value) -> Result<Value, Refusal> {
        let model = catalog::find("text-embedding-3-small", Operation::Embeddings).unwrap();
        let embeddings = Embeddings::respond(body.as_object().unwrap(), model)?;
        Ok(serde_json::to_value(embeddings).unwrap())
    }

    #[test]
    fn a_text_gets_a_unit_vector_of_1536_numbers() {
        let response = respond(json!({"input": "hello world"})).unwrap();
        let vector: Vec<f32> =
            serde_json::from_value(response["data"][0]["embedding"].clone()).unwrap();
        assert_eq!(vector.len(), 1_536);
        let length: f32 = vector.iter().map(|number| number * number).sum();
        assert!((length - 1.0).abs() < 1e-4);
        assert_eq!(response["object"], "list");
        assert_eq!(response["model"], "text-embedding-3-small");
        assert_eq!(response["usage"], json!({"prompt_tokens": 3, "total_tokens": 3}));
    }

    #[test]
    fn an_image_costs_a_thousand_tokens_and_needs_a_model_that_takes_images() {
        let of = |name: &str, input: Value| {
            let model = catalog::find(name, Operation::Embeddings).unwrap();
            let body = json!({"input": input});
            let embeddings = Embeddings::of_images(body.as_object().unwrap(), model)?;
            Ok::<_, Refusal>(embeddings.prompt_tokens())
        };
        let image = json!({"image": "data:image/png;base64,AAAA"});
        let pair = json!({"image": "data:image/png;base64,AAAA", "text": "hello world"});
        let embed = |input: Value| of("cohere-embed-v3-english", input);
        assert_eq!(embed(json!([image])), Ok(1_000));
        assert_eq!(embed(json!([pair])), Ok(1_003));
        for refused in [json!([]), json!([image, image]), json!(["a"]), json!([{"image": "a"}])] {
            assert!(embed(refused.clone()).is_err(), "{refused}");
        }
        assert!(of("text-embedding-3-small", json!([image])).is_err());
    }

    #[test]
    fn equal_inputs_are_equal_and_others_differ() {
        let response = respond(json!({"input": ["a", "b", "a"], "dimensions": 8})).unwrap();
        let vector = |index: usize| response["data"][index]["embedding"].clone();
        assert_eq!(vector(0), vector(2));
        assert_ne!(vector(0), vector(1));
        assert_eq!(vector(0).as_array().unwrap().len(), 8);
        assert_eq!(response["data"][2]["index"], 2);
    }

    #[test]
    fn tokens_are_inputs_too() {
        let one = respond(json!({"input": [1, 2, 3], "dimensions": 2})).unwrap();
        assert_eq!(one["data"].as_array().unwrap().len(), 1);
        assert_eq!(one["usage"]["prompt_tokens"], 3);
        let two = respond(json!({"input": [[1, 2, 3], [4]], "dimensions": 2})).unwrap();
        assert_eq!(two["data"].as_array().unwrap().len(), 2);
        assert_eq!(two["data"][0]["embedding"], one["data"][0]["embedding"]);
    }

    #[test]
    fn base64_holds_the_same_numbers_in_little_endian() {
        let request = |format| json!({"input": "a", "dimensions": 3, "encoding_format": format});
        let floats = respond(request("float")).unwrap();
        let floats: Vec<f32> =
            serde_json::from_value(floats["data"][0]["embedding"].clone()).unwrap();
        let bytes: Vec<u8> = floats.iter().flat_map(|number| number.to_le_bytes()).collect();
        let encoded = respond(request("base64")).unwrap();
        assert_eq!(encoded["data"][0]["embedding"], STANDARD.encode(&bytes));
    }

    #[test]
    fn a_bad_input_is_refused() {
        let bodies = [
            json!({}),
            json!({"input": ""}),
            json!({"input": []}),
            json!({"input": ["a", ""]}),
            json!({"input": {"text": "a"}}),
            json!({"input": [1, -2]}),
            json!({"input": ["a", 1]}),
            json!({"input": "a", "dimensions": 1537}),
            json!({"input": "a", "dimensions": 0}),
            json!({"input": "a", "encoding_format": "hex"}),
            json!({"input": vec!["a"; 2_049]}),
            json!({"input": "word".repeat(8_193)}),
        ];
        for body in bodies {
            assert!(matches!(respond(body.clone()), Err(Refusal::Invalid { .. })), "{body}");
        }
    }
}
