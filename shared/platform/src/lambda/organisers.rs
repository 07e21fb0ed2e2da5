//! The two ways to call the organisers' function: events from API Gateway, and direct invocations.

use std::panic::catch_unwind;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt;
use lambda_http::RequestExt;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayV2httpResponse};
use lambda_http::request::{LambdaRequest, RequestContext};
use lanyard_administration::direct::{direct_json, encoded_uri};
use lanyard_administration::{AdminError, Administration};
use lanyard_gateway::handler::{Audience, run_handler};
use lanyard_gateway::ports::Cause;
use lanyard_gateway::{Request, Response};
use serde_json::Value;

use super::event::with_all_headers;
use crate::shell;

/// Serves one invocation of either kind.
///
/// # Errors
///
/// If the system has no randomness, or an event from API Gateway is malformed.
pub async fn serve_invocation<H, F>(
    administration: &Arc<Administration>,
    handle: H,
    payload: Value,
) -> Result<Value, Cause>
where
    H: Fn(Arc<Administration>, Request) -> F,
    F: Future<Output = Result<Response, AdminError>>,
{
    if payload.get("requestContext").is_some() {
        return serve_event(administration, handle, &payload).await;
    }
    direct_json(administration, payload).await
}

async fn serve_event<H, F>(
    administration: &Arc<Administration>,
    handle: H,
    payload: &Value,
) -> Result<Value, Cause>
where
    H: Fn(Arc<Administration>, Request) -> F,
    F: Future<Output = Result<Response, AdminError>>,
{
    let text = payload.to_string();
    // The conversion panics if the event has an invalid host.
    let event = catch_unwind(|| {
        let event = serde_json::from_str::<LambdaRequest>(&text);
        event.map(|event| lambda_http::Request::from(with_all_headers(event)))
    });
    let event = event.map_err(|_| "the event is not API Gateway's")??;
    let is_second_version =
        matches!(event.request_context_ref(), Some(RequestContext::ApiGatewayV2(_)));
    // Use the path of the event: a URL would normalise names such as `..`.
    let mut path = event.raw_http_path().to_owned();
    if let Some(query) = event.uri().query() {
        path = format!("{path}?{query}");
    }
    let uri = encoded_uri(&path).ok_or("the event has no path")?;
    let mut request = Request {
        id: shell::request_id()?,
        now: administration.clock.now(),
        deadline: None,
        http: event.map(|body| Bytes::copy_from_slice(body.as_ref())),
    };
    *request.http.uri_mut() = uri;
    let handle = |request| handle(Arc::clone(administration), request);
    let (head, body) = run_handler(Audience::Organisers, request, handle).await.into_parts();
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
