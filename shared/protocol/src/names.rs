//! The names of the fields that govern cost and routing: each at most once, and in these letters.

use crate::error::{BadRequestCode, BodyRefused};

/// Every governed field. One that appears twice, or in other letters, is refused: Azure might read
/// the one that was not checked.
const GOVERNED: [&str; 41] = [
    "model",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "n",
    "n_variants",
    "n_seconds",
    "instructions",
    "best_of",
    "input",
    "messages",
    "store",
    "user",
    "service_tier",
    "background",
    "tools",
    "tool_choice",
    "functions",
    "web_search_options",
    "metadata",
    "include",
    "data_sources",
    "dataSources",
    "previous_response_id",
    "conversation",
    "prompt",
    "safety_identifier",
    "file",
    "stream_format",
    "max_prompt_tokens",
    "seconds",
    "thinking",
    "mcp_servers",
    "speed",
    "inference_geo",
    "fallbacks",
    "thread",
    "agent",
    "agent_reference",
];

/// Refuses governed fields of a form that are doubled, spelt in other letters, or made lists of.
pub(crate) fn check_form_names<'n>(
    names: impl Iterator<Item = &'n str> + Clone,
) -> Result<(), BodyRefused> {
    for name in names.clone() {
        let Some((plain, _)) = name.split_once(['[', '.']) else { continue };
        // The form of a transcription has a list of what to include.
        let known = GOVERNED.iter().find(|known| known.eq_ignore_ascii_case(plain));
        if let Some(known) = known.filter(|known| **known != "include") {
            let message = format!("{known} is one value. Write it as {known}.");
            return Err(BodyRefused::bad(BadRequestCode::UnknownParameter, Some(known), message));
        }
    }
    check_names(names)
}

/// Refuses governed fields that are doubled or spelt in other letters.
pub(crate) fn check_names<'n>(names: impl Iterator<Item = &'n str>) -> Result<(), BodyRefused> {
    let mut seen = [false; GOVERNED.len()];
    for name in names {
        let Some(index) = GOVERNED.iter().position(|known| known.eq_ignore_ascii_case(name)) else {
            continue;
        };
        let known = GOVERNED[index];
        if known != name && name != "dataSources" && name != "data_sources" {
            return Err(BodyRefused::bad(
                BadRequestCode::UnknownParameter,
                Some(known),
                format!(
                    "There is a field that is almost {known}, in other letters. Write it as {known}."
                ),
            ));
        }
        if std::mem::replace(&mut seen[index], true) {
            return Err(BodyRefused::bad(
                BadRequestCode::DuplicateKey,
                Some(known),
                format!("{known} is there twice. Send it once."),
            ));
        }
    }
    Ok(())
}
