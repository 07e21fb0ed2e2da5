//! Estimates of the tokens of a body, before Azure has counted them.
//!
//! Usage above the estimate is charged too.

use std::sync::LazyLock;

use lanyard_domain::estimate::Estimate;
use lanyard_domain::hosted_tools::is_same_tool;
use lanyard_domain::models::ModelFacts;
use memchr::memmem::Finder;
use serde_json::value::RawValue;

use crate::content::{Content, MOST_IMAGES};
use crate::error::{BodyRefused, invalid};
use crate::json;
use crate::payload::Payload;
use crate::tokens::tokens_of_text;
use crate::tree::Node;

/// A text that is read, and nothing that is written.
pub(crate) fn prompt(text: &[u8]) -> Estimate {
    Estimate::of_tokens(tokens_of_text(text), 0)
}

/// A prompt of so many tokens, and the cap for each choice.
pub(crate) fn completion(prompt_tokens: u64, cap: u64, choices: u64) -> Estimate {
    Estimate::of_tokens(prompt_tokens, cap.saturating_mul(choices))
}

/// The most messages of one request.
const MOST_MESSAGES: usize = 2_048;

/// The prompt tokens of a conversation. `encoded` are names that stand beside encoded data: most
/// conversations have none of them and are estimated as text. The others are read part by part.
pub(crate) fn messages(
    payload: &Payload<'_>,
    messages: &[&RawValue],
    raw: &str,
    encoded: &[Finder<'_>],
    facts: &ModelFacts,
) -> Result<u64, BodyRefused> {
    const FIELD: &str = "messages";
    if messages.len() > MOST_MESSAGES {
        return Err(invalid(FIELD, &format!("may hold at most {MOST_MESSAGES} messages")));
    }
    let is_named = encoded.iter().any(|name| name.find(raw.as_bytes()).is_some());
    if !is_named && !json::hides_letters(raw) {
        return Ok(tokens_of_text(payload.body));
    }
    let node: Node<'_> = serde_json::from_str(raw).map_err(|_| invalid(FIELD, "cannot be read"))?;
    let content = Content::of(raw, &node, facts);
    if content.images > MOST_IMAGES {
        return Err(invalid(FIELD, &format!("may hold at most {MOST_IMAGES} images")));
    }
    Ok(prompt_tokens(payload, FIELD, &content))
}

/// The prompt tokens of a JSON body of which one field was read as content: that content, and the
/// text of all other fields.
pub(crate) fn prompt_tokens(payload: &Payload<'_>, field: &str, content: &Content<'_>) -> u64 {
    let others = payload.fields.iter().filter(|(name, _)| name != field);
    others
        .map(|(name, raw)| match name.as_ref() {
            "tools" => tokens_of_tools(raw.get(), content.facts),
            _ => tokens_of_text(raw.get().as_bytes()),
        })
        .fold(content.tokens, u64::saturating_add)
}

/// The tokens of tools. A tool that draws may hold a mask, which is an image. In another tool it is
/// text: a model may be shown all of its fields.
fn tokens_of_tools(raw: &str, facts: &ModelFacts) -> u64 {
    let all = tokens_of_text(raw.as_bytes());
    if MASK.find(raw.as_bytes()).is_none() {
        return all;
    }
    let tools = serde_json::from_str::<Node<'_>>(raw).unwrap_or(Node::Null);
    let mut masks = Content::nothing(facts);
    let mut encoded = 0_u64;
    let is_drawing = |tool: &&Node<'_>| {
        let kinds: Vec<_> = tool.all("type").collect();
        matches!(kinds[..], [Node::Text(kind)] if is_same_tool("image_generation", kind))
    };
    for mask in tools.children().filter(is_drawing).flat_map(|tool| tool.all("input_image_mask")) {
        let urls = mask.all("image_url").filter_map(Node::text);
        for url in urls.filter(|url| !url.contains(char::is_whitespace)) {
            masks.see_image(url);
            encoded = encoded.saturating_add(tokens_of_text(url.as_bytes()));
        }
    }
    all.saturating_sub(encoded).saturating_add(masks.tokens)
}

static MASK: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("input_image_mask"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_of_a_tool_that_draws_counts_as_an_image() {
        let facts = ModelFacts::of("gpt-5").unwrap();
        let mask = |data: &str| {
            format!(
                r#"[{{"type":"image_generation","input_image_mask":{{"image_url":"data:image/png;base64,{data}"}}}}]"#
            )
        };
        let (short, long) = (mask("AAAA"), mask(&"AAAA".repeat(50_000)));
        let tokens = tokens_of_tools(&long, facts);
        assert!(tokens.abs_diff(tokens_of_tools(&short, facts)) < 10, "{tokens}");
        assert!((70..5_000).contains(&tokens), "{tokens}");
        let text = "Hello out there. ".repeat(1_000);
        let tools =
            format!(r#"[{{"type":"function","name":"input_image_mask","description":"{text}"}}]"#);
        assert_eq!(tokens_of_tools(&tools, facts), tokens_of_text(tools.as_bytes()));
    }

    #[test]
    fn the_mask_of_another_tool_counts_as_text() {
        let facts = ModelFacts::of("gpt-5").unwrap();
        let text = "Hello out there. ".repeat(1_000);
        for tool in [
            format!(r#"{{"type":"function","input_image_mask":{{"image_url":"{text}"}}}}"#),
            format!(r#"{{"input_image_mask":{{"image_url":"data:image/png;base64,{text}"}}}}"#),
            format!(
                r#"{{"type":"function","type":"image_generation","input_image_mask":{{"image_url":"data:image/png;base64,{text}"}}}}"#
            ),
            format!(r#"{{"type":"image_generation","input_image_mask":{{"image_url":"{text}"}}}}"#),
        ] {
            let tools = format!("[{tool}]");
            let all = tokens_of_text(tools.as_bytes());
            assert_eq!(tokens_of_tools(&tools, facts), all, "{tool:.80}");
        }
    }
}
