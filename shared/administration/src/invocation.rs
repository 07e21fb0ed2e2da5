//! Lambda's two ways in: API Gateway's events, and direct calls by whoever IAM lets invoke the
//! function.

use std::panic::catch_unwind;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Uri};
use http_body_util::BodyExt;
use lambda_http::RequestExt;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayV2httpResponse};
use lambda_http::request::RequestContext;
use lanyard_domain::ids::OrganiserId;
use lanyard_gateway::answer::{Audience, IntoAnswer};
use lanyard_gateway::parse::path_within_api;
use lanyard_gateway::ports::Cause;
use lanyard_gateway::{Request, Response};
use lanyard_platform::shell;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::AdminError;
use crate::route::Resource;
use crate::{Admin, Call, Caller, answer, serve};

/// The organiser whom operators act as unless they name another.
const FIRST_ORGANISER: &str = "main";

/// A direct call, such as those in `infra/events`. Its body may hold a key, so it has no `Debug`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectCall {
    /// Such as `POST`.
    pub method: String,
    /// Such as `/events`, with `/api/admin` before it or not, and a query behind it or not.
    pub path: String,
    /// For whom; the organiser `main` unless said.
    pub organiser: Option<String>,
    /// The body, if there is one.
    pub body: Option<Value>,
}

/// What a direct call is answered. Its body may hold a token, so it has no `Debug`.
#[derive(Clone, Serialize)]
pub struct DirectAnswer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

/// Serves one invocation, whichever way it came.
///
/// # Errors
///
/// If the machine has no randomness, or the event is API Gateway's and malformed.
pub async fn serve_invocation(admin: &Arc<Admin>, payload: Value) -> Result<Value, Cause> {
    if payload.get("requestContext").is_some() {
        return serve_event(admin, &payload).await;
    }
    let answered = match serde_json::from_value(payload) {
        Ok(call) => direct(admin, call).await?,
        Err(_) => no_direct_call().await?,
    };
    Ok(serde_json::to_value(answered)?)
}

/// Serves a direct call: whoever may make it is an operator.
///
/// # Errors
///
/// If the machine has no randomness.
pub async fn direct(admin: &Arc<Admin>, call: DirectCall) -> Result<DirectAnswer, Cause> {
    let organiser = call.organiser.as_deref().unwrap_or(FIRST_ORGANISER).parse::<OrganiserId>();
    let (Ok(acting_as), Ok(method), Some(uri)) =
        (organiser, call.method.parse::<Method>(), uri(&call.path))
    else {
        return no_direct_call().await;
    };
    let body = call.body.filter(|body| !body.is_null());
    let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
    let mut http = http::Request::new(body);
    *http.method_mut() = method;
    *http.uri_mut() = uri;
    let request =
        Request { id: shell::request_id()?, now: admin.clock.now(), deadline: None, http };
    let caller = Caller::Operator { acting_as };
    let served = |request: Request| async move {
        let path = path_within_api(request.http.uri().path());
        let path = path.strip_prefix("admin/").unwrap_or(path);
        serve(Call { admin, caller: &caller, request: &request }, Resource::at(path)?).await
    };
    in_one(lanyard_gateway::answer::answer(Audience::Organisers, request, served).await).await
}

async fn no_direct_call() -> Result<DirectAnswer, Cause> {
    let shape = "A direct call is {\"method\", \"path\", \"organiser\"?, \"body\"?}, such as \
                 {\"method\": \"GET\", \"path\": \"/events\"}.";
    in_one(AdminError::InvalidJson(shape.to_owned()).into_response()).await
}

/// A path and query as a URI, with whatever a URI cannot hold encoded.
fn uri(path: &str) -> Option<Uri> {
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

async fn in_one(response: Response) -> Result<DirectAnswer, Cause> {
    let status = response.status().as_u16();
    let Ok(body) = response.into_body().collect().await;
    Ok(DirectAnswer { status, body: serde_json::from_slice(&body.to_bytes())? })
}

async fn serve_event(admin: &Arc<Admin>, payload: &Value) -> Result<Value, Cause> {
    let text = payload.to_string();
    // The conversion panics where an event holds a host that is none.
    let event = catch_unwind(|| lambda_http::request::from_str(&text));
    let event = event.map_err(|_| "the event is not API Gateway's")??;
    let is_second_version =
        matches!(event.request_context_ref(), Some(RequestContext::ApiGatewayV2(_)));
    // The event's own path: a URL's would lose names such as `..`.
    let mut path = event.raw_http_path().to_owned();
    if let Some(query) = event.uri().query() {
        path = format!("{path}?{query}");
    }
    let uri = uri(&path).ok_or("the event has no path")?;
    let mut request = Request {
        id: shell::request_id()?,
        now: admin.clock.now(),
        deadline: None,
        http: event.map(|body| Bytes::copy_from_slice(body.as_ref())),
    };
    *request.http.uri_mut() = uri;
    let (head, body) = answer(Arc::clone(admin), request).await.into_parts();
    let Ok(body) = body.collect().await;
    let body = String::from_utf8(body.to_bytes().into())?;
    let status_code = i64::from(head.status.as_u16());
    Ok(if is_second_version {
        let mut answered = ApiGatewayV2httpResponse::default();
        answered.status_code = status_code;
        answered.headers = head.headers;
        answered.body = Some(body.into());
        serde_json::to_value(answered)?
    } else {
        let mut answered = ApiGatewayProxyResponse::default();
        answered.status_code = status_code;
        answered.multi_value_headers = head.headers;
        answered.body = Some(body.into());
        serde_json::to_value(answered)?
    })
}
