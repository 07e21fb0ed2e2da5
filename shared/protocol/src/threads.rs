//! `…/threads`, with their messages and runs
//!
//! A run is an assistant's work on a thread. Azure keeps the two bounds that it is given, so a run
//! is held at both together. It may be streamed as named events.
//! <https://platform.openai.com/docs/api-reference/runs>

use bytes::Bytes;
use lanyard_domain::estimate::Estimate;
use lanyard_domain::hosted_tools::HostedTool;
use lanyard_domain::object::Kind;
use lanyard_domain::operation::Operation;
use lanyard_domain::settlement::Settlement;
use lanyard_domain::usage::Usage;

use crate::assistants;
use crate::chunk::NO_END;
use crate::demand::{Caps, Demanded, HostedUse};
use crate::documentation::{Field, MODEL, STREAM, TOOLS};
use crate::error::BodyRefused;
use crate::failed;
use crate::fields::{self, count};
use crate::identity;
use crate::payload::Payload;
use crate::sse::{Frame, LONGEST_FRAME};
use crate::stored;
use crate::stream::failure::Failure;
use crate::stream::{StreamEvent, StreamFormat, StreamState};
use crate::usage;
use crate::write::Object;
use crate::{ASSISTANTS_PREVIEW, Protocol};

/// The largest prompt of a run that names none, all its turns together: what OpenAI advises at
/// least where files are searched, <https://platform.openai.com/docs/assistants/deep-dive#max-completion-and-max-prompt-tokens>.
pub const RUN_PROMPT: u64 = 20_000;

/// Azure's minimum for either bound of a run.
const LEAST: u64 = 256;

pub(crate) static PROTOCOL: Protocol = Protocol {
    preview: Some(ASSISTANTS_PREVIEW),
    stream: StreamFormat {
        longest_frame: Some(LONGEST_FRAME),
        read: read_event,
        // A run that waits for the results of tools ends its stream as well.
        missing: |state| (!state.is_done).then_some(NO_END),
        // The run's end settles it. Only a run that was never named is settled by its stream.
        settle: |_, _, _| Settlement::AtLeast(Usage::of_tokens(0, 0)),
        error: |body, _| [b"event: error\ndata: ".as_slice(), body, b"\n\n"].concat().into(),
        ..StreamFormat::BYTES
    },
    ..stored::protocol(Operation::Threads, "threads")
};

