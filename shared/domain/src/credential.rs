//! How Lanyard authenticates to a deployment: with a key, or with an identity of Entra ID.
//!
//! A [`Credential`] holds no secret. It refers to a stored key, or it names an identity whose
//! access tokens are fetched when they are needed. The key itself is an [`AzureKey`].

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::text::holds_text;

/// The credential that calls a deployment.
///
/// It is stored as one of two fields, `key_reference` or `identity`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Credential {
    /// A reference to a stored key of the resource. The key is never stored next to it.
    #[serde(rename = "key_reference")]
    Key(String),
    /// An application of Entra ID that trusts the role of our functions.
    #[serde(rename = "identity")]
    Identity(Identity),
}

/// An application of Entra ID.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Identity {
    /// The directory (tenant) that registers it.
    pub tenant_id: TenantId,
    /// Its application id.
    pub client_id: ClientId,
    /// The authority that issues its tokens.
    pub authority: Authority,
}

/// The Azure cloud that issues the tokens. The list is closed, because our proof of identity is
/// sent to this host.
///
/// Hosts: <https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::VariantArray)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(inline))]
pub enum Authority {
    /// The global Azure cloud.
    #[serde(rename = "login.microsoftonline.com")]
    Public,
    /// Azure Government of the United States.
    #[serde(rename = "login.microsoftonline.us")]
    Government,
    /// Azure in China, operated by 21Vianet.
    #[serde(rename = "login.partner.microsoftonline.cn")]
    China,
}

impl Authority {
    /// Every authority.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Its host. This is also its name in request bodies and in items.
    #[must_use]
    pub fn host(self) -> &'static str {
        match self {
            Self::Public => "login.microsoftonline.com",
            Self::Government => "login.microsoftonline.us",
            Self::China => "login.partner.microsoftonline.cn",
        }
    }

    /// The scope of its tokens for an audience in this cloud.
    #[must_use]
    pub fn scope(self, audience: Audience) -> &'static str {
        match (self, audience) {
            (Self::Public, Audience::OpenAi) => "https://cognitiveservices.azure.com/.default",
            (Self::Public, Audience::Foundry) => "https://ai.azure.com/.default",
            // Foundry has no hosts of its own there.
            (Self::Government, Audience::OpenAi | Audience::Foundry) => {
                "https://cognitiveservices.azure.us/.default"
            }
            (Self::China, Audience::OpenAi | Audience::Foundry) => {
                "https://cognitiveservices.azure.cn/.default"
            }
        }
    }

    /// The audience of the proof of identity that AWS issues.
    ///
    /// <https://learn.microsoft.com/graph/api/resources/federatedidentitycredential>
    #[must_use]
    pub fn audience(self) -> &'static str {
        match self {
            Self::Public => "api://AzureADTokenExchange",
            Self::Government => "api://AzureADTokenExchangeUSGov",
            Self::China => "api://AzureADTokenExchangeChina",
        }
    }
}

/// The service that a token is for. Each of the two refuses tokens for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Azure OpenAI, and Azure AI Inference.
    OpenAi,
    /// Azure AI Foundry: Claude, and all models of a resource under Foundry's host.
    Foundry,
}

impl Audience {
    /// The audience of a URL at Azure, by its host and path.
    #[must_use]
    pub fn of(url: &str) -> Self {
        let (_, rest) = url.split_once("://").unwrap_or(("", url));
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        // https://learn.microsoft.com/azure/ai-foundry/foundry-models/how-to/use-image-embeddings
        let is_inference = path.starts_with("models/");
        let is_foundrys = host.ends_with(FOUNDRY) || path.starts_with("anthropic/");
        if is_foundrys && !is_inference { Self::Foundry } else { Self::OpenAi }
    }
}

/// The end of the host names of Foundry's resources.
pub const FOUNDRY: &str = ".services.ai.azure.com";

/// The ends of the host names of Azure OpenAI's resources and of Foundry's, and whose tokens they
/// take: <https://learn.microsoft.com/azure/ai-services/openai/>.
pub const HOSTS: [(&str, Authority); 6] = [
    (".openai.azure.com", Authority::Public),
    (FOUNDRY, Authority::Public),
    (".cognitiveservices.azure.com", Authority::Public),
    (".openai.azure.us", Authority::Government),
    (".cognitiveservices.azure.us", Authority::Government),
    (".cognitiveservices.azure.cn", Authority::China),
];

/// The text is not a tenant id or a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the directory's id or one of its domains, such as contoso.onmicrosoft.com")]
pub struct InvalidTenantId;

/// The text is not an application id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the application's id, such as 6731de76-14a6-49ae-97bc-6eba6914391e")]
pub struct InvalidClientId;

/// A directory: its id or one of its domains, in lower case. It is safe in a URL path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct TenantId(Arc<str>);

