//! Reads the messages of a chat: who spoke last, what was asked, how many images came.

use serde_json::Value;

use super::fields::{self, Object};
use super::refusal::Refusal;
use super::tokens;

const ROLES: &str = "'system', 'developer', 'user', 'assistant', 'tool' and 'function'";
const PARTS: &str = "'text', 'image_url', 'input_audio', 'file' and 'refusal'";

/// What the roles, the separators and the start of a response cost beside the text.
const TOKENS_PER_MESSAGE: usize = 3;

/// The price of an image at low detail, as OpenAI's public guide to vision gives it.
const TOKENS_PER_IMAGE: usize = 85;

/// Whose message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    /// `system` or `developer`
    System,
    /// `user`
    User,
    /// `assistant`
    Assistant,
    /// `tool` or `function`
    Tool,
}

impl Speaker {
    fn of(role: &str) -> Option<Self> {
        match role {
            "system" | "developer" => Some(Self::System),
            "user" => Some(Self::User),
            "assistant" => Some(Self::Assistant),
            "tool" | "function" => Some(Self::Tool),
            _ => None,
        }
    }
}

/// What the simulator has to know about the messages.
#[derive(Debug)]
pub(super) struct Prompt {
    /// How many messages there are; at least one.
    pub(super) messages: usize,
    /// How many image parts they have.
    pub(super) images: usize,
    /// Their price.
    pub(super) tokens: usize,
    /// Who spoke last.
    pub(super) last: Speaker,
    /// The text of the last message.
    pub(super) last_text: String,
    /// The text of the user's last message.
    pub(super) asked: String,
    /// How many tools were called since then.
    pub(super) calls: usize,
    /// Everything that was said, in lower case.
    said: String,
}

impl Prompt {
    /// Reads `messages`.
    pub(super) fn read(body: &Object) -> Result<Self, Refusal> {
        let messages = match fields::given(body, "messages") {
            None => return Err(Refusal::missing("messages")),
            Some(Value::Array(messages)) => messages,
            Some(other) => return Err(Refusal::wrong_type("messages", "an array", other)),
        };
        let mut prompt = Self {
            messages: messages.len(),
            images: 0,
            tokens: TOKENS_PER_MESSAGE,
            last: Speaker::System,
            last_text: String::new(),
            asked: String::new(),
            calls: 0,
            said: String::new(),
        };
        let mut open_calls = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            prompt.add(message, &format!("messages[{index}]"), &mut open_calls)?;
        }
        if messages.is_empty() {
            let message = "'messages' must hold at least one message.";
            return Err(Refusal::field("messages", Some("empty_array"), message));
        }
        Ok(prompt)
    }

    /// Whether these words, given in lower case, were said anywhere.
    pub(super) fn mentions(&self, words: &str) -> bool {
        self.said.contains(words)
    }

    fn add<'a>(
        &mut self,
        message: &'a Value,
        place: &str,
        open_calls: &mut Vec<&'a str>,
    ) -> Result<(), Refusal> {
        let Value::Object(fields) = message else {
            return Err(Refusal::wrong_type(place, "an object", message));
        };
        let role_place = format!("{place}.role");
        let role = match fields::given(fields, "role") {
            None => return Err(Refusal::missing(&role_place)),
            Some(Value::String(role)) => role.as_str(),
            Some(other) => return Err(Refusal::wrong_type(&role_place, "a string", other)),
        };
        let Some(speaker) = Speaker::of(role) else {
            return Err(Refusal::unsupported(&role_place, ROLES));
        };
        if role == "tool" {
            answers_a_call(fields, place, open_calls)?;
        }
        let calls = fields.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
        open_calls.extend(calls.clone().filter_map(|call| call["id"].as_str()));

        let seen_before = self.images;
        let text = self.content(fields, speaker, &format!("{place}.content"))?;
        if speaker == Speaker::User {
            self.asked = last_part(fields).unwrap_or(&text).to_owned();
            self.calls = 0;
        }
        self.calls +=
            calls.clone().count() + usize::from(fields::given(fields, "function_call").is_some());
        let calls_tokens: usize = calls.map(|call| tokens::count(&call.to_string())).sum();
        self.tokens += TOKENS_PER_MESSAGE
            + tokens::count(&text)
            + calls_tokens
            + (self.images - seen_before) * TOKENS_PER_IMAGE;
        self.said.push_str(&text.to_lowercase());
        self.said.push('\n');
        self.last = speaker;
        self.last_text = text;
        Ok(())
    }

    fn content(
        &mut self,
        message: &Object,
        speaker: Speaker,
        place: &str,
    ) -> Result<String, Refusal> {
        match fields::given(message, "content") {
            // An assistant that called a tool has said nothing.
            None if speaker == Speaker::Assistant => Ok(String::new()),
            None => Err(Refusal::missing(place)),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Array(parts)) => {
                let mut texts = Vec::new();
                for (index, part) in parts.iter().enumerate() {
                    texts.extend(self.part(part, &format!("{place}[{index}]"))?);
                }
                Ok(texts.join(" "))
            }
            Some(other) => Err(Refusal::wrong_type(place, "a string or an array", other)),
        }
    }

    fn part(&mut self, part: &Value, place: &str) -> Result<Option<String>, Refusal> {
        let kind = part["type"].as_str().unwrap_or_default();
        match kind {
            "text" | "refusal" => match part[kind].as_str() {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(Refusal::missing(&format!("{place}.{kind}"))),
            },
            "image_url" if part["image_url"]["url"].is_string() => {
                self.images += 1;
                Ok(None)
            }
            "image_url" => Err(Refusal::missing(&format!("{place}.image_url.url"))),
            "input_audio" | "file" => Ok(None),
            _ => Err(Refusal::unsupported(&format!("{place}.type"), PARTS)),
        }
    }
}