/// The governed fields of a run, for the description of the API.
pub const RUN_FIELDS: &[Field] = &[
    ("assistant_id", r#"{"type": "string", "description": "An assistant of your own."}"#),
    MODEL,
    (
        "max_prompt_tokens",
        r#"{"type": "integer", "minimum": 256, "description": "Reserved for all turns together. If absent 20,000, or half of your smallest token limit if that is less."}"#,
    ),
    (
        "max_completion_tokens",
        r#"{"type": "integer", "minimum": 256, "description": "Lowered to what the event and the model allow, which is also the default."}"#,
    ),
    STREAM,
    TOOLS,
];

/// Whether a run is to be streamed.
///
/// # Errors
///
/// [`BodyRefused`] unless `stream` is true or false.
pub fn is_streamed(payload: &Payload<'_>) -> Result<bool, BodyRefused> {
    fields::is_streamed(payload)
}

/// The estimate of a run: its two bounds. The prompt's is the caller's, or else this one; the
/// completion's is at most the event's.
///
/// # Errors
///
/// [`BodyRefused`] that names the parameter.
pub fn read_run(
    payload: &Payload<'_>,
    caps: &Caps<'_>,
    usual_prompt: u64,
) -> Result<Demanded, BodyRefused> {
    assistants::check(payload, caps)?;
    let is_streamed = is_streamed(payload)?;
    let most = caps.completion_tokens.max(LEAST);
    let asked = count(payload, "max_completion_tokens")?;
    let cap = asked.map_or(most, |asked| asked.min(most));
    let prompt = count(payload, "max_prompt_tokens")?.unwrap_or(usual_prompt.max(LEAST));
    let mut demanded = Demanded::of(Estimate::of_tokens(prompt, cap), is_streamed);
    demanded.completion_cap = Some(cap);
    demanded.asked_cap = asked;
    demanded.is_job = true;
    // The assistant may have them, and nothing bounds its calls.
    let is_allowed = |kind| caps.hosted_tools.decision(kind) == HostedTool::Allow;
    demanded.hosted =
        ["code_interpreter", "file_search"].into_iter().any(is_allowed).then(|| HostedUse {
            price: None,
            tools: 0,
            asked: None,
            most: None,
            context: usage::context(caps.facts),
        });
    Ok(demanded)
}

/// The body of a run for Azure.
#[must_use]
pub fn write_run(payload: &Payload<'_>, demanded: &Demanded, azure_name: &str) -> Bytes {
    let mut out = Vec::with_capacity(payload.body.len() + 256);
    let mut object = Object { out: &mut out };
    object.text("model", azure_name);
    object.raw("max_prompt_tokens", &demanded.estimate.prompt_tokens.to_string());
    object.raw("max_completion_tokens", &demanded.estimate.completion_tokens.to_string());
    for (name, raw) in &payload.fields {
        let is_ours =
            matches!(name.as_ref(), "model" | "max_prompt_tokens" | "max_completion_tokens");
        if !is_ours && !identity::names_person(name) {
            object.raw(name, raw.get());
        }
    }
    object.end();
    out.into()
}

/// Reads an event of a run that is streamed: some show the thread or the run itself.
/// <https://platform.openai.com/docs/api-reference/assistants-streaming/events>
fn read_event(frame: &Frame, state: &mut StreamState) -> StreamEvent {
    let shows = |kind| StreamEvent::Shows { kind, data: frame.data().into() };
    match frame.event() {
        Some("error") => {
            state.failure = Some(Box::new(Failure::read(&frame.data())));
            StreamEvent::Fails
        }
        Some("done") => {
            state.is_done = true;
            StreamEvent::Pass
        }
        Some("thread.created") => shows(Kind::Thread),
        // What a run has produced counts if it fails without a count of Azure's.
        Some("thread.message.delta" | "thread.run.step.delta") => {
            state.produced.add(&frame.0);
            StreamEvent::Pass
        }
        Some(name) if is_of_run(name) => {
            state.is_done = ENDS.iter().any(|end| name.ends_with(end));
            shows(Kind::Run)
        }
        // It says why, as the run does.
        Some(name) if is_step_that_ended(name) => shows(Kind::Run),
        Some(_) => StreamEvent::Pass,
        None => match failed::failure_of(&frame.data()) {
            Some(failure) => {
                state.failure = Some(Box::new(failure));
                StreamEvent::Fails
            }
            None => StreamEvent::Pass,
        },
    }
}

/// The events after which a stream has nothing more of its run.
const ENDS: [&str; 6] =
    [".completed", ".incomplete", ".failed", ".cancelled", ".expired", ".requires_action"];

/// Whether an event shows a run, rather than one of its steps or messages.
fn is_of_run(name: &str) -> bool {
    name.strip_prefix("thread.run.").is_some_and(|rest| !rest.starts_with("step."))
}

fn is_step_that_ended(name: &str) -> bool {
    matches!(
        name,
        "thread.run.step.failed" | "thread.run.step.expired" | "thread.run.step.cancelled"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_that_show_a_thread_or_a_run_are_told_from_the_rest() {
        let shown = |text: &'static str| {
            let event = read_event(&Frame(Bytes::from(text)), &mut StreamState::default());
            let StreamEvent::Shows { kind, .. } = event else { return None };
            Some(kind)
        };
        assert_eq!(shown("event: thread.created\ndata: {}\n\n"), Some(Kind::Thread));
        assert_eq!(shown("event: thread.run.completed\ndata: {}\n\n"), Some(Kind::Run));
        assert_eq!(shown("event: thread.run.step.failed\ndata: {}\n\n"), Some(Kind::Run));
        assert_eq!(shown("event: thread.run.step.created\ndata: {}\n\n"), None);
        assert_eq!(shown("event: thread.message.delta\ndata: {}\n\n"), None);
    }

    #[test]
    fn a_stream_of_a_run_has_ended_when_the_run_has_or_waits_for_the_client() {
        let missing = |name: &str| {
            let mut state = StreamState::default();
            let begin = "event: thread.run.in_progress\ndata: {}\n\n".to_owned();
            for event in [begin, format!("event: {name}\ndata: {{}}\n\n")] {
                read_event(&Frame(Bytes::from(event)), &mut state);
            }
            (PROTOCOL.stream.missing)(&state).is_some()
        };
        for name in ["thread.run.queued", "thread.run.step.completed", "thread.message.completed"] {
            assert!(missing(name), "{name}");
        }
        for name in ["thread.run.completed", "thread.run.requires_action", "done"] {
            assert!(!missing(name), "{name}");
        }
    }
}
