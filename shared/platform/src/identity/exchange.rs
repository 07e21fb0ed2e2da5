//! One request to STS or Entra ID. It is retried once if that may help, and its response has a size
//! limit.

use std::fmt;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::StatusCode;

/// The timeout of one try, including the response.
const ONE_TRY: Duration = Duration::from_secs(4);

/// The most bytes of a response that are read. Tokens have a few kilobytes.
const LONGEST: usize = 64 * 1024;

/// The longest word from a response that is logged.
const LONGEST_WORD: usize = 64;

/// The service that was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// AWS's Security Token Service.
    Sts,
    /// Entra ID.
    Entra,
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sts => "STS",
            Self::Entra => "Entra ID",
        })
    }
}

/// Why there is no token. For the log: it holds codes and ids, but nothing of a request or of a
/// token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// No service can issue a proof of identity.
    #[error(
        "a deployment with an identity needs AWS credentials, which are not there: set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION, or give the deployment a key"
    )]
    NoAws,
    /// No response.
    #[error("{who} could not be reached: {how}")]
    Unreachable {
        /// The service.
        who: Party,
        /// A short reason.
        how: &'static str,
    },
    /// An error response.
    #[error("{who} answered {status}: {code}{}", correlation_id.as_ref().map(|id| format!(", correlation id {id}")).unwrap_or_default())]
    Refused {
        /// The service.
        who: Party,
        /// The status of the response.
        status: u16,
        /// Its error code, such as `AADSTS700213` or `AccessDenied`.
        code: String,
        /// The id by which Microsoft's support finds the request.
        correlation_id: Option<String>,
    },
    /// A response without a usable token.
    #[error("{who} sent a response without a usable token")]
    Malformed {
        /// The service.
        who: Party,
    },
}

/// A buffered response.
pub(super) struct TokenResponse {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
}

/// Sends a request. It is retried once if the connection or the server failed, which is safe
/// because the request changes nothing.
pub(super) async fn ask(
    who: Party,
    request: impl Fn() -> Result<reqwest::RequestBuilder, TokenFault>,
) -> Result<TokenResponse, TokenFault> {
    match one_try(who, request()?).await {
        Ok(response) if !response.status.is_server_error() => Ok(response),
        Ok(_) | Err(TokenFault::Unreachable { .. }) => one_try(who, request()?).await,
        Err(fault) => Err(fault),
    }
}

async fn one_try(
    who: Party,
    request: reqwest::RequestBuilder,
) -> Result<TokenResponse, TokenFault> {
    let response =
        request.timeout(ONE_TRY).send().await.map_err(|fault| unreachable(who, &fault))?;
    let status = response.status();
    let mut body = Vec::new();
    let mut pieces = response.bytes_stream();
    while let Some(piece) = pieces.next().await {
        body.extend_from_slice(&piece.map_err(|fault| unreachable(who, &fault))?);
        if body.len() > LONGEST {
            return Err(TokenFault::Malformed { who });
        }
    }
    Ok(TokenResponse { status, body })
}

fn unreachable(who: Party, fault: &reqwest::Error) -> TokenFault {
    let how = match () {
        () if fault.is_timeout() => "no response in time",
        () if fault.is_connect() => "no connection",
        () => "the connection broke",
    };
    TokenFault::Unreachable { who, how }
}

/// A word from a response that may be logged: short, and only letters, digits and `.:_-`.
pub(super) fn word(text: &str) -> Option<String> {
    let is_word = (1..=LONGEST_WORD).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".:_-".contains(&b));
    is_word.then(|| text.to_owned())
}

/// Stands in for the error code where the response has none.
pub(super) const NO_CODE: &str = "no error code";
