//! Encrypted content: what only the resource that made it can read.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::Value;

use super::super::refusal::Refusal;

/// The value of `include` that asks for it.
pub(in super::super) const INCLUDE: &str = "reasoning.encrypted_content";

/// Encrypts nothing, but names the resource.
pub(in super::super) fn seal(resource: &str, content: &str) -> String {
    URL_SAFE.encode(format!("simulated {resource} {content}"))
}

/// Refuses content of another resource, and what is no such content.
pub(in super::super) fn check(resource: &str, item: &Value) -> Result<(), Refusal> {
    let Some(content) = item["encrypted_content"].as_str() else { return Ok(()) };
    let own = format!("simulated {resource} ");
    match URL_SAFE.decode(content) {
        Ok(plain) if plain.starts_with(own.as_bytes()) => Ok(()),
        Ok(_) | Err(_) => {
            let message = "The encrypted content for an item could not be verified. Reason: \
                           Encrypted content could not be decrypted or parsed.";
            Err(Refusal::Invalid {
                message: message.to_owned(),
                param: None,
                code: Some("invalid_encrypted_content"),
            })
        }
    }
}
