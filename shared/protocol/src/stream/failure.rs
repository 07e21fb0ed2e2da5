//! Errors that Azure sends inside a response that began with status 200.
//!
//! Codes are text or numbers, and their spelling varies. [`read`] knows the shapes.

mod read;

pub(crate) use self::read::without_keys;

use super::StreamState;
use crate::usage::{Counted, with_units};
use lanyard_domain::account::Hold;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::unit::Unit;
use lanyard_domain::usage::Usage;

/// An error of Azure's inside a response. All of it is Azure's own text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// Azure's code.
    pub code: Option<String>,
    /// The status of HTTP that Azure gives it.
    pub status: Option<String>,
    /// Azure's type.
    pub kind: Option<String>,
    /// Azure's sentence.
    pub message: Option<String>,
    /// Azure's parameter.
    pub param: Option<String>,
}

/// The subject of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The model has no room at present.
    Load,
    /// A filter refused the prompt or the output.
    Filter,
    /// The request is wrong.
    Request,
    /// The model failed.
    Model,
}

impl Failure {
    /// Its code; of an error that has none, the one that its type or its sentence stands for.
    #[must_use]
    pub fn known_code(&self) -> Option<&str> {
        let kind = self.kind.as_deref().unwrap_or_default();
        self.code
            .as_deref()
            .or_else(|| self.is_about_length().then_some("context_length_exceeded"))
            .or_else(|| CODES_AS_TYPES.contains(&kind).then_some(kind))
    }

    /// Whether its sentence says that the prompt is too long. Not every server has a code for it.
    fn is_about_length(&self) -> bool {
        let said = self.message.as_deref().unwrap_or_default().to_ascii_lowercase();
        ["maximum context length", "context window", "prompt is too long"]
            .iter()
            .any(|words| said.contains(words))
    }

    /// Its subject.
    #[must_use]
    pub fn blame(&self) -> Blame {
        let [code, kind, status] =
            [self.known_code(), self.kind.as_deref(), self.status.as_deref()].map(plain);
        let either = |test: &dyn Fn(&str) -> bool| test(&code) || test(&kind);
        let is_of_load = |text: &str| {
            text == "429"
                || ["ratelimit", "toomanyrequests", "insufficientquota", "nocapacity", "overloaded"]
                    .iter()
                    .any(|busy| text.contains(busy))
        };
        if either(&is_of_load) || is_of_load(&status) {
            return Blame::Load;
        }
        if either(&|text| {
            [
                "contentfilter",
                "contentpolicy",
                "responsibleai",
                "contentsafety",
                "moderationblocked",
            ]
            .iter()
            .any(|filter| text.contains(filter))
        }) {
            return Blame::Filter;
        }
        let is_of_request = either(&|text| {
            text.starts_with("invalid")
                || text.starts_with("unsupported")
                || text.contains("contextlength")
                || text.contains("maxlength")
                || text.contains("badrequest")
        }) || REQUEST_CODES.contains(&code.as_str());
        if is_of_request { Blame::Request } else { Blame::Model }
    }
}

/// The types of OpenAI's errors that are codes as well.
const CODES_AS_TYPES: [&str; 4] =
    ["server_error", "insufficient_quota", "rate_limit_exceeded", "context_length_exceeded"];

/// Other codes about what the client sent, without their underscores. Most are about images:
/// <https://platform.openai.com/docs/api-reference/responses-streaming/response/failed>.
const REQUEST_CODES: [&str; 14] = [
    "400",
    "413",
    "415",
    "422",
    "imagetoolarge",
    "imagetoosmall",
    "imageparseerror",
    "imagefiletoolarge",
    "imagefilenotfound",
    "emptyimagefile",
    "failedtodownloadimage",
    "biopolicy",
    "promptblocked",
    "requesttoolarge",
];

