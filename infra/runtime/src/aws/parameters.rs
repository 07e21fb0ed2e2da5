//! A stand-in for Parameter Store over the keys of this machine: SecureStrings, and of their
//! operations those that the functions use.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html>

use std::sync::Arc;

use http::StatusCode;
use lanyard_administration::ports::KeyStore;
use lanyard_domain::credential::AzureKey;
use lanyard_gateway::ports::Cause;
use serde_json::{Value, json};

use super::Fault;

/// The parameters below one path.
pub(super) struct Parameters {
    keys: Arc<dyn KeyStore>,
    prefix: String,
}

impl Parameters {
    pub(super) fn new(keys: Arc<dyn KeyStore>, prefix: String) -> Self {
        Self { keys, prefix }
    }

    /// Answers one operation.
    pub(super) async fn respond(&self, operation: &str, asked: &Value) -> Result<Value, Fault> {
        let name = asked["Name"].as_str().unwrap_or_default();
        let reference = self.reference(name)?;
        match operation {
            "GetParameter" => {
                if asked["WithDecryption"] != true {
                    let message = "Only decrypted values are served here: ask WithDecryption.";
                    return Err(Fault::bad("ValidationException", message));
                }
                let key = self.read(reference).await?.ok_or_else(not_found)?;
                Ok(json!({"Parameter": {
                    "Name": name, "Type": "SecureString", "Value": key.reveal(), "Version": 1,
                    "DataType": "text",
                }}))
            }
            "PutParameter" => {
                if asked["Type"] != "SecureString" {
                    let message = "Only parameters of the type SecureString are kept here.";
                    return Err(Fault::bad("UnsupportedParameterType", message));
                }
                let key = asked["Value"].as_str().and_then(AzureKey::new).ok_or_else(|| {
                    Fault::bad("ValidationException", "The value is no key of visible characters.")
                })?;
                if asked["Overwrite"] != true && self.read(reference).await?.is_some() {
                    let message = "The parameter already exists. To overwrite it, say Overwrite.";
                    return Err(Fault::bad("ParameterAlreadyExists", message));
                }
                self.keys.write(reference, &key).await.map_err(broken)?;
                Ok(json!({"Version": 1, "Tier": "Standard"}))
            }
            "DeleteParameter" => {
                self.read(reference).await?.ok_or_else(not_found)?;
                self.keys.remove(reference).await.map_err(broken)?;
                Ok(json!({}))
            }
            _ => {
                let message = format!("{operation} is not served here.");
                Err(Fault::bad("UnknownOperationException", message))
            }
        }
    }

    fn reference<'n>(&self, name: &'n str) -> Result<&'n str, Fault> {
        let below = name.strip_prefix(&self.prefix).and_then(|below| below.strip_prefix('/'));
        below.filter(|reference| !reference.is_empty()).ok_or_else(not_found)
    }

    async fn read(&self, reference: &str) -> Result<Option<AzureKey>, Fault> {
        match self.keys.read(reference).await {
            Ok(key) => Ok(Some(key)),
            // Only a broken file has a cause; a missing key has a message.
            Err(cause) if cause.is::<std::io::Error>() || cause.is::<serde_json::Error>() => {
                Err(broken(cause))
            }
            Err(_) => Ok(None),
        }
    }
}

fn not_found() -> Fault {
    Fault::bad("ParameterNotFound", "There is no such parameter.")
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn broken(cause: Cause) -> Fault {
    Fault {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        kind: "InternalServerError",
        message: format!("the keys of this machine cannot be used: {cause}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanyard_platform::keys::FileKeys;

    #[tokio::test]
    async fn parameters_are_stored_overwritten_and_removed_like_at_aws() {
        let parameters = Parameters::new(Arc::new(FileKeys::in_memory()), "/l/keys".to_owned());
        let get = json!({"Name": "/l/keys/gpt/one", "WithDecryption": true});
        let put = |value: &str, overwrite: bool| {
            json!({"Name": "/l/keys/gpt/one", "Type": "SecureString", "Value": value,
                   "Overwrite": overwrite})
        };
        let kind = |response: Result<Value, Fault>| response.err().map(|fault| fault.kind);
        let value = |response: Result<Value, Fault>| {
            response.ok().map(|response| response["Parameter"]["Value"].clone())
        };
        let gone = Some("ParameterNotFound");
        assert_eq!(kind(parameters.respond("GetParameter", &get).await), gone);
        assert_eq!(kind(parameters.respond("DeleteParameter", &get).await), gone);
        assert_eq!(kind(parameters.respond("PutParameter", &put("a", false)).await), None);
        let again = parameters.respond("PutParameter", &put("b", false)).await;
        assert_eq!(kind(again), Some("ParameterAlreadyExists"));
        assert_eq!(value(parameters.respond("GetParameter", &get).await), Some(json!("a")));
        assert_eq!(kind(parameters.respond("PutParameter", &put("b", true)).await), None);
        assert_eq!(value(parameters.respond("GetParameter", &get).await), Some(json!("b")));
        assert_eq!(kind(parameters.respond("DeleteParameter", &get).await), None);
        assert_eq!(kind(parameters.respond("GetParameter", &get).await), gone);
        let elsewhere = json!({"Name": "/other/gpt/one", "WithDecryption": true});
        assert_eq!(kind(parameters.respond("GetParameter", &elsewhere).await), gone);
    }
}
