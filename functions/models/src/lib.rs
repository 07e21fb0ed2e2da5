//! `GET /api/v1/models` and `/api/v1/models/{model}`: what the event offers, in the shape of the
//! client's API. Anthropic's clients get the models that serve their format.

mod anthropic;

#[cfg(feature = "schema")]
pub mod schema;

use std::sync::Arc;

use http::{Method, StatusCode};
use lanyard_domain::ids::DeploymentName;
use lanyard_domain::operation::Operation;
use lanyard_gateway::handler::{expect_method, json};
use lanyard_gateway::lookup::Attendance;
use lanyard_gateway::{ApiError, Gateway, Request, Response, parse};
use lanyard_protocol::error::ErrorShape;
use serde::Serialize;

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "ModelList"))]
struct List<'a> {
    object: &'static str,
    data: Vec<Model<'a>>,
}

/// OpenAI's model object, <https://platform.openai.com/docs/api-reference/models/object>.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Model<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    owned_by: &'static str,
}

/// Lists the models of the attendee's event, or describes one.
///
/// # Errors
///
/// 401, 403, 429 and 503 as everywhere; 404 for a model that the event does not offer, 405 for
/// another method than GET.
pub async fn handle(gateway: Arc<Gateway>, request: Request) -> Result<Response, ApiError> {
    let wanted = wanted(request.http.uri().path())?.map(parse::decoded);
    let wanted = wanted.as_deref();
    expect_method(&request, &Method::GET, "GET, OPTIONS")?;
    let (attendance, _) = gateway.attend(&request).await?;
    if parse::error_shape(&request) == ErrorShape::Anthropic {
        return anthropic::respond(&attendance, wanted, request.http.uri().query());
    }
    let names = attendance.models(None);
    match wanted {
        None => {
            let data = names.iter().map(|name| model(&attendance, name)).collect();
            json(StatusCode::OK, &List { object: "list", data })
        }
        Some(id) => match attendance.model(id) {
            Some(name) => json(StatusCode::OK, &model(&attendance, name)),
            None => {
                let elsewhere = None;
                Err(ApiError::ModelNotFound { operation: None, offered: names, elsewhere })
            }
        },
    }
}

/// The model that a path names, if it names one.
fn wanted(path: &str) -> Result<Option<&str>, ApiError> {
    let path = parse::path_within_api(path);
    let bases = [
        "v1/models",
        "v1/v1/models",
        "v1/openai/v1/models",
        "openai/v1/models",
        "openai/models",
        "v1/openai/models",
        "openai-proxy/models",
        "anthropic/v1/models",
        "models",
    ];
    let below =
        bases.iter().find_map(|base| path.strip_prefix(base)).ok_or(ApiError::UnknownRoute)?;
    match below.strip_prefix('/') {
        None if below.is_empty() => Ok(None),
        Some(id) if !id.is_empty() && !id.contains('/') => Ok(Some(id)),
        None | Some(_) => Err(ApiError::UnknownRoute),
    }
}

fn model<'a>(attendance: &Attendance, name: &'a DeploymentName) -> Model<'a> {
    Model {
        id: name.as_str(),
        object: "model",
        created: attendance.event().created_at.timestamp(),
        owned_by: match attendance.models(Some(Operation::Messages)).contains(name) {
            true => "anthropic",
            false => "azure-openai",
        },
    }
}
