//! Our proof of identity from AWS: `sts:GetWebIdentityToken`, one signed request.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html>. The SDK's
//! client supports the call too. Decision record 13 names what that client would cost.

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use http::header::CONTENT_TYPE;
use lanyard_gateway::ports::{Cause, Clock};

use super::exchange::{self, NO_CODE, Party, TokenFault};
use crate::shell::Machine;

/// The lifetime of the proof in seconds. It is used at once.
const LASTS: &str = "300";

/// The only algorithm that Entra ID promises to accept from other issuers:
/// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>.
const ALGORITHM: &str = "RS256";

const FORM: &str = "application/x-www-form-urlencoded";

/// The connection to STS. Nothing is opened or built until the first token is needed.
#[derive(Clone, Debug)]
pub struct Sts {
    region: String,
    endpoint: Option<String>,
    credentials: SharedCredentialsProvider,
}

/// A token that proves our identity for a few minutes. `Debug` never shows it.
pub(super) struct Proof(String);

impl Proof {
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Sts {
    /// The STS of a region, or one at another address.
    #[must_use]
    pub fn new(
        region: &str,
        credentials: SharedCredentialsProvider,
        endpoint: Option<&str>,
    ) -> Self {
        Self { region: region.to_owned(), endpoint: endpoint.map(ToOwned::to_owned), credentials }
    }

    /// A proof of identity for an audience.
    pub(super) async fn web_identity_token(
        &self,
        http: &reqwest::Client,
        audience: &str,
    ) -> Result<Proof, TokenFault> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", "GetWebIdentityToken")
            .append_pair("Version", "2011-06-15")
            .append_pair("Audience.member.1", audience)
            .append_pair("DurationSeconds", LASTS)
            .append_pair("SigningAlgorithm", ALGORITHM)
            .finish();
        // The only possible cause is a region or a key that no header can hold.
        let unsigned = TokenFault::Unreachable { who: Party::Sts, how: "cannot be signed" };
        let credentials = self.credentials.provide_credentials().await;
        let credentials = credentials.map_err(|_| TokenFault::NoAws)?;
        let response = exchange::ask(Party::Sts, || {
            self.signed(http, &form, credentials.clone()).map_err(|_| unsigned.clone())
        });
        let response = response.await?;
        let text = String::from_utf8_lossy(&response.body);
        if !response.status.is_success() {
            return Err(TokenFault::Refused {
                who: Party::Sts,
                status: response.status.as_u16(),
                code: element(&text, "Code")
                    .and_then(exchange::word)
                    .unwrap_or_else(|| NO_CODE.to_owned()),
                correlation_id: None,
            });
        }
        let token = element(&text, "WebIdentityToken").map(str::trim).filter(|text| is_jwt(text));
        token.map(|token| Proof(token.to_owned())).ok_or(TokenFault::Malformed { who: Party::Sts })
    }

    /// Each try is signed again, because a signature includes the time.
    fn signed(
        &self,
        http: &reqwest::Client,
        form: &str,
        credentials: Credentials,
    ) -> Result<reqwest::RequestBuilder, Cause> {
        let url = self.url();
        let identity = credentials.into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("sts")
            .time(SystemTime::from(Machine.now()))
            .settings(SigningSettings::default())
            .build()?
            .into();
        let headers = [(CONTENT_TYPE.as_str(), FORM)];
        let body = SignableBody::Bytes(form.as_bytes());
        let signable = SignableRequest::new("POST", &url, headers.into_iter(), body)?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        let request = http.post(&url).header(CONTENT_TYPE, FORM).body(form.to_owned());
        Ok(instructions.headers().fold(request, |request, (name, value)| {
            let value = http::HeaderValue::from_str(value).map(|mut value| {
                value.set_sensitive(true);
                value
            });
            match value {
                Ok(value) => request.header(name, value),
                Err(_) => request,
            }
        }))
    }

    /// The regional endpoint, because the global one does not support the call.
    fn url(&self) -> String {
        if let Some(endpoint) = &self.endpoint {
            return format!("{}/", endpoint.trim_end_matches('/'));
        }
        let suffix = if self.region.starts_with("cn-") { ".cn" } else { "" };
        format!("https://sts.{}.amazonaws.com{suffix}/", self.region)
    }
}

/// The text of the first element with a name. STS writes no attributes, and tokens and codes have
/// no characters that need unescaping.
fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

/// Whether the text is three parts of base64url.
fn is_jwt(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    text.split('.').count() == 3 && text.split('.').all(is_part)
}
