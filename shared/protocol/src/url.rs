//! Azure's address for an operation. All of it comes from the catalog and from the protocol:
//! nothing that a client sent reaches a URL unchecked.

use lanyard_domain::catalog::{AzureApi, Deployment};

use crate::{Api, Placement, Protocol};

/// The version of Azure AI Inference's API.
const INFERENCE_VERSION: &str = "2024-05-01-preview";

impl Protocol {
    /// The URL of the operation at a deployment.
    #[must_use]
    pub fn url(&self, deployment: &Deployment) -> String {
        let (endpoint, path) = (&deployment.endpoint, self.path);
        match self.api {
            Api::OpenAi => {}
            Api::Anthropic => return format!("{endpoint}/anthropic/v1/{path}"),
            Api::Inference => {
                return format!("{endpoint}/models/{path}?api-version={INFERENCE_VERSION}");
            }
        }
        match (&deployment.api, self.placement) {
            (AzureApi::Classic(version), Placement::Deployment) => {
                let name = deployment.azure_name.as_str();
                // In one allocation, and without a formatter: each request needs it.
                [endpoint, "/openai/deployments/", name, "/", path, "?api-version=", version]
                    .concat()
            }
            (AzureApi::V1, _) | (AzureApi::Classic(_), Placement::Resource) => {
                self.url_below(deployment, [], "")
            }
        }
    }

    /// The URL of calls below the operation's path at a deployment's resource: with an object, or
    /// with a list of them.
    ///
    /// The caller has checked the segments and written the query itself.
    #[must_use]
    pub fn url_below<'s>(
        &self,
        deployment: &Deployment,
        segments: impl IntoIterator<Item = &'s str>,
        query: &str,
    ) -> String {
        let mut url = format!("{}/openai/", deployment.endpoint);
        let version = match &deployment.api {
            AzureApi::V1 => {
                url.push_str("v1/");
                String::new()
            }
            AzureApi::Classic(version) => format!("api-version={version}"),
        };
        url.push_str(self.path);
        for segment in segments {
            url.push('/');
            url.push_str(segment);
        }
        let mut separator = '?';
        for pairs in [version.as_str(), query].into_iter().filter(|pairs| !pairs.is_empty()) {
            url.push(std::mem::replace(&mut separator, '&'));
            url.push_str(pairs);
        }
        url
    }
}
