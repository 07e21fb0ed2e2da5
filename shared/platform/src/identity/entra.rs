//! The token endpoint of Entra ID: exchanges a proof of identity for an access token.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

use std::time::Duration;

use http::HeaderValue;
use http::header::{ACCEPT, CONTENT_TYPE};
use lanyard_domain::credential::{Audience, Identity};
use serde::Deserialize;
use tokio::time::Instant;

use super::exchange::{self, NO_CODE, Party, TokenFault};
use super::sts::Proof;

/// The type of our proof of identity.
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The longest lifetime of a token that is accepted. The longest that Entra ID issues is 28 hours.
const LONGEST_LIFE: u64 = 48 * 3_600;

/// An access token as the value of a header.
pub(super) struct Granted {
    /// `Bearer …`, marked as sensitive.
    pub(super) header: HeaderValue,
    /// When it was requested. Its lifetime counts from then, which is the safe choice.
    pub(super) asked_at: Instant,
    pub(super) lasts: Duration,
    pub(super) renew_after: Option<Duration>,
}

#[derive(Deserialize)]
struct Grant {
    access_token: String,
    token_type: String,
    expires_in: u64,
    refresh_in: Option<u64>,
}

#[derive(Deserialize)]
struct Refusal {
    error: Option<String>,
    #[serde(default)]
    error_codes: Vec<u64>,
    correlation_id: Option<String>,
}

/// Exchanges a proof of identity for an access token.
pub(super) async fn grant(
    http: &reqwest::Client,
    base: &str,
    identity: &Identity,
    audience: Audience,
    proof: &Proof,
) -> Result<Granted, TokenFault> {
    let url = format!("{base}/{}/oauth2/v2.0/token", identity.tenant_id);
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", identity.client_id.as_str())
        .append_pair("client_assertion_type", ASSERTION)
        .append_pair("client_assertion", proof.reveal())
        .append_pair("scope", identity.authority.scope(audience))
        .finish();
    let asked_at = Instant::now();
    let response = exchange::ask(Party::Entra, || {
        let request = http.post(&url).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        Ok(request.header(ACCEPT, "application/json").body(form.clone()))
    });
    let response = response.await?;
    if !response.status.is_success() {
        return Err(refused(response.status.as_u16(), &response.body));
    }
    let grant = serde_json::from_slice::<Grant>(&response.body).ok();
    grant
        .and_then(|grant| granted(&grant, asked_at))
        .ok_or(TokenFault::Malformed { who: Party::Entra })
}

fn granted(grant: &Grant, asked_at: Instant) -> Option<Granted> {
    let is_token = !grant.access_token.is_empty()
        && grant.access_token.bytes().all(|b| b.is_ascii_graphic())
        && grant.token_type.eq_ignore_ascii_case("bearer");
    let is_life = (1..=LONGEST_LIFE).contains(&grant.expires_in);
    if !is_token || !is_life {
        return None;
    }
    let mut header = HeaderValue::from_str(&format!("Bearer {}", grant.access_token)).ok()?;
    header.set_sensitive(true);
    let lasts = Duration::from_secs(grant.expires_in);
    Some(Granted {
        header,
        asked_at,
        lasts,
        renew_after: grant.refresh_in.map(Duration::from_secs),
    })
}

/// The parts of an error response that may be logged. The description may name ids and people, so
/// it is left out.
fn refused(status: u16, body: &[u8]) -> TokenFault {
    let refusal = serde_json::from_slice::<Refusal>(body).ok();
    let number = refusal.as_ref().and_then(|refusal| refusal.error_codes.first());
    let number = number.map(|number| format!("AADSTS{number}"));
    let name = || refusal.as_ref()?.error.as_deref().and_then(exchange::word);
    let id = || refusal.as_ref()?.correlation_id.as_deref().and_then(exchange::word);
    TokenFault::Refused {
        who: Party::Entra,
        status,
        code: number.or_else(name).unwrap_or_else(|| NO_CODE.to_owned()),
        correlation_id: id(),
    }
}
