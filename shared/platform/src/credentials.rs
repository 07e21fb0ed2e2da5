//! The source of a function's AWS credentials.
//!
//! Lambda puts credentials into the environment. On Managed Instances, environments live for days.
//! There, the environment names an endpoint that always returns fresh credentials, and the SDK asks
//! again before they expire.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use chrono::{DateTime, Utc};
use http::header::AUTHORIZATION;
use serde::Deserialize;

use crate::settings::{self, CredentialEndpoint, CredentialSource};

/// A credentials provider for an AWS client, for either source.
#[must_use]
pub fn provider(http: &reqwest::Client, source: &CredentialSource) -> SharedCredentialsProvider {
    match source {
        CredentialSource::Keys(given) => these(given),
        CredentialSource::Endpoint(place) => {
            SharedCredentialsProvider::new(Endpoint { http: http.clone(), place: place.clone() })
        }
    }
}

/// A provider of known credentials.
#[must_use]
pub fn these(given: &settings::Credentials) -> SharedCredentialsProvider {
    let session = given.session.clone();
    let keys = Credentials::new(&given.key_id, &given.secret, session, None, "environment");
    SharedCredentialsProvider::new(keys)
}

struct Endpoint {
    http: reqwest::Client,
    place: CredentialEndpoint,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoint")
    }
}

impl ProvideCredentials for Endpoint {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.ask())
    }
}

impl Endpoint {
    async fn ask(&self) -> Result<Credentials, CredentialsError> {
        let mut request = self.http.get(&self.place.address);
        if let Some(authorization) = &self.place.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let response = request.send().await.and_then(reqwest::Response::error_for_status);
        let response =
            response.map_err(|fault| CredentialsError::provider_error(fault.without_url()))?;
        let body = response.bytes().await.map_err(CredentialsError::provider_error)?;
        // The cause would show a part of the body.
        let granted: Granted = serde_json::from_slice(&body).map_err(|_| {
            CredentialsError::invalid_configuration("the endpoint gave no credentials")
        })?;
        Ok(Credentials::new(
            granted.access_key_id,
            granted.secret_access_key,
            granted.token,
            granted.expiration.map(SystemTime::from),
            "endpoint",
        ))
    }
}

/// The response of the endpoint.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Granted {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    expiration: Option<DateTime<Utc>>,
}
