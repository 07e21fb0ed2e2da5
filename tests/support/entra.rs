//! AWS's STS and Entra ID, scripted: two servers on loopback, and identities that trust them.

use std::sync::Arc;

use lanyard_administration::ports::KeyStore;
use lanyard_domain::credential::{Authority, Credential, Identity};
use lanyard_gateway::ports::Upstream;
use lanyard_platform::azure::Azure;
use lanyard_platform::credentials::these;
use lanyard_platform::https;
use lanyard_platform::identity::Sts;
use lanyard_platform::keys::FileKeys;
use lanyard_platform::settings::Credentials;
use serde_json::{Value, json};

use super::azure::{Recorded, Reply, ScriptedAzure};
use super::canary;

/// STS and Entra. They respond correctly unless they are scripted.
pub(crate) struct Authorities {
    pub(crate) sts: ScriptedAzure,
    pub(crate) entra: ScriptedAzure,
}

impl Authorities {
    /// Starts both.
    pub(crate) async fn start() -> Self {
        let (sts, entra) = (ScriptedAzure::start().await, ScriptedAzure::start().await);
        sts.always(proof(canary::PROOF));
        entra.always(grant(canary::TOKEN, 3_599));
        Self { sts, entra }
    }

    /// An Azure whose tokens they make.
    pub(crate) fn upstream(&self) -> Arc<dyn Upstream> {
        let credentials = Credentials {
            key_id: "AKIDEXAMPLE".to_owned(),
            secret: canary::AWS_SECRET.to_owned(),
            session: Some(canary::AWS_SESSION.to_owned()),
        };
        let sts = Sts::new("eu-north-1", these(&credentials), Some(&self.sts.endpoint()));
        Arc::new(an_azure(Some(sts)).with_entra_at(self.entra.endpoint()))
    }

    /// The number of calls of each.
    pub(crate) fn calls(&self) -> (usize, usize) {
        (self.sts.calls(), self.entra.calls())
    }
}

/// An Azure without keys.
pub(crate) fn an_azure(sts: Option<Sts>) -> Azure {
    let keys: Arc<dyn KeyStore> = Arc::new(FileKeys::in_memory());
    let http = https::client().expect("TLS can be set up");
    Azure::new(http, keys, sts)
}

/// An application of Entra ID.
pub(crate) fn an_identity() -> Credential {
    Credential::Identity(Identity {
        tenant_id: "contoso.onmicrosoft.com".parse().expect("is a tenant"),
        client_id: "6731de76-14a6-49ae-97bc-6eba6914391e".parse().expect("is an id"),
        authority: Authority::Public,
    })
}

/// STS's response with a token.
pub(crate) fn proof(token: &str) -> Reply {
    Reply::json(
        200,
        format!(
            "<GetWebIdentityTokenResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetWebIdentityTokenResult><Expiration>2026-12-05T12:05:00Z</Expiration>\
             <WebIdentityToken>{token}</WebIdentityToken></GetWebIdentityTokenResult>\
             </GetWebIdentityTokenResponse>"
        ),
    )
    .header("content-type", "text/xml")
}

/// Entra's response with a token that lasts so many seconds.
pub(crate) fn grant(token: &str, lasts: u64) -> Reply {
    let body = json!({"token_type": "Bearer", "expires_in": lasts, "access_token": token});
    Reply::json(200, body.to_string())
}

/// Entra's refusal. Its description has what must not be logged.
pub(crate) fn refusal(status: u16, number: u64) -> Reply {
    let description = format!("AADSTS{number}: {} does not match.", canary::PROOF);
    let body = json!({
        "error": "invalid_client", "error_description": description, "error_codes": [number],
        "correlation_id": "4a396884-3469-427a-938f-e5e5e5e5e511",
    });
    Reply::json(status, body.to_string())
}

/// A form that was sent.
pub(crate) fn form(request: &Recorded) -> Value {
    let fields = url_decoded(&request.body);
    fields.into_iter().map(|(name, value)| (name, Value::String(value))).collect()
}

fn url_decoded(body: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(body)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}
