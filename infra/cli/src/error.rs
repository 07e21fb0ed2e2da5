//! The errors of a command, and their exit codes.

use std::io;

use serde_json::{Value, json};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The service rejected the request.
    #[error("{message}")]
    Rejected {
        /// The service's message.
        message: String,
        /// The error's code, such as `invalid_value`.
        code: String,
        /// The problem of each field.
        details: Vec<(String, String)>,
        /// The request id in the service's log.
        request_id: Option<String>,
    },
    /// Another failure.
    #[error("{0}")]
    Failed(String),
    /// The arguments are invalid.
    #[error("{0}")]
    Usage(String),
    /// The service cannot be reached.
    #[error(
        "{address} cannot be reached: {why}. Start the local service with `cargo run`, or choose \
         a deployed one with --address URL or --profile NAME."
    )]
    Unreachable {
        /// The base URL.
        address: String,
        /// The reason.
        why: String,
    },
    /// The token is missing or unknown.
    #[error("{0}")]
    NotAllowed(String),
    /// The reader of the output has gone, as in `lanyard event list | head -1`.
    #[error("the reader of the output has gone")]
    ClosedPipe,
}

impl CliError {
    /// The exit code; `--help` lists them.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Rejected { .. } | Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable { .. } => 3,
            Self::NotAllowed(_) => 4,
            Self::ClosedPipe => 0,
        }
    }

    /// A failure with its cause.
    pub(crate) fn failed(what: impl std::fmt::Display, cause: impl std::fmt::Display) -> Self {
        Self::Failed(format!("{what}: {cause}"))
    }

    /// The error as text.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("error: {self}\n");
        if let Self::Rejected { details, request_id, .. } = self {
            // The message already contains a single problem.
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

    /// The error as JSON.
    pub(crate) fn json(&self) -> Value {
        let mut error = json!({"message": self.to_string(), "exit_code": self.exit_code()});
        if let Self::Rejected { code, details, request_id, .. } = self {
            let detail =
                |(field, message): &(String, String)| json!({"field": field, "message": message});
            error["code"] = json!(code);
            error["details"] = details.iter().map(detail).collect();
            error["request_id"] = json!(request_id);
        }
        json!({ "error": error })
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::ClosedPipe;
        }
        Self::failed("the output cannot be written", error)
    }
}

impl From<serde_json::Error> for CliError {
    fn from(error: serde_json::Error) -> Self {
        Self::failed(
            "the response cannot be read; check that the service has the same version",
            error,
        )
    }
}
