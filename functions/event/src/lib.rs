//! `GET /api/v1/event`: the event, its models, and what is left of this attendee's allowance.
//!
//! `GET /api/event/{id}` is the event's page for those who have no code yet. `GET
//! /api/event/mine` is the same for the code in the header, also before and after the event, with
//! what the user has used.
//!
//! `POST /api/v1/eventinfo` and `POST /api/eventinfo` respond like the first event-code proxies,
//! for clients that were written for them.

#[cfg(feature = "schema")]
pub mod schema;
mod view;

use std::sync::Arc;

use http::{Method, StatusCode};
use lanyard_gateway::handler::{expect_method, json};
use lanyard_gateway::{ApiError, Gateway, Request, Response, parse};
use serde::Serialize;

/// Tells an attendee about the event.
///
/// # Errors
///
/// 401, 403 and 503 as everywhere.
pub async fn handle(gateway: Arc<Gateway>, request: Request) -> Result<Response, ApiError> {
    match parse::path_within_api(request.http.uri().path()) {
        "v1/event" | "openai/v1/event" | "openai-proxy/event" => event(gateway, request).await,
        "event/mine" => mine(gateway, request).await,
        "v1/eventinfo" | "eventinfo" => event_info(gateway, request).await,
        path => match path.strip_prefix("event/").map(ToOwned::to_owned) {
            Some(id) if !id.is_empty() && !id.contains('/') => public(gateway, request, &id).await,
            Some(_) | None => Err(ApiError::UnknownRoute),
        },
    }
}

async fn event(gateway: Arc<Gateway>, request: Request) -> Result<Response, ApiError> {
    expect_method(&request, &Method::GET, "GET, OPTIONS")?;
    let (attendance, account) = gateway.attend(&request).await?;
    json(StatusCode::OK, &view::view(&attendance, &account, request.now))
}

/// The public part of an event, for callers without a code.
async fn public(gateway: Arc<Gateway>, request: Request, id: &str) -> Result<Response, ApiError> {
    expect_method(&request, &Method::GET, "GET, OPTIONS")?;
    let open = gateway.public_event(id, &request).await?;
    json(StatusCode::OK, &view::public(&open.event, request.now))
}

/// The event of a credential or of a code alone, whether it is open or not. A user who is let in
/// sees their usage as well.
async fn mine(gateway: Arc<Gateway>, request: Request) -> Result<Response, ApiError> {
    expect_method(&request, &Method::GET, "GET, OPTIONS")?;
    let open = match parse::tokens(&request) {
        Ok(tokens) => match gateway.look_up_anytime(tokens, request.now).await {
            Ok(attendance) => {
                gateway.count_free_call(&attendance, request.now)?;
                let account = gateway.account(&attendance).await?;
                let used = view::used(&attendance, &account, request.now);
                return json(StatusCode::OK, &used);
            }
            // The code may be good where this user is not let in.
            Err(refusal) => match parse::codes(&request) {
                Ok(codes) => gateway.event_of(codes, request.now).await?,
                Err(_) => return Err(refusal),
            },
        },
        Err(_) => gateway.event_of(parse::codes(&request)?, request.now).await?,
    };
    json(StatusCode::OK, &view::public(&open.event, request.now))
}

/// The response of the first event-code proxies. A code alone is enough, as it was then.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct EventInfo<'a> {
    is_authorized: bool,
    max_token_cap: u64,
    event_name: &'a str,
    event_url: &'a str,
    event_url_text: &'a str,
}

async fn event_info(gateway: Arc<Gateway>, request: Request) -> Result<Response, ApiError> {
    expect_method(&request, &Method::POST, "POST, OPTIONS")?;
    let open = gateway.open_event_of(parse::codes(&request)?, request.now).await?;
    let event = &open.event;
    let info = EventInfo {
        is_authorized: true,
        max_token_cap: view::usual_cap(&open),
        event_name: &event.name,
        event_url: &event.page.url,
        event_url_text: &event.page.url_text,
    };
    json(StatusCode::OK, &info)
}
