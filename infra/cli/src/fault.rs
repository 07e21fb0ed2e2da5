//! Why a command came to nothing, and the exit code that says so.

use std::io;

use serde_json::{Value, json};

/// Why a command came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The service understood and refused.
    #[error("{message}")]
    Refused {
        /// The service's own sentence.
        message: String,
        /// The error's code, such as `invalid_value`.
        code: String,
        /// What is wrong with each field.
        details: Vec<(String, String)>,
        /// By which the service's log knows the call.
        request_id: Option<String>,
    },
    /// Something else than a refusal went wrong.
    #[error("{0}")]
    Failed(String),
    /// The command line asks for what cannot be meant.
    #[error("{0}")]
    Usage(String),
    /// Nothing answers at the address.
    #[error(
        "{address} cannot be reached: {why}. Start the local service with `cargo run`, or choose \
         a deployed one with --address URL or --profile NAME."
    )]
    Unreachable {
        /// Where.
        address: String,
        /// In a few words.
        why: String,
    },
    /// Without a token, or with one that the service does not know.
    #[error("{0}")]
    NotAllowed(String),
}

impl Fault {
    /// The exit code; `--help` lists them.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { .. } | Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable { .. } => 3,
            Self::NotAllowed(_) => 4,
        }
    }

    /// A fault of the command itself.
    pub(crate) fn failed(what: impl std::fmt::Display, cause: impl std::fmt::Display) -> Self {
        Self::Failed(format!("{what}: {cause}"))
    }

    /// The fault as people read it.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("error: {self}\n");
        if let Self::Refused { details, request_id, .. } = self {
            // A single mistake stands in the sentence already.
            if details.len() > 1 {
                for (field, message) in details {
                    text.push_str(&format!("  {field} {message}\n"));
                }
            }
            if let Some(id) = request_id {
                text.push_str(&format!("  request id: {id}\n"));
            }
        }
        text
    }

    /// The fault as programs read it.
    pub(crate) fn json(&self) -> Value {
        let mut error = json!({"message": self.to_string(), "exit_code": self.exit_code()});
        if let Self::Refused { code, details, request_id, .. } = self {
            let detail =
                |(field, message): &(String, String)| json!({"field": field, "message": message});
            error["code"] = json!(code);
            error["details"] = details.iter().map(detail).collect();
            error["request_id"] = json!(request_id);
        }
        json!({ "error": error })
    }
}

impl From<io::Error> for Fault {
    fn from(fault: io::Error) -> Self {
        Self::failed("the output cannot be written", fault)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(fault: serde_json::Error) -> Self {
        Self::failed(
            "the response cannot be read; check that the service has the same version",
            fault,
        )
    }
}
