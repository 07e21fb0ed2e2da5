//! What the name of a model that is not in the table tells about it.
//!
//! New models come faster than the table. Their family decides whether they reason, and which field
//! takes their cap. Everything else stays unknown.

use super::{CompletionField, ModelFacts};

/// The families whose models reason, each from a version on: `grok-` with 4.0 is `grok-4-fast` and
/// `grok-5.1`, and not `grok-3`.
const REASONING: [(&str, (u32, u32)); 9] = [
    ("deepseek-r", (1, 0)),
    ("deepseek-v", (3, 1)),
    ("grok-", (4, 0)),
    ("kimi-k", (2, 5)),
    ("glm-", (4, 5)),
    ("minimax-m", (1, 0)),
    ("qwen", (3, 0)),
    ("qwen-", (3, 0)),
    ("mai-ds-r", (1, 0)),
];

/// The families of which every model reasons.
const ALWAYS: [&str; 7] =
    ["gpt-oss", "grok-code", "grok-3-mini", "magistral", "qwq", "model-router", "model_router"];

/// Words of a name that say that the model reasons.
const WORDS: [&str; 3] = ["reasoning", "reasoner", "thinking"];

/// Words of a name that say that it is another kind of model.
const OTHERS: [&str; 11] = [
    "audio",
    "chat",
    "embed",
    "embedding",
    "image",
    "instruct",
    "ocr",
    "realtime",
    "transcribe",
    "tts",
    "rerank",
];

impl ModelFacts {
    /// The facts of a model that is not in the table, as far as its name tells them.
    #[must_use]
    pub fn by_family(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        // Models that Fireworks hosts.
        let name = name.strip_prefix("fw-").unwrap_or(&name);
        let refuses_older_cap = is_of_o_series(name) || is_gpt_5(name);
        let cap = match refuses_older_cap {
            true => CompletionField::MaxCompletionTokens,
            false => CompletionField::MaxTokens,
        };
        Self { reasons: reasons(name), cap, ..Self::UNKNOWN }
    }
}

fn reasons(name: &str) -> bool {
    let has = |words: &[&str]| name.split(['-', '_', '.']).any(|word| words.contains(&word));
    if name.contains("non-reasoning") || has(&OTHERS) {
        return false;
    }
    has(&WORDS)
        || is_of_o_series(name)
        || is_gpt_5(name)
        || is_claude_4(name)
        || ALWAYS.iter().any(|family| name.starts_with(family))
        || REASONING.iter().any(|(family, least)| {
            name.strip_prefix(family).and_then(version).is_some_and(|version| version >= *least)
        })
}

/// `o1`, `o5-mini`: the letter and one digit.
fn is_of_o_series(name: &str) -> bool {
    let Some(rest) = name.strip_prefix('o') else { return false };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    digits == 1
}

fn is_gpt_5(name: &str) -> bool {
    let rest = name.strip_prefix("gpt").map(|rest| rest.strip_prefix('-').unwrap_or(rest));
    rest.and_then(version).is_some_and(|version| version >= (5, 0))
}

/// Claude's names begin with a word since version 4, and with the version before.
fn is_claude_4(name: &str) -> bool {
    let rest = name.strip_prefix("claude-");
    rest.is_some_and(|rest| {
        rest.starts_with(|first: char| first.is_ascii_alphabetic())
            && !["instant", "v"].iter().any(|older| rest.starts_with(older))
    })
}

/// The version at the beginning of a text: `6.2-sol` is 6.2. Some write `51` for 5.1, as `35` for 3.5.
/// `72b` is none: the model has so many parameters.
fn version(text: &str) -> Option<(u32, u32)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (major, rest) = text.split_at(digits(text));
    let after = rest.strip_prefix('.').unwrap_or_default();
    let (minor, after) = after.split_at(digits(after));
    let is_count = |rest: &str| {
        rest.strip_prefix('b').is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    if is_count(rest) || is_count(after) {
        return None;
    }
    let minor = minor.parse().unwrap_or(0);
    match major.parse().ok()? {
        both @ 30..100 => Some((both / 10, both % 10)),
        major => Some((major, minor)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_of_an_unknown_model_tells_whether_it_reasons_and_its_cap() {
        use CompletionField::{MaxCompletionTokens as Newer, MaxTokens as Older};
        for (name, reasons, cap) in [
            ("gpt-6.2-sol", true, Newer),
            ("gpt-6-mini", true, Newer),
            ("GPT-6", true, Newer),
            ("gpt-5.7", true, Newer),
            ("gpt5mini", true, Newer),
            ("gpt-51-eu", true, Newer),
            ("gpt-10", true, Newer),
            ("o5-mini", true, Newer),
            ("o4", true, Newer),
            ("gpt-6-chat", false, Newer),
            ("gpt-5.7-chat-eu", false, Newer),
            ("gpt-oss-20b", true, Older),
            ("deepseek-v5", true, Older),
            ("DeepSeek-R2", true, Older),
            ("fw-deepseek-v3.3", true, Older),
            ("grok-5", true, Older),
            ("grok-5-non-reasoning", false, Older),
            ("grok-code-fast-2", true, Older),
            ("kimi-k4", true, Older),
            ("fw-glm-6", true, Older),
            ("phi-5-mini-reasoning", true, Older),
            ("phi-5-reasoning-plus", true, Older),
            ("kimi-k2-thinking-fast", true, Older),
            ("claude-sonnet-6", true, Older),
            ("claude-3-5-haiku", false, Older),
            ("claude-instant", false, Older),
            ("gpt-4.2", false, Older),
            ("gpt-4o-2099", false, Older),
            ("gpt-35", false, Older),
            ("gpt-41-mini", false, Older),
            ("gpt-image-3", false, Older),
            ("gpt-audio-2", false, Older),
            ("grok-3-fast", false, Older),
            ("deepseek-v3-base", false, Older),
            ("o365-bot", false, Older),
            ("organiser-model", false, Older),
            ("prod-smart", false, Older),
            ("llama-5", false, Older),
            ("qwen-72b", false, Older),
            ("qwen-32b-eu", false, Older),
            ("qwen-7.5b", false, Older),
            ("glm-130b", false, Older),
            ("qwen3-32b", true, Older),
            ("qwen-3.5-72b", true, Older),
            ("", false, Older),
        ] {
            let facts = ModelFacts::by_family(name);
            assert_eq!((facts.reasons, facts.cap), (reasons, cap), "{name}");
            assert_eq!(facts.output_cap(None), if reasons { 16_384 } else { 4_096 }, "{name}");
        }
        assert_eq!(ModelFacts::by_family("prod-smart"), ModelFacts::UNKNOWN);
    }

    #[test]
    fn what_the_table_says_of_reasoning_is_what_the_family_tells() {
        // Names of no family.
        let odd = [
            "chat-latest",
            "codex-mini",
            "cohere-command-a-plus-05-2026",
            "computer-use-preview",
            "fw-inkling",
            "fw-nemotron-3-ultra-nvfp4",
            "fw-nemotron-lightning-3.5-30b-a3b",
            "mai-cyber-1-flash",
        ];
        for (name, facts) in super::super::MODELS {
            let guessed = ModelFacts::by_family(name);
            assert_eq!(guessed.reasons, facts.reasons && !odd.contains(name), "{name}");
            if facts.cap == CompletionField::MaxCompletionTokens && !odd.contains(name) {
                assert_eq!(guessed.cap, facts.cap, "{name}");
            }
        }
    }
}
