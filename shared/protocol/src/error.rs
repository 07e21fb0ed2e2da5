//! Why a body is refused.

/// Why a request's body is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyRefused {
    /// A field of the body is not acceptable.
    #[error("{message}")]
    Bad {
        /// The code of the error.
        code: BadRequestCode,
        /// Which parameter.
        param: Option<String>,
        /// What the client should do.
        message: String,
    },
    /// The body is too large.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// In bytes.
        limit: usize,
    },
    /// The body is of another type, or is compressed.
    #[error("{hint}")]
    UnsupportedMediaType {
        /// The media type to send instead.
        hint: &'static str,
    },
}

impl BodyRefused {
    /// A refusal that names a parameter.
    #[must_use]
    pub fn bad(code: BadRequestCode, param: Option<&str>, message: impl Into<String>) -> Self {
        Self::Bad { code, param: param.map(ToOwned::to_owned), message: message.into() }
    }
}

/// The shape in which a client expects errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorShape {
    /// `{"error": {"message", "type", "param", "code"}}`
    OpenAi,
    /// `{"type": "error", "error": {"type", "message"}, "request_id"}`
    Anthropic,
}

/// The codes of a 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadRequestCode {
    /// Not JSON, not an object, or too deep.
    InvalidJson,
    /// A governed field twice.
    DuplicateKey,
    /// A field that is not known here, such as a governed one in other letters.
    UnknownParameter,
    /// A field that the event does not allow.
    ParameterNotAllowed,
    /// A value that cannot be.
    InvalidValue,
}

impl BadRequestCode {
    /// The code as it is sent.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::DuplicateKey => "duplicate_key",
            Self::UnknownParameter => "unknown_parameter",
            Self::ParameterNotAllowed => "parameter_not_allowed",
            Self::InvalidValue => "invalid_value",
        }
    }
}

/// The refusal of a value, which must be otherwise.
pub(crate) fn invalid(param: &str, must: &str) -> BodyRefused {
    BodyRefused::bad(BadRequestCode::InvalidValue, Some(param), format!("{param} {must}."))
}

/// The refusal of a field that is not allowed here.
pub(crate) fn not_allowed(param: &str, message: impl Into<String>) -> BodyRefused {
    BodyRefused::bad(BadRequestCode::ParameterNotAllowed, Some(param), message)
}
