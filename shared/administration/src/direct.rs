//! Direct calls, without API Gateway, by principals that may invoke the function itself.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Uri};
use http_body_util::BodyExt;
use lanyard_domain::ids::OrganiserId;
use lanyard_gateway::handler::{Audience, ErrorResponse, run_handler};
use lanyard_gateway::parse::path_within_api;
use lanyard_gateway::ports::Cause;
use lanyard_gateway::{Request, Response, hex};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::AdminError;
use crate::route::Resource;
use crate::{Administration, Call, Caller, serve};

/// The organiser whom operators act as unless they name another.
const FIRST_ORGANISER: &str = "main";

/// A direct call, such as those in `infra/events`. Its body may hold a key, so it has no `Debug`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectCall {
    /// Such as `POST`.
    pub method: String,
    /// Such as `/events`, with or without `/api/admin` before it and a query after it.
    pub path: String,
    /// For whom; the organiser `main` unless said.
    pub organiser: Option<String>,
    /// The body, if there is one.
    pub body: Option<Value>,
}

/// The response to a direct call. Its body may hold a token, so it has no `Debug`.
#[derive(Clone, Serialize)]
pub struct DirectResponse {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

/// Serves a direct call as JSON, well-formed or not.
///
/// # Errors
///
/// If the machine has no randomness.
pub async fn direct_json(admin: &Arc<Administration>, call: Value) -> Result<Value, Cause> {
    let answered = match serde_json::from_value(call) {
        Ok(call) => direct(admin, call).await?,
        Err(_) => no_direct_call().await?,
    };
    Ok(serde_json::to_value(answered)?)
}

/// Serves a direct call. Its caller is an operator, because IAM allows nobody else to make it.
///
/// # Errors
///
/// If the machine has no randomness.
pub async fn direct(
    admin: &Arc<Administration>,
    call: DirectCall,
) -> Result<DirectResponse, Cause> {
    let organiser = call.organiser.as_deref().unwrap_or(FIRST_ORGANISER).parse::<OrganiserId>();
    let (Ok(acting_as), Ok(method), Some(uri)) =
        (organiser, call.method.parse::<Method>(), encoded_uri(&call.path))
    else {
        return no_direct_call().await;
    };
    let body = call.body.filter(|body| !body.is_null());
    let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
    let mut http = http::Request::new(body);
    *http.method_mut() = method;
    *http.uri_mut() = uri;
    let id = format!("req_{}", hex(&admin.random.bytes::<16>()?)).parse()?;
    let request = Request { id, now: admin.clock.now(), deadline: None, http };
    let caller = Caller::Operator { acting_as };
    let served = |request: Request| async move {
        let path = path_within_api(request.http.uri().path());
        let path = path.strip_prefix("admin/").unwrap_or(path);
        serve(Call { admin, caller: &caller, request: &request }, Resource::at(path)?).await
    };
    in_one(run_handler(Audience::Organisers, request, served).await).await
}

async fn no_direct_call() -> Result<DirectResponse, Cause> {
    let shape = "A direct call is {\"method\", \"path\", \"organiser\"?, \"body\"?}, such as \
                 {\"method\": \"GET\", \"path\": \"/events\"}.";
    in_one(AdminError::InvalidJson(shape.to_owned()).into_response()).await
}

/// A path and query as a URI, with whatever a URI cannot hold encoded; `None` unless it begins with
/// a slash.
#[must_use]
pub fn encoded_uri(path: &str) -> Option<Uri> {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded.starts_with('/').then(|| encoded.parse().ok())?
}

async fn in_one(response: Response) -> Result<DirectResponse, Cause> {
    let status = response.status().as_u16();
    let Ok(body) = response.into_body().collect().await;
    Ok(DirectResponse { status, body: serde_json::from_slice(&body.to_bytes())? })
}