/// An application id, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct ClientId(Arc<str>);

impl FromStr for TenantId {
    type Err = InvalidTenantId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_tenant = is_uuid(text) || is_domain(text);
        is_tenant.then(|| Self(text.to_ascii_lowercase().into())).ok_or(InvalidTenantId)
    }
}

impl FromStr for ClientId {
    type Err = InvalidClientId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        is_uuid(text).then(|| Self(text.to_ascii_lowercase().into())).ok_or(InvalidClientId)
    }
}

holds_text! {
    /// The id as text.
    TenantId, InvalidTenantId
}
holds_text! {
    /// The id as text.
    ClientId, InvalidClientId
}

/// Whether the text is five groups of 8, 4, 4, 4 and 12 hex digits.
fn is_uuid(text: &str) -> bool {
    let groups = text.split('-').map(|group| {
        let is_hex = group.bytes().all(|b| b.is_ascii_hexdigit());
        if is_hex { group.len() } else { 0 }
    });
    groups.eq([8, 4, 4, 4, 12])
}

/// Whether the text is a domain of two labels or more. A word without a dot, such as `common`,
/// names no single directory.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(is_label)
}

/// A deployment's key. `Debug` and `Display` never show it.
#[derive(Clone, PartialEq, Eq)]
pub struct AzureKey(String);

impl AzureKey {
    /// A key as an organiser gave it. `None` unless it has 1 to 512 visible ASCII characters.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let is_key = (1..=512).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        is_key.then(|| Self(text.to_owned()))
    }

    /// The key itself. Use it only to send it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AzureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audience_goes_by_host_and_path() {
        for (url, scope) in [
            (
                "https://a.openai.azure.com/openai/v1/chat/completions",
                "cognitiveservices.azure.com",
            ),
            ("https://a.services.ai.azure.com/openai/v1/responses", "ai.azure.com"),
            ("https://a.services.ai.azure.com/anthropic/v1/messages", "ai.azure.com"),
            ("http://127.0.0.1:80/anthropic/v1/messages", "ai.azure.com"),
            ("https://a.services.ai.azure.com", "ai.azure.com"),
            (
                "https://a.services.ai.azure.com/models/images/embeddings",
                "cognitiveservices.azure.com",
            ),
            ("https://a.services.ai.azure.com.example/anthropics", "cognitiveservices.azure.com"),
        ] {
            let expected = format!("https://{scope}/.default");
            assert_eq!(Authority::Public.scope(Audience::of(url)), expected, "{url}");
        }
    }

    const ID: &str = "6731DE76-14a6-49ae-97bc-6eba6914391e";

    #[test]
    fn a_directory_is_an_id_or_a_domain() {
        for (text, kept) in [
            (ID, "6731de76-14a6-49ae-97bc-6eba6914391e"),
            ("Contoso.onmicrosoft.com", "contoso.onmicrosoft.com"),
            ("hack-2026.example.org", "hack-2026.example.org"),
        ] {
            assert_eq!(text.parse::<TenantId>().unwrap().as_str(), kept);
        }
        let long = format!("{}.org", "a".repeat(64));
        let longer = format!("{}org", "a.".repeat(126));
        for text in [
            "",
            ".",
            "..",
            "a..b",
            ".org",
            "org.",
            "common",
            "organizations",
            "a/b.org",
            "a.org/",
            "a.org?x",
            "a.org#x",
            "a.org\\x",
            "a b.org",
            "a.org ",
            "%2e%2e.org",
            "-a.org",
            "a-.org",
            "https://a.org",
            "a.org:443",
            "u@a.org",
            "bl\u{e5}.org",
            "a.org\r\nx: y",
            &long,
            &longer,
        ] {
            assert_eq!(text.parse::<TenantId>(), Err(InvalidTenantId), "{text:?}");
        }
    }

    #[test]
    fn an_application_is_an_id_and_nothing_else() {
        assert_eq!(ID.parse::<ClientId>().unwrap().as_str(), ID.to_ascii_lowercase());
        for text in [
            "",
            "contoso.onmicrosoft.com",
            "6731de7614a649ae97bc6eba6914391e",
            "{6731de76-14a6-49ae-97bc-6eba6914391e}",
            "6731de76-14a6-49ae-97bc-6eba6914391",
            "6731de76-14a6-49ae-97bc-6eba6914391g",
            "6731de76-14a6-49ae-97bc-6eba6914391e-",
            " 6731de76-14a6-49ae-97bc-6eba6914391e",
        ] {
            assert_eq!(text.parse::<ClientId>(), Err(InvalidClientId), "{text:?}");
        }
    }

    #[test]
    fn an_authority_is_stored_as_its_host() {
        for authority in Authority::ALL {
            let kept = serde_json::to_string(authority).unwrap();
            assert_eq!(kept, format!("{:?}", authority.host()));
        }
    }
}
