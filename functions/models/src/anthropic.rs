//! The models in Anthropic's shape, page by page. <https://docs.claude.com/en/api/models-list>

use std::collections::BTreeMap;

use chrono::SecondsFormat;
use http::StatusCode;
use lanyard_domain::ids::DeploymentName;
use lanyard_domain::operation::Operation;
use lanyard_gateway::error::BadRequestCode;
use lanyard_gateway::handler::json;
use lanyard_gateway::lookup::Attendance;
use lanyard_gateway::{ApiError, Response};
use serde::Serialize;

/// The length of a page where the client names none.
const USUAL_PAGE: usize = 20;

/// The longest page.
const LONGEST_PAGE: usize = 1_000;

/// A page of models in Anthropic's shape.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "AnthropicModelList"))]
pub(crate) struct Page<'a> {
    data: Vec<Model<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

/// A model in Anthropic's shape.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "AnthropicModel"))]
pub(crate) struct Model<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    display_name: &'a str,
    created_at: String,
    lifecycle: &'static str,
}

/// Lists the models that serve messages, or describes one.
///
/// # Errors
///
/// 400 for an odd page, 404 for a model that the event does not offer.
pub(crate) fn respond(
    attendance: &Attendance,
    wanted: Option<&str>,
    query: Option<&str>,
) -> Result<Response, ApiError> {
    let names = attendance.models(Some(Operation::Messages));
    if let Some(wanted) = wanted {
        return match attendance.model(wanted) {
            Some(name) => json(StatusCode::OK, &model(attendance, name)),
            None => {
                let operation = Some(Operation::Messages);
                Err(ApiError::ModelNotFound { operation, offered: names, elsewhere: None })
            }
        };
    }
    let query: BTreeMap<_, _> =
        query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('=')).collect();
    let limit = match query.get("limit") {
        None => USUAL_PAGE,
        Some(text) => limit(text)?,
    };
    let place = |name: &str| {
        let id = query.get(name)?;
        names.iter().position(|known| known.as_str().eq_ignore_ascii_case(id))
    };
    let (rest, is_backward) = match (place("after_id"), place("before_id")) {
        (Some(at), _) => (&names[at + 1..], false),
        (None, Some(at)) => (&names[..at], true),
        (None, None) => (&names[..], false),
    };
    let page = match is_backward {
        true => &rest[rest.len().saturating_sub(limit)..],
        false => &rest[..rest.len().min(limit)],
    };
    let page = Page {
        data: page.iter().map(|name| model(attendance, name)).collect(),
        has_more: page.len() < rest.len(),
        first_id: page.first().map(DeploymentName::as_str),
        last_id: page.last().map(DeploymentName::as_str),
    };
    json(StatusCode::OK, &page)
}

fn limit(text: &str) -> Result<usize, ApiError> {
    let limit = text.parse().ok().filter(|limit| (1..=LONGEST_PAGE).contains(limit));
    limit.ok_or_else(|| {
        let message = format!("limit must be a whole number from 1 to {LONGEST_PAGE}.");
        ApiError::bad(BadRequestCode::InvalidValue, Some("limit"), message)
    })
}

fn model<'a>(attendance: &Attendance, name: &'a DeploymentName) -> Model<'a> {
    let (id, created_at) = (name.as_str(), attendance.event().created_at);
    let created_at = created_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    Model { kind: "model", id, display_name: id, created_at, lifecycle: "active" }
}
