//! Ids of requests, events and organisers, and names of deployments. Each type checks its text
//! once, when it is parsed.

use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;

use crate::text::holds_text;

/// The text is not an id of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {longest} of A-Z a-z 0-9 . _ -")]
pub struct InvalidId {
    longest: usize,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $longest:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Arc<str>);

        holds_text! {
            /// The id as text.
            $name, InvalidId
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let is_id = (1..=$longest).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
                    && text.bytes().any(|b| b.is_ascii_alphanumeric());
                if is_id { Ok(Self(text.into())) } else { Err(InvalidId { longest: $longest }) }
            }
        }
    };
}

id! {
    /// One request of an attendee: `req_` and 32 hex digits. Lanyard makes it; a client cannot
    /// choose it.
    RequestId, 64
}
id! {
    /// The key of an event in the table. It is not a secret, and it stays the same when the code is
    /// rotated.
    EventId, 64
}
id! {
    /// The owner of events and deployments.
    OrganiserId, 64
}
id! {
    /// The name under which an event offers a model. Azure calls this the deployment name.
    DeploymentName, 64
}
id! {
    /// Requests that belong together, such as one conversation. The client chooses the id, or
    /// Lanyard makes one.
    SessionId, 64
}
id! {
    /// The application that a client says it is.
    AppId, 128
}
id! {
    /// The model's own id of a response, such as `chatcmpl-…`.
    ResponseId, 128
}
id! {
    /// The id of a signed token of an event.
    TokenId, 64
}
id! {
    /// One of several deployments that share a name and its load. Its name is often a region.
    Replica, 32
}

impl DeploymentName {
    /// Whether a text is this name in any case, as requests may spell it.
    #[must_use]
    pub fn eq_ignore_case(&self, text: &str) -> bool {
        self.as_str().eq_ignore_ascii_case(text)
    }
}

impl SessionId {
    const PREFIX: &str = "sess_";

    /// The session of a request whose client named none: `sess_` and the digits of the request's
    /// id. So the request that began a session can be found by the session's id.
    #[must_use]
    pub fn made_for(request: &RequestId) -> Self {
        Self([Self::PREFIX, request.digits()].concat().into())
    }

    /// Whether the session was made for this request.
    #[must_use]
    pub fn is_made_for(&self, request: &RequestId) -> bool {
        self.0.strip_prefix(Self::PREFIX) == Some(request.digits())
    }

    /// The request that the session was made for, if Lanyard made it.
    #[must_use]
    pub fn first_request(&self) -> Option<RequestId> {
        let digits = self.0.strip_prefix(Self::PREFIX)?;
        let is_made = digits.len() == 32
            && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        is_made.then(|| RequestId(format!("{}{digits}", RequestId::PREFIX).into()))
    }
}

impl RequestId {
    const PREFIX: &str = "req_";

    fn digits(&self) -> &str {
        self.0.strip_prefix(Self::PREFIX).unwrap_or(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_was_made_leads_back_to_its_first_request() {
        let request: RequestId = "req_00112233445566778899aabbccddeeff".parse().unwrap();
        let session = SessionId::made_for(&request);
        assert_eq!(session.as_str(), "sess_00112233445566778899aabbccddeeff");
        assert_eq!(session.first_request(), Some(request));
        for text in ["my-session", "sess_1", "sess_00112233445566778899AABBCCDDEEFF"] {
            assert_eq!(text.parse::<SessionId>().unwrap().first_request(), None);
        }
    }

    #[test]
    fn a_deployment_name_cannot_walk_a_path() {
        for text in ["", ".", "..", "%2e%2e", "a/b", "gpt\\..", "gpt\0", "gpt;x", &"g".repeat(65)] {
            assert!(text.parse::<DeploymentName>().is_err(), "{text:?}");
        }
        assert_eq!("gpt-4o.mini_2".parse::<DeploymentName>().unwrap().as_str(), "gpt-4o.mini_2");
    }
}
