//! The first organiser token, from a direct call of the organisers' function.

use lanyard_doctor::Secret;
use serde_json::{Value, json};

use crate::aws::Account;
use crate::error::CliError;

/// A token that is shown once.
pub(super) struct NewToken(Secret);

impl NewToken {
    pub(super) fn reveal(&self) -> &str {
        self.0.reveal()
    }

    /// Makes a token of the organiser `main`, if there is none or another one is wanted.
    pub(super) async fn of_first_organiser(
        account: &Account,
        function: &str,
        is_wanted: bool,
    ) -> Result<Option<Self>, CliError> {
        let listed =
            invoke(account, function, &json!({"method": "GET", "path": "/tokens"})).await?;
        let has_token = listed["tokens"].as_array().is_some_and(|tokens| !tokens.is_empty());
        if has_token && !is_wanted {
            return Ok(None);
        }
        let call = json!({"method": "POST", "path": "/organisers", "body": {"name": "main"}});
        let made = invoke(account, function, &call).await?;
        let token = made["token"].as_str().and_then(|token| token.parse().ok());
        token.map(|token| Some(Self(token))).ok_or_else(|| unexpected(function))
    }
}

/// Calls the function and returns the body of its response.
///
/// Call and response are files in a folder that only this user can read: versions 1 and 2 of the
/// command agree on nothing else, and the response has the token.
async fn invoke(account: &Account, function: &str, call: &Value) -> Result<Value, CliError> {
    let cannot = |error| CliError::failed("a temporary file cannot be written", error);
    let folder = tempfile::tempdir().map_err(cannot)?;
    let (sent, received) = (folder.path().join("call.json"), folder.path().join("response.json"));
    std::fs::write(&sent, call.to_string()).map_err(cannot)?;
    let payload = format!("fileb://{}", sent.display());
    let out = received.to_string_lossy();
    let what = format!("The stack is deployed, but its function {function} cannot be called");
    let arguments = ["lambda", "invoke", "--function-name", function, "--payload", &payload, &out];
    let invoked = account.call(&what, &arguments).await?;
    let text = std::fs::read(&received).unwrap_or_default();
    let mut response: Value = serde_json::from_slice(&text).unwrap_or_default();
    let is_success = response["status"].as_u64().is_some_and(|status| (200..300).contains(&status));
    if !is_success || !invoked["FunctionError"].is_null() {
        let code = response["body"]["error"]["code"].as_str();
        return Err(code.map_or_else(
            || unexpected(function),
            |code| CliError::Failed(format!("{what}: it returned {code}.")),
        ));
    }
    Ok(response["body"].take())
}

fn unexpected(function: &str) -> CliError {
    CliError::Failed(format!(
        "The stack is deployed, but its function {function} does not work. Its log says why: aws \
         logs tail /aws/lambda/{function}. Run this command again afterwards."
    ))
}