/// A code in small letters and digits alone: `RateLimitExceeded` is `rate_limit_exceeded`.
fn plain(text: Option<&str>) -> String {
    let letters = text.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// The settlement of a response that Azure ended with a failure.
///
/// Azure's own count comes first. Without one, a refusal before any output is not billed. Anything
/// else costs the prompt and what was produced, never all that was reserved for the output.
#[must_use]
pub fn settle(failure: &Failure, state: &StreamState, hold: &Hold) -> Settlement {
    let held = hold.units.get(Unit::Images);
    // An image of which a part was shown was made, even if the rest of it never came.
    let images = state.images.saturating_add(state.has_partial.into()).min(held);
    let units = if held > 0 { hold.units.with(Unit::Images, images) } else { hold.units };
    if let Some(counted) = state.counted.filter(Counted::has_tokens) {
        return with_units(counted, units);
    }
    let reported = state.prompt.map(|prompt| prompt.usage);
    let reported = reported.unwrap_or(Usage::of_tokens(hold.prompt_tokens, 0));
    let prompt = Usage { units, completion_tokens: 0, ..reported };
    if state.produced.is_nothing() && images == 0 {
        return match failure.blame() {
            Blame::Load => Settlement::Void,
            Blame::Request => Settlement::Exact(Usage::default()),
            Blame::Filter | Blame::Model => Settlement::Estimated(prompt),
        };
    }
    let completion_tokens = match held {
        0 => state.produced.tokens().min(hold.completion_tokens),
        // The data of an image does not show its tokens.
        held => hold.completion_tokens / held * images,
    };
    Settlement::Estimated(Usage { completion_tokens, ..prompt })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::tests::a_hold;

    fn blame(data: &str) -> Blame {
        Failure::read(data.as_bytes()).blame()
    }

    #[test]
    fn a_lack_of_room_is_known_by_any_spelling() {
        for data in [
            r#"{"error":{"code":"rate_limit_exceeded"}}"#,
            r#"{"error":{"code":"RateLimitReached"}}"#,
            r#"{"error":{"code":"429"}}"#,
            r#"{"error":{"code":429}}"#,
            r#"{"error":{"status":429}}"#,
            r#"{"error":{"code":"NoCapacity"}}"#,
            r#"{"code":"no_capacity","message":"x"}"#,
            r#"{"error":{"code":"x","status":429}}"#,
            r#"{"error":{"code":"server_error","message":"x"},"status":429}"#,
            r#"{"error":{"code":"server_error"},"code":429}"#,
            r#"{"error":{"message":"x"},"code":"429"}"#,
            r#"{"error":"busy","status_code":429}"#,
            r#"{"error":{"type":"too_many_requests"}}"#,
            r#"{"type":"error","code":"too_many_requests","message":"x"}"#,
            r#"{"type":"error","error":{"type":"rate_limit_error","code":null}}"#,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        ] {
            assert_eq!(blame(data), Blame::Load, "{data}");
        }
    }

    #[test]
    fn what_is_about_the_request_is_not_blamed_on_the_model() {
        for (data, expected) in [
            (r#"{"error":{"code":"context_length_exceeded"}}"#, Blame::Request),
            (r#"{"error":{"type":"invalid_request_error","code":null}}"#, Blame::Request),
            (r#"{"error":{"code":"image_too_large"}}"#, Blame::Request),
            (r#"{"error":{"code":400}}"#, Blame::Request),
            (
                r#"{"error":{"type":"invalid_request_error","code":"content_filter"}}"#,
                Blame::Filter,
            ),
            (r#"{"error":{"code":"server_error"}}"#, Blame::Model),
            (r#"{"error":{"code":"500"}}"#, Blame::Model),
            (r#"{"error":"upstream died"}"#, Blame::Model),
            ("no JSON", Blame::Model),
        ] {
            assert_eq!(blame(data), expected, "{data}");
        }
    }

    #[test]
    fn each_shape_gives_azures_own_words() {
        let expected = Failure {
            code: Some("server_error".to_owned()),
            message: Some("It broke.".to_owned()),
            ..Failure::default()
        };
        for data in [
            r#"{"type":"error","code":"server_error","message":"It broke.","param":null}"#,
            r#"{"type":"error","error":{"code":"server_error","message":"It broke."}}"#,
            r#"{"error":{"type":null,"code":"server_error","message":"It broke."}}"#,
        ] {
            assert_eq!(Failure::read(data.as_bytes()), expected, "{data}");
        }
    }

    #[test]
    fn a_failure_costs_what_is_known_and_never_the_whole_cap() {
        let hold = Hold { prompt_tokens: 40, completion_tokens: 4_096, ..a_hold() };
        let cost = |code: &str, frames: u32| {
            let mut state = StreamState::default();
            (0..frames).for_each(|_| state.produced.add(br#"data: {"delta":"Hi"}"#));
            let failure = Failure { code: Some(code.to_owned()), ..Failure::default() };
            settle(&failure, &state, &hold)
        };
        let estimated =
            |prompt, completion| Settlement::Estimated(Usage::of_tokens(prompt, completion));
        assert_eq!(cost("rate_limit_exceeded", 0), Settlement::Void);
        assert_eq!(cost("context_length_exceeded", 0), Settlement::Exact(Usage::default()));
        assert_eq!(cost("content_filter", 0), estimated(40, 0));
        assert_eq!(cost("server_error", 0), estimated(40, 0));
        assert_eq!(cost("rate_limit_exceeded", 12), estimated(40, 12));
        assert_eq!(cost("server_error", 9_000), estimated(40, 4_096));
    }
}