/// The last text of a message in parts. Agents put what they have to say before the user's words.
fn last_part(message: &Object) -> Option<&str> {
    let parts = message.get("content")?.as_array()?;
    parts.iter().rev().find_map(|part| part["text"].as_str())
}

fn answers_a_call(message: &Object, place: &str, open_calls: &[&str]) -> Result<(), Refusal> {
    let Some(id) = message.get("tool_call_id").and_then(Value::as_str) else {
        return Err(Refusal::missing(&format!("{place}.tool_call_id")));
    };
    if open_calls.contains(&id) {
        return Ok(());
    }
    let message = "A message with the role 'tool' must answer one of the 'tool_calls' before it.";
    Err(Refusal::field(format!("{place}.role"), None, message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(messages: Value) -> Result<Prompt, Refusal> {
        let mut body = Object::new();
        body.insert("messages".to_owned(), messages);
        Prompt::read(&body)
    }

    fn param(messages: Value) -> String {
        let refusal = read(messages).unwrap_err();
        let Refusal::Invalid { param: Some(param), .. } = refusal else {
            panic!("no field is named: {refusal:?}")
        };
        param
    }

    #[test]
    fn what_an_agent_puts_before_the_users_words_is_not_asked() {
        let text = |text: &str| json!({"type": "text", "text": text});
        let parts = json!([text("There is a tool list_files."), text("Hello")]);
        let prompt = read(json!([{"role": "user", "content": parts}])).unwrap();
        assert_eq!(prompt.asked, "Hello");
        assert_eq!(prompt.last_text, "There is a tool list_files. Hello");
    }

    #[test]
    fn the_last_message_and_the_price_are_known() {
        let prompt = read(json!([
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Hello"},
        ]))
        .unwrap();
        assert_eq!((prompt.last, prompt.last_text.as_str()), (Speaker::User, "Hello"));
        assert_eq!(prompt.tokens, 3 + (3 + 2) + (3 + 2));
        assert!(prompt.mentions("be kind"));
    }

    #[test]
    fn images_are_counted_and_paid() {
        let url = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}});
        let prompt = read(json!([
            {"role": "user", "content": [{"type": "text", "text": "What?"}, url, url]},
        ]))
        .unwrap();
        assert_eq!((prompt.images, prompt.last_text.as_str()), (2, "What?"));
        assert_eq!(prompt.tokens, 3 + 3 + 2 + 2 * 85);
    }

    #[test]
    fn a_tool_answers_a_call_that_was_made() {
        let call = json!({"id": "call_1", "type": "function", "function": {"name": "f"}});
        let conversation = |id: &str| {
            json!([
                {"role": "user", "content": "Weather?"},
                {"role": "assistant", "content": null, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": id, "content": "rain"},
            ])
        };
        assert_eq!(read(conversation("call_1")).unwrap().last, Speaker::Tool);
        assert_eq!(param(conversation("call_2")), "messages[2].role");
    }

    #[test]
    fn a_bad_message_is_named_by_its_place() {
        assert_eq!(param(json!(null)), "messages");
        assert_eq!(param(json!([])), "messages");
        assert_eq!(param(json!("hi")), "messages");
        assert_eq!(param(json!(["hi"])), "messages[0]");
        assert_eq!(param(json!([{"content": "hi"}])), "messages[0].role");
        assert_eq!(param(json!([{"role": "robot", "content": "hi"}])), "messages[0].role");
        assert_eq!(param(json!([{"role": "user"}])), "messages[0].content");
        assert_eq!(
            param(json!([{"role": "user", "content": [{"type": "video"}]}])),
            "messages[0].content[0].type"
        );
    }
}
